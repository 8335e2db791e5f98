"""A client's dispatchers without a client, and what tests ask of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pusher_client.delivery.channel_dispatcher import ChannelDispatcher
from pusher_client.delivery.client_dispatcher import ClientDispatcher
from pusher_client.events import Event
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.event_counts import EventCounts

__all__ = ["Dispatchers", "counts", "event", "noting", "noting_later", "settle"]

LIMIT = 1_000_000


def event(name: str = "order", data: Any = None, channel: str = "orders", raw: str = "") -> Event:
    """Make an event as the core would."""
    return Event(name, channel, data, None, raw)


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def counts(channel: ChannelDispatcher) -> tuple[int, int, int]:
    """Return the numbers of delivered, dropped and undecryptable events."""
    return channel.counts.delivered, channel.counts.dropped, channel.counts.undecryptable


def noting(heard: list[Any], word: str) -> Callable[[Event], None]:
    """Return a plain handler that appends the word and the event's data to the list."""

    def note(each: Event) -> None:
        heard.append((word, each.data))

    return note


def noting_later(heard: list[Any], word: str) -> Callable[[Event], object]:
    """Return an async handler that does the same after one switch of tasks."""

    async def note(each: Event) -> None:
        await asyncio.sleep(0)
        heard.append((word, each.data))

    return note


class Dispatchers:
    """One client's handlers and streams, and those of the channel ``orders``."""

    def __init__(self, queue_size: int = 4, limit: int = LIMIT) -> None:
        self.queue_size = queue_size
        self.budget = ByteBudget(limit)
        self.failures: list[tuple[BaseException, Any]] = []
        self.uses = 0
        self.client = ClientDispatcher(queue_size=queue_size, budget=self.budget, on_handler_error=self.on_error)
        self.channel = self.open("orders")

    def open(self, name: str) -> ChannelDispatcher:
        """Make the dispatcher of another channel."""
        return ChannelDispatcher(
            name,
            self.client,
            EventCounts(),
            queue_size=self.queue_size,
            budget=self.budget,
            on_handler_error=self.on_error,
            on_use=self.on_use,
        )

    def on_error(self, error: BaseException, value: Any) -> None:
        """Note what a handler raised."""
        self.failures.append((error, value))

    def on_use(self) -> None:
        """Count how often the use may have changed."""
        self.uses += 1

    def deliver(self, *numbers: int) -> None:
        """Deliver application events with these data on ``orders``."""
        for number in numbers:
            self.channel.counts.received += 1
            self.channel.deliver(event(data=number))
