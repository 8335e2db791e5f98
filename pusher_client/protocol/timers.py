"""The deadlines of everything that waits, in one heap."""

from __future__ import annotations

import heapq
from typing import Protocol

__all__ = ["Timed", "Timers"]


class Timed(Protocol):
    """Something with a deadline that may move."""

    armed: float | None
    """The time under which it stands in the heap; written by ``Timers`` alone."""

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""


class Timers:
    """A heap that takes earlier deadlines at once, and reads later ones when it fires.

    Traffic puts deadlines off all the time; an entry that fires too early is looked at again and put back.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._count = 0

    def arm(self, timed: Timed) -> None:
        """See to it that ``timed`` is looked at when its deadline comes."""
        due = timed.deadline()
        if due is None or (timed.armed is not None and timed.armed <= due):
            return
        timed.armed = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, timed))

    def deadline(self) -> float | None:
        """Return when ``fire`` has something to look at."""
        return self._heap[0][0] if self._heap else None

    def fire(self, now: float) -> None:
        """Let everything do what is due by now."""
        while self._heap and self._heap[0][0] <= now:
            due, _, timed = heapq.heappop(self._heap)
            if timed.armed != due:
                continue
            timed.armed = None
            deadline = timed.deadline()
            if deadline is not None and deadline <= now:
                timed.handle_deadline(now)
            self.arm(timed)
