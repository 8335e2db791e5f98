"""When a relay received everything and the engine has acknowledged it."""

from __future__ import annotations

import math
from collections import deque

from pusher_client.relay.spans import Span

__all__ = ["Coverage", "Stay"]


class Stay:
    """One uninterrupted subscription.

    Args:
        start: When it began.

    Attributes:
        start: As above.
        end: Until when everything that was received is acknowledged; minus infinity at first.
        released: Whether what it received is written, and not held.
    """

    __slots__ = ("end", "released", "start")

    def __init__(self, start: float) -> None:
        self.start: float = start
        self.end: float = -math.inf
        self.released: bool = False


class Coverage:
    """The spans of one relay for one channel.

    A checkpoint is a moment and the number of entries received by then. Once so many are acknowledged, the moment is
    the end of its stay's span.

    Args:
        limit: Spans that are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stays: list[Stay] = []
        self._before: tuple[Span, ...] = ()
        self._checkpoints: deque[tuple[int, float, Stay]] = deque()

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans, those of the relay's last run first."""
        own = [Span(stay.start, stay.end) for stay in self._stays if stay.end > stay.start]
        return (*self._before, *own)[-self._limit :]

    def continue_from(self, spans: tuple[Span, ...]) -> None:
        """Take over the spans of the relay's last run."""
        self._before = spans

    def begin(self, start: float) -> Stay:
        """Return a new stay."""
        stay = Stay(start)
        self._stays = [*self._stays, stay][-self._limit :]
        return stay

    def forget(self, stay: Stay) -> None:
        """Drop a stay of which nothing was released."""
        self._stays.remove(stay)
        self._checkpoints = deque(point for point in self._checkpoints if point[2] is not stay)

    def give_up_all_but(self, stay: Stay | None) -> None:
        """Confirm nothing more of the other stays, since entries of theirs were dropped."""
        self._checkpoints = deque(point for point in self._checkpoints if point[2] is stay)

    def checkpoint(self, received: int, moment: float, stay: Stay) -> None:
        """Note that everything until a moment is among the entries received so far."""
        self._checkpoints.append((received, moment, stay))

    def confirm(self, acknowledged: int) -> None:
        """Extend the spans to the checkpoints whose entries are all acknowledged."""
        while self._checkpoints:
            received, moment, stay = self._checkpoints[0]
            if received > acknowledged or not stay.released:
                break
            self._checkpoints.popleft()
            stay.end = max(stay.end, moment)
