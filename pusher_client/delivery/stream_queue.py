"""What a dispatcher fills: the queues behind streams, and those who wait for one event (promises R5 and R6)."""

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
    """What a queue asks of the dispatcher that fills it, whom it does not keep alive."""

    def note_overflow(self, event: Event) -> None:
        """Note a marker that the log and the handlers have to hear of."""
        ...

    def report_overflows(self) -> None:
        """Let the log and the handlers hear of the markers noted."""
        ...

    def check_caller(self) -> None:
        """Check that the reader is where the client is connected.

        Raises:
            RuntimeError: It is in another event loop.
        """
        ...

    def remove(self, consumer: StreamQueue) -> None:
        """Offer nothing more to this queue, which its reader closed."""
        ...

    def invalidate_routes(self) -> None:
        """Hear, at any moment and in any thread, that a queue has ended because its reader is gone."""
        ...


class StreamQueue(BoundedQueue[Event]):
    """The queue behind a stream: the dispatcher holds it, while the stream itself is the reader's alone.

    Args:
        channel: The channel's name, or None for a stream of all channels.
        wanted: Tells which events by their names.
        limit: How many events are held.
        budget: The allowance of bytes.
        owner: The dispatcher; not kept alive.
        unclaimed: Whether nobody has asked for this stream yet. What it refuses then is no loss to anyone, and it
            leaves half of the budget to those who read.

    Attributes:
        ended: Whether nothing more comes.
        error: What is raised when everything has been read.
        unclaimed: As above; false once somebody iterates.
        waiter: What the reader waits for, if it does.
        before: The ended queues of earlier subscriptions, read before this one, each with the stream without which it
            would be emptied.
    """

    __slots__ = ("_channel", "_loop", "_owner", "before", "ended", "error", "unclaimed", "waiter", "wants")

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
        self.before: tuple[tuple[StreamQueue, object], ...] = ()

    def offer(self, event: Event) -> bool:
        """Queue an event, and tell whether it counts as accepted."""
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
        """Check that the reader is where the client is connected.

        Raises:
            RuntimeError: It is in another event loop.
        """
        owner = self._owner()
        if owner is not None:
            owner.check_caller()

    async def wait(self) -> None:
        """Wait until there may be something to read, or the end."""
        self.check_reader()
        if self._owner() is None:
            self.ended = True  # nobody is left who could fill it
            return
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None

    def read(self) -> Event:
        """Take the next event; a marker that ends a run of losses here is told to the handlers too."""
        if self.refused and not self._items:
            marker, owner = self.take(), self._owner()
            if owner is not None:
                owner.report_overflows()
            return marker
        return self.take()

    def end(self, error: PusherError | None) -> None:
        """Accept nothing more; what is queued can still be read, and then ``error`` is raised or the stream stops."""
        if self.refused and not self.unclaimed:
            self.end_run()
        self.ended = True
        self.error = error
        self._owner = _nobody
        if self.waiter is not None and self.waiter.get_loop().is_closed():
            self.waiter = None  # its reader is gone with the event loop
        self._wake()

    def close(self) -> None:
        """Accept nothing more and discard what is queued, as the reader wishes."""
        owner = self._owner()
        if self.refused and not self.unclaimed:
            self.end_run()
        self._discard()
        self._wake()
        if owner is not None:
            owner.remove(self)
            owner.report_overflows()

    def release(self) -> None:
        """Do the same when the stream was dropped: this may run at any moment, so handlers hear of a loss later."""
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
        self.before = ()
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
    """One reader of one event: what ``wait_for()`` puts among the streams.

    Args:
        wanted: Tells which event by its name.
        withdrawn: What is raised when the channel is unsubscribed, or the client disconnected, before it came.
    """

    __slots__ = ("_result", "_wait_ended", "ended", "wants")

    def __init__(self, wanted: NameFilter, withdrawn: PusherError) -> None:
        self.wants: NameFilter = wanted
        self.ended: bool = False
        self._wait_ended = withdrawn
        self._result: asyncio.Future[Event | PusherError] = asyncio.get_running_loop().create_future()

    def offer(self, event: Event) -> bool:
        """Take the event if it is the first."""
        self._finish(event)
        return True

    def end(self, error: PusherError | None) -> None:
        """Wait no longer."""
        if self._result.get_loop().is_closed():
            return
        self._finish(self._wait_ended if error is None else error)

    async def wait(self) -> Event:
        """Return the event, or raise what came instead."""
        result = await self._result
        if isinstance(result, PusherError):
            raise result.with_traceback(None)
        return result

    def _finish(self, result: Event | PusherError) -> None:
        self.ended = True
        if not self._result.done():
            self._result.set_result(result)


def name_filter(names: tuple[str, ...]) -> NameFilter:
    """Return what tells whether a name matches one of these globs; without any, whether it is the application's.

    Raises:
        TypeError: A name is no string.
    """
    if not names:
        return is_application_event
    if not all(isinstance(name, str) for name in names):
        raise TypeError("names are strings: event names, or globs as 'order-*'")
    match = re.compile("|".join(map(fnmatch.translate, names))).match
    return lambda name: match(name) is not None


def log_overflow(event: Event) -> None:
    """Log the loss that a stream's marker tells of (promise R5)."""
    where = "all channels" if event.channel is None else event.channel
    _logger.warning("a stream of %s refused %d events: its queue was full", where, event.data.dropped)


def _nobody() -> None:
    return None
