from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.handler_worker import ErrorHandler, HandlerWorker
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.protocol.byte_budget import ByteBudget
from tests.support.dispatchers import settle
from tests.support.eager_tasks import task_factory
from tests.support.worker_owner import Owner


class Bench:
    """A worker with its owner, pool and budget, and the values its handlers got."""

    def __init__(self, on_error: ErrorHandler | None = None, limit: int = 3) -> None:
        self.owner = Owner()
        self.pool = WorkerPool()
        self.budget = ByteBudget(1000)
        self.heard: list[Any] = []
        self.worker = HandlerWorker(
            "orders", ref(self.owner), pool=self.pool, limit=limit, budget=self.budget, on_error=on_error
        )

    def run(self, *callbacks: Callable[[Any], object], value: Any = 1) -> None:
        self.worker.run(bindings(*callbacks), "order", value)

    def put(self, *callbacks: Callable[[Any], object], value: Any = 1) -> bool:
        accepted = self.worker.enqueue(bindings(*callbacks), "order", value, 10)
        self.worker.start()
        return accepted

    def plain(self, value: Any) -> None:
        self.heard.append(("plain", value))

    async def slow(self, value: Any) -> None:
        self.heard.append(("begins", value))
        await asyncio.sleep(0)
        self.heard.append(("ends", value))


def bindings(*callbacks: Callable[[Any], object]) -> tuple[Binding, ...]:
    return tuple(Binding(callback) for callback in callbacks)


def tasks_of(worker: HandlerWorker) -> list[asyncio.Task[None]]:
    return [] if worker.task is None else [worker.task]


def fail(_: object) -> None:
    raise LookupError("as bad as it gets")


async def fail_later(_: object) -> None:
    raise LookupError("as bad as it gets")


def test_plain_handlers_run_at_once() -> None:
    """Plain handlers run one after another in the call, without an event loop even (design.md 2)."""
    bench = Bench()
    bench.run(bench.plain, bench.plain)
    assert bench.heard == [("plain", 1), ("plain", 1)]
    assert not bench.worker.busy


async def test_events_wait_their_turn() -> None:
    """A list runs to its end before the next event's begins, whatever awaits in it (R4)."""
    bench = Bench()
    for value in (1, 2):
        assert bench.put(bench.slow, bench.plain, value=value)
    assert bench.worker.busy
    assert bench.heard == []
    await settle()
    assert bench.heard == [(word, value) for value in (1, 2) for word in ("begins", "ends", "plain")]
    assert not bench.worker.busy
    assert bench.pool.running == set()
    assert (bench.budget.used, bench.owner.idle_calls) == (0, 1)


async def test_one_task_until_the_queue_is_empty() -> None:
    """There is no task before the first event, one while there is work, and none after it (R6)."""
    bench = Bench()
    assert tasks_of(bench.worker) == []
    bench.worker.start()
    assert tasks_of(bench.worker) == []
    bench.put(bench.slow)
    [task] = tasks_of(bench.worker)
    assert "orders" in task.get_name()
    bench.put(bench.slow)
    assert tasks_of(bench.worker) == [task]
    await task
    assert tasks_of(bench.worker) == []


