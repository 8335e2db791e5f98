from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.dispatcher import Dispatcher, Route
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import Event, Overflow
from pusher_client.protocol.byte_budget import ByteBudget
from tests.support.dispatchers import Dispatchers, event, settle


class Plain(Dispatcher):
    """A dispatcher without any additions."""


def make(queue_size: int = 2) -> Plain:
    budget = ByteBudget(10_000)
    return Plain("orders", pool=WorkerPool(), queue_size=queue_size, budget=budget, on_handler_error=None)


def test_a_route_knows_what_it_leads_to() -> None:
    """A route is async when one of its handlers is, and counts the application's events only (R4, R5)."""

    async def later(_: object) -> None: ...

    plain, slow = Binding(print), Binding(later)
    assert Route.of("order", (plain,), ()) == Route((plain,), is_async=False, consumers=(), is_application=True)
    assert Route.of("pusher:gap", (plain, slow), ()) == Route(
        (plain, slow), is_async=True, consumers=(), is_application=False
    )


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (True, TypeError), ("9", TypeError)])
def test_the_queue_size_is_checked(size: Any, error: type[Exception]) -> None:
    """A wrong queue_size is refused where it is given, for the client as for one stream (R6)."""
    with pytest.raises(error):
        make(queue_size=size)
    with pytest.raises(error):
        make().events(queue_size=size)


async def test_a_name_is_checked_before_anything_is_opened() -> None:
    """A wrong name opens no stream and leaves no waiter (house rule 6)."""
    wiring = Dispatchers()
    names: Any = (1,)
    with pytest.raises(TypeError):
        wiring.channel.events(*names)
    with pytest.raises(TypeError):
        await wiring.channel.wait_for(*names)
    assert not wiring.channel.in_use


async def test_the_default_queue_size() -> None:
    """A stream holds as much as the client's option says, unless it was opened with another size (design.md 2)."""
    wiring = Dispatchers(queue_size=2)
    usual, small = wiring.channel.events(), wiring.channel.events(queue_size=1)
    wiring.deliver(1, 2, 3)
    assert (usual.dropped, small.dropped) == (1, 2)


def test_what_a_subclass_has_to_say() -> None:
    """Where events go, and what a withdrawn wait raises, is the subclass's to say."""
    with pytest.raises(NotImplementedError):
        make().route("order")
    with pytest.raises(NotImplementedError):
        asyncio.run(make().wait_for())
    with pytest.raises(NotImplementedError):
        make()._wait_ended()


def test_what_a_subclass_may_ignore() -> None:
    """The callbacks of the worker have no effect unless a subclass overrides them."""
    dispatcher = make()
    dispatcher.on_idle()
    dispatcher.on_async_handler()
    dispatcher.invalidate_routes()
    assert dispatcher.consumers("order") == ()


async def test_handlers_hear_of_a_streams_loss_once(caplog: pytest.LogCaptureFixture) -> None:
    """One pusher:overflow for each run reaches the handlers, at its end, and the log has it once (R5)."""
    wiring = Dispatchers()
    heard: list[Event] = []
    wiring.channel.add("pusher:overflow", heard.append)
    stream = wiring.channel.events(queue_size=1)
    everything = wiring.channel.events("*", queue_size=9)
    wiring.deliver(0, 1, 2)
    assert heard == []
    await anext(stream)
    wiring.deliver(3)
    lost = Event("pusher:overflow", "orders", Overflow("orders", 2))
    assert heard == [lost]
    assert (await anext(stream), (await anext(stream)).data) == (lost, 3)
    assert heard == [lost]
    assert [(await anext(everything)).data for _ in range(4)] == [0, 1, 2, 3]
    assert [record.getMessage() for record in caplog.records] == [
        "a stream of orders refused 2 events: its queue was full"
    ]


async def test_the_loss_comes_before_the_event_that_ended_it() -> None:
    """Handlers are called for the loss first and then for the next accepted event, also in the worker (R5)."""
    for is_async in (False, True):
        wiring = Dispatchers()
        heard: list[Any] = []

        async def later(each: Event, heard: list[Any] = heard) -> None:
            heard.append(each.data)

        def at_once(each: Event, heard: list[Any] = heard) -> None:
            heard.append(each.data)

        wiring.channel.add(None, later if is_async else at_once)
        stream = wiring.channel.events(queue_size=1)
        wiring.deliver(0, 1)
        await anext(stream)
        wiring.deliver(2)
        await settle()
        assert heard == [0, 1, Overflow("orders", 1), 2]


