"""Handlers and iterators, fast and slow, of the channels on which the server publishes."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from benchmarks.soak.channels import ECHO, ENCRYPTED, PRESENCE, PRIVATE, PUBLIC, PUBLISHED, TICK
from benchmarks.soak.ledger import Books, Ledger
from benchmarks.soak.problems import Problems
from pusher_client import MARKERS, Event, PusherClient

PAUSES = 0.05
"""The share of events after which a slow reader pauses."""

__all__ = ["Readers"]


class Readers:
    """All that read with one client, each with a ledger.

    Args:
        client: Whose events they read.
        books: Where they begin their ledgers.
        lots: Draws how slow the slow ones are.
    """

    def __init__(self, client: PusherClient, books: Books, lots: random.Random) -> None:
        self._client = client
        self._books = books
        self._lots = lots
        self._inline: dict[str, Ledger] = {}
        self._channels = {name: client.channel(name) for name in (*PUBLISHED, ECHO)}

    @property
    def stats(self) -> dict[str, dict[str, int]]:
        """What the client counts on each channel."""
        return {name: dataclasses.asdict(channel.stats) for name, channel in self._channels.items()}

    def begin(self) -> list[Coroutine[Any, Any, None]]:
        """Bind the handlers, and return the loops over the iterators."""
        for channel in (PUBLIC, ENCRYPTED):
            ledger = self._inline[channel] = self._books.open(f"{channel}, plain handler", overflows=False)
            self._client.channel(channel).bind_global(ledger.take)
        delayed = self._books.open(f"{PRIVATE}, async handler")

        async def take(event: Event) -> None:
            await asyncio.sleep(self._lots.random() / 100)
            delayed.take(event)

        self._client.channel(PRIVATE).bind_global(take)
        watched = (TICK, *MARKERS)
        return [
            self._read(self._client.channel(ENCRYPTED).events(*watched), f"{ENCRYPTED}, iterator"),
            self._read(self._client.channel(PRESENCE).events("*"), f"{PRESENCE}, iterator"),
            self._read(self._client.channel(PUBLIC).events(*watched, queue_size=32), f"{PUBLIC}, slow iterator", 3.0),
            self._read_all(self._client.events(*watched)),
        ]

    def check(self, problems: Problems) -> None:
        """Complain if what the client counts does not add up, or is less than what a handler had."""
        for name, channel in self._channels.items():
            stats = channel.stats
            if stats.received != stats.delivered + stats.dropped + stats.undecryptable + stats.waiting:
                problems.add("counts do not add up", f"{name}: {stats}")
            ledger = self._inline.get(name)
            if ledger is not None and stats.delivered + stats.dropped < ledger.counts["events"]:
                problems.add("counts do not add up", f"{name}: {stats}, the handler had {ledger.counts}")

    async def _read(self, events: AsyncIterator[Event], name: str, pause: float = 0.0) -> None:
        ledger = self._books.open(name, reference=self._inline[PUBLIC] if pause else None)
        async for event in events:
            ledger.take(event)
            if pause and self._lots.random() < PAUSES:
                await asyncio.sleep(self._lots.uniform(0, pause))

    async def _read_all(self, events: AsyncIterator[Event]) -> None:
        ledgers = {channel: self._books.open(f"{channel}, the client's iterator") for channel in PUBLISHED}
        async for event in events:
            for channel, ledger in ledgers.items():
                if event.channel in (channel, None):
                    ledger.take(event)
