"""This client after a loss: ``resubscription`` of all channels after a cut, and ``rotation`` of a key in use."""

from __future__ import annotations

import asyncio
import time

from benchmarks.clients.meter import END, EVENT, LoopWatch, Setup, report, run
from benchmarks.clients.this_client import client_for, ignore
from pusher_client import Channel, Event, PusherClient

KEYS = 2
"""The floods: one under each key."""


class ChannelWatch(LoopWatch):
    """Looks at a channel as well.

    Attributes:
        most_waiting: How many events were held for a key at most.
        waited: From when to when there were any.
    """

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.most_waiting = 0
        self.waited = (0.0, 0.0)
        self._channel = channel

    async def tick(self) -> None:
        """Look once."""
        await super().tick()
        waiting, now = self._channel.stats.waiting, time.perf_counter()
        if waiting:
            self.most_waiting = max(self.most_waiting, waiting)
            self.waited = (self.waited[0] or now, now)


async def keep_watching(watch: LoopWatch) -> None:
    """Look until cancelled."""
    while True:
        await watch.tick()


async def resubscribe(client: PusherClient, setup: Setup) -> None:
    """Subscribe everything, wait for the connection to be cut, and measure until everything is back."""
    channels = [client.channel(name) for name in setup.channels]
    for channel in channels:
        channel.bind(EVENT, ignore)
    await asyncio.gather(*(channel.subscribe() for channel in channels))
    lost, back, all_back = asyncio.Event(), asyncio.Event(), asyncio.Event()
    missing = {channel.name for channel in channels}

    def tick_off(event: Event) -> None:
        missing.discard(event.channel or "")
        if not missing:
            all_back.set()

    client.bind("pusher:subscription_succeeded", tick_off)
    client.connection.bind("connecting", lambda _: lost.set())
    client.connection.bind("connected", lambda _: back.set())
    report(ready=True)
    await lost.wait()
    cut, watch = time.perf_counter(), LoopWatch()
    watching = asyncio.create_task(keep_watching(watch))
    await back.wait()
    connected, cpu = time.perf_counter(), time.process_time()
    await all_back.wait()
    now = time.perf_counter()
    watching.cancel()
    report(
        from_connected=now - connected,
        from_cut=now - cut,
        cpu=time.process_time() - cpu,
        longest_block=watch.longest_block,
        longest_work=watch.longest_work,
    )


async def rotate(client: PusherClient, setup: Setup) -> None:
    """Read one run under the first key and another under the next one, and see that nothing is lost or misplaced."""
    (channel,) = (client.channel(name) for name in setup.channels)
    numbers: list[int] = []
    ends: list[float] = []
    over, watch = asyncio.Event(), ChannelWatch(channel)

    def count(event: Event) -> None:
        numbers.append(event.data["id"])

    def end(_event: Event) -> None:
        ends.append(time.perf_counter())
        if len(ends) == KEYS:
            over.set()

    channel.bind(EVENT, count)
    channel.bind(END, end)
    await channel.subscribe()
    watching = asyncio.create_task(keep_watching(watch))
    report(ready=True)
    await over.wait()
    watching.cancel()
    begin, until = watch.waited
    report(
        numbers=numbers,
        most_waiting=watch.most_waiting,
        caught_up_after=until - begin,
        longest_block=watch.longest_block,
        longest_work=watch.longest_work,
        dropped=channel.stats.dropped,
        undecryptable=channel.stats.undecryptable,
        key_refreshes=channel.stats.key_refreshes,
    )


async def main(setup: Setup) -> None:
    """Connect and do what is asked for."""
    async with client_for(setup) as client:
        await (resubscribe if setup.reader == "resubscription" else rotate)(client, setup)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    run(main)
