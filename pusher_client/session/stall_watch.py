"""What a blocked event loop does to timers: the log tells of it, and what is due waits for what came (R1, R7)."""

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
    """Warns when the loop stood still for a second or more.

    Each watch is one short timer, set when something comes that may call handlers: it is late when one of them blocks.
    Nothing is measured for a single event, and without traffic no timer is set.

    Args:
        loop: The event loop that is watched.

    Attributes:
        loop: As above.
        event: The last event that was handed out during this watch, for the log.
    """

    __slots__ = ("_due", "_next_warning", "_noticed", "_stopped", "_timer", "_untold", "event", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._noticed = self._next_warning = -math.inf
        self._untold = 0
        self._stopped = False
        self.event: Event | None = None

    def watch(self, now: float) -> float:
        """Watch for a moment, and return its end; what comes later needs another watch."""
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
        """Hear that what was due at a moment comes only now: the loop stood still between, at the least."""
        # Timers that were due during the same stall all come late; the first of them has told of it.
        if now - due < _LONG or due <= self._noticed:
            return
        self._noticed = now
        if now < self._next_warning:
            self._untold += 1
            return
        self._next_warning = now + _SECONDS_BETWEEN_WARNINGS
        _logger.warning(
            "the event loop stood still for %.1f s or more%s%s: nothing was received or answered meanwhile; "
            "a handler that blocks should be async, or leave such work to a thread with asyncio.to_thread()",
            now - due,
            self._told_event(),
            f", and {self._untold} times before since the last warning" if self._untold else "",
        )
        self._untold = 0

    def stop(self) -> None:
        """Watch no more."""
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

    def _told_event(self) -> str:
        event = self.event
        return "" if event is None else f", after the event {event.name[:_LONGEST_NAME_LOGGED]!r} of {event.channel}"


class DeadlineTimer:
    """Calls when a deadline has come, and a little later when it could not be kept.

    Args:
        stalls: Watches the event loop that this happens in.
        call: What is called; it sets the next deadline.
    """

    __slots__ = ("_call", "_due", "_not_before", "_stalls", "_stopped", "_timer")

    def __init__(self, stalls: StallWatch, call: Callable[[], object]) -> None:
        self._stalls = stalls
        self._call = call
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # kept here: uvloop's handle for a moment that has come does not tell it
        self._not_before = 0.0
        self._stopped = False

    def set(self, due: float | None) -> None:
        """Call at this moment, unless it calls earlier anyway."""
        if due is None or self._stopped:
            return
        due = max(due, self._not_before)
        if self._timer is not None and self._due <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = self._stalls.loop.call_at(due, self._on_time, due), due

    def stop(self) -> None:
        """Call no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self, due: float) -> None:
        self._timer, now = None, self._stalls.loop.time()
        self._stalls.late(due, now)
        if due != self._not_before and now - due > _HELD_UP:
            # Somebody has blocked the loop: what came meanwhile, such as a pong, is read before it counts as missing.
            self._not_before = now + _CATCH_UP
            self.set(self._not_before)
            return
        self._call()
