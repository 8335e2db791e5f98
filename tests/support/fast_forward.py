"""An event loop whose clock stands still while anything is to do, and leaps to the next timer when nothing is.

Sockets are real, as long as both ends are in the loop. So a deadline of two seconds costs no time, and says that no
chain of timers is longer: how fast or busy the machine is does not matter.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["skipping"]

_LOOPBACK = 0.005
"""Real seconds within which the kernel passes on what was written to a socket of this machine."""

_T = TypeVar("_T")


class _Selector(selectors.DefaultSelector):
    """Waits for sockets, and for timers hardly at all."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; when nothing is, the time is over at once."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(min(timeout, _LOOPBACK))
        if not ready:
            self.skipped += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._waiting = _Selector()
        super().__init__(self._waiting)

    def time(self) -> float:
        """Return the seconds that were skipped."""
        return self._waiting.skipped

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - overrides that of asyncio
        """Wait for the threads without a time limit, because they end in real time."""
        del timeout
        await super().shutdown_default_executor()


def skipping(scenario: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in such a loop."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(scenario)
