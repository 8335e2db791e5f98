"""The stream of ``async for event in channel``, over all subscriptions of the channel (design.md 2)."""

from __future__ import annotations

from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.stream_queue import StreamQueue

__all__ = ["OwnStream"]


class OwnStream:
    """The current stream of one channel, and the events of an earlier subscription that were not read.

    A subscription opens the queue before anybody iterates over the channel. Such a queue is *unclaimed*, see
    `StreamQueue`.

    Attributes:
        queue: The queue of the current stream; None if there is none.
    """

    __slots__ = ("_previous", "_stream", "queue")

    def __init__(self) -> None:
        self.queue: StreamQueue | None = None
        self._stream: EventStream | None = None
        # With the stream, because the finalizer of a stream empties its queue.
        self._previous: tuple[StreamQueue, EventStream | None] | None = None

    @property
    def open(self) -> bool:
        """Whether there is a current stream that still takes events."""
        return self.queue is not None and not self.queue.ended

    def start(self, queue: StreamQueue) -> None:
        """Make this the queue of the current stream, and keep what the stream before it has not read."""
        self.leave()
        self.queue = queue
        self._stream = EventStream(queue)

    def claim(self) -> EventStream:
        """Return the current stream to a reader, with the unread events of an earlier subscription first."""
        queue, previous, stream = self.queue, self._previous, self._stream
        assert queue is not None  # noqa: S101 - there is a current stream
        assert stream is not None  # noqa: S101 - it belongs to the queue
        queue.unclaimed = False
        if previous is not None:
            self._previous = None
            queue.take_over(previous[0])
        return stream

    def leave(self) -> None:
        """End the use of the current stream; its unread events are kept if somebody has iterated over it."""
        queue = self.queue
        if queue is not None and queue.readable and not queue.unclaimed:
            self._previous = queue, self._stream
        # The queue first: without the reference to the stream, its finalizer may run at once.
        self.queue = None
        self._stream = None

    def remove(self, queue: object) -> None:
        """Forget the current stream if this is its queue, which was closed or dropped."""
        if queue is self.queue:
            self.queue = None
            self._stream = None
