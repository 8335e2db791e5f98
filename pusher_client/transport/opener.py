"""Opens WebSockets: name, TCP connection, proxy, TLS and upgrade, one phase after another (protocol-notes 1.1)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.address import Address
from pusher_client.transport.connection import WebSocketConnection
from pusher_client.transport.handshake import Handshake
from pusher_client.transport.handshake_headers import HandshakeHeaders, HeaderSource
from pusher_client.transport.host import without_zone
from pusher_client.transport.open_error import OpenError, describe_open_error
from pusher_client.transport.proxy import Proxy, connection_proxy
from pusher_client.transport.tcp import connect_to_first, resolve
from pusher_client.transport.tls import DefaultContext
from pusher_client.transport.tunnel import TunnelProtocol, connect_request, connect_socks, connect_through
from pusher_client.transport.websocket import WebSocket

__all__ = ["WebSocketOpener"]


class WebSocketOpener:
    """Opens one WebSocket after another with the same options.

    Args:
        proxy: True for the environment's proxy, another one, or None for none.
        max_message_size: The largest message in bytes.
        origin: The ``Origin`` header; None for none.
        headers: Further headers, or an async function that returns them for each attempt; None for none.

    Attributes:
        headers: The headers that are added to each handshake.
        default_context: The TLS context where the caller gave none.

    Raises:
        TypeError: A header option has the wrong type.
        ValueError: A header option has an invalid value.
    """

    def __init__(
        self,
        *,
        proxy: Proxy | Literal[True] | None,
        max_message_size: int,
        origin: str | None = None,
        headers: HeaderSource | None = None,
    ) -> None:
        self._proxy = proxy
        self._max_message_size = max_message_size
        self.headers: HandshakeHeaders = HandshakeHeaders(origin, headers)
        self.default_context: DefaultContext = DefaultContext()

    async def open(self, address: Address, enter_phase: Callable[[str], object] | None = None) -> WebSocket:
        """Open a WebSocket.

        Args:
            address: Where the server is.
            enter_phase: Called with each phase as it begins, in words with host and port.

        Raises:
            OpenError: It could not be opened; whatever the cause was.
        """
        attempt = _Attempt(self, address, enter_phase)
        try:
            return WebSocket(await attempt.run())
        except Exception as error:  # noqa: BLE001 - nothing a user configures or a network does may escape
            failed = describe_open_error(error, attempt.phase)
        raise failed.with_traceback(None)

    async def context(self, address: Address) -> ssl.SSLContext | None:
        """Return the TLS context for an address; None for no TLS."""
        if not address.tls:
            return None
        return await self.default_context.get() if address.tls is True else address.tls

    def proxy(self, address: Address) -> Proxy | None:
        """Return the proxy for an address; None for none."""
        if self._proxy is None or isinstance(self._proxy, Proxy):
            return self._proxy
        return connection_proxy(address.host, address.port, tls=bool(address.tls))

    def connection(self, address: Address, headers: Sequence[tuple[str, str]]) -> WebSocketConnection:
        """Return a new connection for an address, before its handshake."""
        handshake = Handshake(address.url, origin=self.headers.origin, headers=headers)
        return WebSocketConnection(handshake, self._max_message_size)


class _Attempt:
    """One attempt to open a WebSocket.

    Attributes:
        phase: What is being done, with host and port.
    """

    def __init__(self, opener: WebSocketOpener, address: Address, enter_phase: Callable[[str], object] | None) -> None:
        self._opener = opener
        self._address = address
        self._enter_phase = enter_phase
        self._loop = asyncio.get_running_loop()
        self.phase = ""

    async def run(self) -> WebSocketConnection:
        """Go through all phases."""
        self._enter(f"preparing the connection to {self._address.place}")
        headers = await self._opener.headers.evaluate()
        context = await self._opener.context(self._address)
        try:
            proxy = self._opener.proxy(self._address)
        except ValueError as error:
            problem = str(error)
        else:
            connection = self._opener.connection(self._address, headers)
            try:
                await self._connect(connection, proxy, context)
                self._enter(f"WebSocket handshake with {self._address.place}")
                await connection.opened
            except BaseException:
                connection.abort()
                raise
            return connection
        raise OpenError(OpenFailure.UNUSABLE, None, problem)

    def _enter(self, phase: str) -> None:
        self.phase = phase
        if self._enter_phase is not None:
            self._enter_phase(phase)

    async def _connect(
        self, connection: WebSocketConnection, proxy: Proxy | None, context: ssl.SSLContext | None
    ) -> None:
        """Connect to the server, through TLS if there is a context."""
        if proxy is not None and proxy.scheme == "https":
            await self._connect_through_tls(connection, proxy, context)
            return
        if proxy is None:
            stream = await self._open_tcp(self._address.host, self._address.port, "")
        elif proxy.scheme == "http":
            stream = await self._open_tcp(proxy.host, proxy.port, "the proxy ")
            await _closing_on_error(stream, self._ask_proxy(stream, proxy))
        else:
            self._enter(f"asking the proxy {proxy.origin} for a tunnel to {self._address.place}")
            stream = await connect_socks(proxy, self._address.host, self._address.port)
        name = None if context is None else without_zone(self._address.host)
        if context is not None:
            self._enter(f"TLS handshake with {self._address.place}")
        await _closing_on_error(
            stream, self._loop.create_connection(lambda: connection, sock=stream, ssl=context, server_hostname=name)
        )

    async def _open_tcp(self, host: str, port: int, role: str) -> socket.socket:
        self._enter(f"resolving {role}{host}")
        addresses = await resolve(host, port)
        self._enter(f"connecting to {role}{f'[{host}]' if ':' in host else host}:{port}")
        return await connect_to_first(addresses)

    async def _ask_proxy(self, stream: socket.socket, proxy: Proxy) -> None:
        self._enter(f"asking the proxy {proxy.origin} for a tunnel to {self._address.place}")
        await connect_through(stream, proxy, self._address.host, self._address.port)

    async def _connect_through_tls(
        self, connection: WebSocketConnection, proxy: Proxy, context: ssl.SSLContext | None
    ) -> None:
        """Connect through a proxy that is itself reached through TLS."""
        proxy_context = await self._opener.default_context.get()
        stream = await self._open_tcp(proxy.host, proxy.port, "the proxy ")
        self._enter(f"TLS handshake with the proxy {proxy.origin}")
        request = connect_request(proxy, self._address.host, self._address.port)
        transport, tunnel = await self._loop.create_connection(
            lambda: TunnelProtocol(request),
            sock=stream,
            ssl=proxy_context,
            server_hostname=without_zone(proxy.host),
        )
        try:
            self._enter(f"asking the proxy {proxy.origin} for a tunnel to {self._address.place}")
            await tunnel.open
            transport.set_protocol(connection)
            if context is not None:
                self._enter(f"TLS handshake with {self._address.place}")
                inner = await self._loop.start_tls(
                    transport, connection, context, server_hostname=without_zone(self._address.host)
                )
                transport = _still_open(inner)
        except BaseException:
            transport.abort()
            raise
        connection.connection_made(transport)


def _still_open(transport: asyncio.Transport | None) -> asyncio.Transport:
    """Return the transport of a TLS handshake; asyncio does not raise when the tunnel ended before it."""
    if transport is None or transport.is_closing():
        raise ConnectionResetError
    return transport


async def _closing_on_error(stream: socket.socket, step: Awaitable[object]) -> None:
    """Await a step, and close the socket when it fails."""
    try:
        await step
    except BaseException:
        stream.close()
        raise
