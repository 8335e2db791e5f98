"""A bad network between the client and each server: it comes back, misses nothing silently, and leaves nothing."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pusher_client import Channel, ConnectionState, Event, EventStream, PusherClient, ReconnectPolicy, SubscriptionState
from tests.support.real.conformance_servers import Target, unique
from tests.support.real.receiving import SECONDS
from tests.support.real.toxic_proxy import Toxic, ToxicProxy, toxic_proxy

CAP = 0.2
OPTIONS: dict[str, Any] = {"reconnect": ReconnectPolicy(base=0.02, cap=CAP, max_per_minute=1000)}
IMPATIENT: dict[str, Any] = {"activity_timeout": 0.4, "pong_timeout": 2.0, "connect_timeout": 0.5}
KINDS = ("", "private-", "private-encrypted-", "private-encrypted-cache-", "presence-")
PROBE, GAP, SUBSCRIBED = "probe", "pusher:gap", "pusher:subscription_succeeded"
LINUX = sys.platform == "linux"  # which lists what a process holds open


def descriptors() -> Counter[str]:
    """What this process holds open, each socket by its own number."""
    found: Counter[str] = Counter()
    for descriptor in Path("/proc/self/fd").iterdir() if LINUX else ():
        with suppress(FileNotFoundError):  # the descriptor of this very listing
            found[str(descriptor.readlink())] += 1
    return found


class Subscriber:
    """A client behind a proxy with a channel of each kind, and all that each of them heard.

    Attributes:
        target: The server.
        proxy: The way to it.
        client: The client.
        channels: Its channels.
        heard: What each of them heard, in order.
        delays: How long the client said it would wait before each connect.
    """

    def __init__(self, target: Target, proxy: ToxicProxy, client: PusherClient, turn: asyncio.Lock) -> None:
        self.target = target
        self.proxy = proxy
        self.client = client
        self.channels: list[Channel] = [client.channel(unique(kind)) for kind in KINDS]
        self._streams: list[EventStream] = [channel.events(PROBE, GAP, SUBSCRIBED) for channel in self.channels]
        self.heard: list[list[Event]] = [[] for _ in self.channels]
        self.delays: list[float] = []
        self._number = 0
        self._turn = turn
        client.connection.bind("connecting_in", self.delays.append)

    async def subscribe(self) -> None:
        """Subscribe every channel, all at once."""
        await asyncio.gather(*(channel.subscribe() for channel in self.channels))

    async def publish(self) -> None:
        """Publish the next number on every channel."""
        self._number += 1
        for channel in self.channels:
            async with self._turn:  # the publisher would open a connection for each of several calls, and keep them
                await self.target.publisher.trigger(channel.name, PROBE, {"number": self._number})

    async def probe(self) -> None:
        """Publish the next number, and wait until every channel has received it."""
        await self.publish()
        for stream, heard in zip(self._streams, self.heard, strict=True):
            while not heard or heard[-1].name != PROBE or heard[-1].data["number"] < self._number:
                heard.append(await anext(stream))

    async def back(self, gaps: int) -> None:
        """Wait until every channel has had so many gaps in all; each comes with its subscription."""
        for stream, heard in zip(self._streams, self.heard, strict=True):
            while [event.name for event in heard].count(GAP) < gaps:
                heard.append(await anext(stream))

    async def settle(self) -> None:
        """Wait until one connection is left on either side of the proxy."""
        while not len(self.proxy.clients) == len(self.proxy.servers) == 1:
            await asyncio.sleep(0.001)

    @property
    def complete(self) -> bool:
        """Whether every channel is subscribed."""
        return all(channel.state == SubscriptionState.SUBSCRIBED for channel in self.channels)

    async def back_for_good(self) -> None:
        """Reset all connections, and wait until every channel is subscribed on a later one."""
        before = self.proxy.accepted
        self.proxy.reset()
        while self.proxy.accepted == before or not self.complete:
            await asyncio.sleep(0.001)
        await self.settle()

    def check(self, cuts: int | None = None) -> None:
        """Hold the client to order, once, a marker for each time that it came back, its sums, and its policy."""
        for channel, heard in zip(self.channels, self.heard, strict=True):
            names = [event.name for event in heard]
            assert names.count(GAP) == names.count(SUBSCRIBED) - 1, (channel.name, names)
            assert cuts is None or names.count(GAP) == cuts, (channel.name, names)
            numbers = [event.data["number"] for event in heard if event.name == PROBE]
            if "cache" in channel.name:  # what is kept comes again with each subscription, and is delivered again (R4)
                numbers = [now for before, now in pairwise([0, *numbers]) if now != before]
            assert numbers == sorted(set(numbers)), (channel.name, numbers)
            stats = channel.stats
            assert stats.received == stats.delivered + stats.dropped + stats.undecryptable + stats.waiting
            assert (stats.delivered, stats.received) == (names.count(PROBE),) * 2, channel.name
        assert all(0 <= delay <= CAP for delay in self.delays)
        assert self.proxy.most_at_once == (1 if LINUX else 0)
        assert list(self.client.presence(self.channels[-1].name).members) == ["ann"]


@asynccontextmanager
async def subscribers(target: Target, *toxics: Toxic | None, **options: Any) -> AsyncGenerator[list[Subscriber]]:
    """Connect one client for each toxic through a proxy that has it from the start; afterwards nothing may be left."""
    async with asyncio.timeout(SECONDS), AsyncExitStack() as proxies:
        await target.publisher.trigger("warm", "up", {})  # what the publisher opens once is no concern here
        found = [await proxies.enter_async_context(toxic_proxy(target.port)) for _ in toxics]
        tasks, held, turn = asyncio.all_tasks(), descriptors(), asyncio.Lock()
        async with AsyncExitStack() as clients:
            every: list[Subscriber] = []
            for proxy, toxic in zip(found, toxics, strict=True):
                proxy.toxic = proxy.toxic if toxic is None else toxic
                client = target.client({"user_id": "ann"}, port=proxy.port, **OPTIONS, **options)
                every.append(Subscriber(target, proxy, await clients.enter_async_context(client), turn))
            yield every
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("pusher_client")]
        for proxy in found:
            proxy.heal()
        while any(proxy.tasks for proxy in found) or not descriptors() <= held:
            await asyncio.sleep(0.001)
        assert asyncio.all_tasks() <= tasks


@asynccontextmanager
async def subscriber(target: Target) -> AsyncGenerator[Subscriber]:
    """Connect one client."""
    async with subscribers(target, None) as (one,):
        yield one


async def test_what_is_late_or_in_pieces_is_no_loss(target: Target) -> None:
    """From the handshake on: no connection is abandoned, and everything arrives once and in order (R1, R4, R5).

    A connection that is reset three times on such a way is one gap each time.
    """

    async def live(one: Subscriber) -> None:
        await one.subscribe()
        for _ in range(2):
            await one.publish()
            await one.probe()
        await one.settle()
        one.check(cuts=0)
        assert one.proxy.accepted == 1
        for cut in (1, 2, 3):
            one.proxy.reset()
            await one.back(cut)
            await one.probe()
            await one.settle()
        one.check(cuts=3)

    toxics = [Toxic(latency=0.005, jitter=0.03), Toxic(slice=1), Toxic(bandwidth=20_000, slice=200)]
    async with subscribers(target, *toxics) as every:
        await asyncio.gather(*map(live, every))


SILENCES = [
    Toxic(swallows_sent=True, swallows_received=True),
    Toxic(swallows_sent=True),
    Toxic(swallows_received=True),
    Toxic(half_open=True),
]


async def test_silence_is_noticed_and_outlived(target: Target) -> None:
    """A link on which nothing passes is left in time, others are tried meanwhile, and one that works is kept (R1-R5).

    Nothing passes either way, or nothing goes out, or nothing comes in, or the server has closed unnoticed.
    """

    async def live(one: Subscriber, toxic: Toxic) -> None:
        await one.subscribe()
        clock = asyncio.get_running_loop().time
        for cut in (1, 2, 3):
            await one.probe()
            before, since = one.proxy.accepted, clock()
            one.proxy.toxic = toxic
            if toxic.swallows_received:
                await one.publish()
            if toxic.half_open:
                one.proxy.hang_up()
            looked, excused = since, 0.0
            while one.client.state is ConnectionState.CONNECTED:
                await asyncio.sleep(0.001)
                excused += max(0.0, clock() - looked - 0.1)  # when the machine had no time for this process
                looked = clock()
            assert looked - since - excused <= IMPATIENT["activity_timeout"] + IMPATIENT["pong_timeout"] + 1.0
            while one.proxy.accepted < before + 2:
                await asyncio.sleep(0.001)
            one.proxy.heal()
            await one.back(cut)
            await one.settle()
        await one.probe()
        one.check(cuts=3)

    async with subscribers(target, *[None] * len(SILENCES), **IMPATIENT) as every:
        await asyncio.gather(*map(live, every, SILENCES))


@pytest.mark.parametrize("gently", [False, True], ids=["reset", "closed"])
async def test_a_cut_is_one_gap_however_many_attempts_fail(target: Target, *, gently: bool) -> None:
    """Whether the connection is reset or closed, and new ones fail for a while (R2, R3, R5)."""
    async with subscriber(target) as one:
        await one.subscribe()
        for cut, refused in ((1, 0), (2, 3), (3, 1)):
            await one.probe()
            before = one.proxy.accepted
            one.proxy.toxic = Toxic(refuses=refused > 0)
            (one.proxy.hang_up if gently else one.proxy.reset)()
            while one.proxy.accepted < before + refused:
                await asyncio.sleep(0.001)
            one.proxy.heal()
            await one.back(cut)
            await one.settle()
        await one.probe()
        one.check(cuts=3)


async def test_a_close_that_is_told_late_is_one_gap(target: Target) -> None:
    """The server has closed, and the connection stays open for a while (R1, R5)."""
    async with subscriber(target) as one:
        await one.subscribe()
        for cut in (1, 2, 3):
            await one.probe()
            one.proxy.toxic = Toxic(slow_close=0.1)
            one.proxy.hang_up()
            await one.publish()
            await one.back(cut)
            one.proxy.heal()
            await one.settle()
        await one.probe()
        one.check(cuts=3)


async def test_a_connection_that_is_cut_at_any_byte_is_outlived(target: Target) -> None:
    """In the answer to the upgrade, the first message, or an acknowledgement; every client recovers (R3, R5)."""
    async with subscriber(target) as one:
        await one.subscribe()
        await one.probe()
        for limit in range(1, 1500, 187):
            before = one.proxy.accepted
            one.proxy.toxic = Toxic(limit=limit)
            one.proxy.reset()
            while one.proxy.accepted < before + 2 and not (one.proxy.accepted > before and one.complete):
                await asyncio.sleep(0.001)
            one.proxy.heal()
            await one.back_for_good()
            await one.probe()
        one.check()
