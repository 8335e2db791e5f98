"""Sums of the event counts of all channels of a client."""

from __future__ import annotations

from collections import deque
from weakref import ref

from pusher_client.protocol.event_counts import Tally

__all__ = ["Totals"]


class Totals:
    """Sums the counts of owners that come and go, without keeping any of them alive.

    An owner may go at any moment and in any thread, wherever the garbage collector runs: that only notes it.
    """

    __slots__ = ("_gone", "_retired", "_tallies")

    def __init__(self) -> None:
        self._tallies: dict[ref[object], Tally] = {}
        self._gone: deque[ref[object]] = deque()
        self._retired = Tally()

    def watch(self, owner: object, tally: Tally) -> None:
        """Count these in; also when the owner is gone."""
        self._retire()
        self._tallies[ref(owner, self._gone.append)] = tally

    def sum(self) -> Tally:
        """Return the sums as they stand now."""
        self._retire()
        total = Tally()
        for tally in (self._retired, *self._tallies.values()):
            total.add(tally)
        return total

    def _retire(self) -> None:
        while self._gone:
            self._retired.add(self._tallies.pop(self._gone.popleft()))
