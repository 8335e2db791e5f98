"""One conversation with each kind of server, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pusher_client import (
    Channel,
    ConnectError,
    ConnectionState,
    Event,
    Gap,
    Member,
    PusherClient,
    ServerError,
    SubscriptionState,
)
from tests.support.held_authorizer import until
from tests.support.scripted_server import scripted
from tests.support.server_profiles import (
    PROFILES,
    Admission,
    Profile,
    Served,
    serving,
)

KINDS = ["orders", "private-a", "presence-a", "private-encrypted-a"]
CACHE_KINDS = ["cache-a", "private-cache-a", "presence-cache-a", "private-encrypted-cache-a"]

every_server = pytest.mark.parametrize("profile", PROFILES, ids=str)


@asynccontextmanager
async def talking(profile: Profile, **options: Any) -> AsyncGenerator[tuple[Served, PusherClient]]:
    """Run a server of this profile with a client on it."""
    async with serving(profile) as served, asyncio.timeout(20), served.client(**options) as client:
        yield served, client


@every_server
async def test_connecting(profile: Profile) -> None:
    """The handshake of each server establishes the connection, with the server's name for it (design.md 2)."""
    async with talking(profile) as (served, client):
        assert client.state.value == ConnectionState.CONNECTED
        assert client.socket_id == "1.1"
    assert client.state.value == ConnectionState.DISCONNECTED
    await until(lambda: served.application.peers == [])


@every_server
async def test_every_kind_of_channel_is_subscribed(profile: Profile) -> None:
    """Whatever shape the acknowledgement has; signatures and channel_data are byte for byte what was signed (R3)."""
    async with talking(profile) as (served, client):
        channels = await asyncio.gather(*(client.subscribe(name) for name in KINDS + CACHE_KINDS))
        assert {channel.state for channel in channels} == {SubscriptionState.SUBSCRIBED}
        assert set(served.application.peers[0].subscribed) == set(KINDS + CACHE_KINDS)


@every_server
async def test_the_acknowledgement_is_one_event_for_all(profile: Profile) -> None:
    """With data of "{}" or without any, handlers get one pusher:subscription_succeeded (design.md 2)."""
    async with talking(profile) as (_, client):
        seen: list[Event] = []
        client.bind("pusher:subscription_succeeded", seen.append)
        for name in KINDS:
            await client.subscribe(name)
        assert [event.channel for event in seen] == KINDS
        assert not seen[0].data
        assert seen[2].data == {"7": {"name": "user 7"}}
        assert seen[3].data is None


@every_server
async def test_presence(profile: Profile) -> None:
    """Ids are strings, also where the server numbers its users; members come and go as events (R3)."""
    async with talking(profile) as (served, client):
        events = client.presence("presence-a").events("pusher:member_added", "pusher:member_removed")
        room = client.presence("presence-a")
        await room.subscribe()
        assert room.me == Member("7", {"name": "user 7"})
        async with served.client("8") as other:
            theirs = other.presence("presence-a")
            await theirs.subscribe()
            assert dict(theirs.members) == {"7": {"name": "user 7"}, "8": {"name": "user 8"}}
            assert theirs.me == Member("8", {"name": "user 8"})
            assert (await anext(events)).data == Member("8", {"name": "user 8"})
            assert set(room.members) == {"7", "8"}
        gone = await anext(events)
        assert (gone.name, gone.data) == ("pusher:member_removed", Member("8", {"name": "user 8"}))
        assert set(room.members) == {"7"}


@every_server
@pytest.mark.parametrize("name", KINDS)
async def test_events(profile: Profile, name: str) -> None:
    """In order, decoded where they are JSON and as text where not, opened where they are sealed (R4, C1)."""
    async with talking(profile) as (served, client):
        channel = await client.subscribe(name)
        for data in ('{"n":1}', "plain words", "0", "null", '"ä"'):
            await served.publish("e", name, data)
        events = [event async for event in first(channel, 5)]
        assert [event.data for event in events] == [{"n": 1}, "plain words", 0, None, "ä"]
        assert [event.raw for event in events] == ['{"n":1}', "plain words", "0", "null", '"ä"']
        assert channel.stats.undecryptable == 0


async def first(channel: Channel, count: int) -> AsyncGenerator[Event]:
    """Yield so many events of the channel's own stream."""
    stream = aiter(channel)
    for _ in range(count):
        yield await anext(stream)


@every_server
@pytest.mark.parametrize("name", CACHE_KINDS)
async def test_cache_channels(profile: Profile, name: str) -> None:
    """The last event or pusher:cache_miss, with or without data, comes behind the acknowledgement (design.md 2).

    Where a server has no such cache nothing comes, and nothing waits for it.
    """
    async with talking(profile) as (served, client):
        events = client.channel(name).events("pusher:cache_miss", "e", "later")
        await client.subscribe(name)
        caches = name.startswith(profile.caches)
        if caches:
            miss = await anext(events)
            assert (miss.name, miss.data) == ("pusher:cache_miss", None)
        await served.publish("e", name, '{"n":1}')
        assert (await anext(events)).data == {"n": 1}
        async with served.client("8") as other:
            theirs = other.channel(name).events("pusher:cache_miss", "e", "later")
            await other.subscribe(name)
            await served.publish("later", name, "2")
            expected = ["e", "later"] if caches else ["later"]
            assert [(await anext(theirs)).name for _ in expected] == expected


