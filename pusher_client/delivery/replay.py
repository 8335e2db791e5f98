"""Events from between ``subscribe()`` and ``bind()``, for handlers that are bound right after it (promise R4)."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.handler_job import Job
from pusher_client.delivery.handler_worker import HandlerWorker
from pusher_client.events import Event
from pusher_client.protocol.byte_budget import ByteBudget

__all__ = ["Replay"]


class Replay:
    """One job of a channel's worker: it calls new handlers with the events that they missed, in order of arrival.

    Args:
        worker: The channel's worker.
        matching: Returns the channel's handlers of this name, in their order.
        events: The events that arrived before the handlers were bound.
        size: The estimated bytes of these events.
        budget: The client's budget of bytes.

    Attributes:
        bindings: The new handlers.
        count: Number of events.
        started: Whether the worker has begun with it. Then no handler can be added.
    """

    __slots__ = ("_budget", "_events", "_matching", "_size", "_worker", "bindings", "count", "started")

    def __init__(
        self,
        worker: HandlerWorker,
        matching: Callable[[str], tuple[Binding, ...]],
        events: list[Event],
        size: int,
        budget: ByteBudget,
    ) -> None:
        self._worker = worker
        self._matching = matching
        self._events = events
        self._size = size
        self._budget = budget
        self.bindings: set[Binding] = set()
        self.count: int = len(events)
        self.started: bool = False

    def enqueue(self, *, counted: bool) -> None:
        """Queue the job; the worker has to be started then.

        The job is never refused: the events are within the bounds of the queue of the own stream.

        Args:
            counted: Whether the stats count the events as dropped if the job is discarded.
        """
        self._worker.busy = True
        self._worker.push_always(Job("", None, (), self, counted=self.count if counted else 0), self._size)

    def __await__(self) -> Generator[None, None, None]:
        return self._run().__await__()

    async def _run(self) -> None:
        self.started = True
        self._budget.used += self._size  # the queue of the worker has just given it back
        worker, epoch = self._worker, self._worker.epoch
        try:
            for event in self._events:
                bindings = tuple(each for each in self._matching(event.name) if each in self.bindings)
                await worker.perform(Job(event.name, event, bindings))
                if worker.epoch != epoch:
                    return
        finally:
            self._budget.give(self._size)
