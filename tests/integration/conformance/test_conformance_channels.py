"""Channels of every kind: events, the cache, who is there, and what a subscription is refused for."""

from __future__ import annotations

import asyncio

import pytest

from pusher_client import AuthorizationError, Member, ReconnectPolicy
from tests.support.real.conformance_servers import Part, Server, Setting, Target, unique
from tests.support.real.cuttable_relay import Relay
from tests.support.real.receiving import SECONDS, numbers, take, take_until

KINDS = ["", "private-", "presence-", "private-encrypted-"]
CACHE_KINDS = [f"{kind}cache-" for kind in KINDS]
SOON = ReconnectPolicy(base=0.01, cap=0.05)


@pytest.mark.parametrize("kind", [*KINDS, *CACHE_KINDS])
async def test_events_arrive_in_order(target: Target, kind: str) -> None:
    """What the official library publishes arrives complete, and decrypted on encrypted channels (R4, design.md 3.3)."""
    name = unique(kind)
    async with target.client() as client:
        channel = await client.subscribe(name)
        for number in range(10):
            await target.publisher.trigger(name, "e", {"number": number, "text": 'ü "\\ 😀'})
        events = await take(aiter(channel), 10)
    assert [event.data for event in events] == [{"number": number, "text": 'ü "\\ 😀'} for number in range(10)]
    assert {(event.name, event.channel, event.user_id) for event in events} == {("e", name, None)}


@pytest.mark.parametrize("kind", CACHE_KINDS)
async def test_a_cache_channel_keeps_its_last_event(target: Target, kind: str) -> None:
    """The first subscriber gets a cache miss, a later one the last event (protocol-notes 5.7)."""
    name = unique(kind)
    async with target.client() as early:
        stream = early.channel(name).events("*")
        await early.subscribe(name)
        first = await take_until(stream, "pusher:cache_miss")
        assert [event.name for event in first] == ["pusher:subscription_succeeded", "pusher:cache_miss"]
        for number in range(2):
            await target.publisher.trigger(name, "e", {"number": number})
    async with target.client() as late:
        channel = await late.subscribe(name)
        assert numbers(await take(aiter(channel), 1)) == [1]


@pytest.mark.parametrize("kind", KINDS)
async def test_other_channels_keep_nothing(target: Target, kind: str) -> None:
    """Only subscribers get an event, and none gets a cache event."""
    name = unique(kind)
    await target.publisher.trigger(name, "e", {"number": 0})
    async with target.client() as client:
        stream = client.channel(name).events("*")
        await client.subscribe(name)
        await target.publisher.trigger(name, "e", {"number": 1})
        assert [event.name for event in await take_until(stream, "e")] == ["pusher:subscription_succeeded", "e"]


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_sent_after_an_unsubscription(target: Target, kind: str) -> None:
    """And a channel that was left can be subscribed to again (R3)."""
    name, other = unique(kind), unique("private-")
    async with target.client() as client:
        await client.subscribe(other)
        stream = client.events()
        channel = await client.subscribe(name)
        await channel.unsubscribe()
        await target.publisher.trigger(name, "e", {"number": 0})
        await target.publisher.trigger(other, "e", {"number": 1})
        await channel.subscribe()
        await target.publisher.trigger(name, "e", {"number": 2})
        assert numbers(await take(stream, 2)) == [1, 2]


@pytest.mark.parametrize("kind", KINDS[1:])
async def test_a_wrong_signature_is_refused(target: Target, kind: str) -> None:
    """With the channel's name and status 401, and the link stays (R3, R7)."""
    name, other = unique(kind), unique("private-")
    stranger = target.publisher.signing_wrongly()

    async def authorize(channel: str, socket_id: str) -> dict[str, str]:
        signer = target.publisher if channel == other else stranger
        return signer.authenticate(channel, socket_id, {"user_id": "ann"} if kind == "presence-" else None)

    async with target.client(authorizer=authorize) as client:
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe(name)
        assert (caught.value.channel, caught.value.status) == (name, 401)
        kept = client.channel(other)
        stream = kept.events()
        socket_id = client.socket_id
        if kind != "presence-":
            await kept.subscribe()
            await target.publisher.trigger(other, "e", {"number": 1})
            assert numbers(await take(stream, 1)) == [1]
        assert client.socket_id == socket_id


