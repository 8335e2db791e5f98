"""A pytest fixture: a local Channels server, for tests of code that subscribes or publishes.

::

    async def test_orders_arrive(pusher_server):
        async with pusher_server.client() as client:
            orders = await client.subscribe("private-encrypted-orders")
            await pusher_server.trigger("private-encrypted-orders", "created", {"id": 1})
            assert (await anext(aiter(orders))).data == {"id": 1}

Requires the extra ``testing``; pytest loads the fixture as a plugin. The server runs on its own thread, so tests work
with any asyncio plugin, and without an event loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

try:
    import pytest
except ModuleNotFoundError as _missing:
    _package = str(_missing.name).partition(".")[0]
    _message = f"pusher_client.testing needs {_package}: pip install 'pusher-channels-client[testing]'"
    raise ModuleNotFoundError(_message, name=_missing.name) from None

from pusher_client.authorization.authorizers import HTTPAuthorizer, HTTPUserAuthenticator
from pusher_client.client import PusherClient
from pusher_client.protocol.reconnect import ReconnectPolicy

if TYPE_CHECKING:
    from pusher_client.server import LocalServer

__all__ = ["PusherServer", "pusher_server"]

SOON = ReconnectPolicy(base=0.05, cap=0.5, max_per_minute=600)
"""Short delays, so that tests do not wait after `PusherServer.drop`."""


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
            **options: Options of `PusherClient`. By default the endpoints of this server authorize and authenticate, no
                proxy is used, and the first reconnect comes within 0.05 seconds.
        """
        params = {} if user_id is None else {"user_id": user_id}
        defaults: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "tls": False,
            "proxy": None,
            "authorizer": HTTPAuthorizer(self.auth_url, params=params),
            "user_authenticator": HTTPUserAuthenticator(self.user_auth_url, params=params),
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
