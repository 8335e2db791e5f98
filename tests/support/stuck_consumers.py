"""What may be stuck while events pour in, and what has to hold meanwhile and afterwards (R1, R5, R6, R7)."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pusher_client import (
    Channel,
    ChannelAuthorization,
    ConnectionState,
    Event,
    KeyRotationPolicy,
    PusherClient,
    SubscriptionState,
)
from tests.support.core.scripted_core import CHANNEL, NEW, OLD
from tests.support.flooding_server import COUNTED, DONE, MIB, SHARE, Flood, client_to_flood, resident_bytes

__all__ = ["SCENARIOS", "Scenario", "stuck_stream"]

Scenario = Callable[[int, Flood], Awaitable[None]]
"""Takes the flooding server's port, and what it is asked for."""

QUEUE = 256
BUFFER = 8 * MIB
ROOM = 16 * MIB
"""What the process may take besides the buffer: far less than all the events of a flood."""
STUCK = "stuck"


class Counter:
    """The handler of the other channel: every event in order, and how much memory there was at most."""

    def __init__(self) -> None:
        self.count = 0
        self.pings = 0
        self.done = asyncio.Event()
        self._before = resident_bytes()
        self._most = 0

    @property
    def growth(self) -> int:
        """How many bytes more the process had at some moment than before."""
        return self._most - self._before

    def take(self, event: Event) -> None:
        """Count an event."""
        assert event.data == self.count
        self.count += 1
        if not self.count % 100:
            self._most = max(self._most, resident_bytes())

    def end(self, event: Event) -> None:
        """Called when it was the last one."""
        self.pings = event.data["pings"]
        self.done.set()


@asynccontextmanager
async def flooded(client: PusherClient, channel: Channel) -> AsyncGenerator[int]:
    """Start the flood; yield the number of that channel when all is sent and the others were received."""
    counter, states = Counter(), list[ConnectionState]()
    other = client.channel(COUNTED)
    other.bind("e", counter.take)
    other.bind(DONE, counter.end)
    async with client:
        client.connection.bind("state_change", lambda change: states.append(change.current))
        await channel.subscribe()
        await other.subscribe()
        await counter.done.wait()
        assert counter.pings >= 3
        assert states == []
        assert counter.growth < BUFFER + ROOM
        yield counter.count * SHARE


async def stuck_stream(port: int, flood: Flood) -> None:
    """An unread stream keeps what it may, and then one marker for all the rest."""
    client = client_to_flood(port, flood, queue_size=QUEUE, buffer_bytes=BUFFER)
    channel = client.channel(STUCK)
    stream = channel.events("e", "pusher:overflow")
    async with flooded(client, channel) as sent:
        stats = channel.stats
        assert (stats.received, stats.delivered, stats.dropped) == (sent, QUEUE, sent - QUEUE)
        assert stream.dropped == sent - QUEUE
    kept = [event async for event in stream]
    assert [event.name for event in kept] == ["e"] * QUEUE + ["pusher:overflow"]
    assert kept[-1].data.dropped == sent - QUEUE


async def stuck_stream_of_many(port: int, flood: Flood) -> None:
    """The same where the bytes are the bound, because the queue would hold everything."""
    client = client_to_flood(port, flood, queue_size=10 * flood.events, buffer_bytes=BUFFER)
    channel = client.channel(STUCK)
    stream = channel.events("e", "pusher:overflow")
    async with flooded(client, channel) as sent:
        stats = channel.stats
        assert stats.received == stats.delivered + stats.dropped == sent
        assert stats.delivered * flood.size < BUFFER
    kept = [event async for event in stream]
    assert [event.name for event in kept] == ["e"] * stats.delivered + ["pusher:overflow"]
    assert kept[-1].data.dropped == stats.dropped == stream.dropped


async def stuck_handler(port: int, flood: Flood) -> None:
    """An async handler that does not return has so many events waiting, and then gets the loss."""
    released, heard = asyncio.Event(), collections.Counter[str]()
    client = client_to_flood(port, flood, queue_size=QUEUE, buffer_bytes=BUFFER)
    channel = client.channel(STUCK)
    told = asyncio.get_running_loop().create_future()

    async def stuck(event: Event) -> None:
        await released.wait()
        heard[event.name] += 1

    channel.bind("e", stuck)
    channel.bind("pusher:overflow", lambda event: told.set_result(event.data.dropped))
    async with flooded(client, channel) as sent:
        stats = channel.stats
        assert stats.received == stats.delivered + stats.dropped == sent
        assert stats.delivered in (QUEUE, QUEUE + 1)  # those that wait, and the one being handled
        released.set()
        assert await told == stats.dropped
        assert heard == {"e": stats.delivered}


async def held_for_a_key(port: int, flood: Flood) -> None:
    """While the endpoint does not answer, so many events wait for a key; the others fail, each in its place."""
    asked, answering = list[str](), asyncio.Event()

    async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
        asked.append(socket_id)
        if len(asked) > 1:
            await answering.wait()
        return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=OLD if len(asked) == 1 else NEW)

    failed = collections.Counter[Any]()
    policy = KeyRotationPolicy(timeout=600, backlog=QUEUE)  # no time-out, however long the flood takes
    options: dict[str, Any] = {
        "authorizer": authorize,
        "key_rotation": policy,
        "authorization_timeout": 600,
        "buffer_bytes": BUFFER,
    }
    client = client_to_flood(port, flood, **options)
    channel = client.channel(CHANNEL)
    delivered = collections.Counter[str]()
    channel.bind("e", lambda event: delivered.update([event.name]))
    channel.bind("pusher:decryption_failure", lambda event: failed.update([event.data.reason]))
    async with flooded(client, channel) as sent:
        stats = channel.stats
        assert stats.received == sent == stats.undecryptable + stats.waiting
        assert stats.waiting <= QUEUE
        assert failed == {"backlog_overflow": stats.undecryptable}
        assert len(asked) == 2
        answering.set()
        while channel.stats.waiting:
            await asyncio.sleep(0.001)
        assert channel.state is SubscriptionState.SUBSCRIBED
        assert delivered["e"] == channel.stats.delivered == stats.waiting


async def stuck_failure_handler(port: int, flood: Flood) -> None:
    """What cannot be opened is bounded by its bytes as well, though its text is in the failure alone."""
    released, heard, dropped = asyncio.Event(), list[Event](), list[int]()

    async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
        return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=OLD)

    options: dict[str, Any] = {"authorizer": authorize, "queue_size": 10 * flood.events, "buffer_bytes": BUFFER}
    client = client_to_flood(port, flood, **options)
    channel = client.channel(CHANNEL)

    async def stuck(event: Event) -> None:
        await released.wait()
        heard.append(event)

    channel.bind("pusher:decryption_failure", stuck)
    channel.bind("pusher:overflow", lambda event: dropped.append(event.data.dropped))
    async with flooded(client, channel) as sent:
        assert channel.stats.received == sent == channel.stats.undecryptable + channel.stats.waiting
        released.set()
    assert len(heard) + sum(dropped) == sent
    assert len(heard) * flood.size < BUFFER


SCENARIOS: list[Scenario] = [stuck_stream, stuck_stream_of_many, stuck_handler, held_for_a_key, stuck_failure_handler]
