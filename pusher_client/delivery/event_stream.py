"""Streams of events, each read by one task (promise R5)."""

from __future__ import annotations

from types import TracebackType
from typing import Self, final
from weakref import finalize

from pusher_client.delivery.stream_queue import StreamQueue
from pusher_client.events import Event

__all__ = ["EventStream"]


@final
class EventStream:
    """Events in order, for one reader: an async iterator, and an async context manager that closes it.

    It is made by ``channel.events()`` and ``client.events()``, takes in events from that moment, and survives
    reconnects. A full queue refuses the newest events; one ``pusher:overflow`` event then stands in their place. The
    iteration ends after ``unsubscribe()`` or ``disconnect()``, and raises when the channel or the link failed for good,
    in both cases once everything queued was read, and again whenever it is tried again. A stream that is dropped
    without being closed is forgotten.
    """

    __slots__ = ("__weakref__", "_queue")

    def __init__(self, queue: StreamQueue) -> None:
        self._queue = queue
        finalize(self, queue.release).atexit = False

    @property
    def dropped(self) -> int:
        """How many events this stream has refused since it was opened; the overflow markers add up to it."""
        return self._queue.dropped

    def close(self) -> None:
        """End the stream and discard what was not read; a reader that waits is released. Harmless when repeated.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._queue.check_reader()
        self._queue.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event.

        Raises:
            StopAsyncIteration: The stream is closed, or the channel was unsubscribed, or the client disconnected.
            PusherError: The channel or the link failed for good.
            RuntimeError: Another task is waiting for the next event already.
        """
        queue = self._queue
        if queue.waiter is not None:
            raise RuntimeError("another task is already waiting on this stream; open one stream for each reader")
        if not queue.before:
            event = queue.take_queued()
            if event is not None:
                return event
        while queue.before:
            earlier, _ = queue.before[0]
            if earlier.readable:
                return earlier.read()
            queue.before = queue.before[1:]
        while not queue.readable:
            if queue.error is not None:
                raise queue.error.with_traceback(None)
            if queue.ended:
                raise StopAsyncIteration
            await queue.wait()
        return queue.read()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
