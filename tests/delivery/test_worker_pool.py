from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.handler_worker import HandlerWorker
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.protocol.byte_budget import ByteBudget
from tests.support.dispatchers import settle
from tests.support.worker_owner import Owner

NO_TIME = 0.0
LONG = 60.0


class Team:
    """Workers in one pool."""

    def __init__(self) -> None:
        self.pool = WorkerPool()
        self.owner = Owner()
        self.heard: list[Any] = []

    def worker(self) -> HandlerWorker:
        owner: ref[Any] = ref(self.owner)
        return HandlerWorker("orders", owner, pool=self.pool, limit=9, budget=ByteBudget(9999), on_error=None)

    def put(self, worker: HandlerWorker, *callbacks: Callable[[Any], object], value: Any = 1) -> None:
        worker.enqueue(tuple(map(Binding, callbacks)), "order", value, 1)
        worker.start()

    def plain(self, value: Any) -> None:
        self.heard.append(value)


async def hang(_: object) -> None:
    await asyncio.Event().wait()


async def test_nothing_to_do() -> None:
    """Closing a pool without running workers is done at once (R6)."""
    await WorkerPool().close(LONG)


async def test_workers_may_finish() -> None:
    """Within the grace period everything queued is still handled (design.md 2)."""
    team = Team()
    worker, other = team.worker(), team.worker()
    for value in range(3):
        team.put(worker, team.plain, value=value)
    team.put(other, team.plain, value="other")
    await team.pool.close(LONG)
    assert set(team.heard) == {0, 1, 2, "other"}
    assert team.pool.running == set()


async def test_those_who_do_not_finish_are_cancelled() -> None:
    """After the grace a handler is cancelled, and what waits behind it is discarded (R6)."""
    team = Team()
    worker = team.worker()
    team.put(worker, hang, team.plain)
    team.put(worker, team.plain)
    await settle()
    task = worker.task
    assert task is not None
    await team.pool.close(NO_TIME)
    assert task.cancelled()
    assert team.heard == []
    assert not worker.busy


async def test_what_an_ended_task_left_is_discarded() -> None:
    """Nothing that waits for a handler outlives the connection, with a task or without (R4)."""
    team = Team()
    worker = team.worker()

    def end(_: object) -> None:
        raise GeneratorExit

    team.put(worker, end)
    team.put(worker, team.plain)
    assert worker.task is not None
    with pytest.raises(GeneratorExit):
        await worker.task
    await team.pool.close(LONG)
    assert team.pool.running == set()
    team.put(worker, team.plain, value=2)
    await settle()
    assert team.heard == [2]


async def test_a_handler_that_resists(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that ignores its cancellation delays the end by half a second, and is logged (R6)."""
    team = Team()
    worker = team.worker()
    release = asyncio.Event()

    async def resist(_: object) -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    team.put(worker, resist)
    await settle()
    await team.pool.close(NO_TIME)
    assert "1 handlers go on although they were cancelled" in caplog.text
    release.set()
    await settle()
    assert not worker.busy


@pytest.mark.parametrize("in_task", [False, True])
async def test_a_handler_closes_the_pool(in_task: bool) -> None:
    """The calling handler is never cancelled, nor does it deadlock; nothing is handled after it (design.md 2, R7)."""
    team = Team()
    worker, other = team.worker(), team.worker()

    async def close(_: object) -> None:
        closing = team.pool.close(0.01)
        await (asyncio.gather(closing) if in_task else closing)
        team.heard.append("closed")

    team.put(other, hang)
    team.put(worker, close, team.plain)
    team.put(worker, team.plain)
    assert worker.task is not None
    await worker.task
    await settle()
    assert team.pool.running == set()
    assert team.heard == ["closed"]


async def test_callers_are_spared() -> None:
    """A handler that came to wait for the same call, even late, is not cancelled (design.md 2, R7)."""
    team = Team()
    worker = team.worker()
    callers: set[asyncio.Task[Any]] = set()
    closing = asyncio.create_task(team.pool.close(0.01, callers))

    async def join(_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        callers.add(task)
        await asyncio.shield(closing)
        team.heard.append("closed")

    team.put(worker, join)
    await closing
    await settle()
    assert team.heard == ["closed"]


async def test_known_callers_are_not_waited_for() -> None:
    """Closing does not wait for those who wait for it (R6)."""
    team = Team()
    worker = team.worker()
    team.put(worker, hang)
    await settle()
    assert worker.task is not None
    await team.pool.close(LONG, {worker.task})
    assert not worker.task.done()
    worker.task.cancel()
    await settle()


async def test_a_cancelled_close_still_cancels() -> None:
    """If the caller loses patience, the handlers are cancelled all the same (R6)."""
    team = Team()
    worker = team.worker()
    team.put(worker, hang)
    await settle()
    closing = asyncio.create_task(team.pool.close(LONG))
    await settle()
    closing.cancel()
    await settle()
    assert closing.cancelled()
    assert worker.task is None


async def test_a_pool_belongs_to_one_event_loop_at_a_time() -> None:
    """Another loop or thread may not use what belongs to this one, until it is left (design.md 2)."""
    pool = WorkerPool()

    async def elsewhere() -> None:
        pool.check_caller()

    def in_another_loop() -> None:
        asyncio.run(elsewhere())

    pool.enter()
    pool.check_caller()
    for use in (pool.check_caller, in_another_loop):
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(use)
    pool.leave()
    for use in (pool.check_caller, in_another_loop):
        await asyncio.to_thread(use)
