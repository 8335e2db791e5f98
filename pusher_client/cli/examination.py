"""The steps from a host's name to a subscription, each tried on its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from ipaddress import ip_address
from socket import SOCK_STREAM
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from pusher_client import AuthorizationError, ChannelAuthorization, ConnectError, ProtocolError, SubscriptionError
from pusher_client.cli.cures import authorization_cure, close_cure, connect_cure, subscription_cure, upgrade_cure
from pusher_client.cli.findings import Finding, NotNeeded, Outcome, TroubleError
from pusher_client.cli.target import Target
from pusher_client.protocol.frames import clean_text, decode_data, decode_frame, json_object
from pusher_client.protocol.names import channel_kind
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.websocket import OpenError, WebSocket, connection_proxy

__all__ = ["Examination"]

_FRAME_LIMIT = 1024 * 1024
_PATIENCE = 0.8
"""Which part of a step's time the client has for its subscription, so that it can say why there was none."""

_LATE_ON_THE_WAY = "something on the way swallows it: check firewalls, and --host and --port"
_LATE = {
    "DNS": "check this machine's DNS",
    "application key": "the server upgrades and then says nothing: check --path, and the server's log",
    "authorization": "check whether the endpoint at --auth-url hangs",
    "subscription": "the server does not answer: look at its log",
}


class Examination:
    """Tries each step once; after the first that fails the others are not tried.

    Args:
        target: Where to connect and who authorizes.
        channel: The channel to subscribe.
        timeout: Seconds that a step may take.
    """

    def __init__(self, target: Target, channel: str, timeout: float) -> None:
        self._target = target
        self._channel = channel
        self._kind = channel_kind(channel)
        self._timeout = timeout
        parts = urlsplit(target.server.address.url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls = target.server.address.tls
        self._proxy = connection_proxy(target.server.address.url)
        self._open = AsyncExitStack()
        self._websocket: WebSocket
        self._socket_id = ""
        self._authorization: ChannelAuthorization

    def steps(self) -> dict[str, Callable[[], Awaitable[str]]]:
        """Return what is tried, in order, by its name."""
        return {
            "DNS": self._resolve,
            "TCP": self._reach,
            "TLS": self._encrypt,
            "WebSocket": self._upgrade,
            "application key": self._establish,
            "authorization": self._authorize,
            "shared secret": self._check_secret,
            "subscription": self._subscribe,
        }

    async def findings(self) -> AsyncGenerator[Finding]:
        """Try the steps."""
        failed: str | None = None
        async with self._open:
            for name, step in self.steps().items():
                if failed is not None:
                    yield Finding(name, Outcome.SKIPPED, f"not tried, since {failed} failed")
                    continue
                finding = await self._try(name, step)
                yield finding
                failed = name if finding.outcome is Outcome.FAILED else None

    async def _try(self, name: str, step: Callable[[], Awaitable[str]]) -> Finding:
        began = monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                detail = await step()
        except NotNeeded as reason:
            return Finding(name, Outcome.SKIPPED, str(reason))
        except TroubleError as trouble:
            detail, cure = trouble.detail, trouble.cure
        except TimeoutError:
            detail, cure = f"not done within {self._timeout:g} s", _LATE.get(name, _LATE_ON_THE_WAY)
        except OSError as error:
            detail = error.strerror or str(error) or type(error).__name__
            cure = "check --host and --port, whether the server runs, and firewalls on the way"
        else:
            return Finding(name, Outcome.OK, detail, monotonic() - began)
        return Finding(name, Outcome.FAILED, detail, monotonic() - began, cure)

    # -- the way to the server ------------------------------------------------------------------------------------

    @property
    def _next_hop(self) -> tuple[str, int, str]:
        """Where the first connection goes, and what that is."""
        if self._proxy is None:
            return self._host, self._port, ""
        parts = urlsplit(self._proxy)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), " (the proxy)"

    async def _resolve(self) -> str:
        host, port, role = self._next_hop
        with suppress(ValueError):
            ip_address(host)
            raise NotNeeded(f"{host} is an address{role}")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
        except OSError as error:
            cure = "check the spelling of --cluster or --host, and this machine's DNS"
            raise TroubleError(f"{host}{role}: {error.strerror or type(error).__name__}", cure) from None
        addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
        more = f" and {len(addresses) - 2} more" if len(addresses) > 2 else ""  # noqa: PLR2004 - two fit on the line
        return f"{host}{role} is {', '.join(addresses[:2])}{more}"

    async def _reach(self) -> str:
        host, port, role = self._next_hop
        try:
            _, writer = await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            cure = "start the server, or check --host and --port"
            raise TroubleError(f"{host}{role} refuses connections at port {port}", cure) from None
        peer = writer.get_extra_info("peername")
        writer.transport.abort()
        return f"connected to {peer[0]} port {peer[1]}{role}"

    async def _encrypt(self) -> str:
        if not self._tls:
            raise NotNeeded("switched off: everybody on the way can read what is not encrypted on its own")
        if self._proxy is not None:
            raise NotNeeded("it happens inside the proxy's tunnel, with the WebSocket")
        try:
            _, writer = await asyncio.open_connection(
                self._host, self._port, ssl=ssl.create_default_context(), server_hostname=self._host
            )
        except ssl.SSLCertVerificationError as error:
            cure = "check --host against the certificate's names; name an authority of your own in SSL_CERT_FILE"
            raise TroubleError(f"the certificate was refused: {error.verify_message}", cure) from None
        except (ssl.SSLError, ConnectionError):
            cure = "check --port; if the server does not speak TLS there, give --no-tls"
            raise TroubleError("the server does not speak TLS, or no version in use", cure) from None
        version = writer.get_extra_info("ssl_object").version()
        certificate: dict[str, Any] = writer.get_extra_info("peercert")
        writer.transport.abort()
        return f"{version}, with a certificate that is good until {certificate['notAfter']}"

    # -- the server -----------------------------------------------------------------------------------------------

    async def _upgrade(self) -> str:
        try:
            self._websocket = await WebSocket.open(
                self._target.server.address.url, tls=self._tls, proxy=self._proxy, max_message_size=_FRAME_LIMIT
            )
            self._open.push_async_callback(self._websocket.close)
        except OpenError as error:
            trouble = TroubleError(error.reason, _open_cure(error))
        else:
            return "the server upgraded the connection"
        raise trouble

    async def _establish(self) -> str:
        self._socket_id = _socket_id(await self._first_message(), self._websocket)
        return "the server knows the application"

    async def _first_message(self) -> str | None:
        """Return the first message, "" if it is binary, or None when the connection is closed in its place."""
        first: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def take(message: str | None) -> None:
            with contextlib.suppress(asyncio.InvalidStateError):  # another one after the first
                first.set_result(message or "")

        reading = asyncio.create_task(self._websocket.read(take))
        try:
            ends: set[asyncio.Future[Any]] = {first, reading}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return first.result() if first.done() else None
        finally:
            self._websocket.leave()
            reading.cancel()

    # -- the channel ----------------------------------------------------------------------------------------------

    async def _authorize(self) -> str:
        if not self._kind.authorized:
            raise NotNeeded(f"{self._channel} is public: give --channel private-… to try it")
        problem, authorizer = self._target.problem(self._channel), self._target.authorizer
        if problem is not None or authorizer is None:
            raise TroubleError(f"nobody authorizes {self._channel}", str(problem))
        try:
            authorization = await authorizer(self._channel, self._socket_id)
        except AuthorizationError as error:
            raise TroubleError(_words(error), authorization_cure(error)) from None
        except OSError as error:
            cure = "check --auth-url (PUSHER_AUTH_URL), and whether the endpoint runs"
            raise TroubleError(str(error), cure) from None
        except ValueError as error:
            raise TroubleError(str(error), "the server gives socket ids that no endpoint may sign: update it") from None
        if authorization.auth.partition(":")[0] != self._target.server.key:
            cure = "configure the endpoint's server library with this application's key and secret, or change --key"
            raise TroubleError("the answer is signed for another application key", cure)
        self._authorization = authorization
        return f"{authorizer!r} allows {self._channel}"

    async def _check_secret(self) -> str:
        if not self._kind.encrypted:
            raise NotNeeded(f"{self._channel} is not encrypted: give --channel private-encrypted-… to try it")
        if self._authorization.shared_secret is None:
            missing = AuthorizationError(self._channel, "the answer has no 'shared_secret'")
            raise TroubleError(missing.message, authorization_cure(missing))
        return "the answer carries a key of 32 bytes"

    async def _subscribe(self) -> str:
        client = self._target.client(subscribe_timeout=_PATIENCE * self._timeout)
        try:
            async with client:
                await client.subscribe(self._channel)
        except ConnectError as error:
            raise TroubleError(str(error), connect_cure(error)) from None
        except SubscriptionError as error:
            raise TroubleError(_words(error), subscription_cure(error)) from None
        return f"{self._channel} is subscribed"


