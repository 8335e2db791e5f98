"""Which occurrences of a condition are logged: the first one, then counts per interval (docs/design.md 10)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["RepeatedConditions", "Repetition"]


@dataclass(frozen=True, slots=True)
class Repetition:
    """What was not logged of a condition.

    Attributes:
        condition: The condition.
        count: Number of occurrences in the interval, without those that were logged at once.
        seconds: The length of the interval.
    """

    condition: Hashable
    count: int
    seconds: float


class _Interval:
    __slots__ = ("began", "count", "seconds")

    def __init__(self, now: float, seconds: float) -> None:
        self.began = now
        self.seconds = seconds
        self.count = 0


class RepeatedConditions:
    """Counts what repeats, so that a log line stands for many occurrences.

    The first occurrence of a condition is to be logged when it occurs, later ones as a count when the interval ends.
    While the condition goes on, each interval is twice as long as the one before. After an interval without it, the
    next occurrence is a first one again.

    Args:
        shortest: Seconds of the first interval.
        longest: Seconds that an interval has at most.
        limit: Number of conditions that are told apart; all further ones count as one condition, None.
    """

    __slots__ = ("_intervals", "_limit", "_longest", "_shortest")

    def __init__(self, shortest: float = 10.0, longest: float = 600.0, limit: int = 64) -> None:
        self._shortest = shortest
        self._longest = longest
        self._limit = limit
        self._intervals: dict[Hashable, _Interval] = {}

    def occurred(self, condition: Hashable, now: float) -> bool:
        """Count an occurrence, and return whether it is to be logged at once."""
        if condition not in self._intervals and len(self._intervals) >= self._limit:
            condition = None
        interval = self._intervals.get(condition)
        if interval is None:
            self._intervals[condition] = _Interval(now, self._shortest)
            return True
        interval.count += 1
        return False

    def deadline(self) -> float | None:
        """Return when `due` is to be called next; None if nothing is counted."""
        return min((one.began + one.seconds for one in self._intervals.values()), default=None)

    def due(self, now: float) -> list[Repetition]:
        """End the intervals that are over, and return what is to be logged of them."""
        found: list[Repetition] = []
        for condition, interval in tuple(self._intervals.items()):
            if now < interval.began + interval.seconds:
                continue
            if not interval.count:
                del self._intervals[condition]
                continue
            found.append(Repetition(condition, interval.count, interval.seconds))
            self._intervals[condition] = _Interval(now, min(2 * interval.seconds, self._longest))
        return found

    def end(self, now: float) -> list[Repetition]:
        """Forget every condition, and return what is still to be logged."""
        intervals, self._intervals = self._intervals, {}
        return [Repetition(key, one.count, now - one.began) for key, one in intervals.items() if one.count]
