"""A pytest fixture: a Channels server on this machine, for tests of whatever subscribes or publishes.

::

    async def test_orders_arrive(pusher_server):
        async with pusher_server.client() as client:
            orders = await client.subscribe("private-encrypted-orders")
            await pusher_server.trigger("private-encrypted-orders", "created", {"id": 1})
            assert (await anext(aiter(orders))).data == {"id": 1}

It needs the extra ``testing``; pytest finds the fixture by itself. The server runs on a thread of its own, so it does
not matter who runs the test's event loop, and whether there is one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pusher_client.authorization.authorizers import HTTPAuthorizer, HTTPUserAuthenticator
from pusher_client.client import PusherClient
from pusher_client.protocol.reconnect import ReconnectPolicy

if TYPE_CHECKING:
    from pusher_client.server import LocalServer

__all__ = ["PusherServer", "pusher_server"]

SOON = ReconnectPolicy(base=0.05, cap=0.5, max_per_minute=600)
"""Nobody waits in a test for a server that was just dropped."""


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        "markers",
        "pusher_server(**options): how the fixture's server is set up, as in pusher_client.server.LocalServer",
    )


@pytest.fixture
def pusher_server(request: pytest.FixtureRequest) -> Generator[PusherServer]:
    """Run a Channels server during the test, with keys of its own.

    ``@pytest.mark.pusher_server(client_events=False)`` gives it an option of `pusher_client.server.LocalServer`.
    """
    # Where only the extra "testing" is missing, other tests are not to fail for it.
    from pusher_client.server import LocalServer  # noqa: PLC0415 -- see above

    options: dict[str, Any] = {"key": secrets.token_hex(10)}
    for marker in reversed(list(request.node.iter_markers("pusher_server"))):
        if marker.args:
            raise TypeError("name the option: @pytest.mark.pusher_server(client_events=False)")
        options |= marker.kwargs
    with LocalServer(**options) as server:
        yield PusherServer(server)


class PusherServer:
    """The server of one test. The fault switches hold until they are called with False, or until the test ends."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server

    @property
    def host(self) -> str:
        """The loopback address."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port, for WebSockets and the HTTP API alike; there is no TLS."""
        return self._server.port

    @property
    def app_id(self) -> str:
        """The id in the paths of the HTTP API."""
        return self._server.app_id

    @property
    def key(self) -> str:
        """What clients connect with."""
        return self._server.key

    @property
    def secret(self) -> str:
        """What authorizations and HTTP API requests are signed with."""
        return self._server.secret

    @property
    def encryption_master_key_base64(self) -> str:
        """The present master key, under the name and in the form that the official server libraries take."""
        return self._server.encryption_master_key_base64

    @property
    def auth_url(self) -> str:
        """Where clients ask for an authorization."""
        return self._server.auth_url

    @property
    def user_auth_url(self) -> str:
        """Where clients ask for leave to sign in; the form's ``user_id`` says as whom."""
        return self._server.user_auth_url

    def client(self, *, user_id: str | None = None, **options: Any) -> PusherClient:
        """Return a client of this server, ready to enter.

        Args:
            user_id: Who it is on presence channels and when it signs in; its socket id if None.
            **options: Of `PusherClient`, instead of these: the endpoints of this server authorize and sign in, no proxy
                is asked, and a lost link is tried again within 0.05 seconds at first.
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
        """Publish an event; return when it is on its way to every subscriber.

        Args:
            channel: A channel's name; on an encrypted one the event is sealed with the present master key. Or
                ``#server-to-user-`` and a user's id.
            event: The event's name.
            data: A string as it is, anything else as its JSON.
            socket_id: Of the connection that does not get it.

        Raises:
            TypeError: The data has no JSON.
            ValueError: A name does not have its form, or the data is too long.
        """
        await asyncio.wrap_future(self._server.publish(channel, event, data, but=socket_id))

    async def rotate_key(self, master_key: bytes | None = None) -> None:
        """Derive shared secrets from another master key from now on.

        Args:
            master_key: 32 bytes; random ones if None.
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
            ValueError: An argument has no place in a close frame.
        """
        self._server.close(code, reason)

    def stall(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- stall(False) is how it reads in a test
        """Stop reading from and writing to every WebSocket, new ones included; or go on where it stopped."""
        self._server.stall(on)

    def mangle(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- mangle(False) is how it reads in a test
        """Send events of encrypted channels with one bit of the ciphertext flipped; or as they are."""
        self._server.mangle(on)
