from __future__ import annotations

import pytest

from pusher_client.events import Overflow
from tests.support.dispatchers import Dispatchers, counts, event, noting


async def test_the_own_stream_is_open_from_the_subscription() -> None:
    """With no handler bound, subscribe() opens the stream, so that nothing is missed before the loop (design.md 2)."""
    wiring = Dispatchers()
    wiring.channel.open_own_stream()
    wiring.deliver(1)
    wiring.channel.deliver(event("pusher:subscription_succeeded"))
    own = wiring.channel.own_stream()
    assert wiring.channel.own_stream() is own
    wiring.deliver(2)
    wiring.channel.open_own_stream()
    assert wiring.channel.own_stream() is own
    wiring.channel.end(None)
    assert [each.data async for each in own] == [1, 2]


@pytest.mark.parametrize("level", ["channel", "client"])
@pytest.mark.parametrize("globally", [True, False])
async def test_no_own_stream_beside_handlers(level: str, globally: bool) -> None:
    """A handler for application events, the client's too, means that the channel will not be iterated (design.md 9)."""
    wiring = Dispatchers()
    registry = getattr(wiring, level)
    if globally:
        registry.add(None, print)
    else:
        registry.add("order", noting([], ""))
        registry.add("pusher:gap", print)
    wiring.channel.open_own_stream()
    assert wiring.channel.consumers("order") == ()


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_the_own_stream_is_given_up_at_the_first_bind(level: str) -> None:
    """The first handler for application events frees the stream that was never iterated (design.md 2)."""
    wiring = Dispatchers()
    registry = getattr(wiring, level)
    wiring.channel.open_own_stream()
    registry.add("pusher:decryption_failure", print)
    wiring.deliver(1)
    assert wiring.budget.used > 0
    registry.add("another", print)
    assert wiring.budget.used == 0
    assert wiring.channel.consumers("order") == ()
    own = wiring.channel.own_stream()
    wiring.deliver(2)
    assert (await anext(own)).data == 2
    registry.remove_named(None, None)
    own.close()
    wiring.channel.open_own_stream()
    assert wiring.channel.consumers("order") != ()
    registry.add("another", print)
    assert wiring.channel.consumers("order") == ()


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_an_iterated_own_stream_stays(level: str) -> None:
    """Once the stream is iterated, binding does not take it away (design.md 2)."""
    wiring = Dispatchers()
    wiring.channel.open_own_stream()
    own = wiring.channel.own_stream()
    getattr(wiring, level).add("order", noting([], ""))
    wiring.deliver(1)
    assert (await anext(own)).data == 1


async def test_the_own_stream_counts_when_iterated() -> None:
    """What it refuses counts as a loss only from the first iteration on (design.md 2, R5)."""
    wiring = Dispatchers(queue_size=2)
    wiring.channel.open_own_stream()
    wiring.deliver(1, 2, 3)
    assert counts(wiring.channel) == (3, 0, 0)
    own = wiring.channel.own_stream()
    wiring.deliver(4)
    assert counts(wiring.channel) == (3, 1, 0)
    assert [(await anext(own)).data for _ in range(3)] == [1, 2, Overflow("orders", 2)]


async def test_each_subscription_has_its_own() -> None:
    """After unsubscribe() the stream ends after its queue, and the next subscribe() opens a new one (design.md 2)."""
    wiring = Dispatchers()
    wiring.channel.open_own_stream()
    old = wiring.channel.own_stream()
    wiring.deliver(1)
    wiring.channel.end(None)
    assert wiring.channel.own_stream() is old
    wiring.channel.open_own_stream()
    wiring.deliver(2)
    assert [each.data async for each in old] == [1]
    new = wiring.channel.own_stream()
    assert new is not old
    assert (await anext(new)).data == 2


async def test_a_new_reader_takes_over_what_the_old_stream_has_not_read() -> None:
    """Iterating again after a new subscription moves the unread events there; the old stream has ended (R4, R6)."""
    wiring = Dispatchers(queue_size=2)
    wiring.channel.open_own_stream()
    old = wiring.channel.own_stream()
    wiring.deliver(1, 2, 3)
    wiring.channel.end(None)
    wiring.channel.open_own_stream()
    wiring.deliver(4)
    new = wiring.channel.own_stream()
    assert [each async for each in old] == []
    wiring.deliver(5)
    wiring.channel.end(None)
    assert [each.data async for each in new] == [1, 2, Overflow("orders", 1), 4, Overflow("orders", 1)]
    assert wiring.budget.used == 0


async def test_what_was_left_unread_needs_nobody_to_hold_it() -> None:
    """Breaking out of ``async for`` loses nothing, however many subscriptions later (design.md 2, 9)."""
    wiring = Dispatchers()
    wiring.channel.open_own_stream()
    wiring.deliver(1, 2)
    assert (await anext(wiring.channel.own_stream())).data == 1
    for number in (3, 4):
        wiring.channel.end(None)
        wiring.channel.open_own_stream()
        wiring.channel.own_stream()
        wiring.deliver(number)
    assert [(await anext(wiring.channel.own_stream())).data for _ in range(3)] == [2, 3, 4]


@pytest.mark.parametrize("bound", [False, True])
async def test_an_own_stream_that_nobody_read_passes_on_what_it_found(*, bound: bool) -> None:
    """What an earlier subscription left unread outlives one that was never iterated, or closed (design.md 2, 9)."""
    wiring = Dispatchers()
    wiring.channel.open_own_stream()
    wiring.deliver(1, 2)
    assert (await anext(wiring.channel.own_stream())).data == 1
    wiring.channel.end(None)
    wiring.channel.open_own_stream()
    if bound:
        wiring.channel.add("order", noting([], ""))
    wiring.channel.end(None)
    wiring.channel.open_own_stream()
    wiring.deliver(3)
    stream = wiring.channel.own_stream()
    assert (await anext(stream)).data == 2
    wiring.deliver(4)
    assert (await anext(stream)).data == (4 if bound else 3)


async def test_closing_discards_what_earlier_subscriptions_left_too() -> None:
    """A closed stream gives nothing more, and gives the bytes back (design.md 2, R6)."""
    wiring = Dispatchers()
    wiring.channel.open_own_stream()
    wiring.deliver(1, 2)
    assert (await anext(wiring.channel.own_stream())).data == 1
    wiring.channel.end(None)
    stream = wiring.channel.own_stream()
    wiring.channel.open_own_stream()
    del stream
    stream = wiring.channel.own_stream()
    stream.close()
    assert [each.data async for each in stream] == []
    assert wiring.budget.used == 0


async def test_iterating_before_subscribing() -> None:
    """A loop that began before the subscription reads its events, handlers or not (design.md 9)."""
    wiring = Dispatchers()
    wiring.channel.add("order", noting([], ""))
    own = wiring.channel.own_stream()
    wiring.channel.open_own_stream()
    assert wiring.channel.own_stream() is own
    wiring.deliver(1)
    assert (await anext(own)).data == 1


async def test_a_closed_own_stream_is_opened_anew() -> None:
    """Iterating again after the own stream was closed opens another (design.md 9)."""
    wiring = Dispatchers()
    own = wiring.channel.own_stream()
    own.close()
    again = wiring.channel.own_stream()
    assert again is not own
    wiring.deliver(1)
    assert (await anext(again)).data == 1
