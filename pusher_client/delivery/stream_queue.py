"""The queues behind streams, and the waiters for a single event (promises R5 and R6)."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import re
from collections.abc import Callable
from typing import Protocol
from weakref import ref

from pusher_client.delivery.bounded_queue import BoundedQueue, event_bytes
from pusher_client.events import OVERFLOW, Event, Overflow
from pusher_client.exceptions import PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.names import is_application_event

__all__ = ["EventWaiter", "NameFilter", "StreamQueue", "StreamQueueOwner", "log_overflow", "name_filter"]

NameFilter = Callable[[str], bool]

_logger = logging.getLogger("pusher_client")


class StreamQueueOwner(Protocol):
    """The dispatcher that fills the queue, as far as the queue uses it; a queue does not keep it alive."""

    def note_overflow(self, event: Event) -> None:
        """Store an overflow marker that has to be logged and given to handlers."""
        ...

    def report_overflows(self) -> None:
        """Log the stored markers and give them to the handlers."""
        ...

    def check_caller(self) -> None:
        """Check that the reader runs in the event loop and thread of the client.

        Raises:
            RuntimeError: It runs in another one.
        """
        ...

    def remove(self, consumer: StreamQueue) -> None:
        """Offer no more events to this queue, which its reader closed."""
        ...

    def invalidate_routes(self) -> None:
        """Called when a stream was garbage-collected, possibly in another thread."""
        ...


class StreamQueue(BoundedQueue[Event]):
    """The queue of one stream. The dispatcher refers to the queue, only the reader refers to the stream.

    Args:
        channel: The channel's name, or None for a stream of all channels.
        wanted: Returns whether an event of this name is queued.
        limit: The number of events that the queue holds.
        budget: The client's budget of bytes.
        owner: The dispatcher; not kept alive.
        unclaimed: Whether no reader has asked for the stream yet. Events that are refused then do not count as lost,
            and the queue leaves half of the budget to other queues.

    Attributes:
        ended: Whether the queue accepts no more events.
        error: The error to raise after the last event.
        unclaimed: As above; false once a reader iterates.
        waiter: The future that the reader awaits, if it waits.
    """

    __slots__ = ("__weakref__", "_channel", "_loop", "_owner", "ended", "error", "unclaimed", "waiter", "wants")

    def __init__(
        self,
        channel: str | None,
        wanted: NameFilter,
        *,
        limit: int,
        budget: ByteBudget,
        owner: ref[StreamQueueOwner],
        unclaimed: bool = False,
    ) -> None:
        super().__init__(limit, budget)
        self._channel = channel
        self._owner: Callable[[], StreamQueueOwner | None] = owner
        self._loop: asyncio.AbstractEventLoop | None = None
        self.wants: NameFilter = wanted
        self.unclaimed: bool = unclaimed
        self.ended: bool = False
        self.error: PusherError | None = None
        self.waiter: asyncio.Future[None] | None = None

    def offer(self, event: Event) -> bool:
        """Queue an event; return whether it counts as accepted."""
        if self.ended:
            return True
        if self.unclaimed and self._budget.used * 2 > self._budget.limit:
            self.refuse()
            return True
        if not self.push(event, event_bytes(event)):
            if self.unclaimed:
                return True
            self._loop = asyncio.get_running_loop()
            self._wake()
            return False
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        return True

    def check_reader(self) -> None:
        """Check that the reader runs in the event loop and thread of the client.

        Raises:
            RuntimeError: It runs in another one.
        """
        owner = self._owner()
        if owner is not None:
            owner.check_caller()

    async def wait(self) -> None:
        """Wait until an event may be readable, or the queue has ended."""
        self.check_reader()
        if self._owner() is None:
            self.ended = True  # without a dispatcher no more events can come
            return
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None

    def read(self) -> Event:
        """Take the next event; if it is the marker of a run that ends here, report it to the handlers too."""
        if self.refused and not self._items:
            marker, owner = self.take(), self._owner()
            if owner is not None:
                owner.report_overflows()
            return marker
        return self.take()

    def end(self, error: PusherError | None) -> None:
        """Accept no more events. The queued ones can still be read; then the stream raises ``error`` or stops."""
        if self.refused and not self.unclaimed:
            self.end_run()
        self.ended = True
        self.error = error
        self._owner = _nobody
        if self.waiter is not None and self.waiter.get_loop().is_closed():
            self.waiter = None  # the event loop was closed, and the reader with it
        self._wake()

    def close(self) -> None:
        """Accept no more events and discard the queued ones."""
        owner = self._owner()
        if self.refused and not self.unclaimed:
            self.end_run()
        self._discard()
        self._wake()
        if owner is not None:
            owner.remove(self)
            owner.report_overflows()

    def release(self) -> None:
        """Close the queue after its stream was garbage-collected.

        This may run at any time and in any thread, so a loss is reported to handlers later, from the event loop.
        """
        owner, refused = self._owner(), 0 if self.unclaimed else self.refused
        self._discard()
        if owner is None:
            return
        owner.invalidate_routes()
        if refused:
            owner.note_overflow(self._overflow(refused))
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(owner.report_overflows)

    def _discard(self) -> None:
        self.ended = True
        self.error = None
        self.clear()

    def _marker(self, refused: int) -> Event:
        event, owner = self._overflow(refused), self._owner()
        if owner is None:
            log_overflow(event)
        else:
            owner.note_overflow(event)
        return event

    def _overflow(self, refused: int) -> Event:
        return Event(OVERFLOW, self._channel, Overflow(self._channel, refused))

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class EventWaiter:
    """The consumer that ``wait_for()`` registers: it takes one event.

    Args:
        wanted: Returns whether an event of this name is awaited.
        withdrawn: The error to raise if the channel is unsubscribed, or the client disconnects, before the event.

    Attributes:
        wants: As ``wanted``.
        ended: Whether it accepts no more events.
    """

    __slots__ = ("_result", "_wait_ended", "ended", "wants")

    def __init__(self, wanted: NameFilter, withdrawn: PusherError) -> None:
        self.wants: NameFilter = wanted
        self.ended: bool = False
        self._wait_ended = withdrawn
        self._result: asyncio.Future[Event | PusherError] = asyncio.get_running_loop().create_future()

    def offer(self, event: Event) -> bool:
        """Take the event if it is the first one."""
        self._finish(event)
        return True

    def end(self, error: PusherError | None) -> None:
        """End the wait with this error, or with the one given at construction."""
        if self._result.get_loop().is_closed():
            return
        self._finish(self._wait_ended if error is None else error)

    async def wait(self, seconds: float | None = None) -> Event | None:
        """Return the event, or None if it has not arrived after so many seconds.

        Raises:
            PusherError: The subscription or the connection ended before.
        """
        # Not with asyncio.timeout(), which would lose an event that arrives in the turn in which it expires.
        await asyncio.wait((self._result,), timeout=seconds)
        if not self._result.done():
            return None
        result = self._result.result()
        if isinstance(result, PusherError):
            raise result.with_traceback(None)
        return result

    def _finish(self, result: Event | PusherError) -> None:
        self.ended = True
        if not self._result.done():
            self._result.set_result(result)


def name_filter(names: tuple[str, ...]) -> NameFilter:
    """Return a filter for the names that match one of these globs; for those of application events without globs.

    Raises:
        TypeError: A name is not a string.
    """
    if not names:
        return is_application_event
    if not all(isinstance(name, str) for name in names):
        raise TypeError("the names of events must be strings, for example 'order-created' or a glob such as 'order-*'")
    match = re.compile("|".join(map(fnmatch.translate, names))).match
    return lambda name: match(name) is not None


def log_overflow(event: Event) -> None:
    """Log the loss that a stream's overflow marker reports (promise R5)."""
    where = "all channels" if event.channel is None else event.channel
    _logger.warning("a stream of %s refused %d events: its queue was full", where, event.data.dropped)


def _nobody() -> None:
    return None
