"""Work through the events of a channel for months: say what was missed, and stop in good order on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal

from pusher_client import MARKERS, Event, Gap, PusherClient

logger = logging.getLogger("worker")


async def work(event: Event) -> None:
    """Do what has to be done about one event; it may take its time."""
    logger.info("%s %s", event.name, event.data)


async def catch_up(gap: Gap) -> None:
    """Fetch the orders that may be missing from the publisher."""
    logger.warning("something may be missing since %s", gap.last_received_at)


async def follow(client: PusherClient) -> None:
    """Take one event after the other, losses in their place."""
    orders = client.channel("private-encrypted-orders")
    async with orders.events("order-*", *MARKERS, queue_size=10_000) as stream:
        await orders.subscribe()
        async for event in stream:
            if isinstance(event.data, Gap):
                await catch_up(event.data)
            elif event.name in MARKERS:
                logger.warning("lost: %s", event.name)
            else:
                await work(event)


async def main() -> None:
    """Follow the orders until told to stop: what was received by then is worked off."""
    loop = asyncio.get_running_loop()
    client = PusherClient.from_env()  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
    await client.connect()
    following = asyncio.create_task(follow(client))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({following, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    await client.disconnect()  # ends the stream, once it is read
    await following  # raises if the connection or the channel failed, and systemd restarts the worker


logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
asyncio.run(main())
