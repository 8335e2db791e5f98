"""Two cores that get the same inputs, and must give the same outputs (design.md 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pusher_client.events import DECRYPTION_FAILURE, Event
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.outputs import Deliver, Output

__all__ = ["Twins"]


class Twins:
    """A connection, and another that has no short cut.

    Args:
        first: The connection seen from outside.
        second: The connection compared with it, step by step.
    """

    def __init__(self, first: Connection, second: Connection) -> None:
        self._first = first
        self._second = second
        self._counts: dict[str, tuple[EventCounts, EventCounts]] = {}

    def __getattr__(self, name: str) -> Any:
        first, second = getattr(self._first, name), getattr(self._second, name)
        if name.startswith("_") or not callable(first):
            return first

        def both(*arguments: Any, **options: Any) -> Any:
            answer = first(*arguments, **options)
            assert second(*arguments, **options) == answer
            return answer

        return both

    def subscribe(self, channel: str, call_id: int, counts: EventCounts, now: float) -> None:
        """Subscribe both; each has its own counts."""
        _, other = self._counts.setdefault(channel, (counts, EventCounts()))
        self._first.subscribe(channel, call_id, counts, now)
        self._second.subscribe(channel, call_id, other, now)

    def receive_text(self, text: str, now: float) -> Event | None:
        """What one hands back at once is all that the other has among its outputs."""
        event = self._first.receive_text(text, now)
        assert self._second.receive_text(text, now) is None
        if event is not None:
            self._compare(Deliver(event), self._second.outputs())
        return event

    def outputs(self) -> Iterator[Output]:
        """Yield the outputs, each at its place in both."""
        others = self._second.outputs()
        for output in self._first.outputs():
            self._compare(output, others)
            yield output
        assert next(others, None) is None

    def _compare(self, output: Output, others: Iterator[Output]) -> None:
        other = next(others)
        assert repr(other) == repr(output)  # errors are equal to themselves alone
        if isinstance(other, Deliver) and other.event.channel in self._counts:
            _, counts = self._counts[other.event.channel]
            counts.undecryptable += other.event.name == DECRYPTION_FAILURE
            counts.delivered += not other.event.name.startswith("pusher:")

    def compare_counts(self) -> None:
        """Check that all counts are equal."""
        for first, second in self._counts.values():
            assert first.snapshot() == second.snapshot()