async def test_a_failing_handler_is_logged_and_the_next_runs(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that raises is logged with its traceback and without the payload, and stops no other (R7, C3)."""
    bench = Bench()
    bench.run(fail, bench.plain, value="the payload")
    bench.put(fail_later, bench.plain, value="the payload")
    bench.put(fail, bench.plain, value="the payload")
    await settle()
    assert bench.heard == [("plain", "the payload")] * 3
    assert [(record.levelno, record.name) for record in caplog.records] == [(logging.ERROR, "pusher_client")] * 3
    assert caplog.text.count("LookupError: as bad as it gets") == 3
    assert "in fail" in caplog.text
    assert "'order'" in caplog.text
    assert "the payload" not in caplog.text


def test_a_long_name_is_cut_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A server cannot fill the log with an event's name, nor break its lines (R8)."""
    bench = Bench()
    bench.worker.run(bindings(fail), "a\n" + "x" * 10_000, 1)
    message = caplog.records[0].getMessage()
    assert len(message) < 300
    assert "\n" not in message


@pytest.mark.parametrize("inline", [True, False])
async def test_an_error_handler_hears_of_it(inline: bool) -> None:
    """on_handler_error gets the exception and the event, and then the next handler runs (R7)."""
    heard: list[Any] = []
    bench = Bench(lambda error, value: heard.append((type(error), value)))
    (bench.run if inline else bench.put)(fail, bench.plain, value=7)
    await settle()
    assert heard == [(LookupError, 7)]
    assert bench.heard == [("plain", 7)]


@pytest.mark.parametrize("inline", [True, False])
async def test_an_async_error_handler_is_awaited(inline: bool) -> None:
    """on_handler_error may be async; later events of the channel come after it (R4, R7)."""
    bench = Bench()

    async def on_error(error: BaseException, value: Any) -> None:
        await asyncio.sleep(0)
        bench.heard.append((type(error), value))

    bench.worker = HandlerWorker(
        "orders", ref(bench.owner), pool=bench.pool, limit=3, budget=bench.budget, on_error=on_error
    )
    (bench.run if inline else bench.put)(fail, value=1)
    assert bench.worker.busy
    bench.put(bench.plain, value=2)
    await settle()
    assert bench.heard == [(LookupError, 1), ("plain", 2)]


def broken_error_handler(_error: BaseException, _value: object) -> None:
    raise ZeroDivisionError


async def broken_async_error_handler(_error: BaseException, _value: object) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("on_error", "raised"),
    [(broken_error_handler, "ZeroDivisionError"), (broken_async_error_handler, "CancelledError")],
)
async def test_a_failing_error_handler_is_logged(
    inline: bool, on_error: ErrorHandler, raised: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure of on_handler_error itself is logged, not reported again, and stops no handler (R7)."""
    bench = Bench(on_error)
    (bench.run if inline else bench.put)(fail, bench.plain)
    await settle()
    assert bench.heard == [("plain", 1)]
    assert [record.getMessage() for record in caplog.records][1:] == ["on_handler_error itself failed"]
    assert raised in caplog.text


def cancel_plainly(_: object) -> None:
    raise asyncio.CancelledError


async def cancel_later(_: object) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("handler", [cancel_plainly, cancel_later])
async def test_a_handler_that_raises_cancelled_error(handler: Callable[[Any], object]) -> None:
    """A CancelledError without a cancellation is a failure like any other (R7)."""
    heard: list[type[BaseException]] = []
    bench = Bench(lambda error, _: heard.append(type(error)))
    bench.put(handler, bench.plain)
    await settle()
    bench.run(cancel_plainly, bench.plain)
    assert heard == [asyncio.CancelledError] * 2
    assert bench.heard == [("plain", 1)] * 2


@pytest.mark.parametrize("swallowed", [True, False])
async def test_the_task_is_cancelled_by_its_name(swallowed: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A cancellation that is not the client's is the failure of the handler that it hits; the others run (R7)."""
    bench = Bench()

    async def hang(_: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not swallowed:
                raise

    bench.put(hang, bench.slow, value=1)
    bench.put(bench.slow, value=2)
    await settle()
    [task] = [each for each in asyncio.all_tasks() if each.get_name() == "pusher_client handlers of orders"]
    task.cancel()
    task.cancel()
    await settle()
    assert bench.heard == [(word, value) for value in (1, 2) for word in ("begins", "ends")]
    assert ("failed on the event 'order'" in caplog.text) is not swallowed
    assert not bench.worker.busy
    assert (bench.pool.running, bench.budget.used) == (set(), 0)


async def test_a_handler_cancels_its_own_task() -> None:
    """It takes effect at the handler's next await, if there is one, and never in another handler (R7)."""
    bench = Bench()

    async def cancel(_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def cancel_and_wait(value: object) -> None:
        await cancel(value)
        await asyncio.sleep(0)
        raise AssertionError

    bench.put(cancel, bench.slow, value=1)
    bench.put(cancel_and_wait, bench.slow, value=2)
    bench.put(bench.slow, value=3)
    await settle()
    assert bench.heard == [(word, value) for value in (1, 2, 3) for word in ("begins", "ends")]
    assert bench.worker.task is None


async def test_cancelled_before_its_first_step(caplog: pytest.LogCaptureFixture) -> None:
    """A task that never ran is replaced, and the log has a message (R7)."""
    bench = Bench()
    bench.put(bench.plain)
    bench.put(bench.plain, value=2)
    assert bench.worker.task is not None
    bench.worker.task.cancel()
    await settle()
    assert bench.heard == [("plain", 1), ("plain", 2)]
    assert bench.worker.task is None
    assert "the task of the handlers of orders was cancelled" in caplog.text


async def test_a_worker_without_a_task_is_cancelled() -> None:
    """Nothing happens, and it works again afterwards (R6)."""
    bench = Bench()
    bench.worker.cancel()
    bench.put(bench.plain)
    await settle()
    assert bench.heard == [("plain", 1)]


async def test_a_dropped_task_is_cancelled_later() -> None:
    """It leaves alone what its worker has queued since (R6)."""
    bench = Bench()
    bench.put(bench.slow)
    await asyncio.sleep(0)
    (dropped,) = tasks_of(bench.worker)
    bench.worker.forget_task()
    bench.put(bench.plain, value=2)
    bench.pool.ending = True
    dropped.cancel()
    await settle()
    assert dropped.cancelled()
    assert bench.heard == [("begins", 1), ("plain", 2)]


@pytest.mark.parametrize("begun", [False, True])
async def test_cancelled_while_the_program_cancels_the_client(*, begun: bool, caplog: pytest.LogCaptureFixture) -> None:
    """No other task continues, and what is queued is discarded, although other tasks of the loop go on (R6)."""
    bench = Bench()
    for value in (1, 2):
        bench.put(bench.slow, value=value)
    if begun:
        await asyncio.sleep(0)
    bench.pool.ending = True
    (task,) = tasks_of(bench.worker)
    task.cancel()
    await settle()
    assert bench.heard == ([("begins", 1)] if begun else [])
    assert task.cancelled()
    assert (bench.worker.task, bench.worker.busy, bench.budget.used) == (None, False, 0)
    assert "another one continues" not in caplog.text


async def test_the_client_cancels_while_a_cancellation_is_used_up() -> None:
    """A disconnect ends the worker, whatever its handlers have done to its task (R6)."""
    bench = Bench()

    async def cancel(_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        asyncio.get_running_loop().call_soon(bench.worker.cancel)

    bench.put(cancel, bench.plain)
    bench.put(bench.plain)
    await settle()
    assert bench.heard == []
    assert not bench.worker.busy
    assert (bench.pool.running, bench.budget.used) == (set(), 0)


@pytest.mark.parametrize("begun", [True, False])
def test_the_event_loop_is_closed(begun: bool) -> None:
    """At the end of asyncio.run() the task ends and is not replaced; nothing is left in the queue (R6)."""
    bench = Bench()

    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    async def leave() -> None:
        bench.put(hang, bench.plain)
        bench.put(hang)
        if begun:
            await settle()

    asyncio.run(leave())
    assert bench.heard == []
    assert not bench.worker.busy
    assert (bench.worker.task, bench.pool.running, bench.budget.used) == (None, set(), 0)


async def test_a_handler_may_use_timeouts() -> None:
    """A handler's own time-outs are its own business and end nothing (R7)."""
    bench = Bench()

    async def impatient(_: object) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()

    bench.put(impatient, bench.plain)
    bench.put(bench.plain)
    assert bench.worker.task is not None
    await bench.worker.task
    assert bench.heard == [("plain", 1)] * 2


class Enough(BaseException):
    """As the exception of ``pytest.fail()``."""


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("error", [Enough(), BaseExceptionGroup("several", [Enough()])])
async def test_any_exception_is_a_failure(inline: bool, error: BaseException) -> None:
    """A BaseException that does not end the program is reported as any other, and the next handler runs (R7)."""
    heard: list[BaseException] = []

    def on_error(failure: BaseException, _value: object) -> None:
        heard.append(failure)
        raise error

    bench = Bench(on_error)

    def raise_it(_: object) -> None:
        raise error

    async def raise_it_later(_: object) -> None:
        raise error

    (bench.run if inline else bench.put)(raise_it, bench.plain)
    bench.put(raise_it_later, bench.plain, value=2)
    bench.worker.run_single(Binding(raise_it), "order", 3)
    await settle()
    assert bench.heard == [("plain", 1), ("plain", 2)]
    assert heard == [error] * 3


@pytest.mark.parametrize("source", ["run", "run_single", "put", "on_error", "async on_error"])
async def test_the_end_of_the_program_is_not_held_up(source: str) -> None:
    """KeyboardInterrupt, SystemExit and GeneratorExit come through, and the worker can continue (R7)."""

    def end(_: object, _value: object = None) -> None:
        raise GeneratorExit

    bench = Bench(end if "on_error" in source else None)
    handler = fail if "on_error" in source else end
    if source in {"put", "async on_error"}:
        bench.put(handler, bench.plain)
        bench.put(bench.plain)
        assert bench.worker.task is not None
        with pytest.raises(GeneratorExit):
            await bench.worker.task
        await settle()
        assert bench.pool.running == {bench.worker}
    else:
        with pytest.raises(GeneratorExit):  # noqa: PT012 - two ways of one call
            if source == "run_single":
                bench.worker.run_single(Binding(handler), "order", 1)
            else:
                bench.run(handler, bench.plain)
        bench.put(bench.plain)
    bench.put(bench.plain, value=2)
    await settle()
    assert bench.heard == [("plain", 1), ("plain", 2)]
    assert bench.pool.running == set()


async def test_a_plain_function_that_returns_an_awaitable() -> None:
    """A handler that turns out to be async is awaited in its place and counts as async from then on (R4)."""
    bench = Bench()
    listed = bindings(bench.plain, lambda value: bench.slow(value), bench.plain)  # noqa: PLW0108 - plain to look at
    bench.worker.run(listed, "order", 1)
    assert bench.heard == [("plain", 1)]
    assert bench.worker.busy
    assert [binding.is_async for binding in listed] == [False, True, False]
    assert bench.owner.async_handlers == 1
    await settle()
    assert bench.heard == [("plain", 1), ("begins", 1), ("ends", 1), ("plain", 1)]


async def test_the_awaitable_fails() -> None:
    """A late awaitable that fails is reported as any handler, and those after it run (R7)."""
    heard: list[type[BaseException]] = []
    bench = Bench(lambda error, _: heard.append(type(error)))
    bench.run(lambda value: fail_later(value), bench.plain)  # noqa: PLW0108 - plain to look at
    await settle()
    assert heard == [LookupError]
    assert bench.heard == [("plain", 1)]


async def test_other_results_mean_nothing() -> None:
    """What a handler returns is ignored unless it can be awaited (design.md 2)."""
    bench = Bench()
    bench.run(lambda _: 5, bench.plain)
    bench.put(lambda _: 5, bench.plain)
    await settle()
    assert bench.heard == [("plain", 1)] * 2


@pytest.mark.parametrize("inline", [True, False])
async def test_purge_stops_the_list_that_runs(inline: bool) -> None:
    """When a handler ends its own subscription, the handlers after it are not called (design.md 2)."""
    bench = Bench()

    def unsubscribe(_: object) -> None:
        bench.worker.purge()

    (bench.run if inline else bench.put)(bench.plain, unsubscribe, bench.plain)
    await settle()
    assert bench.heard == [("plain", 1)]
    assert not bench.worker.busy


async def test_purge_stops_a_list_that_failed_meanwhile() -> None:
    """A handler that unsubscribes and then raises stops the list just as well (design.md 2)."""
    bench = Bench()

    def unsubscribe(_: object) -> None:
        bench.worker.purge()
        raise LookupError

    bench.run(unsubscribe, bench.plain)
    assert bench.heard == []


async def test_purge_discards_what_waits() -> None:
    """Nothing queued is handled after a purge, and its bytes are given back (design.md 2, R6)."""
    bench = Bench()
    bench.put(bench.slow, value=1)
    await asyncio.sleep(0)
    bench.put(bench.plain, value=2)
    bench.worker.purge()
    assert bench.budget.used == 0
    bench.put(bench.plain, value=3)
    await settle()
    assert bench.heard == [("begins", 1), ("ends", 1), ("plain", 3)]


async def test_purge_closes_what_was_never_awaited() -> None:
    """An awaitable that is discarded before its turn leaves no warning behind (R6)."""
    bench = Bench()
    future = asyncio.get_running_loop().create_future()
    bench.run(lambda value: bench.slow(value), bench.plain)  # noqa: PLW0108 - plain to look at
    bench.worker.purge()
    bench.run(lambda _: future, bench.plain)
    bench.worker.purge()
    await settle()
    assert bench.heard == []
    assert not future.done()


async def test_a_handler_unsubscribes_and_goes_on() -> None:
    """A handler that ends its own subscription finishes, and no handler is called after it (design.md 2)."""
    bench = Bench()

    def unsubscribe(value: object) -> object:
        bench.worker.purge()
        return bench.slow(value)

    bench.run(unsubscribe, bench.plain)
    await settle()
    assert bench.heard == [("begins", 1), ("ends", 1)]


async def test_a_full_worker_tells_the_loss_in_its_place() -> None:
    """One marker for each run, delivered after what was queued and before what was accepted next (R5)."""
    bench = Bench(limit=2)
    bench.owner.bindings = bindings(bench.plain)
    assert [bench.put(bench.plain, value=value) for value in range(4)] == [True, True, False, False]
    assert bench.owner.losses == []
    await settle()
    assert bench.put(bench.plain, value=4)
    await settle()
    assert bench.heard == [("plain", value) for value in (0, 1, ("lost", 2), 4)]
    assert bench.owner.losses == [2]


async def test_a_loss_that_is_purged_is_still_logged() -> None:
    """A run cut short by unsubscribe() reaches the log, though no handler (R5)."""
    bench = Bench(limit=1)
    bench.owner.bindings = bindings(bench.plain)
    for value in range(3):
        bench.put(bench.plain, value=value)
    bench.worker.purge()
    assert bench.owner.losses == [2]
    await settle()
    assert bench.heard == []


async def test_the_owner_may_be_gone() -> None:
    """A worker does not keep its owner alive, and finishes without it (R6)."""
    bench = Bench(limit=1)
    bench.put(bench.plain)
    bench.put(bench.plain)
    bench.owner = Owner()
    await settle()
    bench.run(lambda value: bench.slow(value))  # noqa: PLW0108 - plain to look at
    await settle()
    assert bench.heard == [("plain", 1), ("begins", 1), ("ends", 1)]
    assert not bench.worker.busy


async def test_an_eager_loop() -> None:
    """Where tasks begin at once, the worker still begins in a later turn, after what was queued before (R4)."""
    bench = Bench()
    with task_factory(eager=True):
        bench.put(bench.plain, value=1)
        assert bench.heard == []
        assert bench.worker.busy
        bench.put(bench.plain, value=2)
    await settle()
    assert bench.heard == [("plain", 1), ("plain", 2)]
    assert bench.worker.task is None


def test_a_worker_whose_loop_is_gone_works_in_another() -> None:
    """Its task never ends there; let go of, it disturbs nothing when the interpreter discards it (R6)."""
    bench = Bench()

    async def stuck(_: object) -> None:
        await asyncio.Event().wait()

    async def leave() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it would say that a task is left
        bench.put(stuck, value=1)
        bench.put(bench.plain, value=2)
        await settle()

    async def come_back() -> None:
        bench.put(bench.slow, value=3)
        await asyncio.sleep(0)
        assert bench.worker.task is not None
        left.clear()
        gc.collect()
        assert bench.worker.task is not None
        await settle()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    left = [bench.worker.task]
    bench.pool.end_without_loop()
    assert bench.pool.running == set()
    assert not bench.worker.busy
    del loop
    asyncio.run(come_back())
    assert bench.heard == [("begins", 3), ("ends", 3)]
