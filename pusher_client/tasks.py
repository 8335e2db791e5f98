"""Tasks that start in a later turn of the event loop, whatever its task factory does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["create_task"]

_T = TypeVar("_T")


def create_task(function: Callable[[], Coroutine[Any, Any, _T]], *, name: str) -> asyncio.Task[_T]:
    """Create a task whose first step is not taken before this returns.

    ``asyncio.eager_task_factory`` would take it at once: before the caller has stored the task, and while the core is
    drained.

    Args:
        function: The async function to run; not called if the task is cancelled before its first step.
        name: The name of the task.
    """
    loop = asyncio.get_running_loop()
    is_plain = loop.get_task_factory() is None
    return loop.create_task(function() if is_plain else _call_later(function), name=name)


async def _call_later(function: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    await asyncio.sleep(0)
    return await function()
