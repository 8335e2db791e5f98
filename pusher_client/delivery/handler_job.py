"""The values that a handler worker and its owner exchange (promises R4, R5 and R7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from pusher_client.delivery.bindings import Binding

__all__ = ["ErrorHandler", "HandlerWorkerOwner", "Job"]

ErrorHandler = Callable[[Any, Any], object]
"""Called when a handler fails: plain or async, with the exception and the event."""


class Job(NamedTuple):
    """One event and the handlers that still have to be called.

    Attributes:
        name: The event's name, for the log.
        value: The argument of the handlers.
        bindings: The handlers, in order.
        started: The awaitable of a handler that was already called; awaited before the others.
        is_report: Whether ``started`` is an error handler's, whose own failure is reported no further.
        counted: Number of events that the channel's stats count as delivered, and that have to be counted as dropped if
            the job is discarded before a handler was called.
    """

    name: str
    value: Any
    bindings: tuple[Binding, ...]
    started: Awaitable[object] | None = None
    is_report: bool = False
    counted: int = 0


class HandlerWorkerOwner(Protocol):
    """The dispatcher that a worker belongs to; the worker does not keep it alive."""

    def overflow_job(self, refused: int) -> Job:
        """Log the loss of this many consecutive events; return the job that reports it to the handlers."""
        ...

    def on_async_handler(self) -> None:
        """Called when a plain handler has returned an awaitable."""
        ...

    def on_idle(self) -> None:
        """Called when the worker has ended."""
        ...

    def on_discarded(self, counted: int) -> None:
        """Called when this many events, counted as delivered, were discarded before a handler was called."""
        ...
