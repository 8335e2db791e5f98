"""The local server, run in the current event loop or on a thread."""

from __future__ import annotations

import binascii
import concurrent.futures
import contextlib
import logging
import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from pusher_client.protocol.signatures import SECRET_BYTES
from pusher_client.server.access import AccessRules
from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.authorization import granted
from pusher_client.server.live import LivePage
from pusher_client.server.publication import publication
from pusher_client.server.recording import Recording
from pusher_client.server.server_thread import running_on_a_thread
from pusher_client.server.serving import LOOPBACK, Serving
from pusher_client.server.settings import Settings
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire

__all__ = ["LocalServer"]

logger: logging.Logger = logging.getLogger("pusher_client.server")

REASON_LIMIT = 123
"""Maximum size in bytes of the reason in a close frame."""

HIGHEST_PORT = 65535

_CLOSE_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))


class LocalServer:
    """A Channels server for development and tests, bound to the loopback interface.

    ``async with server`` runs it in the current event loop; ``with server`` runs it on its own thread. It authorizes
    every request: never give it production keys.

    Args:
        app_id: The id in the paths of the HTTP API; digits.
        key: The application's key.
        secret: Signs authorizations and HTTP API requests; random if None.
        master_key: 32 bytes from which shared secrets of encrypted channels are derived; random if None.
        port: The port; 0 for a free one.
        activity_timeout: Seconds of silence after which the server sends a ping; also sent to clients.
        pong_timeout: Seconds within which a client must answer; else it is closed with 4201.
        event_limit: Maximum size in bytes of an event's data.
        client_events: Whether client events are relayed; else they are refused with 4301.
        client_event_rate: Maximum number of client events of a connection in any second (Pusher: 10); None for no
            limit.
        connection_limit: Maximum number of connections; more are refused with 4004. None for no limit.
        subscription_counts: Whether each change of a channel's number of subscriptions is sent to its subscribers;
            Pusher does so less often, and only on large channels.
        enabled: Whether clients are accepted; else they are refused with 4003.
        allow_hosts: Names in the ``Host`` header that are accepted besides loopback names, without a port.
        allow_origins: Origins of web pages that are accepted besides loopback origins. Requests without an ``Origin``
            header, which do not come from a browser's scripts, are always accepted.

    Attributes:
        host: The loopback address.
        app_id: The id in the paths of the HTTP API.
        key: The application's key.

    Raises:
        ValueError: An argument is not valid.
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
        allow_hosts: Iterable[str] = (),
        allow_origins: Iterable[str] = (),
    ) -> None:
        if activity_timeout <= 0 or pong_timeout <= 0:
            raise ValueError("activity_timeout and pong_timeout must be more than 0 seconds")
        if not 0 <= port <= HIGHEST_PORT:
            raise ValueError(f"port must be 0 to {HIGHEST_PORT}")
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
        timeouts, access = Timeouts(activity_timeout, pong_timeout), AccessRules(allow_hosts, allow_origins)
        self._app = create_app(self._application, self._wire, timeouts, self._page, access)
        self._serving: Serving | None = None
        self._thread = contextlib.ExitStack()

    @property
    def secret(self) -> str:
        """Signs authorizations and HTTP API requests."""
        return self._application.secret

    @property
    def encryption_master_key_base64(self) -> str:
        """The current master key, with the name and encoding of the official server libraries' option."""
        return binascii.b2a_base64(self._application.master_key, newline=False).decode()

    @property
    def port(self) -> int:
        """The port of the running server.

        Raises:
            RuntimeError: The server is not running.
        """
        return self._running().port

    @property
    def auth_url(self) -> str:
        """The endpoint that authorizes channels."""
        return f"http://{self.host}:{self.port}/pusher/auth"

    @property
    def user_auth_url(self) -> str:
        """The endpoint that authenticates users."""
        return f"http://{self.host}:{self.port}/pusher/user-auth"

    async def __aenter__(self) -> Self:
        if self._serving is not None:
            raise RuntimeError("the server is already running")
        self._page.open()
        serving = Serving(self._app, self._wire)
        serving.start(self._wanted_port)
        self._serving = serving
        logger.warning(
            "a local Channels server, FOR DEVELOPMENT AND TESTS ONLY, listens on %s:%d; "
            "it authorizes every request: never give it production keys",
            self.host,
            serving.port,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._page.end()
        try:
            await self._running().stop()
        finally:
            self._serving = None

    def __enter__(self) -> Self:
        if self._serving is not None:
            raise RuntimeError("the server is already running")
        self._thread.enter_context(running_on_a_thread(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.close()

    def rotate_key(self, master_key: bytes | None = None) -> None:
        """Replace the master key; may be called from any thread, like all methods below.

        Args:
            master_key: 32 bytes; random if None.
        """
        self._application.rotate_key(master_key)

    def publish(
        self, channel: str, event: str, data: object, *, but: str | None = None
    ) -> concurrent.futures.Future[None]:
        """Publish an event to a channel's subscribers; it is encrypted on an encrypted channel.

        Args:
            channel: A channel's name, or ``#server-to-user-`` and the id of a user.
            event: The event's name, of 1 to 200 characters.
            data: A string, or a value that is encoded as JSON.
            but: The socket id of a connection that does not receive it.

        Returns:
            A future that is done when the event is queued for every subscriber.

        Raises:
            TypeError: The data cannot be encoded as JSON.
            ValueError: A name is not valid, or the data is too long.
        """
        text = publication(self._application, channel, event, data)
        return self._running().submit(lambda: self._application.publish(channel, event, text, but=but))

    def authorize(self, channel: str, socket_id: str, user_id: str | None = None) -> dict[str, str]:
        """Return what the endpoint that authorizes channels would answer, without a request.

        Args:
            channel: The channel's name.
            socket_id: The connection.
            user_id: The user on a presence channel; see `AuthorizationEndpoints` for the default.

        Raises:
            ValueError: The endpoint would refuse.
        """
        return granted(self._application, socket_id, user_id, channel)

    def authenticate_user(self, socket_id: str, user_id: str | None = None) -> dict[str, str]:
        """Return what the endpoint that authenticates users would answer; see `authorize`."""
        return granted(self._application, socket_id, user_id)

    def record(self) -> Recording:
        """Return a recording of what is published from now on."""
        return Recording(self._application)

    def drop(self) -> None:
        """Reset every WebSocket's TCP connection, without a close frame."""
        self._running().call(self._wire.reset)

    def close(self, code: int, reason: str = "") -> None:
        """Close every WebSocket.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            ValueError: An argument is not allowed in a close frame.
        """
        if not any(code in codes for codes in _CLOSE_CODES):
            raise ValueError("the code of a close frame is 1000 to 1003, 1007 to 1014, or 3000 to 4999")
        if len(reason.encode()) > REASON_LIMIT:
            raise ValueError(f"a close frame's reason has at most {REASON_LIMIT} bytes")

        def close_all() -> None:
            for connection in self._application.connections():
                connection.close(code, reason)

        self._running().call(close_all)

    def stall(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- public interface
        """Stop reading from and writing to every WebSocket, new ones included; or resume.

        The sockets stay open, events published meanwhile are sent afterwards, and HTTP requests are answered.
        """
        self._running().call(lambda: self._wire.stall(on=on))

    def mangle(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- public interface
        """Send events of encrypted channels with one bit of the ciphertext flipped; or unchanged."""
        self._application.mangle = on

    def _running(self) -> Serving:
        if self._serving is None:
            raise RuntimeError("the server is not running: enter it with 'async with' or 'with'")
        return self._serving
