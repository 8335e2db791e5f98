from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.delivery.event_stream import EventStream
from pusher_client.events import Event, Overflow
from pusher_client.exceptions import ConnectError
from tests.support.dispatchers import Dispatchers, event, settle


async def drain(stream: EventStream) -> list[Event]:
    return [event async for event in stream]


def numbers(events: list[Event]) -> list[object]:
    return [("lost", each.data.dropped) if isinstance(each.data, Overflow) else each.data for each in events]


async def test_events_come_in_order() -> None:
    """A stream takes in events from its opening, and gives them in the order of receipt (R4)."""
    wiring = Dispatchers()
    wiring.deliver(0)
    stream = wiring.channel.events()
    wiring.deliver(1, 2)
    wiring.channel.end(None)
    assert numbers(await drain(stream)) == [1, 2]
    assert stream.dropped == 0


async def test_a_reader_waits() -> None:
    """A reader that came before the event gets it (design.md 2)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    reading = asyncio.create_task(anext(stream))
    await settle()
    wiring.deliver(1)
    assert (await reading).data == 1


async def test_nobody_waits_for_a_dispatcher_that_is_gone() -> None:
    """A stream that outlives its client gives what it has, and ends (R6)."""
    wiring = Dispatchers()
    streams = [wiring.channel.events(), wiring.client.events()]
    wiring.deliver(1)
    del wiring
    gc.collect()
    async with asyncio.timeout(20):
        assert [numbers(await drain(stream)) for stream in streams] == [[1], [1]]


async def test_one_reader() -> None:
    """A second anext at the same time is a mistake, and does not disturb the first (design.md 2)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    reading = asyncio.create_task(anext(stream))
    await settle()
    with pytest.raises(RuntimeError, match="one stream for each reader"):
        await anext(stream)
    wiring.deliver(1)
    assert (await reading).data == 1


async def test_another_reader_afterwards() -> None:
    """Readers may follow one another (design.md 2)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    wiring.deliver(1, 2)
    assert (await asyncio.create_task(anext(stream))).data == 1
    assert (await anext(stream)).data == 2


@pytest.mark.parametrize("event_first", [True, False])
async def test_a_cancelled_anext_loses_nothing(event_first: bool) -> None:
    """Cancelling a read, even when its event has come already, leaves the event to the next read (R5)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    reading = asyncio.create_task(anext(stream))
    await settle()
    if event_first:
        wiring.deliver(1)
    reading.cancel()
    await settle()
    assert reading.cancelled()
    if not event_first:
        wiring.deliver(1)
    wiring.deliver(2)
    assert [(await anext(stream)).data for _ in range(2)] == [1, 2]


async def test_break_and_resume() -> None:
    """Leaving the loop and coming back loses nothing (design.md 2)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    wiring.deliver(1, 2)
    async for each in stream:
        assert each.data == 1
        break
    wiring.deliver(3)
    wiring.channel.end(None)
    assert numbers(await drain(stream)) == [2, 3]


async def test_a_full_stream_marks_its_loss() -> None:
    """The newest are refused; one marker follows what was queued, and dropped counts them (R5)."""
    wiring = Dispatchers()
    stream = wiring.channel.events(queue_size=2)
    wiring.deliver(0, 1, 2, 3)
    assert stream.dropped == 2
    assert numbers([await anext(stream) for _ in range(3)]) == [0, 1, ("lost", 2)]
    wiring.deliver(4, 5, 6)
    wiring.channel.end(None)
    assert numbers(await drain(stream)) == [4, 5, ("lost", 1)]
    assert stream.dropped == 3


async def test_the_marker_needs_no_name() -> None:
    """The stream that lost has the marker, whatever names it was opened with; another has not (design.md 2)."""
    wiring = Dispatchers()
    small = wiring.channel.events("order", queue_size=1)
    large = wiring.channel.events("pusher:overflow", "*")
    wiring.deliver(0, 1)
    wiring.channel.end(None)
    assert numbers(await drain(small)) == [0, ("lost", 1)]
    assert numbers(await drain(large)) == [0, 1]


async def test_take_returns_what_is_queued() -> None:
    """``take`` returns at most ``limit`` events in order, waits for the first, and is empty at the end (R4)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    wiring.deliver(0, 1, 2, 3)
    assert numbers(await stream.take(2)) == [0, 1]
    assert numbers(await stream.take(10)) == [2, 3]
    taking = asyncio.create_task(stream.take(10))
    await settle()
    assert not taking.done()
    wiring.deliver(5)
    assert numbers(await taking) == [5]
    wiring.deliver(6)
    wiring.channel.end(None)
    assert numbers(await stream.take(10)) == [6]
    assert await stream.take(10) == []
    assert wiring.budget.used == 0


async def test_take_returns_the_marker_in_its_place() -> None:
    """A loss is one marker among the events that ``take`` returns, and reaches the handlers (R5)."""
    wiring = Dispatchers()
    stream = wiring.channel.events(queue_size=2)
    seen: list[object] = []
    wiring.channel.add("pusher:overflow", lambda each: seen.append(each.data.dropped))
    wiring.deliver(0, 1, 2, 3)
    assert numbers(await stream.take(10)) == [0, 1, ("lost", 2)]
    await settle()
    assert seen == [2]


async def test_take_raises_only_when_nothing_is_left() -> None:
    """The error of a failed channel is raised after the last event, and again at each later call."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    wiring.deliver(0)
    wiring.channel.end(ConnectError(4001, "refused"))
    assert numbers(await stream.take(10)) == [0]
    for _ in range(2):
        with pytest.raises(ConnectError):
            await stream.take(10)


async def test_a_cancelled_take_loses_nothing() -> None:
    """``take`` within a time limit can be repeated: what arrives is still there (R4)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    taking = asyncio.create_task(stream.take(2))
    await settle()
    wiring.deliver(0)
    taking.cancel()
    await settle()
    assert taking.cancelled()
    assert numbers(await stream.take(2)) == [0]


