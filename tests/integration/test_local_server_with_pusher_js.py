"""The local server by others' measure: pusher-js subscribed to it, the official server library publishing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from pusher_client.server import LocalServer
from tests.support.real.node import Node
from tests.support.real.pusher_js import Heard, PusherJS
from tests.support.websocket_peer import server_library

pytestmark = pytest.mark.node

ENCRYPTED = "private-encrypted-orders"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A local server on its own thread."""
    with LocalServer() as server:
        yield server


class Subscribers:
    """Starts pusher-js clients, and ends them."""

    def __init__(self, node: Node, server: LocalServer) -> None:
        self._node = node
        self._server = server
        self.started: list[PusherJS] = []

    async def __call__(self, *channels: str, user: dict[str, str] | None = None) -> PusherJS:
        """Start one that is subscribed to the channels, signed in as a user if one is given."""
        client = await PusherJS.subscribe(
            self._node,
            key=self._server.key,
            port=self._server.port,
            authorization_url=self._server.auth_url,
            channels=channels,
            user_authentication_url=self._server.user_auth_url,
            user=user,
        )
        self.started.append(client)
        return client


@pytest.fixture
async def pusher_js_on(node: Node, server: LocalServer) -> AsyncIterator[Subscribers]:
    """Start pusher-js clients of the local server."""
    subscribers = Subscribers(node, server)
    yield subscribers
    for client in subscribers.started:
        await client.close()


async def trigger(server: LocalServer, channel: str, event: str, data: object) -> None:
    """Publish."""
    assert await asyncio.to_thread(server_library(server).trigger, channel, event, data) == {}


async def test_pusher_js_decrypts_what_the_official_library_encrypts(
    server: LocalServer, pusher_js_on: Subscribers
) -> None:
    """Handshake, authorization, shared secret and envelope are those of the real thing (design.md 3.2, 3.3)."""
    client = await pusher_js_on(ENCRYPTED)
    for number in range(3):
        await trigger(server, ENCRYPTED, "order-created", {"number": number, "text": "plain"})
    assert await client.take(3) == [
        Heard("order-created", ENCRYPTED, {"number": number, "text": "plain"}) for number in range(3)
    ]


async def test_pusher_js_follows_a_rotation_of_the_key(server: LocalServer, pusher_js_on: Subscribers) -> None:
    """It asks the endpoint again, and opens the event with the new secret (design.md 3.4)."""
    client = await pusher_js_on(ENCRYPTED)
    await trigger(server, ENCRYPTED, "order-created", "before")
    assert await client.take(1) == [Heard("order-created", ENCRYPTED, "before")]
    server.rotate_key()
    await trigger(server, ENCRYPTED, "order-created", "after")
    assert await client.take(1) == [Heard("order-created", ENCRYPTED, "after")]


async def test_pusher_js_hears_plain_channels(server: LocalServer, pusher_js_on: Subscribers) -> None:
    """Public, private and presence ones; each event on its own channel, in order."""
    channels = ("news", "private-news", "presence-news")
    client = await pusher_js_on(*channels)
    for channel in channels:
        await trigger(server, channel, "e", {"in": channel})
    assert await client.take(3) == [Heard("e", channel, {"in": channel}) for channel in channels]


async def test_pusher_js_gets_the_kept_event_of_a_cache_channel(server: LocalServer, pusher_js_on: Subscribers) -> None:
    """Encrypted, published before the first subscriber."""
    channel = "private-encrypted-cache-orders"
    await trigger(server, channel, "order-created", "kept")
    client = await pusher_js_on(channel)
    assert await client.take(1) == [Heard("order-created", channel, "kept")]


async def test_pusher_js_clients_hear_each_others_client_events(server: LocalServer, pusher_js_on: Subscribers) -> None:
    """The sender does not get its own event: what it gets next was published afterwards."""
    sender, other = await pusher_js_on("private-room"), await pusher_js_on("private-room")
    await sender.trigger("private-room", "client-typing", {"who": "Ann"})
    assert await other.take(1) == [Heard("client-typing", "private-room", {"who": "Ann"})]
    await trigger(server, "private-room", "e", 1)
    assert await sender.take(1) == [Heard("e", "private-room", 1)]


async def test_pusher_js_signs_in_and_hears_what_is_for_its_user(
    server: LocalServer, pusher_js_on: Subscribers
) -> None:
    """Its own events, and who comes and goes of those whom it watches (protocol-notes 6.4)."""
    ann = await pusher_js_on(user={"user_id": "ann", "watchlist": '["bob"]'})
    bob = await pusher_js_on(user={"user_id": "bob"})
    assert await asyncio.to_thread(server_library(server).send_to_user, "ann", "hello", {"number": 1}) == {}
    await bob.close()
    assert await ann.take(4) == [
        Heard("offline", None, ["bob"]),
        Heard("online", None, ["bob"]),
        Heard("hello", None, {"number": 1}),
        Heard("offline", None, ["bob"]),
    ]


async def test_pusher_js_needs_no_channel_data_for_who_signed_in(
    server: LocalServer, pusher_js_on: Subscribers
) -> None:
    """The endpoint then signs the subscription alone, and the member is the user (protocol-notes 6.4)."""
    client = await pusher_js_on("presence-room", user={"user_id": "ann"})
    await trigger(server, "presence-room", "e", 1)
    assert await client.take(1) == [Heard("e", "presence-room", 1)]
    users = await asyncio.to_thread(server_library(server).users_info, "presence-room")
    assert [user["id"] for user in users["users"]] == ["ann"]
