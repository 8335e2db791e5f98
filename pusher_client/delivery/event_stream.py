"""Streams of events; one task at a time reads a stream (promise R5)."""

from __future__ import annotations

from types import TracebackType
from typing import Self, final
from weakref import finalize

from pusher_client.delivery.stream_queue import StreamQueue
from pusher_client.events import Event
from pusher_client.protocol.checks import is_integer

__all__ = ["EventStream", "check_limit"]


@final
class EventStream:
    """Events in order for one reader: an async iterator, and an async context manager that closes the stream.

    ``channel.events()`` and ``client.events()`` create it. It takes in events from that moment, also after reconnects.
    A full queue refuses the newest events, and one ``pusher:overflow`` event takes their place. Once all queued events
    are read, the iteration stops after ``unsubscribe()`` or ``disconnect()``, and raises if the channel or the
    connection failed and is not retried. Further reads then stop or raise again. A stream without references is closed.
    """

    __slots__ = ("__weakref__", "_queue")

    def __init__(self, queue: StreamQueue) -> None:
        self._queue = queue
        finalize(self, queue.release).atexit = False

    @property
    def dropped(self) -> int:
        """Number of events that this stream has refused; the sum of its overflow markers."""
        return self._queue.dropped

    def close(self) -> None:
        """End the stream and discard the unread events; a waiting reader stops. No effect when repeated.

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
            PusherError: The channel or the connection failed and is not retried.
            RuntimeError: Another task is already waiting for the next event.
        """
        queue = self._queue
        if queue.waiter is not None:
            raise RuntimeError("another task is already waiting on this stream; open one stream for each reader")
        event = queue.take_queued()
        if event is not None:
            return event
        while not queue.readable:
            if queue.error is not None:
                raise queue.error.with_traceback(None)
            if queue.ended:
                raise StopAsyncIteration
            await queue.wait()
        return queue.read()

    async def take(self, limit: int) -> list[Event]:
        """Return the queued events, for readers that work in batches; wait until there is at least one.

        Args:
            limit: The largest number of events to return; at least 1.

        Returns:
            The next events in order, at most ``limit``; an empty list at the end of the stream.

        Raises:
            PusherError: The channel or the connection failed and is not retried.
            RuntimeError: Another task is already waiting for the next event.
            TypeError: ``limit`` is not an integer.
            ValueError: ``limit`` is less than 1.
        """
        check_limit(limit)
        try:
            events = [await anext(self)]
        except StopAsyncIteration:
            return []
        queue = self._queue
        while len(events) < limit and queue.readable:
            events.append(queue.read())
        return events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def check_limit(limit: object) -> None:
    """Check the ``limit`` of `EventStream.take`.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is less than 1.
    """
    if not is_integer(limit):
        raise TypeError(f"take(limit) takes the largest number of events to return, not {type(limit).__name__}")
    if limit < 1:
        raise ValueError("take(limit): the largest number of events to return must be at least 1")
