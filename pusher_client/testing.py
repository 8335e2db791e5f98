"""A pytest fixture: a local Channels server, for tests of code that subscribes or publishes.

::

    async def test_orders_arrive(pusher_server):
        async with pusher_server.client() as client:
            orders = await client.subscribe("private-encrypted-orders")
            await pusher_server.trigger("private-encrypted-orders", "created", {"id": 1})
            assert (await anext(aiter(orders))).data == {"id": 1}

A test of an application that publishes needs no event loop::

    def test_an_order_is_published(pusher_server, shop):
        shop.post("/orders", {"item": "tea"})
        event = pusher_server.wait_for_event("orders", "created")
        assert event.data == {"item": "tea"}

Requires the extra ``testing``; pytest loads the fixture as a plugin. The server runs on its own thread, so tests work
with any asyncio plugin, and without an event loop. Authorization makes no HTTP request, so mocks of httpx do not affect
it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

try:
    import pytest
except ModuleNotFoundError as _missing:
    _package = str(_missing.name).partition(".")[0]
    _message = f"pusher_client.testing needs {_package}: pip install 'pusher-channels-client[testing]'"
    raise ModuleNotFoundError(_message, name=_missing.name) from None

from pusher_client.client import PusherClient
from pusher_client.events import Event
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.reconnect import ReconnectPolicy

if TYPE_CHECKING:
    from pusher_client.server import LocalServer

__all__ = ["PusherServer", "pusher_server"]

SOON = ReconnectPolicy(base=0.05, cap=0.5, max_per_minute=600)
"""Short delays, so that tests do not wait after `PusherServer.drop`."""

PUBLISH_TIMEOUT = 10
"""Seconds that `PusherServer.publish` waits for the server's thread."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "pusher_server(**options): options of the fixture's server, see pusher_client.server.LocalServer",
    )


@pytest.fixture
def pusher_server(request: pytest.FixtureRequest) -> Generator[PusherServer]:
    """Run a Channels server during the test, with its own keys.

    ``@pytest.mark.pusher_server(client_events=False)`` gives it an option of `pusher_client.server.LocalServer`.
    """
    with _running(request) as server:
        yield server


@pytest.fixture(scope="module")
def module_pusher_server(request: pytest.FixtureRequest) -> Generator[PusherServer]:
    """Run one Channels server for all tests of a module; ``pytestmark`` may have the marker with its options."""
    with _running(request) as server:
        yield server


@pytest.fixture(scope="session")
def session_pusher_server(request: pytest.FixtureRequest) -> Generator[PusherServer]:
    """Run one Channels server for all tests of a session; with pytest-xdist, one in each worker."""
    with _running(request) as server:
        yield server


@contextmanager
def _running(request: pytest.FixtureRequest) -> Generator[PusherServer]:
    # Without the extra "testing", tests that do not use the fixture must not fail.
    from pusher_client.server import LocalServer  # noqa: PLC0415 -- see above

    options: dict[str, Any] = {"key": secrets.token_hex(10)}
    for marker in reversed(list(request.node.iter_markers("pusher_server"))):
        if marker.args:
            raise TypeError("name the option: @pytest.mark.pusher_server(client_events=False)")
        options |= marker.kwargs
    with LocalServer(**options) as server:
        yield PusherServer(server)


