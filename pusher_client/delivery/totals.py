"""Sums of the event counts of all channels of a client."""

from __future__ import annotations

from collections import deque
from weakref import ref

from pusher_client.protocol.event_counts import EventCounts

__all__ = ["Totals"]


class Totals:
    """Sums the counts of owners that come and go, without keeping any of them alive.

    An owner may go at any moment and in any thread, wherever the garbage collector runs: that only notes it.
    """

    __slots__ = ("_counts", "_gone", "_retired")

    def __init__(self) -> None:
        self._counts: dict[ref[object], EventCounts] = {}
        self._gone: deque[ref[object]] = deque()
        self._retired = EventCounts()

    def watch(self, owner: object, counts: EventCounts) -> None:
        """Count these in; also when the owner is gone."""
        self._retire()
        self._counts[ref(owner, self._gone.append)] = counts

    def sum(self) -> EventCounts:
        """Return the sums as they stand now."""
        self._retire()
        total = EventCounts()
        for counts in (self._retired, *self._counts.values()):
            total.add(counts)
        return total

    def _retire(self) -> None:
        while self._gone:
            self._retired.add(self._counts.pop(self._gone.popleft()))
