"""Waiting for what must come, and never for longer than a test may hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pusher_client import Event

__all__ = ["SECONDS", "numbers", "take", "take_until"]

SECONDS = 60.0  # generous: it is only reached by what never comes


async def take(stream: AsyncIterator[Event], count: int) -> list[Event]:
    """Return the next events of a stream, as many as are asked for."""
    async with asyncio.timeout(SECONDS):
        return [await anext(stream) for _ in range(count)]


async def take_until(stream: AsyncIterator[Event], name: str) -> list[Event]:
    """Return the next events of a stream up to the first with a name, which is the last of them."""
    events: list[Event] = []
    async with asyncio.timeout(SECONDS):
        while not events or events[-1].name != name:
            events.append(await anext(stream))
    return events


def numbers(events: list[Event]) -> list[Any]:
    """The numbers that a test gave to its events, in the order in which they came."""
    return [event.data["number"] for event in events]
