"""The steps from resolving the host to a subscription, each tried separately."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from time import monotonic
from typing import Any

from pusher_client import AuthorizationError, ChannelAuthorization, ConnectError, ProtocolError, SubscriptionError
from pusher_client.cli.cures import (
    authorization_cure,
    close_cure,
    connect_cure,
    open_cure,
    subscription_cure,
    upgrade_cure,
)
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.findings import Finding, Outcome, StepError, StepSkipped
from pusher_client.cli.network_steps import Hop, connect_tcp, connect_tls, next_hop, resolve
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.target import Target
from pusher_client.protocol.frames import clean_text, decode_data, decode_frame, json_object
from pusher_client.protocol.link import server_error
from pusher_client.protocol.names import channel_kind
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.address import Address
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.opener import WebSocketOpener
from pusher_client.transport.proxy import Proxy, connection_proxy
from pusher_client.transport.websocket import WebSocket

__all__ = ["Examination"]

_FRAME_LIMIT = 1024 * 1024
_SUBSCRIBE_SHARE = 0.8
"""The fraction of a step's time limit that the client has, so that it fails with its own error before the step does."""

_LATE_ON_THE_WAY = "packets get no answer: check firewalls, and --host and --port"
_LATE = {
    "DNS": "check this machine's DNS",
    "application key": "the server upgraded the connection and sent nothing: check --path, and the server's log",
    "authorization": "the endpoint at --auth-url does not answer: check its log",
    "subscription": "the server does not answer: check its log",
}


class Examination:
    """Tries each step once, until one fails.

    Args:
        target: The server and the authorizer.
        channel: The channel to subscribe to.
        timeout: Time limit of a step in seconds.
    """

    def __init__(self, target: Target, channel: str, timeout: float) -> None:
        self._target = target
        self._channel = channel
        self._kind = channel_kind(channel)
        self._timeout = timeout
        address = target.server.address
        self._server = Hop(address.host, address.port)
        self._tls = address.tls
        self._proxy: Proxy | None = _environment_proxy(address)
        self._open = AsyncExitStack()
        self._websocket: WebSocket
        self._socket_id = ""
        self._authorization: ChannelAuthorization

    def steps(self) -> dict[str, Callable[[], Awaitable[str]]]:
        """Return the steps in order, by name."""
        return {
            "DNS": self._resolve,
            "TCP": self._connect_tcp,
            "TLS": self._connect_tls,
            "WebSocket": self._upgrade,
            "application key": self._establish,
            "authorization": self._authorize,
            "shared secret": self._check_secret,
            "subscription": self._subscribe,
        }

    async def findings(self) -> AsyncGenerator[Finding]:
        """Try the steps, and yield a finding for each."""
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
        except StepSkipped as reason:
            return Finding(name, Outcome.SKIPPED, str(reason))
        except StepError as failure:
            detail, cure = failure.detail, failure.cure
        except TimeoutError:
            detail, cure = f"not done within {self._timeout:g} s", _LATE.get(name, _LATE_ON_THE_WAY)
        except OSError as error:
            detail = error.strerror or str(error) or type(error).__name__
            cure = "check --host and --port, whether the server runs, and firewalls on the way"
        else:
            return Finding(name, Outcome.OK, detail, monotonic() - began)
        return Finding(name, Outcome.FAILED, detail, monotonic() - began, cure)

    # -- the network ----------------------------------------------------------------------------------------------

    async def _resolve(self) -> str:
        return await resolve(next_hop(self._server, self._proxy))

    async def _connect_tcp(self) -> str:
        return await connect_tcp(next_hop(self._server, self._proxy))

    async def _connect_tls(self) -> str:
        if not self._tls:
            raise StepSkipped("switched off: anyone on the network path can read what is not on an encrypted channel")
        if self._proxy is not None:
            raise StepSkipped("it is part of the WebSocket step, inside the proxy's tunnel")
        return await connect_tls(self._server)

    # -- the server -----------------------------------------------------------------------------------------------

    async def _upgrade(self) -> str:
        try:
            opener = WebSocketOpener(proxy=self._proxy, max_message_size=_FRAME_LIMIT, **self._target.handshake)
            self._websocket = await opener.open(self._target.server.address)
            self._open.push_async_callback(self._websocket.close)
        except OpenError as error:
            failure = StepError(error.reason, _open_cure(error))
        else:
            return "the server upgraded the connection"
        raise failure

    async def _establish(self) -> str:
        self._socket_id = _socket_id(await self._first_message(), self._websocket)
        return "the server knows the application"

    async def _first_message(self) -> str | None:
        """Return the first message, "" if it is binary, or None if the connection was closed instead."""
        first: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def take(message: str | None) -> None:
            with suppress(asyncio.InvalidStateError):  # another one after the first
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
            raise StepSkipped(f"{self._channel} is public: give --channel private-NAME to try it")
        problem, authorizer = self._target.problem(self._channel), self._target.authorizer
        if problem is not None or authorizer is None:
            raise StepError(f"no authorizer for {self._channel}", str(problem))
        try:
            authorization = await authorizer(self._channel, self._socket_id)
        except AuthorizationError as error:
            raise StepError(_words(error), authorization_cure(error)) from None
        except OSError as error:
            cure = "check --auth-url (PUSHER_AUTH_URL), and whether the endpoint runs"
            raise StepError(str(error), cure) from None
        except ValueError as error:
            raise StepError(
                str(error), "the server's socket ids do not have the form that endpoints sign: update the server"
            ) from None
        if authorization.auth.partition(":")[0] != self._target.server.key:
            cure = "configure the endpoint's server library with this application's key and secret, or change --key"
            raise StepError("the answer is signed for another application key", cure)
        self._authorization = authorization
        return f"{authorizer!r} allows {self._channel}"

    async def _check_secret(self) -> str:
        if not self._kind.encrypted:
            raise StepSkipped(f"{self._channel} is not encrypted: give --channel private-encrypted-NAME to try it")
        if self._authorization.shared_secret is None:
            missing = AuthorizationError(self._channel, "the answer has no 'shared_secret'")
            raise StepError(missing.message, authorization_cure(missing))
        return "the answer carries a key of 32 bytes"

    async def _subscribe(self) -> str:
        client = self._target.client(subscribe_timeout=_SUBSCRIBE_SHARE * self._timeout)
        try:
            async with client:
                await client.subscribe(self._channel)
        except ConnectError as error:
            raise StepError(str(error), connect_cure(error)) from None
        except SubscriptionError as error:
            raise StepError(_words(error), subscription_cure(error)) from None
        return f"{self._channel} is subscribed"


