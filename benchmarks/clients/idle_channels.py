"""This client with many channels on which nothing happens: how much memory each of them takes.

``stream`` subscribes without a handler, which opens the channel's own stream; ``handler`` with one that is bound.
"""

from __future__ import annotations

import asyncio
import gc
import resource
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clients.meter import EVENT, Setup, report, run
from benchmarks.clients.this_client import client_for, ignore
from pusher_client import PusherClient

AT_A_TIME = 100


def resident() -> int:
    """Return the bytes of the process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


async def subscribe(client: PusherClient, names: Sequence[str], reader: str) -> None:
    """Subscribe channels and let go of their handles."""
    for batch in (names[start : start + AT_A_TIME] for start in range(0, len(names), AT_A_TIME)):
        for name in batch:
            if reader == "handler":
                client.channel(name).bind(EVENT, ignore)
        await asyncio.gather(*(client.subscribe(name) for name in batch))
    await asyncio.sleep(0)  # until then the loop keeps the last batch's tasks


async def main(setup: Setup) -> None:
    """Subscribe a tenth first, so that what is there once for all is not counted, then the rest."""
    async with client_for(setup) as client:
        tenth = len(setup.channels) // 10
        await subscribe(client, setup.channels[:tenth], setup.reader)
        before = resident()
        await subscribe(client, setup.channels[tenth:], setup.reader)
        report(ready=True, bytes_per_channel=(resident() - before) / (len(setup.channels) - tenth))


if __name__ == "__main__":
    run(main)
