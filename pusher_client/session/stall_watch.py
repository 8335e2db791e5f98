"""Detection of a blocked event loop: a warning, and timers that let received frames go first (R1, R7)."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from pusher_client.events import Event

__all__ = ["DeadlineTimer", "StallWatch"]

_HELD_UP = 0.1
_CATCH_UP = 0.05
_LONG = 1.0
_WINDOW = 0.25
_SECONDS_BETWEEN_WARNINGS = 60.0
_LONGEST_NAME_LOGGED = 200

_logger = logging.getLogger("pusher_client")


class StallWatch:
    """Logs a warning when the event loop was blocked for a second or more.

    Each watch is one short timer, set before an input that may call handlers. It fires late if one of them blocks.
    Single events are not measured, and without traffic no timer is set.

    Args:
        loop: The event loop to watch.

    Attributes:
        loop: As above.
        event: The last event that was delivered during this watch, for the log.
    """

    __slots__ = ("_due", "_next_warning", "_noticed", "_stopped", "_timer", "_unreported", "event", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._noticed = self._next_warning = -math.inf
        self._unreported = 0
        self._stopped = False
        self.event: Event | None = None

    def watch(self, now: float) -> float:
        """Watch for a short time and return its end; later inputs need another watch."""
        if self._stopped:
            return math.inf
        if self._timer is not None:
            if now <= self._due:
                return self._due
            self.late(self._due, now)
            self._timer.cancel()
        self._due = now + _WINDOW
        self._timer = self.loop.call_at(self._due, self._in_time)
        return self._due

    def late(self, due: float, now: float) -> None:
        """Called when a timer fires late: the loop was blocked at least from ``due`` to ``now``."""
        # All timers that were due while the loop was blocked fire late; only the first of them is reported.
        if now - due < _LONG or due <= self._noticed:
            return
        self._noticed = now
        if now < self._next_warning:
            self._unreported += 1
            return
        self._next_warning = now + _SECONDS_BETWEEN_WARNINGS
        _logger.warning(
            "the event loop was blocked for %.1f s or more%s%s: nothing was received or answered meanwhile; "
            "make a handler that blocks async, or run the blocking call with asyncio.to_thread()",
            now - due,
            self._after_event(),
            f", and {self._unreported} times before since the last warning" if self._unreported else "",
        )
        self._unreported = 0

    def stop(self) -> None:
        """Stop watching."""
        self._stopped = True
        if self._timer is not None:
            self.late(self._due, self.loop.time())
            self._timer.cancel()
            self._timer = None
        self.event = None

    def _in_time(self) -> None:
        self._timer = None
        self.late(self._due, self.loop.time())
        self.event = None

    def _after_event(self) -> str:
        event = self.event
        return "" if event is None else f", after the event {event.name[:_LONGEST_NAME_LOGGED]!r} of {event.channel}"


class DeadlineTimer:
    """Calls a function at a deadline, or shortly after it if the event loop was blocked.

    Args:
        stalls: Watches the event loop.
        call: Called at the deadline; it sets the next one.
    """

    __slots__ = ("_call", "_due", "_not_before", "_stalls", "_stopped", "_timer")

    def __init__(self, stalls: StallWatch, call: Callable[[], object]) -> None:
        self._stalls = stalls
        self._call = call
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # kept here: uvloop's handle of a timer that has fired does not know it
        self._not_before = 0.0
        self._stopped = False

    def set(self, due: float | None) -> None:
        """Set the deadline, unless an earlier one is set."""
        if due is None or self._stopped:
            return
        due = max(due, self._not_before)
        if self._timer is not None and self._due <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = self._stalls.loop.call_at(due, self._on_time, due), due

    def stop(self) -> None:
        """Stop calling."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self, due: float) -> None:
        self._timer, now = None, self._stalls.loop.time()
        self._stalls.late(due, now)
        if due != self._not_before and now - due > _HELD_UP:
            # The loop was blocked: frames that arrived meanwhile, such as a pong, are read before the deadline counts.
            self._not_before = now + _CATCH_UP
            self.set(self._not_before)
            return
        self._call()
