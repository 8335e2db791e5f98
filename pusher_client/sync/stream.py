"""Streams of events that block the thread that reads them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Self

import pusher_client
from pusher_client.delivery.event_stream import check_limit
from pusher_client.events import Event
from pusher_client.exceptions import NotConnectedError, PusherError
from pusher_client.sync.thread import ClientThread

__all__ = ["EventStream"]

_BATCH = 256
"""Events that one call into the event loop brings at most: a call for each event would cost more than the event."""


class EventStream:
    """Events in order, for one reader: an iterator, and a context manager that closes it.

    It is made by ``channel.events()`` and ``client.events()`` and behaves as `pusher_client.EventStream`. To stop the
    iteration and to go on later loses nothing.

    Args:
        thread: The client's threads.
        stream: The stream of the asyncio client.
        unread: Events that were taken from that stream and not yet read.
    """

    def __init__(
        self, thread: ClientThread, stream: pusher_client.EventStream, unread: deque[Event] | None = None
    ) -> None:
        self._thread = thread
        self._stream = stream
        self._unread: deque[Event] = deque() if unread is None else unread
        self._ended = False
        self._error: PusherError | None = None

    @property
    def dropped(self) -> int:
        """How many events this stream has refused since it was opened."""
        return self._stream.dropped

    def take(self, limit: int, *, timeout: float | None = None) -> list[Event]:
        """Return what is there, at least one event and at most ``limit``, as a list in order.

        Args:
            limit: How many events at most.
            timeout: Seconds to wait for the first one; None waits for as long as it takes.

        Returns:
            The events; an empty list when the stream has ended.

        Raises:
            TimeoutError: No event came in time.
            NotConnectedError: The client has not connected yet.
            PusherError: The channel or the connection failed, and all that came before has been read.
            TypeError: ``limit`` is not an integer.
            ValueError: ``limit`` is less than 1.
        """
        check_limit(limit)
        if not self._unread and not self._ended:
            self._fetch(timeout)
        if not self._unread and self._error is not None:
            raise self._error.with_traceback(None)
        return [self._unread.popleft() for _ in range(min(limit, len(self._unread)))]

    def close(self) -> None:
        """End the stream and discard what was not read; a thread that waits is released."""
        self._unread.clear()
        self._ended, self._error = True, None
        self._thread.call(self._stream.close)

    def finish(self) -> None:
        """Take what is left, before the event loop stops; the client calls it when it has disconnected."""
        with suppress(RuntimeError):  # another thread reads, and takes what is left itself
            while not self._ended:
                self._fetch(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """Return the next event.

        Raises:
            StopIteration: The stream is closed, or the channel was unsubscribed, or the client disconnected.
            PusherError: The channel or the connection failed.
        """
        events = self.take(1)
        if not events:
            raise StopIteration
        return events[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fetch(self, timeout: float | None) -> None:
        connected = self._thread.running
        try:
            events = self._thread.wait_within(timeout, self._stream.take, _BATCH)
        except NotConnectedError:
            if not connected:
                raise
            self._ended = True  # another thread called disconnect() meanwhile
        except PusherError as error:
            self._ended, self._error = True, error
        else:
            self._unread.extend(events)
            self._ended = self._ended or not events