async def test_all_who_bound_hear_of_a_channels_loss() -> None:
    """A channel's loss goes the way of its events: channel, channel-global, client, client-global (design.md 2)."""
    wiring = Dispatchers()
    heard: list[str] = []
    wiring.client.add(None, lambda _: heard.append("client-global"))
    wiring.client.add("pusher:overflow", lambda _: heard.append("client"))
    stream = wiring.channel.events(queue_size=1)
    wiring.deliver(0, 1)
    wiring.channel.add(None, lambda _: heard.append("channel-global"))
    wiring.channel.add("pusher:overflow", lambda _: heard.append("channel"))
    heard.clear()
    await anext(stream)
    await anext(stream)
    assert heard == ["channel", "channel-global", "client", "client-global"]


async def test_a_client_level_stream_loses() -> None:
    """A loss of a stream of all channels has no channel, and only the client's handlers are called (design.md 2)."""
    wiring = Dispatchers()
    heard: list[Event] = []
    wiring.client.add("pusher:overflow", heard.append)
    wiring.channel.add("pusher:overflow", lambda _: pytest.fail("it is not the channel's loss"))
    stream = wiring.client.events(queue_size=1)
    wiring.deliver(0, 1)
    await anext(stream)
    wiring.deliver(2)
    assert heard == [Event("pusher:overflow", None, Overflow(None, 1))]


async def test_async_handlers_of_a_client_level_loss() -> None:
    """The client has a separate worker for events without a channel (R7)."""
    wiring = Dispatchers()
    heard: list[Event] = []

    async def hear(each: Event) -> None:
        await asyncio.sleep(0)
        heard.append(each)

    wiring.client.add("pusher:overflow", hear)
    stream = wiring.client.events(queue_size=1)
    wiring.deliver(0, 1)
    await anext(stream)
    await anext(stream)
    assert heard == []
    await settle()
    assert heard == [Event("pusher:overflow", None, Overflow(None, 1))]


async def test_a_full_worker_tells_its_loss(caplog: pytest.LogCaptureFixture) -> None:
    """The worker's own refusals are one marker for each run, delivered in its place, and logged once (R5)."""
    wiring = Dispatchers(queue_size=2)
    heard: list[Any] = []

    async def hear(each: Event) -> None:
        heard.append(each.data)

    wiring.channel.add(None, hear)
    wiring.deliver(0, 1, 2, 3)
    await settle()
    wiring.deliver(4)
    await settle()
    assert heard == [0, 1, Overflow("orders", 2), 4]
    assert [record.getMessage() for record in caplog.records] == [
        "the handlers of orders missed 2 events: their queue was full"
    ]
    assert wiring.channel.counts.dropped == 2


async def test_a_full_worker_of_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """Losses that async handlers are too slow for are reported as a loss themselves (R5)."""
    wiring = Dispatchers(queue_size=1)
    heard: list[Event] = []

    async def hear(each: Event) -> None:
        heard.append(each)

    wiring.client.add("pusher:overflow", hear)
    streams = [wiring.client.events() for _ in range(3)]
    wiring.deliver(0, 1)
    for stream in streams:
        await anext(stream)
        await anext(stream)
    await settle()
    assert heard == [Event("pusher:overflow", None, Overflow(None, count)) for count in (1, 2)]
    assert "the handlers of all channels missed 2 events" in caplog.text


async def test_waiting_for_a_loss() -> None:
    """wait_for() returns a loss marker as a handler gets it (design.md 2)."""
    wiring = Dispatchers()
    waiting = asyncio.create_task(wiring.channel.wait_for("pusher:overflow"))
    stream = wiring.channel.events(queue_size=1)
    await settle()
    wiring.deliver(0, 1)
    await anext(stream)
    await anext(stream)
    assert (await waiting).data == Overflow("orders", 1)


async def test_a_loss_may_be_told_while_the_worker_is_busy() -> None:
    """A plain handler of losses waits for an async one that runs, so that the order is kept (R4)."""
    wiring = Dispatchers()
    heard: list[str] = []
    release = asyncio.Event()

    async def slow(_: Event) -> None:
        await release.wait()
        heard.append("slow")

    wiring.channel.add("order", slow)
    wiring.channel.add("pusher:overflow", lambda _: heard.append("loss"))
    stream = wiring.channel.events("extra", queue_size=1)
    wiring.deliver(0)
    wiring.channel.deliver(event("extra"))
    wiring.channel.deliver(event("extra"))
    stream.close()
    assert heard == []
    release.set()
    await settle()
    assert heard == ["slow", "loss"]
