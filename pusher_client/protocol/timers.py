"""The deadlines of everything that waits, in one heap."""

from __future__ import annotations

import heapq
from typing import Protocol

__all__ = ["Entry", "Timed", "Timers"]


class Entry:
    """One entry of the heap; without its object once it is stale, so that an ended object is not kept alive."""

    __slots__ = ("due", "timed")

    def __init__(self, due: float, timed: Timed) -> None:
        self.due: float = due
        self.timed: Timed | None = timed


class Timed(Protocol):
    """Something with a deadline that may move."""

    armed: Entry | None
    """Its valid entry in the heap; written by ``Timers`` alone."""

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""


class Timers:
    """A heap that takes earlier deadlines at once, and reads later ones when it fires.

    Traffic puts deadlines off all the time; an entry that fires too early is looked at again and put back.
    An entry is stale when an earlier one has replaced it, or its object was discarded. The heap is rebuilt when more
    than half of it is stale, so stale entries do not accumulate (R6).
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry]] = []
        self._count = 0
        self._stale = 0

    def __len__(self) -> int:
        """Return the number of entries, stale ones included."""
        return len(self._heap)

    def arm(self, timed: Timed) -> None:
        """See to it that ``timed`` is looked at when its deadline comes."""
        due = timed.deadline()
        if due is None or (timed.armed is not None and timed.armed.due <= due):
            return
        self.discard(timed)
        timed.armed = Entry(due, timed)
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, timed.armed))

    def discard(self, timed: Timed) -> None:
        """Forget the deadline of ``timed``, which has ended or gets an earlier one."""
        entry = timed.armed
        if entry is None:
            return
        entry.timed = timed.armed = None
        self._stale += 1
        if 2 * self._stale > len(self._heap):
            self._heap = [item for item in self._heap if item[2].timed is not None]
            heapq.heapify(self._heap)
            self._stale = 0

    def deadline(self) -> float | None:
        """Return when ``fire`` has something to look at."""
        return self._heap[0][0] if self._heap else None

    def fire(self, now: float) -> None:
        """Let everything do what is due by now."""
        while self._heap and self._heap[0][0] <= now:
            timed = heapq.heappop(self._heap)[2].timed
            if timed is None:
                self._stale -= 1
                continue
            timed.armed = None
            deadline = timed.deadline()
            if deadline is not None and deadline <= now:
                timed.handle_deadline(now)
            self.arm(timed)
