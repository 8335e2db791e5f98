from __future__ import annotations

import asyncio
import gc
import re
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD
from pusher_client.delivery.channel_dispatcher import ChannelDispatcher
from pusher_client.delivery.client_dispatcher import ClientDispatcher
from pusher_client.events import Event, Overflow
from pusher_client.exceptions import NotConnectedError, PusherError, SubscriptionError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.event_counts import EventCounts
from tests.support.dispatchers import Dispatchers, counts, event, noting, noting_later, settle

REFUSED = SubscriptionError("orders", "refused")


# -- handlers ---------------------------------------------------------------------------------------------------------


def bind_everywhere(wiring: Dispatchers, make: Callable[[str], Callable[[Event], object]]) -> None:
    wiring.client.add(None, make("client-global"))
    wiring.client.add("order", make("client"))
    wiring.channel.add(None, make("channel-global"))
    wiring.channel.add("order", make("channel 1"))
    wiring.channel.add("order", make("channel 2"))


ORDER = ["channel 1", "channel 2", "channel-global", "client", "client-global"]


async def test_the_order_of_handlers() -> None:
    """Channel, channel-global, client, client-global, each in bind order, inside the call itself (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    bind_everywhere(wiring, lambda word: noting(heard, word))
    wiring.deliver(1)
    assert heard == [(word, 1) for word in ORDER]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("which", ORDER)
async def test_one_async_handler_takes_the_list_along(which: str) -> None:
    """With one async handler in it the whole list runs in the worker, in the same order (design.md 2, R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    bind_everywhere(wiring, lambda word: (noting_later if word == which else noting)(heard, word))
    wiring.deliver(1, 2)
    assert heard == []
    await settle()
    assert heard == [(word, number) for number in (1, 2) for word in ORDER]


async def test_plain_events_wait_for_async_ones() -> None:
    """While the worker is at work, events with plain handlers queue behind, so that order is kept (R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("slow", noting_later(heard, "slow"))
    wiring.channel.add("order", noting(heard, "plain"))
    wiring.channel.deliver(event("slow", 1))
    wiring.deliver(2)
    wiring.channel.deliver(event("unbound", 3))
    assert heard == []
    await settle()
    assert heard == [("slow", 1), ("plain", 2)]
    wiring.deliver(4)
    assert heard[-1] == ("plain", 4)


async def test_a_slow_handler_delays_its_own_channel() -> None:
    """Other channels flow on while one channel's handler is slow (R7)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    release = asyncio.Event()

    async def slow(each: Event) -> None:
        if each.channel == "orders":
            await release.wait()
        heard.append(each.channel)

    wiring.client.add("order", slow)
    wiring.deliver(1)
    wiring.open("invoices").deliver(event(channel="invoices"))
    await settle()
    assert heard == ["invoices"]
    release.set()
    await settle()
    assert heard == ["invoices", "orders"]


async def test_every_kind_of_event_reaches_global_handlers() -> None:
    """Global handlers get the application's events, the protocol's and the markers (design.md 2)."""
    wiring = Dispatchers()
    heard: list[str] = []
    wiring.channel.add(None, lambda each: heard.append(each.name))
    names = ["order", "client-typing", "pusher:subscription_succeeded", "pusher:gap", "pusher:decryption_failure"]
    for name in names:
        wiring.channel.deliver(event(name))
    assert heard == names


async def test_a_plain_function_that_returns_an_awaitable() -> None:
    """A handler that turns out to be async counts as such from then on, on every channel (R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    later = noting_later(heard, "later")
    wiring.client.add("order", lambda each: later(each))  # noqa: PLW0108 - plain to look at
    other = wiring.open("invoices")
    assert not other.route("order").is_async
    wiring.deliver(1)
    await settle()
    wiring.deliver(2)
    assert wiring.channel.route("order").is_async
    assert other.route("order").is_async
    await settle()
    assert heard == [("later", 1), ("later", 2)]


async def test_on_handler_error() -> None:
    """The client's on_handler_error gets the exception and the event (R7)."""
    wiring = Dispatchers()

    def fail(_: Event) -> None:
        raise LookupError

    wiring.channel.add("order", fail)
    wiring.deliver(1)
    [(error, value)] = wiring.failures
    assert isinstance(error, LookupError)
    assert value == event(data=1)


# -- inside a handler -------------------------------------------------------------------------------------------------


async def test_the_only_handler_fails() -> None:
    """A single plain handler is called in a shorter way, on which nothing is lost of what befalls it (R7)."""
    wiring = Dispatchers()
    error = LookupError("as bad as it gets")

    def fail(_: Event) -> None:
        raise error

    wiring.channel.add("order", fail)
    wiring.deliver(1, 2, 3)
    assert [(failure, each.data) for failure, each in wiring.failures] == [(error, number) for number in (1, 2, 3)]
    assert counts(wiring.channel) == (3, 0, 0)


async def test_the_only_handler_turns_out_to_be_async() -> None:
    """When a single plain handler returns something to await at last, later events wait for it (R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    note, note_later = noting(heard, "plain"), noting_later(heard, "later")
    wiring.channel.add("order", lambda each: note(each) if each.data < 3 else note_later(each))
    wiring.channel.add("note", note)
    wiring.deliver(1, 2, 3)
    wiring.channel.deliver(event("note", 4))
    wiring.deliver(5)
    assert heard == [("plain", 1), ("plain", 2)]
    await settle()
    assert heard == [("plain", 1), ("plain", 2), ("later", 3), ("plain", 4), ("later", 5)]


async def test_the_only_handler_waits_its_turn() -> None:
    """A single plain handler does not overtake what an async one of another event is at (R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("order", noting(heard, "plain"))
    wiring.channel.add("slow", noting_later(heard, "later"))
    wiring.deliver(1, 2)
    wiring.channel.deliver(event("slow", 3))
    wiring.deliver(4)
    assert heard == [("plain", 1), ("plain", 2)]
    await settle()
    wiring.deliver(5)
    assert heard == [("plain", 1), ("plain", 2), ("later", 3), ("plain", 4), ("plain", 5)]


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_the_only_handler_has_company(level: str) -> None:
    """A handler bound after many events for another gets the next, and an unbound one gets no more (R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    first, second = noting(heard, "first"), noting(heard, "second")
    registry = getattr(wiring, level)
    registry.add("order", first)
    wiring.deliver(1, 2)
    registry.add("order", second)
    wiring.deliver(3)
    registry.remove_named("order", first)
    wiring.deliver(4, 5)
    stream = registry.events()
    wiring.deliver(6)
    registry.remove_named("order", None)
    wiring.deliver(7)
    assert heard == [("first", 1), ("first", 2), ("first", 3), *(("second", number) for number in (3, 4, 5, 6))]
    assert [(await anext(stream)).data for _ in range(2)] == [6, 7]
    assert counts(wiring.channel) == (7, 0, 0)


async def test_binding_inside_a_handler() -> None:
    """What a handler binds and unbinds concerns later events only (R7)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    second = noting(heard, "second")

    def first(each: Event) -> None:
        heard.append(("first", each.data))
        wiring.channel.remove_named("order", second)
        wiring.client.add("order", noting(heard, "new"))
        wiring.channel.remove_named("order", first)

    wiring.channel.add("order", first)
    wiring.channel.add("order", second)
    wiring.deliver(1, 2)
    assert heard == [("first", 1), ("second", 1), ("new", 2)]


async def test_streams_inside_a_handler() -> None:
    """A stream opened in a handler begins with the next event; one closed there has had its last (R7)."""
    wiring = Dispatchers()
    opened = []
    closed = wiring.channel.events()

    def handle(_: Event) -> None:
        closed.close()
        opened.append(wiring.channel.events())

    wiring.channel.add("order", handle)
    wiring.deliver(1)
    wiring.channel.remove_named(None, None)
    wiring.deliver(2)
    wiring.channel.end(None)
    assert [each.data async for each in opened[0]] == [2]
    assert [each.data async for each in closed] == []


async def test_ending_inside_a_plain_handler() -> None:
    """When a handler ends the subscription, the handlers after it are not called for the event (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("order", noting(heard, "before"))
    wiring.channel.add("order", lambda _: wiring.channel.end(None))
    wiring.channel.add("order", noting(heard, "after"))
    wiring.client.add(None, noting(heard, "client"))
    wiring.deliver(1)
    assert heard == [("before", 1)]
    assert counts(wiring.channel) == (1, 0, 0)


async def test_ending_inside_an_async_handler() -> None:
    """The same in the worker: neither the rest of the list nor what is queued is called (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Any] = []

    async def handler(each: Event) -> None:
        heard.append(each.data)
        await asyncio.sleep(0)
        wiring.channel.end(None)
        await asyncio.sleep(0)
        heard.append("goes on")

    wiring.channel.add("order", handler)

    wiring.channel.add("order", noting(heard, "after"))
    wiring.deliver(1, 2, 3)
    await settle()
    assert heard == [1, "goes on"]
    assert wiring.budget.used == 0


async def test_ending_while_an_async_handler_runs() -> None:
    """After unsubscribe() a handler that runs may finish, and nothing else begins (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("order", noting_later(heard, "slow"))
    wiring.channel.add("order", noting(heard, "after"))
    wiring.deliver(1, 2)
    await asyncio.sleep(0)
    wiring.channel.end(None)
    wiring.channel.add("paid", noting(heard, "next"))
    wiring.channel.deliver(event("paid", 3))
    await settle()
    assert heard == [("slow", 1), ("next", 3)]


async def test_ending_and_beginning_inside_a_handler() -> None:
    """Events of a new subscription are delivered, though the old one's list was cut short (R3)."""
    wiring = Dispatchers()
    heard: list[Any] = []

    def again(each: Event) -> None:
        if each.data == 1:
            wiring.channel.end(None)
            wiring.channel.open_own_stream()

    wiring.channel.add("order", again)
    wiring.channel.add("order", noting(heard, "after"))
    wiring.deliver(1, 2)
    assert heard == [("after", 2)]


async def test_a_loss_handler_ends_the_subscription() -> None:
    """A handler of a loss, too, can unsubscribe: then the event that ended the run reaches no handler (R7)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("order", noting(heard, "order"))
    wiring.channel.add("pusher:overflow", lambda _: wiring.channel.end(None))
    stream = wiring.channel.events(queue_size=1)
    wiring.deliver(0, 1)
    await anext(stream)
    wiring.deliver(2)
    assert heard == [("order", 0), ("order", 1)]
    assert counts(wiring.channel) == (2, 1, 0)


async def test_a_handler_waits_for_an_event() -> None:
    """wait_for() inside an async handler gets later events, though the handlers' queue is blocked (R7)."""
    wiring = Dispatchers()
    heard: list[Any] = []

    async def handler(each: Event) -> None:
        heard.append((each.data, (await wiring.channel.wait_for("paid")).data))

    wiring.channel.add("order", handler)

    wiring.deliver(1)
    await settle()
    wiring.channel.deliver(event("paid", 2))
    await settle()
    assert heard == [(1, 2)]


# -- counting ---------------------------------------------------------------------------------------------------------


async def test_counts_without_consumers() -> None:
    """An event without consumers counts as delivered (R5)."""
    wiring = Dispatchers()
    wiring.deliver(1)
    assert counts(wiring.channel) == (1, 0, 0)


async def test_what_counts() -> None:
    """Application events count; a failure to decrypt counts as that; the protocol's and other markers do not (R5)."""
    wiring = Dispatchers()
    for name in ("order", "client-typing", "pusher:gap", "pusher:cache_miss", "pusher:decryption_failure"):
        wiring.channel.deliver(event(name))
    assert counts(wiring.channel) == (2, 0, 1)


async def test_an_event_is_counted_before_it_is_handled() -> None:
    """A handler finds its own event counted, and the streams filled (R5)."""
    wiring = Dispatchers()
    seen: list[Any] = []
    wiring.channel.add("order", lambda _: seen.append(counts(wiring.channel)))
    stream = wiring.channel.events()
    wiring.deliver(1)
    assert seen == [(1, 0, 0)]
    assert (await anext(stream)).data == 1


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_a_full_stream_drops(level: str) -> None:
    """An event that one stream refuses counts as dropped, though the others have it (R5)."""
    wiring = Dispatchers()
    small = getattr(wiring, level).events(queue_size=1)
    large = wiring.channel.events()
    wiring.deliver(1, 2, 3)
    assert counts(wiring.channel) == (1, 2, 0)
    assert (small.dropped, large.dropped) == (2, 0)


async def test_a_full_worker_drops() -> None:
    """An event that the worker's queue refuses counts as dropped (R5)."""
    wiring = Dispatchers(queue_size=2)
    heard: list[Any] = []
    wiring.channel.add("order", noting_later(heard, "slow"))
    stream = wiring.channel.events(queue_size=9)
    wiring.deliver(1, 2, 3)
    wiring.channel.deliver(event("pusher:decryption_failure"))
    assert counts(wiring.channel) == (2, 1, 1)
    await settle()
    assert heard == [("slow", 1), ("slow", 2)]
    assert stream.dropped == 0


async def test_what_is_discarded_counts_as_dropped() -> None:
    """Events that were queued for handlers when the subscription ended were not delivered (R5)."""
    wiring = Dispatchers(queue_size=9)
    heard: list[Any] = []
    wiring.channel.add(None, noting_later(heard, "slow"))
    full = wiring.channel.events(queue_size=1)
    wiring.deliver(1, 2)
    await asyncio.sleep(0)
    wiring.deliver(3)
    wiring.channel.deliver(event("pusher:cache_miss"))
    await anext(full)
    wiring.deliver(4, 5)
    assert counts(wiring.channel) == (2, 3, 0)
    wiring.channel.end(None)
    assert counts(wiring.channel) == (1, 4, 0)
    await settle()
    assert heard == [("slow", 1)]
    assert wiring.budget.used > 0
    full.close()
    assert wiring.budget.used == 0


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_unbinding_stops_what_is_queued(level: str) -> None:
    """A handler is not called any more once it is unbound, also with events that wait for it (design.md 10)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    slow, other = noting_later(heard, "slow"), noting(heard, "other")
    registry = getattr(wiring, level)
    registry.add("order", slow)
    registry.add("order", other)
    wiring.deliver(1, 2)
    await asyncio.sleep(0)
    registry.remove_named("order", slow)
    await settle()
    assert heard == [("slow", 1), ("other", 1), ("other", 2)]


async def test_queues_share_the_bytes() -> None:
    """Streams and workers of all channels take from one allowance, and everything comes back (R6)."""
    big = event(raw="x" * 100)
    each = EVENT_OVERHEAD + len(big.name) + 2 * 100
    wiring = Dispatchers(limit=3 * each)
    heard: list[Any] = []
    wiring.channel.add("order", noting_later(heard, "slow"))
    stream = wiring.channel.events()
    wiring.channel.deliver(big)
    wiring.channel.deliver(big)
    assert wiring.budget.used == 3 * each
    assert counts(wiring.channel) == (1, 1, 0)
    await settle()
    await anext(stream)
    await anext(stream)
    assert wiring.budget.used == 0


# -- streams ----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_opened_before_subscribing() -> None:
    """A stream opened before, or after a failure, is there for the next subscription (design.md 2)."""
    wiring = Dispatchers()
    wiring.channel.end(REFUSED)
    stream = wiring.channel.events()
    wiring.channel.open_own_stream()
    wiring.deliver(1)
    assert (await anext(stream)).data == 1


# -- ends -------------------------------------------------------------------------------------------------------------


async def test_a_failure_lets_handlers_finish() -> None:
    """When the channel fails, what was received before is still delivered, the error's event included (R5)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add(None, noting_later(heard, "heard"))
    wiring.deliver(1)
    wiring.channel.deliver(event("pusher:subscription_error", 2))
    wiring.channel.end(REFUSED)
    await settle()
    assert heard == [("heard", 1), ("heard", 2)]


@pytest.mark.parametrize(
    ("error", "drain", "is_told"), [(None, False, False), (None, True, True), (REFUSED, False, True)]
)
async def test_a_loss_at_the_end(
    error: PusherError | None, drain: bool, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A run cut short is marked in the stream and logged; handlers are called unless it was unsubscribed (R5)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("pusher:overflow", noting(heard, "loss"))
    stream = wiring.channel.events(queue_size=1)
    wiring.deliver(1, 2)
    wiring.channel.end(error, drain=drain)
    loss = Overflow("orders", 1)
    assert heard == ([("loss", loss)] if is_told else [])
    assert [(await anext(stream)).data for _ in range(2)] == [1, loss]
    assert caplog.text.count("refused 1 events") == 1


async def test_disconnecting_lets_handlers_finish() -> None:
    """disconnect() gives the handlers time for what they have, then cancels them (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("order", noting_later(heard, "slow"))
    wiring.deliver(1, 2)
    wiring.channel.end(None, drain=True)
    wiring.client.end(None)
    await wiring.client.close(60)
    assert heard == [("slow", 1), ("slow", 2)]
    assert wiring.client.pool.running == set()


async def test_disconnecting_ends_a_hanging_handler() -> None:
    """A handler that hangs is cancelled, and what waited behind it is discarded (R6)."""
    wiring = Dispatchers()

    async def hang(_: Event) -> None:
        await asyncio.Event().wait()

    wiring.channel.add("order", hang)
    wiring.deliver(1, 2)
    wiring.channel.end(None, drain=True)
    await wiring.client.close(0)
    assert wiring.budget.used == 0
    assert wiring.failures == []


async def test_disconnecting_inside_a_handler() -> None:
    """A handler that disconnects is not cancelled and does not wait for itself; nothing comes after it (R7)."""
    wiring = Dispatchers()
    heard: list[Any] = []

    async def handler(each: Event) -> None:
        wiring.channel.end(None, drain=True)
        wiring.client.end(None)
        await wiring.client.close(60)
        heard.append(each.data)

    wiring.channel.add("order", handler)

    wiring.channel.add("order", noting(heard, "after"))
    wiring.deliver(1, 2)
    await settle()
    assert heard == [1]


def test_another_loop_afterwards() -> None:
    """Dispatchers, their handlers and new streams work again in another event loop (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    wiring.channel.add("order", noting_later(heard, "slow"))

    async def live(number: int) -> None:
        stream = wiring.channel.events()
        wiring.deliver(number)
        heard.append((await anext(stream)).data)
        wiring.channel.end(None, drain=True)
        await wiring.client.close(60)

    asyncio.run(live(1))
    asyncio.run(live(2))
    assert heard == [1, ("slow", 1), 2, ("slow", 2)]


# -- waiting for one event --------------------------------------------------------------------------------------------


async def test_wait_for() -> None:
    """The next event of such a name, and of the application's without names; it counts as accepted (design.md 2)."""
    wiring = Dispatchers()
    any_event = asyncio.create_task(wiring.channel.wait_for())
    named = asyncio.create_task(wiring.channel.wait_for("pusher:*", "paid"))
    by_client = asyncio.create_task(wiring.client.wait_for("order"))
    await settle()
    wiring.channel.deliver(event("pusher:cache_miss"))
    wiring.deliver(1, 2)
    assert (await any_event).data == 1
    assert (await named).name == "pusher:cache_miss"
    assert (await by_client).data == 1
    assert counts(wiring.channel) == (2, 0, 0)
    assert not wiring.channel.in_use


async def test_wait_for_what_does_not_come() -> None:
    """The failure is raised, or that the channel was unsubscribed, or that the client disconnected (design.md 2)."""
    wiring = Dispatchers()
    for error, expected in ((REFUSED, REFUSED), (None, "unsubscribed while")):
        waiting = asyncio.create_task(wiring.channel.wait_for())
        await settle()
        wiring.channel.end(error)
        with pytest.raises(SubscriptionError, match=str(expected)) as caught:
            await waiting
        assert caught.value.channel == "orders"
    waiting = asyncio.create_task(wiring.client.wait_for())
    await settle()
    wiring.client.end(None)
    with pytest.raises(NotConnectedError):
        await waiting


@pytest.mark.parametrize(
    ("level", "names", "message"),
    [
        ("channel", ("paid", "order-*"), "no event 'paid' or 'order-*' on the channel 'orders' within 0.001 s"),
        ("channel", (), "no event of the application on the channel 'orders' within 0.001 s"),
        ("client", ("paid",), "no event 'paid' on any channel within 0.001 s"),
    ],
)
async def test_wait_for_has_a_timeout(level: str, names: tuple[str, ...], message: str) -> None:
    """When the timeout expires, the error has the names, the channel and the seconds; nothing is kept (R6)."""
    wiring = Dispatchers()
    with pytest.raises(TimeoutError, match=re.escape(message)):
        await getattr(wiring, level).wait_for(*names, timeout=0.001)
    assert not wiring.channel.in_use
    assert wiring.client.consumers("paid") == ()


@pytest.mark.parametrize(("seconds", "error"), [(0, ValueError), (-1, ValueError), ("9", TypeError), (True, TypeError)])
async def test_the_timeout_of_wait_for_is_checked(seconds: Any, error: type[Exception]) -> None:
    """An invalid timeout is an error at once, and nothing is registered."""
    wiring = Dispatchers()
    with pytest.raises(error, match="timeout"):
        await wiring.channel.wait_for("paid", timeout=seconds)
    assert not wiring.channel.in_use


async def test_an_event_that_comes_when_the_timeout_expires_is_returned() -> None:
    """The event wins over a timeout that expires in the same turn of the event loop (R5)."""
    wiring = Dispatchers()
    waiting = asyncio.create_task(wiring.channel.wait_for(timeout=0.001))
    await asyncio.sleep(0)
    wiring.deliver(1)
    time.sleep(0.005)  # noqa: ASYNC251 - so that the timer is due in the turn in which the task goes on
    assert (await waiting).data == 1


async def test_a_cancelled_wait_is_forgotten() -> None:
    """A cancelled wait leaves nothing behind, even when the end comes at the same time (R6)."""
    for ended in (False, True):
        wiring = Dispatchers()
        waiting = asyncio.create_task(wiring.channel.wait_for())
        await settle()
        assert wiring.channel.in_use
        if ended:
            wiring.channel.end(REFUSED)
        waiting.cancel()
        await settle()
        assert waiting.cancelled()
        assert not wiring.channel.in_use
        assert wiring.channel._consumers == ()


# -- memory -----------------------------------------------------------------------------------------------------------


async def test_hostile_names_do_not_fill_the_memory() -> None:
    """However many or long names a server makes up, few are remembered, and all are delivered (R6, R8)."""
    wiring = Dispatchers()
    heard: list[str] = []
    wiring.channel.add(None, lambda each: heard.append(each.name))
    names = [f"name {number}" for number in range(3000)] + ["x" * 201, "y" * 200, "\ud800"]
    for name in names:
        wiring.channel.deliver(event(name))
        assert len(wiring.channel._routes) <= 1024
    assert heard == names
    assert "y" * 200 in wiring.channel._routes
    assert "x" * 201 not in wiring.channel._routes


async def test_routes_are_found_again() -> None:
    """Whatever changes, the next event goes where it should: handlers and streams, here and at the client (R4)."""
    wiring = Dispatchers()
    heard: list[Any] = []
    note = noting(heard, "heard")
    for registry in (wiring.channel, wiring.client):
        wiring.deliver(0)
        registry.add("order", note)
        wiring.deliver(1)
        registry.remove_named("order", note)
        registry.add(None, note)
        wiring.deliver(2)
        registry.remove_global(note)
        wiring.deliver(3)
        stream = registry.events()
        wiring.deliver(4)
        stream.close()
        wiring.deliver(5)
        del stream
    assert heard == [("heard", 1), ("heard", 2)] * 2


async def test_a_channel_is_told_of_its_use() -> None:
    """The owner of the handle is notified when it may have become used or unused (design.md 2)."""
    wiring = Dispatchers()
    uses: list[bool] = []
    channel = ChannelDispatcher(
        "orders",
        wiring.client,
        EventCounts(),
        queue_size=4,
        budget=wiring.budget,
        on_use=lambda: uses.append(channel.in_use),
    )
    stream = channel.events()
    assert uses.pop()
    del stream
    assert not uses.pop()
    heard: list[Any] = []
    channel.add("order", noting_later(heard, "slow"))
    channel.deliver(event())
    await asyncio.sleep(0)
    channel.remove_named(None, None)
    assert uses.pop()
    await settle()
    assert heard
    assert not uses.pop()


async def test_a_dropped_channel_needs_no_collector() -> None:
    """A channel's dispatcher is freed with its last reference, the bytes of its own stream included (R6)."""
    budget = ByteBudget(10_000)
    client = ClientDispatcher(queue_size=4, budget=budget)
    channel = ChannelDispatcher("orders", client, EventCounts(), queue_size=4, budget=budget)
    channel.open_own_stream()
    channel.deliver(event())
    channel.add("pusher:gap", print)
    assert budget.used > 0
    gone = weakref.ref(channel)
    gc.disable()
    try:
        del channel
        assert gone() is None
    finally:
        gc.enable()
    assert budget.used == 0
    client.add("order", print)
