"""A double for what owns a handler worker."""

from __future__ import annotations

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.handler_worker import Job


class Owner:
    """Who a worker works for: notes what it is told."""

    def __init__(self) -> None:
        self.losses: list[int] = []
        self.learnings = 0
        self.rests = 0
        self.bindings: tuple[Binding, ...] = ()

    def overflow(self, refused: int) -> Job:
        self.losses.append(refused)
        return Job("lost", ("lost", refused), self.bindings)

    def learned(self) -> None:
        self.learnings += 1

    def idle(self) -> None:
        self.rests += 1
