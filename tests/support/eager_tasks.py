"""A task factory like `asyncio.eager_task_factory`, also for Python 3.11."""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Generator
from typing import Any

__all__ = ["EagerTask", "task_factory"]


class EagerTask(asyncio.Task[Any]):
    """A task that took its first step when it was created."""


@contextlib.contextmanager
def task_factory(*, eager: bool) -> Generator[None]:
    """Run the block with the loop's own tasks, or with tasks that take their first step at once."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(_eager if eager else None)
    try:
        yield
    finally:
        loop.set_task_factory(before)


def _eager(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    try:
        first = coroutine.send(None)
    except StopIteration as stop:
        return EagerTask(_ended(stop.value), loop=loop, **options)
    return EagerTask(_rest(coroutine, first), loop=loop, **options)


@types.coroutine
def _resume(coroutine: Any, first: Any) -> Generator[Any, Any, Any]:
    yield first
    return (yield from coroutine)


async def _rest(coroutine: Any, first: Any) -> Any:
    return await _resume(coroutine, first)


async def _ended(value: Any) -> Any:
    return value
