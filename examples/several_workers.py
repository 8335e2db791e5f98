"""Divide the work on one channel among several processes: one of them subscribes and hands the events out."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.pool import Pool

from pusher_client import Event, PusherClient


def work(name: str, data: object) -> str:
    """Do what takes the processor's time, in one of the workers."""
    process = multiprocessing.current_process().name
    return f"{name} {data} by {process.partition('-')[0]}"


async def hand_out(pool: Pool) -> None:
    """Give each event to whichever worker is free; events of one order keep no order among each other."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = client.channel("private-encrypted-orders")

        @orders.bind("order-created")
        def on_created(event: Event) -> None:
            pool.apply_async(work, (event.name, event.data), callback=print)

        await orders.subscribe()
        await client.wait_closed()


if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as workers:
        asyncio.run(hand_out(workers))