@every_server
@pytest.mark.parametrize("name", ["private-a", "presence-a"])
async def test_client_events(profile: Profile, name: str) -> None:
    """The others get them, on presence channels with the sender's id as a string, and the sender does not (12)."""
    async with talking(profile) as (served, client), served.client("8") as other:
        mine = await client.subscribe(name)
        theirs = await other.subscribe(name)
        await mine.trigger("client-typing", {"n": 1})
        event = await anext(aiter(theirs))
        assert (event.name, event.data) == ("client-typing", {"n": 1})
        assert event.user_id == ("7" if name.startswith("presence-") else None)
        await served.publish("e", name, "2")
        assert (await anext(aiter(mine))).name == "e"


@every_server
async def test_refused_client_events_are_told_and_nothing_else(profile: Profile) -> None:
    """A 4301, as object or text, with or without a channel, reaches the connection's error; the link stays (R7)."""
    async with talking(profile) as (served, client):
        errors: list[Any] = []
        client.connection.bind("error", errors.append)
        channel = await client.subscribe("private-a")
        served.application.client_events = False
        await channel.trigger("client-typing", None)
        await until(lambda: bool(errors))
        assert errors == [ServerError(4301, "The app does not allow client messages")]
        await served.publish("e", "private-a", "1")
        assert (await anext(aiter(channel))).data == 1
        assert served.application.accepted == 1


@every_server
async def test_pings_of_the_server_are_answered(profile: Profile) -> None:
    """With data or without, a pusher:ping gets its pusher:pong (R1)."""
    async with talking(profile) as (served, _):
        peer = served.application.peers[0]
        for _ in range(2):
            peer.ping(0.0)
            await served.flush()
        await until(lambda: len(peer.received) == 2)
        assert [one["event"] for one in peer.received] == ["pusher:pong"] * 2


@every_server
async def test_pings_of_the_client_are_answered(profile: Profile) -> None:
    """The pong of each server, with data or without, keeps the link (R1)."""
    async with talking(profile, activity_timeout=0.02, pong_timeout=5) as (served, client):
        peer = served.application.peers[0]
        await until(lambda: len(peer.received) >= 3)
        assert {one["event"] for one in peer.received} == {"pusher:ping"}
        assert (client.socket_id, served.application.accepted) == ("1.1", 1)


@every_server
async def test_dropping_and_returning(profile: Profile) -> None:
    """Every channel comes back, signed for the new socket, with one gap each, and the events go on (R3, R5)."""
    names = KINDS + CACHE_KINDS
    async with talking(profile) as (served, client):
        gaps = client.events("pusher:gap")
        await asyncio.gather(*(client.subscribe(name) for name in names))
        await client.subscribe("private-left")
        await client.unsubscribe("private-left")
        old = served.application.peers[0]
        await until(lambda: "private-left" not in old.subscribed)
        served.sockets[old].transport.abort()
        found = [(await anext(gaps)).data for _ in names]
        assert all(isinstance(gap, Gap) for gap in found)
        assert sorted(gap.channel for gap in found) == sorted(names)
        await until(lambda: old not in served.application.peers)
        assert client.socket_id == "2.2"
        assert set(served.application.peers[0].subscribed) == set(names)
        events = client.events("after")
        for name in names:
            await served.publish("after", name, "1")
        assert sorted([(await anext(events)).channel or "" for _ in names]) == sorted(names)
        assert dict(client.presence("presence-a").members) == {"7": {"name": "user 7"}}


@every_server
@pytest.mark.parametrize(
    ("admission", "code"), [(Admission.UNKNOWN_APPLICATION, 4001), (Admission.FOREIGN_ORIGIN, 4009)]
)
async def test_a_connection_that_is_rejected(profile: Profile, admission: Admission, code: int) -> None:
    """Said first, by the close code, or both, the socket left open or not: connect() raises it, once (R2, R6)."""
    async with serving(profile) as served, asyncio.timeout(20):
        served.application.admission = admission
        client = served.client()
        with pytest.raises(ConnectError) as caught:
            await client.connect()
        assert caught.value.code == code
        assert client.state is ConnectionState.FAILED
        await until(lambda: served.application.peers == [])
        assert served.application.accepted == 1


async def test_presence_where_php_writes_an_empty_list() -> None:
    """An empty hash is [], infos may be null, ids may be numbers that the hash has as text (R8)."""
    presence: dict[str, Any] = {"count": 0, "ids": [], "hash": []}
    async with scripted() as peer:
        acknowledgement = {"event": "pusher_internal:subscription_succeeded", "channel": "presence-a"}
        peer.answers["presence-a"] = [{**acknowledgement, "data": json.dumps({"presence": presence})}]

        async def authorize(_channel: str, socket_id: str) -> dict[str, str]:
            return {"auth": f"KEY:{socket_id}", "channel_data": '{"user_id":7}'}

        async with peer.client(authorizer=authorize) as client:
            room = client.presence("presence-a")
            await room.subscribe()
            assert (dict(room.members), room.me) == ({}, None)
            events = room.events("pusher:member_*")
            added = {"event": "pusher_internal:member_added", "channel": "presence-a", "data": {"user_id": 8}}
            await peer.sockets[0].send(json.dumps(added))
            assert (await anext(events)).data == Member("8", None)
            presence.update(count=2, ids=[7, 8], hash={"7": None, "8": {"name": "Ada"}})
            peer.answers["presence-a"] = [{**acknowledgement, "data": {"presence": presence}}]
            peer.sockets[0].transport.abort()
            await until(lambda: room.me is not None)
            assert room.me == Member("7", None)
            assert dict(room.members) == {"7": None, "8": {"name": "Ada"}}
