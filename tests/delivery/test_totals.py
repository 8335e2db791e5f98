"""The figures of a client, alone and over real sockets."""

from __future__ import annotations

import asyncio
import gc
import math

from pusher_client import ClientStats, ConnectionState, PusherClient
from pusher_client.delivery.totals import Totals
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.testing import PusherServer

ORDERS, ROOM = "private-encrypted-orders", "public-room"


class Owner:
    """Whose counts they are."""


def counted(received: int) -> EventCounts:
    counts = EventCounts()
    counts.received = counts.delivered = received
    return counts


def test_sums_are_of_all_who_are_watched() -> None:
    """What is counted after the beginning is counted in."""
    totals, owners, counts = Totals(), [Owner(), Owner()], [counted(1), counted(2)]
    assert totals.sum().received == 0
    for owner, count in zip(owners, counts, strict=True):
        totals.watch(owner, count)
    assert totals.sum().received == 3
    counts[0].received += 4
    assert totals.sum().received == 7
    assert totals.sum().received == 7


def test_who_is_gone_still_counts() -> None:
    """The sums never shrink, and an owner is not kept alive for them."""
    totals, owner = Totals(), Owner()
    totals.watch(owner, counted(5))
    totals.watch(Owner(), counted(7))
    assert totals.sum().received == 12
    del owner
    gc.collect()
    assert [totals.sum().received for _ in range(2)] == [12, 12]


def test_nothing_is_kept_of_those_who_are_gone() -> None:
    """A client that has had a million channels does not remember each, even if its stats are never read."""
    totals = Totals()
    for _ in range(100):
        totals.watch(Owner(), counted(1))
    assert len(totals._counts) == 1
    assert totals.sum().received == 100
    assert len(totals._counts) == 0


def test_before_connecting() -> None:
    """All counts are zero, and there is no silence yet."""
    client = PusherClient("key", cluster="eu")
    assert client.stats == ClientStats(
        received=0,
        delivered=0,
        dropped=0,
        undecryptable=0,
        waiting=0,
        key_refreshes=0,
        connects=0,
        wanted=0,
        subscribed=0,
        silence=math.inf,
    )


async def test_the_counts_of_all_channels(pusher_server: PusherServer) -> None:
    """They add up over channels, those included whose handle is gone, and over key rotations."""
    async with pusher_server.client() as client, client.events("*") as stream:
        orders = await client.subscribe(ORDERS)
        await client.subscribe(ROOM)
        await pusher_server.trigger(ROOM, "said", "hello")
        await pusher_server.trigger(ORDERS, "created", 1)
        await pusher_server.rotate_key()
        await pusher_server.trigger(ORDERS, "created", 2)
        while (await anext(stream)).data != 2:
            pass
        pusher_server.mangle()
        await pusher_server.trigger(ORDERS, "created", 3)
        while (await anext(stream)).name != "pusher:decryption_failure":
            pass
        stats = client.stats
        assert (stats.received, stats.delivered, stats.undecryptable, stats.waiting) == (4, 3, 1, 0)
        assert stats.key_refreshes == orders.stats.key_refreshes
        assert stats.key_refreshes >= 1
        assert (stats.wanted, stats.subscribed, stats.connects) == (2, 2, 1)
        del orders
        for name in (ORDERS, ROOM):
            await client.unsubscribe(name)
        gc.collect()
        assert client.stats.received == stats.received
        assert (client.stats.wanted, client.stats.subscribed) == (0, 0)
    assert client.stats.received == stats.received
    assert client.stats.silence == math.inf


async def test_a_reconnect_is_counted(pusher_server: PusherServer) -> None:
    """Every established connection counts; without one, wanted channels are not subscribed."""
    async with pusher_server.client() as client:
        room = await client.subscribe(ROOM)
        seen: list[ClientStats] = []
        client.connection.bind("connecting", lambda _: seen.append(client.stats))
        async with client.events("pusher:gap") as gaps:
            pusher_server.drop()
            await anext(gaps)
        assert [(stats.connects, stats.wanted, stats.subscribed) for stats in seen] == [(1, 1, 0)]
        assert (client.stats.connects, client.stats.wanted, client.stats.subscribed) == (2, 1, 1)
        await room.unsubscribe()


async def test_silence_ends_with_any_frame(pusher_server: PusherServer) -> None:
    """It grows while nothing comes, whatever the state says, and starts anew with what comes (R1)."""
    async with pusher_server.client() as client:
        room = await client.subscribe(ROOM)
        pusher_server.stall()
        before = client.stats.silence
        await asyncio.sleep(0.1)
        longest = client.stats.silence
        assert before < longest
        assert client.state is ConnectionState.CONNECTED
        seen: asyncio.Queue[float] = asyncio.Queue()
        room.bind("said", lambda _: seen.put_nowait(client.stats.silence))
        pusher_server.stall(False)
        await pusher_server.trigger(ROOM, "said", "hello")
        assert await seen.get() < longest