class PusherServer:
    """The server of one test. `stall` and `mangle` stay on until called with False, or until the test ends."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self._recording = server.record()

    @property
    def host(self) -> str:
        """The loopback address."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port of WebSockets and the HTTP API, without TLS."""
        return self._server.port

    @property
    def app_id(self) -> str:
        """The id in the paths of the HTTP API."""
        return self._server.app_id

    @property
    def key(self) -> str:
        """The application's key."""
        return self._server.key

    @property
    def secret(self) -> str:
        """Signs authorizations and HTTP API requests."""
        return self._server.secret

    @property
    def encryption_master_key_base64(self) -> str:
        """The current master key, with the name and encoding of the official server libraries' option."""
        return self._server.encryption_master_key_base64

    @property
    def auth_url(self) -> str:
        """The endpoint that authorizes channels."""
        return self._server.auth_url

    @property
    def user_auth_url(self) -> str:
        """The endpoint that authenticates users; the form's ``user_id`` selects the user."""
        return self._server.user_auth_url

    def client(self, *, user_id: str | None = None, **options: Any) -> PusherClient:
        """Return a client of this server, not yet connected.

        Args:
            user_id: The user id on presence channels and for signing in; the socket id if None.
            **options: Options of `PusherClient`. By default everything is authorized, without an HTTP request, no proxy
                is used, and the first reconnect comes within 0.05 seconds.
        """
        defaults: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "tls": False,
            "proxy": None,
            "authorizer": partial(self._authorize, user_id),
            "user_authenticator": partial(self._authenticate_user, user_id),
            "reconnect": SOON,
        }
        return PusherClient(self.key, **(defaults | options))

    async def trigger(self, channel: str, event: str, data: object, *, socket_id: str | None = None) -> None:
        """Publish an event; return when it is queued for every subscriber.

        Args:
            channel: A channel's name, or ``#server-to-user-`` and a user's id. On an encrypted channel the event is
                encrypted with the current master key.
            event: The event's name.
            data: A string, or a value that is encoded as JSON.
            socket_id: A connection that does not receive it.

        Raises:
            TypeError: The data cannot be encoded as JSON.
            ValueError: A name is not valid, or the data is too long.
        """
        await asyncio.wrap_future(self._server.publish(channel, event, data, but=socket_id))

    def publish(self, channel: str, event: str, data: object, *, socket_id: str | None = None) -> None:
        """Do the same as `trigger` in a test without an event loop."""
        self._server.publish(channel, event, data, but=socket_id).result(PUBLISH_TIMEOUT)

    @property
    def published(self) -> list[Event]:
        """The events that were published or triggered by clients, in order.

        Those of encrypted channels are decrypted with the key at the time of publishing; if that key does not open one,
        its ``data`` is a `DecryptionFailure`.
        """
        return self._recording.events

    def clear(self) -> None:
        """Empty `published`, such as between tests that share a server."""
        self._recording.clear()

    def wait_for_event(self, channel: str, name: str | None = None, timeout: float = 5) -> Event:
        """Return an event that the application publishes; for tests without an event loop.

        It may have been published already. Each event is returned once: the next call waits for another.

        Args:
            channel: The channel's name.
            name: The event's name; None for any.
            timeout: The time limit in seconds.

        Raises:
            AssertionError: No such event was published in time; the message lists the names of those that were.
            RuntimeError: An event loop is running in this thread, which this call would block.
        """
        __tracebackhide__ = True
        if _in_event_loop():
            raise RuntimeError("wait_for_event() would block the event loop: use await pusher_server.event(...)")
        return self._recording.wait(channel, name, timeout)

    async def event(self, channel: str, name: str | None = None, timeout: float = 5) -> Event:  # noqa: ASYNC109 -- as above
        """Do the same as `wait_for_event` in a test with an event loop."""
        __tracebackhide__ = True
        return await self._recording.wait_in_loop(channel, name, timeout)

    async def rotate_key(self, master_key: bytes | None = None) -> None:
        """Replace the master key.

        Args:
            master_key: 32 bytes; random if None.
        """
        self._server.rotate_key(master_key)

    def drop(self) -> None:
        """Reset every WebSocket's TCP connection, once, without a close frame."""
        self._server.drop()

    def close(self, code: int, reason: str = "") -> None:
        """Close every WebSocket, once.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            ValueError: An argument is not allowed in a close frame.
        """
        self._server.close(code, reason)

    def stall(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- public interface
        """Stop reading from and writing to every WebSocket, new ones included; or resume."""
        self._server.stall(on)

    def mangle(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- public interface
        """Send events of encrypted channels with one bit of the ciphertext flipped; or unchanged."""
        self._server.mangle(on)

    async def _authorize(self, user_id: str | None, channel_name: str, socket_id: str) -> dict[str, str]:
        try:
            return self._server.authorize(channel_name, socket_id, user_id)
        except ValueError as error:
            raise AuthorizationError(channel_name, str(error), status=403) from None

    async def _authenticate_user(self, user_id: str | None, socket_id: str) -> dict[str, str]:
        return self._server.authenticate_user(socket_id, user_id)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