def _socket_id(message: str | None, websocket: WebSocket) -> str:
    """Read the first frame; raises what is wrong with it, or with a connection that is closed in its place."""
    if message is None:
        code = websocket.close_code
        raise TroubleError(_closed(code, websocket.close_reason), close_cure(code))
    try:
        frame = decode_frame(message)
    except ProtocolError as error:
        raise TroubleError(f"the server sent {error}", upgrade_cure(None)) from None
    data = json_object(decode_data(frame.data))
    if frame.event == "pusher:error":
        code = data.get("code")
        code = code if isinstance(code, int) else None
        raise TroubleError(_closed(code, str(data.get("message", ""))), close_cure(code))
    socket_id = data.get("socket_id")
    if frame.event != "pusher:connection_established" or not isinstance(socket_id, str):
        raise TroubleError("the server did not say that the connection is established", upgrade_cure(None))
    return socket_id


def _open_cure(error: OpenError) -> str:
    match error.failure:
        case OpenFailure.CERTIFICATE:
            return connect_cure(ConnectError(None, error.reason))
        case OpenFailure.UNUSABLE:
            return "check the variables https_proxy, all_proxy and no_proxy"
        case _:
            return upgrade_cure(error.status)


def _closed(code: int | None, reason: str) -> str:
    words = clean_text(reason)
    told = " and ".join(
        filter(None, (None if code is None else f"code {code}", f"the words: {words}" if words else None))
    )
    return "the server closed the connection" + (f" with {told}" if told else "")


def _words(error: SubscriptionError) -> str:
    status = getattr(error, "status", None)
    return error.message if status is None else f"{error.message} (status {status})"
