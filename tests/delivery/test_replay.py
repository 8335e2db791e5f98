"""Handlers, streams and waiters right after ``subscribe()``, with the dispatchers alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD
from pusher_client.events import Event, Overflow
from tests.support.dispatchers import Dispatchers, counts, event, noting, noting_later, settle


def subscribing(queue_size: int = 9, limit: int = 1_000_000) -> Dispatchers:
    """Return dispatchers whose channel is being subscribed."""
    wiring = Dispatchers(queue_size=queue_size, limit=limit)
    wiring.channel.open_window()
    wiring.channel.open_own_stream()
    return wiring


async def test_new_handlers_get_what_they_missed_in_order_of_arrival() -> None:
    """One event after another, for each the handlers in their order; then the later events (R4)."""
    wiring, heard = subscribing(), list[Any]()
    wiring.channel.deliver(event("paid", 1))
    wiring.deliver(2)
    wiring.channel.deliver(event("paid", 3))
    wiring.channel.add(None, noting(heard, "global"))
    wiring.channel.add("paid", noting_later(heard, "paid"))
    wiring.client.add("order", noting(heard, "client"))
    wiring.channel.add("pusher:gap", noting(heard, "gap"))
    wiring.deliver(4)
    assert heard == []
    await settle()
    expected = [("paid", 1), ("global", 1), ("global", 2), ("client", 2), ("paid", 3), ("global", 3)]
    assert heard == [*expected, ("global", 4), ("client", 4)]
    wiring.channel.close_window()
    assert wiring.budget.used == 0
    assert counts(wiring.channel)[:2] == (4, 0)


async def test_a_handler_that_is_bound_after_a_replay_has_its_own() -> None:
    """It gets all events since subscribe(), and the handlers before it get none twice (R4)."""
    wiring, heard = subscribing(), list[Any]()
    wiring.deliver(1)
    wiring.channel.add("order", noting(heard, "first"))
    await settle()
    wiring.deliver(2)
    wiring.channel.add("order", noting(heard, "second"))
    wiring.deliver(3)
    wiring.channel.add("order", noting(heard, "third"))
    await settle()
    for name, numbers in (("first", [1, 2, 3]), ("second", [1, 2, 3]), ("third", [1, 2, 3])):
        assert [number for who, number in heard if who == name] == numbers


async def test_an_unbound_handler_is_not_called() -> None:
    """unbind() before the replay holds (R7); a handler of which nothing was missed needs no worker."""
    wiring, heard = subscribing(), list[Any]()
    handler = noting(heard, "handler")
    wiring.channel.add("order", handler)
    assert not wiring.channel._worker.busy
    wiring.deliver(1)
    wiring.channel.add("order", noting(heard, "other"))
    wiring.channel.remove_named("order", None)
    await settle()
    assert heard == [("handler", 1)]


async def test_a_failing_handler_is_reported_with_the_event() -> None:
    """The failure of one event does not stop the replay (R7)."""
    wiring, heard = subscribing(), list[Any]()

    def fail(each: Event) -> None:
        heard.append(each.data)
        raise LookupError

    wiring.deliver(1, 2)
    wiring.channel.add("order", fail)
    await settle()
    assert heard == [1, 2]
    assert [each.data for _, each in wiring.failures] == [1, 2]


async def test_unsubscribing_discards_the_replay() -> None:
    """Before it has begun, its events count as dropped; in between, the rest of it is not called (R3, R5, R6)."""
    wiring, heard = subscribing(), list[Any]()
    wiring.deliver(1, 2)
    wiring.channel.add("order", noting(heard, "late"))
    wiring.channel.end(None)
    await settle()
    assert (heard, counts(wiring.channel)) == ([], (0, 2, 0))
    wiring.channel.remove_named(None, None)
    wiring.channel.open_own_stream()
    wiring.deliver(3, 4)

    def leave(each: Event) -> None:
        heard.append(each.data)
        wiring.channel.end(None)

    wiring.channel.add("order", leave)
    await settle()
    assert heard == [3]
    wiring.channel.close_window()
    wiring.channel.open_own_stream()
    assert wiring.budget.used == 0


async def test_events_of_a_replay_count_as_used_bytes() -> None:
    """From the bind to the last handler's return, also when the window is closed meanwhile (R6)."""
    wiring, hold = subscribing(), asyncio.Event()

    async def wait(_: Event) -> None:
        await hold.wait()

    wiring.deliver(1)
    wiring.channel.add("order", wait)
    wiring.channel.close_window()
    assert wiring.budget.used > EVENT_OVERHEAD
    await settle()
    assert wiring.budget.used > EVENT_OVERHEAD
    hold.set()
    await settle()
    assert wiring.budget.used == 0