async def test_members_come_and_go(target: Target) -> None:
    """Once for each user, however many connections it has; ids that are numbers are strings here (5.6)."""
    name = unique("presence-")
    ann = target.client({"user_id": "ann", "user_info": {"name": "Ann"}})
    bobs = [target.client({"user_id": 7, "user_info": {"name": "Bob"}}) for _ in range(2)]
    async with ann:
        room = ann.presence(name)
        stream = room.events("*")
        await room.subscribe()
        assert (dict(room.members), room.me) == ({"ann": {"name": "Ann"}}, Member("ann", {"name": "Ann"}))
        async with bobs[0], bobs[1]:
            for bob in bobs:
                await bob.subscribe(name)
            there = bobs[1].presence(name)
            assert dict(there.members) == {"ann": {"name": "Ann"}, "7": {"name": "Bob"}}
            assert there.me == Member("7", {"name": "Bob"})
            await target.publisher.trigger(name, "e", {})
            before = await take_until(stream, "e")
        after = await take(stream, 1)
    names = [event.name for event in before + after]
    assert names == ["pusher:subscription_succeeded", "pusher:member_added", "e", "pusher:member_removed"]
    assert before[1].data == after[0].data == Member("7", {"name": "Bob"})


async def test_members_are_compared_after_an_outage(target: Target, relay: Relay) -> None:
    """Members that came and went meanwhile are reported as if received, and the members are right (5.6, R5)."""
    name = unique("presence-")
    ann = target.client({"user_id": "ann"}, port=relay.port, reconnect=SOON)
    bob, cleo = target.client({"user_id": "bob"}), target.client({"user_id": "cleo"})
    async with ann, cleo:
        async with bob:
            await bob.subscribe(name)
            room = ann.presence(name)
            await room.subscribe()
            stream = room.events("pusher:member_*", "pusher:gap")
            relay.cut()
        await cleo.subscribe(name)
        relay.mend()
        events = await take_until(stream, "pusher:gap")
        while set(room.members) != {"ann", "cleo"}:
            events += await take(stream, 1)
        while len(events) < 3:
            events += await take(stream, 1)
    news = {(event.name, event.data.id) for event in events if event.name != "pusher:gap"}
    assert news == {("pusher:member_removed", "bob"), ("pusher:member_added", "cleo")}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_number_of_subscriptions_is_told(server: Server, kind: str) -> None:
    """At each change, where the server does that; on presence channels the members say it."""
    target, name = server.target(Setting.COUNTING), unique(kind)
    async with target.client() as one, target.client() as two:
        first = one.channel(name)
        stream = first.events("pusher:subscription_count", "e")
        await first.subscribe()
        await two.subscribe(name)
        await target.publisher.trigger(name, "e", {})
        events = await take_until(stream, "e")
        counts = [event.data["subscription_count"] for event in events[:-1]]
        told = server.does(Part.SUBSCRIPTION_COUNT) and kind != "presence-"
        assert counts == ([1, 2] if told else [])
        assert first.subscription_count == (2 if told else None)


async def test_one_event_goes_to_many_channels(target: Target) -> None:
    """To a hundred in one request, each subscriber getting its own channel's."""
    names = [unique("private-") for _ in range(99)] + [unique("")]
    heard = [names[0], names[50], names[-1]]
    async with target.client() as client:
        stream = client.events()
        for name in heard:
            await client.subscribe(name)
        answer = await asyncio.to_thread(target.publisher.official.trigger, names, "e", {"number": 1})
        assert answer in ({}, {"ok": True})
        events = await take(stream, 3)
    assert sorted((event.channel or "", event.data["number"]) for event in events) == sorted(
        (name, 1) for name in heard
    )


async def test_a_batch_keeps_its_order(target: Target) -> None:
    """Up to ten events of various channels in one request, sealed one by one."""
    names = [unique("private-"), unique("private-encrypted-")]
    batch = [{"channel": names[number % 2], "name": "e", "data": {"number": number}} for number in range(10)]
    async with target.client() as client:
        channels = [await client.subscribe(name) for name in names]
        answer = await asyncio.to_thread(target.publisher.official.trigger_batch, batch)
        assert answer in ({}, {"ok": True})
        assert [numbers(await take(aiter(channel), 5)) for channel in channels] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_publisher_may_leave_a_connection_out(target: Target, kind: str) -> None:
    """``socket_id`` names the connection that caused an event, and knows of it already."""
    name = unique(kind)
    async with target.client() as one, target.client() as two, asyncio.timeout(SECONDS):
        left_out, other = await one.subscribe(name), await two.subscribe(name)
        for number, socket_id in enumerate((one.socket_id, None)):
            answer = await asyncio.to_thread(
                target.publisher.official.trigger, name, "e", {"number": number}, socket_id
            )
            assert answer in ({}, {"ok": True})
        assert numbers(await take(aiter(other), 2)) == [0, 1]
        assert numbers(await take(aiter(left_out), 1)) == [1]
