"""The shutdown of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from pusher_client.session.shutdown import Shutdown


def never() -> None:
    raise AssertionError


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_all_callers_wait_for_the_same_end() -> None:
    """Requesting twice does the work once, and a cancelled waiter does not stop it (R6)."""
    done, go = [0], asyncio.Event()

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        await go.wait()
        done[0] += 1

    shutdown = Shutdown(work, never)
    shutdown.request()
    await shutdown.wait()
    shutdown.begin()
    await shutdown.wait()
    assert not shutdown.requested
    shutdown.request()
    shutdown.request()
    assert shutdown.requested
    waiting = [asyncio.ensure_future(shutdown.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    go.set()
    await waiting[1]
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [1]
    assert not shutdown.requested


async def test_the_work_starts_in_a_later_turn() -> None:
    """The request may come from within a drain of the core's outputs, whatever the task factory does (R6)."""
    started: list[bool] = []

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        started.append(True)

    shutdown = Shutdown(work, never)
    shutdown.begin()
    await turns()
    shutdown.request()
    assert started == []
    await shutdown.wait()
    assert started == [True]


async def test_only_tasks_are_spared() -> None:
    """A caller that runs in no task, as a plain handler called by a timer, has none that could be cancelled (R6)."""

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        raise AssertionError  # nothing starts it

    shutdown, called = Shutdown(work, never), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_soon(shutdown.spare_caller)
    loop.call_soon(called.set)
    await called.wait()
    assert shutdown.callers == set()


async def test_callers_are_known_until_the_end() -> None:
    """The work is given the tasks to spare, those that come later included (design.md 2)."""
    seen: list[bool] = []

    async def work(callers: Collection[asyncio.Task[Any]]) -> None:
        await asyncio.sleep(0)
        seen.append(here in callers)

    shutdown = Shutdown(work, never)
    here = asyncio.current_task()
    await shutdown.wait()
    assert shutdown.callers == set()  # nothing is requested, so no caller is spared
    shutdown.begin()
    shutdown.request()
    await shutdown.wait()
    assert seen == [True]
    assert shutdown.callers == set()


async def test_a_cancellation_from_outside_is_a_request() -> None:
    """It is reported before the work, which is done in the cancelled task; a later one interrupts it (R6)."""
    steps: list[str] = []

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        steps.append("work")
        await asyncio.sleep(0)
        steps.append("done")

    shutdown = Shutdown(work, lambda: steps.append("cancelled"))
    for _ in range(2):
        shutdown.begin()
        (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "pusher_client shutdown")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert not task.cancelled()
    assert steps == ["cancelled", "work", "done"] * 2


async def test_a_failure_of_the_work_reaches_all_callers() -> None:
    """And another shutdown is possible afterwards."""

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        await asyncio.sleep(0)
        raise OSError

    shutdown = Shutdown(work, never)
    shutdown.begin()
    shutdown.request()
    results = await asyncio.gather(shutdown.wait(), shutdown.wait(), return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]
    assert not shutdown.requested


async def test_a_shutdown_that_is_cancelled_has_ended() -> None:
    """The callers are not cancelled with it (R6)."""

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        await asyncio.Event().wait()

    shutdown = Shutdown(work, never)
    shutdown.begin()
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "pusher_client shutdown")
    shutdown.request()
    waiting = asyncio.ensure_future(shutdown.wait())
    await turns()
    task.cancel()
    await waiting
    with pytest.raises(asyncio.CancelledError):
        task.result()
    assert not shutdown.requested