@pytest.mark.parametrize(
    ("limit", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.0, TypeError), ("1", TypeError)]
)
async def test_take_needs_a_limit(limit: Any, error: type[Exception]) -> None:
    """A limit that is not a positive integer is refused at once."""
    stream = Dispatchers().channel.events()
    with pytest.raises(error, match=r"take\(limit\)"):
        await stream.take(limit)


async def test_the_context_manager_closes() -> None:
    """Leaving the block closes the stream, and nothing is offered to it any more (R6)."""
    wiring = Dispatchers()
    async with wiring.channel.events() as stream:
        wiring.deliver(1)
        assert wiring.channel.in_use
    assert not wiring.channel.in_use
    assert wiring.budget.used == 0
    wiring.deliver(2)
    assert await drain(stream) == []
    stream.close()


async def test_close_releases_the_reader() -> None:
    """A reader that waits sees the end when the stream is closed (design.md 2)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    reading = asyncio.create_task(drain(stream))
    await settle()
    stream.close()
    assert await reading == []


async def test_a_failed_stream_raises_each_time() -> None:
    """The failure comes after what was queued, and again at every later read; close() makes it an end (R3)."""
    wiring = Dispatchers()
    stream, error = wiring.channel.events(), ConnectError(4001, "no such application")
    wiring.deliver(1)
    wiring.channel.end(error)
    assert (await anext(stream)).data == 1
    for _ in range(2):
        with pytest.raises(ConnectError) as caught:
            await anext(stream)
        assert caught.value is error
    stream.close()
    assert await drain(stream) == []


async def test_a_waiting_reader_hears_of_the_failure() -> None:
    """A reader that waits gets the failure at once (design.md 2)."""
    wiring = Dispatchers()
    reading = asyncio.create_task(anext(wiring.channel.events()))
    await settle()
    wiring.channel.end(ConnectError(4001, "no such application"))
    with pytest.raises(ConnectError):
        await reading


async def test_a_dropped_stream_is_forgotten() -> None:
    """A stream that its user drops takes no more events, and its bytes come back (R6)."""
    wiring = Dispatchers()
    stream = wiring.channel.events()
    other = wiring.client.events()
    wiring.deliver(1)
    assert wiring.budget.used > 0
    del stream, other
    gc.collect()
    assert wiring.budget.used == 0
    assert not wiring.channel.in_use
    wiring.deliver(2)
    assert wiring.budget.used == 0
    assert wiring.channel.counts.delivered == 2


async def test_a_stream_in_a_cycle_is_forgotten() -> None:
    """A stream that only the garbage collector can find is forgotten too, unread bytes included (R6)."""
    wiring = Dispatchers()
    cycle: list[object] = [wiring.channel.events()]
    cycle.append(cycle)
    wiring.deliver(1)
    wiring.channel.end(None)
    del cycle
    gc.collect()
    assert wiring.budget.used == 0


async def test_a_stream_that_is_read_is_not_dropped() -> None:
    """A task that waits on a stream keeps it, without another reference (design.md 2)."""
    wiring = Dispatchers()
    reading = asyncio.create_task(drain(wiring.channel.events()))
    await settle()
    gc.collect()
    wiring.deliver(1)
    wiring.channel.end(None)
    assert numbers(await reading) == [1]


async def test_it_waits_for_all_that_is_left() -> None:
    """An event refused while the reader waits wakes it, so that the loss is read (R5)."""
    wiring = Dispatchers(limit=600)
    stream = wiring.channel.events()
    reading = asyncio.create_task(anext(stream))
    await settle()
    wiring.channel.deliver(event(raw="x" * 100))
    assert numbers([await reading]) == [("lost", 1)]


@given(st.lists(st.one_of(st.none(), st.integers(1, 4)), max_size=40))
async def test_every_event_is_accounted_for(steps: list[int | None]) -> None:
    """For any reading, accepted and dropped make up what was offered, in order, and markers add up (R4, R5)."""
    wiring = Dispatchers(limit=6 * 512)
    channel_stream = wiring.channel.events(queue_size=3)
    client_stream = wiring.client.events(queue_size=5)
    told: list[Overflow] = []
    wiring.client.add("pusher:overflow", lambda each: told.append(each.data))
    offered = 0
    read: list[Event] = []
    for step in steps:
        if step is None:
            wiring.deliver(offered)
            offered += 1
        else:
            stream = channel_stream if step % 2 else client_stream
            waiting = asyncio.create_task(anext(stream))
            await settle()
            if waiting.done() and step % 2:
                read.append(waiting.result())
            waiting.cancel()
            await settle()
    wiring.channel.end(None, drain=True)
    wiring.client.end(None)
    read += await drain(channel_stream)
    await drain(client_stream)
    seen = [each.data for each in read if not isinstance(each.data, Overflow)]
    marked = sum(each.data.dropped for each in read if isinstance(each.data, Overflow))
    assert seen == sorted(set(seen))
    assert marked == channel_stream.dropped == offered - len(seen)
    assert sum(each.dropped for each in told) == channel_stream.dropped + client_stream.dropped
    counts = wiring.channel.counts
    assert (counts.received, counts.waiting) == (offered, 0)
    assert counts.dropped >= max(channel_stream.dropped, client_stream.dropped)
    assert counts.dropped <= channel_stream.dropped + client_stream.dropped
    assert wiring.budget.used == 0
