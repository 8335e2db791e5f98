from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client.delivery.value_dispatcher import ValueDispatcher
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import OVERFLOW, ConnectionState, Event, Overflow, StateChange
from pusher_client.protocol.byte_budget import ByteBudget
from tests.support.dispatchers import settle

CHANGE = StateChange(ConnectionState.CONNECTING, ConnectionState.CONNECTED)


def test_plain_handlers_get_the_value_at_once() -> None:
    """Handlers of the connection get the plain value: first those of the name, then the global ones (design.md 2)."""
    events = ValueDispatcher()
    heard: list[Any] = []
    events.bind_global(lambda value: heard.append(("global", value)))
    events.bind("state_change", lambda value: heard.append(("named", value)))
    events.bind("error", lambda _: pytest.fail("nobody emitted an error"))
    events.emit("state_change", CHANGE)
    assert heard == [("named", CHANGE), ("global", CHANGE)]


async def test_async_handlers_run_in_order() -> None:
    """With an async handler the values are handled one after another, the plain handlers in their place (R4)."""
    events = ValueDispatcher()
    heard: list[Any] = []

    @events.bind("connecting_in")
    async def _(delay: float) -> None:
        await asyncio.sleep(0)
        heard.append(delay)

    events.bind("connected", heard.append)
    events.emit("connecting_in", 1.0)
    events.emit("nobody", None)
    events.emit("connected", "plain")
    events.emit("connecting_in", 2.0)
    assert heard == []
    await settle()
    assert heard == [1.0, "plain", 2.0]


async def test_errors_are_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that fails is logged, reported to on_handler_error, and stops no other (R7)."""
    failures: list[Any] = []
    events = ValueDispatcher(lambda error, value: failures.append((type(error), value)))
    heard: list[Any] = []

    def fail(_: object) -> None:
        raise LookupError

    events.bind("connected", fail)
    events.bind("connected", heard.append)
    events.emit("connected", 5)
    assert heard == [5]
    assert failures == [(LookupError, 5)]
    assert "a handler of the connection failed on the event 'connected'" in caplog.text


async def test_a_flood_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """However many errors a server sends, a bounded number waits for a slow handler (R6)."""
    events = ValueDispatcher()
    heard: list[int] = []

    async def hear(number: int) -> None:
        heard.append(number)

    events.bind("error", hear)
    for number in range(1030):
        events.emit("error", number)
    await settle()
    assert heard == list(range(1024))
    assert "the handlers of the connection missed 6 events" in caplog.text


async def test_events_are_bounded_by_the_clients_bytes(caplog: pytest.LogCaptureFixture) -> None:
    """Where a server chooses the size, the client's budget is the bound; losses are reported (R5, R6)."""
    budget = ByteBudget(100_000)
    events = ValueDispatcher(None, WorkerPool(), "the user", budget)
    heard: list[str] = []
    losses: list[Any] = []

    async def hear(event: Event) -> None:
        heard.append(event.data)

    events.bind("greeting", hear)
    events.bind(OVERFLOW, lambda event: losses.append(event.data))
    for number in range(10):
        text = f"{number}" * 10_000
        events.emit("greeting", Event("greeting", "#server-to-user-7", text, None, text))
    assert budget.used <= 100_000
    await settle()
    assert [text[0] for text in heard] == ["0", "1", "2", "3"]
    assert losses == [Overflow(None, 6)]
    assert "the handlers of the user missed 6 events" in caplog.text
    assert budget.used == 0


async def test_its_worker_is_the_clients() -> None:
    """The pool given knows the worker, and ends it with the others (R6)."""
    pool = WorkerPool()
    events = ValueDispatcher(pool=pool)

    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    events.bind("connected", hang)
    events.emit("connected", None)
    await settle()
    await pool.close(0)
    assert pool.running == set()


async def test_a_handler_that_turns_out_to_be_async() -> None:
    """A plain function that returns an awaitable is awaited (R4)."""
    events = ValueDispatcher()
    done = asyncio.get_running_loop().create_future()
    heard: list[str] = []
    events.bind("connected", lambda _: done)
    events.bind("connected", lambda _: heard.append("after"))
    events.emit("connected", None)
    await settle()
    assert heard == []
    done.set_result(None)
    await settle()
    assert heard == ["after"]
