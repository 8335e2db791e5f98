"""The handlers and streams that a client has for the events of all its channels (promises R4, R5 and R7)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Protocol
from weakref import WeakSet

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.dispatcher import Dispatcher, Route
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.stream_queue import NameFilter
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import Event
from pusher_client.exceptions import NotConnectedError, PusherError
from pusher_client.protocol.byte_budget import ByteBudget

__all__ = ["ClientDispatcher", "UnreadChannel"]


class UnreadChannel(Protocol):
    """The dispatcher of a channel whose own stream has no reader, as far as the client's uses it."""

    def replay(self, binding: Binding) -> None:
        """Call a new handler with the events that it missed, if the channel has just been subscribed."""
        ...

    def discard_unread(self) -> None:
        """Close the own stream if handlers are bound."""
        ...

    def take_unread(self, wanted: NameFilter) -> Event | None:
        """Take the first event of such a name that nobody has taken."""
        ...


class ClientDispatcher(Dispatcher):
    """The client's own handlers and streams. They get the events of all channels.

    Args:
        queue_size: The number of events that a queue holds by default.
        budget: The client's budget of bytes for all queues.
        on_handler_error: Called with the exception and the event when a handler raises.

    Attributes:
        pool: The active workers of all channels.
        version: Changes with every handler or stream that is added or removed, so that channels drop cached routes.
        unread: The channels whose own stream has no reader. It is closed when a handler is bound here.
    """

    __slots__ = ("pool", "unread", "version")

    def __init__(self, *, queue_size: int, budget: ByteBudget, on_handler_error: ErrorHandler | None = None) -> None:
        self.pool: WorkerPool = WorkerPool()
        self.version: int = 0
        self.unread: WeakSet[UnreadChannel] = WeakSet()
        super().__init__(None, pool=self.pool, queue_size=queue_size, budget=budget, on_handler_error=on_handler_error)

    def route(self, name: str) -> Route:
        """Return the consumers of an event that belongs to no channel."""
        return Route.of(name, self.matching(name), self.consumers(name))

    def end(self, error: PusherError | None) -> None:
        """End the streams of all channels after the events that they have queued.

        Args:
            error: The error if the connection failed and is not retried; None for ``disconnect()``.
        """
        self._end_consumers(error)
        self.report_overflows()

    def take_unread(self, wanted: NameFilter) -> Event | None:
        """Take the first event of such a name of one of the channels."""
        for channel in tuple(self.unread):
            event = channel.take_unread(wanted)
            if event is not None:
                return event
        return None

    async def close(self, grace: float, callers: Collection[asyncio.Task[Any]] = ()) -> None:
        """Give the async handlers of all channels time to finish, then cancel them, see `WorkerPool.close`."""
        await self.pool.close(grace, callers)

    def _added(self, binding: Binding) -> None:
        for channel in tuple(self.unread):
            channel.replay(binding)

    def _changed(self) -> None:
        self.version += 1
        if self.unread and self.handles_application_events:
            for channel in tuple(self.unread):
                channel.discard_unread()

    def _wait_ended(self) -> PusherError:
        return NotConnectedError("the client disconnected while wait_for() was waiting")
