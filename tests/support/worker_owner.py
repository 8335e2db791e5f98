"""A double for what owns a handler worker."""

from __future__ import annotations

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.handler_worker import Job


class Owner:
    """The owner of a worker: records the calls."""

    def __init__(self) -> None:
        self.losses: list[int] = []
        self.async_handlers = 0
        self.idle_calls = 0
        self.discarded = 0
        self.bindings: tuple[Binding, ...] = ()

    def overflow_job(self, refused: int) -> Job:
        self.losses.append(refused)
        return Job("lost", ("lost", refused), self.bindings)

    def on_async_handler(self) -> None:
        self.async_handlers += 1

    def on_idle(self) -> None:
        self.idle_calls += 1

    def on_discarded(self, counted: int) -> None:
        self.discarded += counted
