"""The engine's time, reckoned with a monotonic clock, so that relays whose clocks differ mean the same moments."""

from __future__ import annotations

from collections import deque

__all__ = ["EngineClock"]

_SAMPLES = 32


class EngineClock:
    """Estimates how far the engine's clock is from the monotonic one, from the fastest of the latest answers."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        self._offset = 0.0

    def answered(self, asked: float, now: float, engine_time: float) -> None:
        """Take an answer.

        Args:
            asked: The monotonic time when the engine was asked.
            now: The monotonic time of the answer.
            engine_time: The engine's time, in seconds.
        """
        self._samples.append((now - asked, engine_time - (asked + now) / 2))
        self._offset = min(self._samples)[1]

    def at(self, moment: float) -> float:
        """Return the engine's time at a monotonic moment."""
        return moment + self._offset
