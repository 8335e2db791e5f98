"""Bursts that one input causes: handed out at the readers' pace, while the event loop goes on (R1, R5, R6)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pusher_client import ChannelAuthorization, KeyRotationPolicy
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.scripted_server import scripted


class Rotating:
    """An authorizer that gives the old key first, and later the new one, once it may."""

    def __init__(self) -> None:
        self.key = OLD
        self.released = asyncio.Event()
        self.released.set()

    async def __call__(self, _channel: str, socket_id: str) -> ChannelAuthorization:
        await self.released.wait()
        return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=self.key)

    def rotate(self) -> None:
        """Give the new key, once ``released`` is set again."""
        self.key = NEW
        self.released.clear()


def acknowledgement(ids: range) -> dict[str, Any]:
    """Return the acknowledgement of a presence channel with these members."""
    data = {"presence": {"ids": list(map(str, ids)), "hash": {}, "count": len(ids)}}
    return {
        "event": "pusher_internal:subscription_succeeded",
        "channel": "presence-x",
        "data": json.dumps(data),
    }


@pytest.mark.parametrize(("events", "queue_size", "backlog"), [(300, 100, 1024), (3000, 1024, 4096), (300, 1, 1024)])
async def test_the_flush_after_a_key_refresh_does_not_overflow_a_reader_that_keeps_up(
    events: int, queue_size: int, backlog: int
) -> None:
    """Whatever the queue holds, each event of the flush is read, in order, and those behind it too (R4, R5)."""
    authorizer, rotation = Rotating(), KeyRotationPolicy(backlog=backlog)
    async with (
        scripted() as peer,
        peer.client(authorizer=authorizer, key_rotation=rotation, queue_size=queue_size) as client,
    ):
        stream = await client.subscribe(CHANNEL)
        authorizer.rotate()
        for number in range(events):
            await peer.publish("e", CHANNEL, sealed(NEW, str(number)))
        while client.stats.waiting < events:
            await asyncio.sleep(0.01)
        authorizer.released.set()
        read = [(await anext(aiter(stream))).data for _ in range(events)]
        assert read == list(range(events))
        assert (stream.stats.dropped, client.stats.delivered) == (0, events)


async def test_events_behind_a_burst_stay_behind_it() -> None:
    """What arrives while a burst is handed out waits behind it, also for plain handlers (R4)."""
    authorizer, numbers = Rotating(), list[int]()
    async with scripted() as peer, peer.client(authorizer=authorizer) as client:
        channel = client.channel(CHANNEL)
        channel.bind("e", lambda event: numbers.append(event.data))
        await channel.subscribe()
        authorizer.rotate()
        for number in range(500):
            await peer.publish("e", CHANNEL, sealed(NEW, str(number)))
        while client.stats.waiting < 500:
            await asyncio.sleep(0.01)
        authorizer.released.set()
        for number in range(500, 1000):
            await peer.publish("e", CHANNEL, sealed(NEW, str(number)))
        while len(numbers) < 1000:
            await asyncio.sleep(0.01)
        assert numbers == list(range(1000))


async def test_the_event_loop_runs_between_the_members_that_changed() -> None:
    """20,000 changed members after a reconnect are read one by one, and other callbacks run meanwhile (R1, R5)."""
    count = 10_000
    async with scripted() as peer, peer.client(authorizer=Rotating(), queue_size=10) as client:
        peer.answers["presence-x"] = [acknowledgement(range(count))]
        changes = client.channel("presence-x").events("pusher:member_*")
        await client.subscribe("presence-x")
        peer.answers["presence-x"] = [acknowledgement(range(count, 2 * count))]
        await peer.sockets[0].close(4200)
        runs, running = 0, True

        def run() -> None:
            nonlocal runs
            runs += 1
            if running:
                asyncio.get_running_loop().call_soon(run)

        names = [(await anext(changes)).name]
        run()
        names += [(await anext(changes)).name for _ in range(2 * count - 1)]
        running = False
        assert names == ["pusher:member_removed"] * count + ["pusher:member_added"] * count
        assert changes.dropped == 0
        assert runs >= count


async def test_disconnecting_within_a_burst_ends_it_at_once() -> None:
    """What was released before is handed out, and nothing is left for the next connection (R4, R6)."""
    authorizer, numbers = Rotating(), list[int]()
    async with scripted() as peer, peer.client(authorizer=authorizer) as client:
        channel = client.channel(CHANNEL)
        channel.bind("e", lambda event: numbers.append(event.data))
        await channel.subscribe()
        authorizer.rotate()
        for number in range(500):
            await peer.publish("e", CHANNEL, sealed(NEW, str(number)))
        while client.stats.waiting < 500:
            await asyncio.sleep(0.01)
        authorizer.released.set()
        while not numbers:
            await asyncio.sleep(0)
        assert len(numbers) < 500
        await client.disconnect()
        assert numbers == list(range(len(numbers)))
        assert client.stats.received == client.stats.delivered + client.stats.dropped == 500
