"""Tunnels through proxies: HTTP CONNECT (RFC 9110 9.3.6) and SOCKS, each up to the first byte of the server."""

from __future__ import annotations

import asyncio
import base64
import socket
from importlib.util import find_spec
from typing import cast

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.proxy import Proxy
from pusher_client.transport.response_head import HeadReader

__all__ = ["TunnelProtocol", "connect_request", "connect_socks", "connect_through"]

_READ_SIZE = 4096
# The words of python-socks, which has no code for them.
_NO_METHOD = ("No acceptable authentication", "Unexpected SOCKS authentication method")
_NO_ENTRY = "authentication failure"


def connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    """Return the request for a tunnel to a host."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.username is not None:
        credentials = base64.b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def _tunnel_is_open(reader: HeadReader, data: bytes) -> bool:
    """Read a part of the proxy's answer; return whether the tunnel is open.

    Raises:
        OpenError: The proxy refuses, or its answer is not one.
    """
    if not data:
        raise OpenError(OpenFailure.NETWORK, None, "the proxy closed the connection instead of opening a tunnel")
    try:
        reader.feed(data)
    except ValueError as error:
        problem = f"the proxy answered {error}"
    else:
        if reader.status is not None and not 200 <= reader.status < 300:  # noqa: PLR2004 - success in HTTP
            raise OpenError(OpenFailure.HTTP, reader.status, f"the proxy refused the tunnel with HTTP {reader.status}")
        return reader.head is not None
    raise OpenError(OpenFailure.NETWORK, None, problem)


async def connect_through(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Ask an ``http`` proxy for a tunnel.

    Args:
        connection: A socket connected to the proxy.
        proxy: The proxy.
        host: The server's host.
        port: The server's port.

    Raises:
        OpenError: The proxy refuses, or its answer is not one.
        OSError: The connection broke.
    """
    loop, reader = asyncio.get_running_loop(), HeadReader()
    await loop.sock_sendall(connection, connect_request(proxy, host, port))
    while not _tunnel_is_open(reader, await loop.sock_recv(connection, _READ_SIZE)):
        pass


class TunnelProtocol(asyncio.Protocol):
    """Asks an ``https`` proxy for a tunnel: the connection to the proxy has TLS of its own.

    Attributes:
        open: Done when the tunnel is open, or failed with the reason.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._reader = HeadReader()
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read a part of the answer."""
        if self.open.done():
            return
        try:
            if _tunnel_is_open(self._reader, data):
                self.open.set_result(None)
        except OpenError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail, unless the tunnel is open."""
        self._fail(
            exc or OpenError(OpenFailure.NETWORK, None, "the proxy closed the connection instead of opening a tunnel")
        )

    def _fail(self, error: Exception) -> None:
        if not self.open.done():
            self.open.set_exception(error)
            self.open.exception()  # nobody may wait for it any more


async def connect_socks(proxy: Proxy, host: str, port: int) -> socket.socket:
    """Connect to a host through a SOCKS proxy.

    Raises:
        OpenError: The proxy refuses, its answer is not one, or the package for SOCKS is missing.
        OSError: The proxy cannot be reached.
    """
    if find_spec("python_socks") is None:
        reason = "a SOCKS proxy needs another package: pip install 'pusher-channels-client[socks]'"
        raise OpenError(OpenFailure.UNUSABLE, None, reason)
    from python_socks import ProxyError, ProxyType  # noqa: PLC0415 - an optional package
    from python_socks.async_.asyncio import Proxy as SocksProxy  # noqa: PLC0415 - an optional package

    kind = ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5
    socks = SocksProxy(
        kind, proxy.host, proxy.port, proxy.username, proxy.password, rdns=proxy.scheme in {"socks5h", "socks4a"}
    )
    try:
        found: socket.socket = await socks.connect(host, port)
    except OSError:
        raise
    except ProxyError as error:
        refusal = _socks_refusal(str(error), proxy)
    except Exception:  # noqa: BLE001 - what the package raises for an answer that is not SOCKS is not documented
        refusal = OpenError(OpenFailure.NETWORK, None, "the SOCKS proxy closed the connection, or does not speak SOCKS")
    else:
        return found
    raise refusal


def _socks_refusal(words: str, proxy: Proxy) -> OpenError:
    """Return the error for what python-socks says; without a method or entry, another attempt is refused as well."""
    if any(part in words for part in _NO_METHOD):
        methods = "no authentication" if proxy.username is None else "no authentication, user and password"
        reason = f"the SOCKS proxy accepts none of our methods ({methods})"
    elif _NO_ENTRY in words:
        reason = "the SOCKS proxy refused user and password"
    else:
        return OpenError(OpenFailure.NETWORK, None, f"the SOCKS proxy refused the tunnel: {words}")
    return OpenError(OpenFailure.UNUSABLE, None, reason)