def _environment_proxy(address: Address) -> Proxy | None:
    try:
        return connection_proxy(address.host, address.port, tls=bool(address.tls))
    except ValueError as error:
        problem = str(error)
    raise CommandError(problem, ExitCode.USAGE)


def _socket_id(message: str | None, websocket: WebSocket) -> str:
    """Read the first frame; raise `StepError` if it is not the handshake, or if the connection was closed."""
    if message is None:
        code = websocket.close_code
        raise StepError(_closed(code, websocket.close_reason), close_cure(code))
    try:
        frame = decode_frame(message)
    except ProtocolError as error:
        raise StepError(f"the server sent {error}", upgrade_cure(None)) from None
    data = decode_data(frame.data)
    if frame.event == "pusher:error":
        refusal = server_error(data)
        raise StepError(_closed(refusal.code, refusal.message), close_cure(refusal.code))
    socket_id = json_object(data).get("socket_id")
    if frame.event != "pusher:connection_established" or not isinstance(socket_id, str):
        raise StepError("the first frame was not pusher:connection_established", upgrade_cure(None))
    return socket_id


def _open_cure(error: OpenError) -> str:
    match error.failure:
        case OpenFailure.CERTIFICATE:
            return connect_cure(ConnectError(None, error.reason))
        case OpenFailure.UNUSABLE:
            return "check the variables https_proxy, all_proxy and no_proxy"
        case OpenFailure.NOT_YET_VALID | OpenFailure.TLS:
            return open_cure(error.failure, None)
        case OpenFailure.OPTION:
            return "check the option or environment variable that the message names"
        case _:
            return upgrade_cure(error.status)


def _closed(code: int | None, reason: str) -> str:
    words = clean_text(reason)
    details = " and ".join(
        filter(None, (None if code is None else f"code {code}", f"the words: {words}" if words else None))
    )
    return "the server closed the connection" + (f" with {details}" if details else "")


def _words(error: SubscriptionError) -> str:
    return str(error).removeprefix(f"{error.channel}: ")
