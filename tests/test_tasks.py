"""Tasks that start in a later turn of the event loop."""

from __future__ import annotations

import asyncio

import pytest

from pusher_client.tasks import create_task
from tests.support.eager_tasks import EagerTask, task_factory


@pytest.mark.parametrize("eager", [False, True])
async def test_nothing_runs_before_the_task_is_returned(*, eager: bool) -> None:
    """The task has its name and its result, and is of the factory's kind (design.md 10)."""
    started: list[bool] = []

    async def work() -> int:
        started.append(True)
        await asyncio.sleep(0)
        return 7

    with task_factory(eager=eager):
        task = create_task(work, name="a task")
    assert started == []
    assert task.get_name() == "a task"
    assert isinstance(task, EagerTask) is eager
    assert await task == 7
    assert started == [True]


@pytest.mark.parametrize("eager", [False, True])
async def test_a_task_that_is_cancelled_before_its_first_step_runs_nothing(*, eager: bool) -> None:
    """And leaves no coroutine behind that was never awaited."""
    started: list[bool] = []

    async def work() -> None:
        started.append(eager)

    with task_factory(eager=eager):
        task = create_task(work, name="a task")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started == []
