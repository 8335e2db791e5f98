"""Use the client from a program that is not asynchronous: it runs on a thread, and hands events over in a queue."""

from __future__ import annotations

import asyncio
import queue
import threading

from pusher_client import Event, PusherClient


async def receive(events: queue.Queue[Event]) -> None:
    """Put every new order into the queue."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = client.channel("private-encrypted-orders")
        orders.bind("order-created", events.put)
        await orders.subscribe()
        await client.wait_closed()


def main() -> None:
    """Take events out of the queue, in a loop that may block."""
    events: queue.Queue[Event] = queue.Queue()
    threading.Thread(target=asyncio.run, args=[receive(events)], daemon=True).start()
    while True:
        event = events.get()
        print(event.name, event.data)


main()
