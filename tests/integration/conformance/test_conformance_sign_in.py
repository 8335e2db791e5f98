"""Our client's users, against servers that keep users (protocol-notes 13)."""

from __future__ import annotations

import asyncio

import pusher.http
import pytest

from pusher_client import (
    AuthorizationError,
    ConnectError,
    ConnectionState,
    Event,
    Member,
    PusherClient,
    ReconnectPolicy,
    SubscriptionError,
    UserAuthentication,
)
from tests.support.real.conformance_servers import Part, Server, Target, unique
from tests.support.real.cuttable_relay import Relay
from tests.support.real.receiving import SECONDS, numbers, take

SOON = ReconnectPolicy(base=0.01, cap=0.05)


async def send(users: Target, user_id: str, event: str, number: int) -> None:
    """Publish to a user with the official library."""
    data = {"number": number}
    answer = await asyncio.to_thread(users.publisher.official.send_to_user, user_id, event, data)
    assert answer in ({}, {"ok": True})


def heard_by(client: PusherClient, *names: str) -> asyncio.Queue[Event]:
    """Return the queue that a user's events of these names will be in."""
    queue = asyncio.Queue[Event]()
    for name in names:
        client.user.bind(name, queue.put_nowait)
    return queue


async def next_of(queue: asyncio.Queue[Event]) -> Event:
    """Wait for the next event."""
    async with asyncio.timeout(SECONDS):
        return await queue.get()


async def sign_in(client: PusherClient) -> None:
    """Sign in, and return when the subscription behind it has come: the server takes frames in order."""
    await client.signin()
    await client.subscribe(unique(""))


async def test_a_user_hears_what_is_sent_to_it(users: Target) -> None:
    """With data decoded; other signed-in users get nothing of it."""
    ann_id, bob_id = unique("ann-"), unique("bob-")
    async with users.client(user={"id": ann_id, "name": "Ann"}) as ann, users.client(user={"id": bob_id}) as bob:
        queues = [heard_by(client, "hello") for client in (ann, bob)]
        for client in (ann, bob):
            await sign_in(client)
        assert (ann.user.id, ann.user.user_data) == (ann_id, {"id": ann_id, "name": "Ann"})
        await send(users, ann_id, "hello", 7)
        await send(users, bob_id, "hello", 8)
        assert numbers([await next_of(queue) for queue in queues]) == [7, 8]


async def test_a_wrong_sign_in_is_refused(users: Target) -> None:
    """The caller gets the error, and the link returns without a user (13.2)."""
    stranger = users.publisher.signing_wrongly().official

    async def authenticate(socket_id: str) -> UserAuthentication:
        return UserAuthentication(**stranger.authenticate_user(socket_id, {"id": "ann"}))

    async with users.client(user_authenticator=authenticate, reconnect=SOON) as client:
        with pytest.raises(AuthorizationError):
            await client.signin()
        channel = await client.subscribe(unique("private-"))
        await users.publisher.trigger(channel.name, "e", {"number": 1})
        assert numbers(await take(aiter(channel), 1)) == [1]
        assert (client.user.id, client.state) == (None, ConnectionState.CONNECTED)


async def test_a_user_is_signed_in_again_after_an_outage(users: Target) -> None:
    """And a gap shows that something may be missing (13.1, 13.3)."""
    user_id = unique("ann-")
    async with (
        Relay(users.port) as relay,
        users.client(user={"id": user_id}, port=relay.port, reconnect=SOON) as client,
    ):
        heard, gaps = heard_by(client, "hello"), heard_by(client, "pusher:gap")
        await sign_in(client)
        relay.cut()
        relay.mend()
        await next_of(gaps)
        await send(users, user_id, "hello", 2)
        assert numbers([await next_of(heard)]) == [2]
        assert client.user.id == user_id


async def test_a_presence_channel_takes_who_signed_in(server: Server, users: Target) -> None:
    """Without ``channel_data`` the member is the user; soketi refuses that again and again (13.4)."""
    user_id, name = unique("ann-"), {"name": "Ann"}
    async with users.client(user={"id": user_id, "user_info": name}, subscribe_timeout=1) as client:
        await client.signin()
        room = client.presence(unique("presence-"))
        if server.does(Part.PRESENCE_BY_SIGN_IN):
            await room.subscribe()
            assert dict(room.members) == {user_id: name}
            assert room.me == Member(user_id, name)
        else:
            with pytest.raises(SubscriptionError):
                await room.subscribe()


async def test_a_user_hears_of_those_whom_it_watches(server: Server, users: Target) -> None:
    """How they are at the sign-in, and who comes and goes afterwards; soketi says nothing of it."""
    ann_id, bob_id = unique("ann-"), unique("bob-")
    told = asyncio.Queue[Event]()
    async with users.client(user={"id": ann_id, "watchlist": [bob_id]}) as ann:
        heard = heard_by(ann, "hello")
        for name in ("online", "offline"):
            ann.user.watchlist.bind(name, told.put_nowait)
        await sign_in(ann)
        async with users.client(user={"id": bob_id}) as bob:
            await bob.signin()
        if server.does(Part.WATCHLIST):
            events = [await next_of(told) for _ in range(3)]
            assert [event.name for event in events] == ["offline", "online", "offline"]
            assert [event.data["user_ids"] for event in events] == [[bob_id]] * 3
        await send(users, ann_id, "hello", 2)
        assert numbers([await next_of(heard)]) == [2]
        assert told.empty()


async def test_a_user_whose_connections_are_ended_stays_away(users: Target) -> None:
    """4009 is final once the sign-in was acknowledged (4.1)."""
    user_id = unique("ann-")
    library = users.publisher.official._pusher_client
    path = f"/apps/{users.app.id}/users/{user_id}/terminate_connections"
    async with users.client(user={"id": user_id}) as client, asyncio.timeout(SECONDS):
        await client.signin()
        await asyncio.to_thread(library.http.send_request, pusher.http.Request(library, "POST", path, {}))
        with pytest.raises(ConnectError) as caught:
            await client.wait_closed()
        assert (caught.value.code, client.state) == (4009, ConnectionState.FAILED)