async def test_events_that_were_not_kept_are_a_loss(caplog: pytest.LogCaptureFixture) -> None:
    """If more came than the queue holds, the handlers get an overflow, the stats and the log state it (R5)."""
    wiring, heard = subscribing(queue_size=2), list[Any]()
    wiring.deliver(1, 2, 3, 4)
    wiring.channel.add(None, noting(heard, "late"))
    await settle()
    assert heard == [("late", 1), ("late", 2), ("late", Overflow("orders", 2))]
    assert counts(wiring.channel) == (2, 2, 0)
    assert "refused 2 events" in caplog.text


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_the_kept_events_are_discarded_with_the_window(level: str) -> None:
    """With a handler bound, nothing more is kept afterwards; a later handler starts with the next event (R6)."""
    wiring, heard = subscribing(), list[Any]()
    wiring.deliver(1)
    getattr(wiring, level).add("order", noting(heard, "early"))
    await settle()
    wiring.channel.close_window()
    assert wiring.channel.consumers("order") == ()
    wiring.channel.add("order", noting(heard, "late"))
    await settle()
    assert heard == [("early", 1)]


async def test_no_events_are_kept_beside_handlers_of_the_channel() -> None:
    """A channel whose handlers were bound before subscribe() has no queue in the window."""
    wiring = Dispatchers()
    wiring.channel.add("order", print)
    wiring.channel.open_window()
    wiring.channel.open_own_stream()
    assert wiring.channel.consumers("order") == ()


async def test_a_stream_that_is_opened_in_the_window_takes_its_share() -> None:
    """What came since subscribe() is in it at once, in order; after the window it starts with the next event (R4)."""
    wiring = subscribing()
    wiring.deliver(1)
    wiring.channel.deliver(event("paid", 2))
    wiring.deliver(3)
    stream = wiring.channel.events("order")
    wiring.deliver(4)
    assert [each.data for each in await stream.take(9)] == [1, 3, 4]
    wiring.channel.close_window()
    later = wiring.channel.events()
    wiring.deliver(5)
    assert [each.data for each in await later.take(9)] == [5]


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_wait_for_takes_the_first_match(level: str) -> None:
    """Each event is returned once; what is left belongs to the channel's own stream (R5)."""
    wiring = subscribing()
    wiring.channel.close_window()
    waiting = getattr(wiring, level)
    wiring.deliver(1)
    wiring.channel.deliver(event("paid", 2))
    wiring.deliver(3)
    assert (await waiting.wait_for("paid")).data == 2
    assert (await waiting.wait_for()).data == 1
    with pytest.raises(TimeoutError):
        await waiting.wait_for("paid", timeout=0.001)
    assert (await anext(wiring.channel.own_stream())).data == 3
    wiring.deliver(4)
    with pytest.raises(TimeoutError):
        await waiting.wait_for(timeout=0.001)
    assert (await anext(wiring.channel.own_stream())).data == 4
    assert wiring.budget.used == 0


@pytest.mark.parametrize("early", [True, False])
async def test_an_event_given_to_a_waiter_is_not_kept(*, early: bool) -> None:
    """Whether the wait began before or after subscribe(); the next event in the same burst is kept (R5)."""
    wiring = Dispatchers()
    waiting = None
    if early:
        waiting = asyncio.create_task(wiring.channel.wait_for("order"))
        await asyncio.sleep(0)
    wiring.channel.open_own_stream()
    if waiting is None:
        waiting = asyncio.create_task(wiring.channel.wait_for("order"))
        await asyncio.sleep(0)
    wiring.deliver(1, 2)
    assert (await waiting).data == 1
    assert (await wiring.channel.wait_for("order")).data == 2
    with pytest.raises(TimeoutError):
        await wiring.channel.wait_for("order", timeout=0.001)


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_wait_for_takes_nothing_from_handlers(level: str) -> None:
    """With a handler bound, kept events are the handler's; wait_for() returns the next one (R4)."""
    wiring, heard = subscribing(), list[Any]()
    wiring.deliver(1)
    getattr(wiring, level).add("order", noting(heard, "handler"))
    waiting = asyncio.create_task(wiring.channel.wait_for("order"))
    await settle()
    wiring.deliver(2)
    assert (await waiting).data == 2
    assert heard == [("handler", 1), ("handler", 2)]


async def test_wait_for_finds_nothing_of_an_ended_subscription() -> None:
    """After unsubscribe(), it waits for the next subscription's events (R3)."""
    wiring = subscribing()
    wiring.deliver(1)
    wiring.channel.end(None)
    for waiting in (wiring.channel, wiring.client):
        with pytest.raises(TimeoutError):
            await waiting.wait_for(timeout=0.001)


def test_binding_while_the_event_loop_is_paused() -> None:
    """A handler bound between two runs of the event loop gets what it missed in the next one (R4)."""
    loop, heard = asyncio.new_event_loop(), list[Any]()

    async def subscribe() -> Dispatchers:
        wiring = subscribing()
        wiring.client.pool.enter()
        wiring.deliver(1)
        return wiring

    wiring = loop.run_until_complete(subscribe())
    wiring.channel.add("order", noting(heard, "late"))
    loop.run_until_complete(settle())
    assert heard == [("late", 1)]
    wiring.client.pool.leave()
    wiring.channel.open_own_stream()
    wiring.channel.add("order", noting(heard, "never"))
    loop.close()
