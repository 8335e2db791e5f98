"""Running the server on a free loopback port, in this event loop or on a thread of its own."""

from __future__ import annotations

import asyncio
import binascii
import concurrent.futures
import contextlib
import logging
import secrets
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self

from pusher_client.protocol.signatures import SECRET_BYTES
from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.live import LivePage
from pusher_client.server.publication import publication
from pusher_client.server.serving import LOOPBACK, Serving
from pusher_client.server.settings import Settings
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire

__all__ = ["LocalServer"]

logger: logging.Logger = logging.getLogger("pusher_client.server")

REASON_LIMIT = 123
"""Bytes that a close frame has room for."""

_CLOSE_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))


class LocalServer:
    """A Channels server for development and tests, bound to the loopback interface.

    ``async with server`` runs it in the current event loop; ``with server`` runs it on a thread of its own. It holds
    its keys in memory and authorizes whoever asks: it is never the place for keys of production.

    Args:
        app_id: The id in the paths of the HTTP API; digits.
        key: What clients connect with.
        secret: What authorizations and HTTP API requests are signed with; a random one if None.
        master_key: What shared secrets of encrypted channels are derived from, 32 bytes; random ones if None.
        port: The port; 0 takes a free one.
        activity_timeout: Seconds of silence after which the server pings; told to clients, too.
        pong_timeout: Seconds that a client has to answer before it is closed with 4201.
        event_limit: How many bytes the data of one event may have.
        client_events: False refuses events of clients with 4301.
        client_event_rate: How many client events a connection may send in any second, or None for no limit; with
            Pusher it is 10.
        connection_limit: How many clients may be connected, or None for no limit; more are refused with 4004.
        subscription_counts: Subscribers hear every change of their channel's number of subscriptions; Pusher tells it
            of large channels only, and now and then.
        enabled: False refuses every client with 4003.

    Attributes:
        host: The loopback address.
        app_id: The id in the paths of the HTTP API.
        key: What clients connect with.

    Raises:
        ValueError: An argument does not have its form.
    """

    def __init__(
        self,
        *,
        app_id: str = "1001",
        key: str = "app-key",
        secret: str | None = None,
        master_key: bytes | None = None,
        port: int = 0,
        activity_timeout: float = 120,
        pong_timeout: float = 30,
        event_limit: int = Settings.event_limit,
        client_events: bool = True,
        client_event_rate: int | None = None,
        connection_limit: int | None = None,
        subscription_counts: bool = False,
        enabled: bool = True,
    ) -> None:
        if activity_timeout <= 0 or pong_timeout <= 0:
            raise ValueError("activity_timeout and pong_timeout are seconds, more than 0")
        self._application = Application(
            app_id=app_id,
            key=key,
            secret=secrets.token_hex(16) if secret is None else secret,
            master_key=secrets.token_bytes(SECRET_BYTES) if master_key is None else master_key,
            settings=Settings(
                enabled=enabled,
                subscription_counts=subscription_counts,
                connection_limit=connection_limit,
                client_events=client_events,
                client_event_rate=client_event_rate,
                event_limit=event_limit,
            ),
        )
        self.host = LOOPBACK
        self.app_id = app_id
        self.key = key
        self._wanted_port = port
        self._wire = Wire()
        self._page = LivePage(self._application)
        self._app = create_app(self._application, self._wire, Timeouts(activity_timeout, pong_timeout), self._page)
        self._serving: Serving | None = None
        self._thread = contextlib.ExitStack()

    @property
    def secret(self) -> str:
        """What authorizations and HTTP API requests are signed with."""
        return self._application.secret

    @property
    def encryption_master_key_base64(self) -> str:
        """The present master key, under the name and in the form that the official server libraries take."""
        return binascii.b2a_base64(self._application.master_key, newline=False).decode()

    @property
    def port(self) -> int:
        """The port of the running server.

        Raises:
            RuntimeError: It is not running.
        """
        return self._now_serving().port

    @property
    def auth_url(self) -> str:
        """Where clients ask for an authorization."""
        return f"http://{self.host}:{self.port}/pusher/auth"

    @property
    def user_auth_url(self) -> str:
        """Where clients ask for leave to sign in."""
        return f"http://{self.host}:{self.port}/pusher/user-auth"

    async def __aenter__(self) -> Self:
        if self._serving is not None:
            raise RuntimeError("the server runs already")
        self._page.open()
        serving = Serving(self._app, self._wire)
        serving.start(self._wanted_port)
        self._serving = serving
        logger.warning(
            "a local Channels server, FOR DEVELOPMENT AND TESTS ONLY, listens on %s:%d; "
            "it authorizes whoever asks: never give it keys of production",
            self.host,
            serving.port,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._page.end()
        try:
            await self._now_serving().stop()
        finally:
            self._serving = None

    def __enter__(self) -> Self:
        if self._serving is not None:
            raise RuntimeError("the server runs already")
        self._thread.enter_context(_on_a_thread(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.close()

    def rotate_key(self, master_key: bytes | None = None) -> None:
        """Derive shared secrets from another master key from now on; callable from any thread, as all that follow.

        Args:
            master_key: 32 bytes; random ones if None.
        """
        self._application.rotate_key(master_key)

    def publish(
        self, channel: str, event: str, data: object, *, but: str | None = None
    ) -> concurrent.futures.Future[None]:
        """Send an event to a channel's subscribers, as a publisher would; sealed, where the channel is encrypted.

        Args:
            channel: A channel's name, or ``#server-to-user-`` and the id of a user.
            event: The event's name, of 1 to 200 characters.
            data: A string as it is, anything else as its JSON.
            but: The socket id of the connection that does not get it.

        Returns:
            Done when the event is on its way to every subscriber.

        Raises:
            TypeError: The data has no JSON.
            ValueError: A name does not have its form, or the data is too long.
        """
        text = publication(self._application, channel, event, data)
        return self._now_serving().submit(lambda: self._application.publish(channel, event, text, but=but))

    def drop(self) -> None:
        """Reset every WebSocket's TCP connection, without a close frame."""
        self._now_serving().call(self._wire.reset)

    def close(self, code: int, reason: str = "") -> None:
        """Close every WebSocket.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            ValueError: An argument has no place in a close frame.
        """
        if not any(code in codes for codes in _CLOSE_CODES):
            raise ValueError("a close frame carries 1000 to 1003, 1007 to 1014, or 3000 to 4999")
        if len(reason.encode()) > REASON_LIMIT:
            raise ValueError(f"a close frame's reason has at most {REASON_LIMIT} bytes")

        def close_all() -> None:
            for connection in self._application.connections():
                connection.close(code, reason)

        self._now_serving().call(close_all)

    def stall(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- stall(False) is how it reads in a test
        """Stop reading from and writing to every WebSocket, new ones included; or go on where it stopped.

        The sockets stay open, and what is published meanwhile goes out afterwards. The HTTP side keeps answering.
        """
        self._now_serving().call(lambda: self._wire.stall(on=on))

    def mangle(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- mangle(False) is how it reads in a test
        """Send events of encrypted channels with one bit of the ciphertext flipped; or as they are."""
        self._application.mangle = on

    def _now_serving(self) -> Serving:
        if self._serving is None:
            raise RuntimeError("the server is not running: enter it with 'async with' or 'with'")
        return self._serving


@contextlib.contextmanager
def _on_a_thread(server: LocalServer) -> Generator[None]:
    started = concurrent.futures.Future[Callable[[], object]]()
    with concurrent.futures.ThreadPoolExecutor(1, "pusher_client.server") as executor:
        run = executor.submit(asyncio.run, _serve(server, started))
        ends: list[concurrent.futures.Future[Any]] = [started, run]
        concurrent.futures.wait(ends, return_when=concurrent.futures.FIRST_COMPLETED)
        if run.done():  # it could not start
            run.result()
        stop = started.result()
        try:
            yield
        finally:
            stop()
            run.result()


async def _serve(server: LocalServer, started: concurrent.futures.Future[Callable[[], object]]) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    async with server:
        started.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
        await stopping.wait()
