from __future__ import annotations

import asyncio
import logging
from typing import Any
from weakref import ref

import pytest

from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD, event_bytes
from pusher_client.delivery.stream_queue import EventWaiter, StreamQueue, name_filter
from pusher_client.events import Event, Overflow
from pusher_client.exceptions import ConnectError, PusherError, SubscriptionError
from pusher_client.protocol.byte_budget import ByteBudget
from tests.support.dispatchers import event

EVERYTHING = name_filter(("*",))


class Owner:
    """The dispatcher of a queue: records the calls."""

    def __init__(self) -> None:
        self.overflows: list[Event] = []
        self.told: list[Event] = []
        self.forgotten: list[StreamQueue] = []
        self.refreshed = 0

    def note_overflow(self, event: Event) -> None:
        self.overflows.append(event)

    def report_overflows(self) -> None:
        self.told += self.overflows
        self.overflows.clear()

    def check_caller(self) -> None:
        """Every reader of these tests is where it should be."""

    def remove(self, consumer: StreamQueue) -> None:
        self.forgotten.append(consumer)

    def invalidate_routes(self) -> None:
        self.refreshed += 1


def make(
    owner: Owner, *, limit: int = 2, budget: int = 100_000, unclaimed: bool = False
) -> tuple[StreamQueue, ByteBudget]:
    allowance = ByteBudget(budget)
    queue = StreamQueue("orders", EVERYTHING, limit=limit, budget=allowance, owner=ref(owner), unclaimed=unclaimed)
    return queue, allowance


def lost(count: int) -> Event:
    return Event("pusher:overflow", "orders", Overflow("orders", count))


@pytest.mark.parametrize(
    ("names", "matching", "others"),
    [
        ((), ["order", "client-typing", ""], ["pusher:gap", "pusher:member_added"]),
        (("*",), ["order", "pusher:gap", ""], []),
        (("order-*",), ["order-created", "order-"], ["Order-created", "order", "an order-created"]),
        (("a", "b?"), ["a", "b1"], ["b", "ab", "A", "a\n"]),
        (("[ab]", "pusher:*"), ["a", "b", "pusher:overflow"], ["[ab]", "c"]),
        (("line*",), ["line\nbreak"], []),
    ],
)
def test_names_are_case_sensitive_globs(names: tuple[str, ...], matching: list[str], others: list[str]) -> None:
    """Names are globs over all names, matched whole and with case; without any, application events (design.md 2)."""
    wanted = name_filter(names)
    assert [name for name in matching + others if wanted(name)] == matching


def test_a_name_is_a_string() -> None:
    """Anything else is refused at once, with the cure (house rule 6)."""
    wrong: Any = (1,)
    with pytest.raises(TypeError, match="names of events must be strings"):
        name_filter(wrong)


async def test_what_is_queued_takes_bytes_until_read() -> None:
    """An event takes 512 bytes and its text from the client's budget, and gives them back when read (R6)."""
    owner = Owner()
    queue, budget = make(owner)
    first = event(raw="x" * 100)
    assert queue.offer(first)
    assert budget.used == EVENT_OVERHEAD + len(first.name) + 2 * 100
    assert queue.read() is first
    assert budget.used == 0


async def test_the_loss_is_noted_when_the_next_is_accepted() -> None:
    """The marker of a run comes before the next accepted event, and the owner may report it then (R5)."""
    owner = Owner()
    queue, _ = make(owner, limit=1)
    assert [queue.offer(event(data=number)) for number in range(3)] == [True, False, False]
    assert owner.overflows == []
    assert queue.read().data == 0
    assert queue.offer(event(data=3))
    assert owner.overflows == [lost(2)]
    assert owner.told == []
    assert [queue.read() for _ in range(2)] == [lost(2), event(data=3)]


async def test_the_loss_is_told_when_the_reader_comes_to_it() -> None:
    """A run that the reader reaches ends there, and is reported at once (R5)."""
    owner = Owner()
    queue, _ = make(owner, limit=1)
    for number in range(3):
        queue.offer(event(data=number))
    queue.read()
    assert queue.read() == lost(2)
    assert owner.told == [lost(2)]
    assert not queue.readable


async def test_no_bytes_left() -> None:
    """When the client's bytes are used up, the event is refused, and a waiting reader learns of it (R6)."""
    owner = Owner()
    queue, budget = make(owner, budget=600)
    waiting = asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    assert not queue.offer(event(raw="x" * 100))
    assert budget.used == 0
    await waiting
    assert queue.read() == lost(1)


async def test_a_waiting_reader_is_woken_once() -> None:
    """Offers wake the reader; more of them before it runs do no harm."""
    owner = Owner()
    queue, _ = make(owner)
    waiting = asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    queue.offer(event())
    queue.offer(event())
    await waiting
    assert queue.waiter is None


async def test_an_ended_feed_keeps_what_it_has() -> None:
    """After the end nothing is queued or counted as refused, and what was queued can be read (design.md 9)."""
    owner = Owner()
    queue, _ = make(owner, limit=1)
    for number in range(3):
        queue.offer(event(data=number))
    queue.end(None)
    assert owner.overflows == [lost(2)]
    assert queue.offer(event(data=3))
    assert queue.dropped == 2
    assert [queue.read() for _ in range(2)] == [event(data=0), lost(2)]
    assert not queue.readable
    queue.close()
    assert owner.forgotten == []


async def test_close_discards() -> None:
    """A closed queue holds no bytes, and its loss is reported (R5, R6)."""
    owner = Owner()
    queue, budget = make(owner, limit=1)
    for number in range(3):
        queue.offer(event(data=number))
    queue.close()
    assert (queue.readable, budget.used, queue.ended) == (False, 0, True)
    assert owner.forgotten == [queue]
    assert owner.told == [lost(2)]


async def test_a_tentative_feed_leaves_half_of_the_bytes() -> None:
    """A stream that was never iterated counts nothing as refused, and takes no bytes from others (R6, design.md 2)."""
    owner = Owner()
    each = event_bytes(event(data=0))
    queue, budget = make(owner, limit=9, budget=4 * each, unclaimed=True)
    for number in range(5):
        assert queue.offer(event(data=number))
    assert budget.used == 3 * each
    assert queue.dropped == 2
    queue.unclaimed = False
    assert [queue.read().data for _ in range(3)] == [0, 1, 2]
    assert queue.read() == lost(2)


async def test_a_full_tentative_feed() -> None:
    """What a stream refuses before its first iteration is marked in it, and not reported to the handlers (R5)."""
    owner = Owner()
    queue, _ = make(owner, limit=1, unclaimed=True)
    for number in range(3):
        assert queue.offer(event(data=number))
    queue.end(None)
    assert owner.overflows == []
    assert [queue.read() for _ in range(2)] == [event(data=0), lost(2)]


async def test_a_late_loss_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A loss found by reading after the end is logged, as there are no handlers to call (R5)."""
    owner = Owner()
    queue, _ = make(owner, limit=1, unclaimed=True)
    for number in range(3):
        queue.offer(event(data=number, raw="the payload"))
    queue.end(None)
    queue.read()
    queue.read()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "a stream of orders refused 2 events: its queue was full")
    ]


@pytest.mark.parametrize("unclaimed", [True, False])
async def test_a_tentative_feed_is_closed_silently(unclaimed: bool) -> None:
    """Closing a stream that was never iterated reports nothing of what it refused (R5)."""
    owner = Owner()
    queue, _ = make(owner, limit=1, unclaimed=unclaimed)
    for number in range(3):
        queue.offer(event(data=number))
    queue.close()
    assert owner.told == ([] if unclaimed else [lost(2)])


async def test_an_abandoned_feed_is_told_later() -> None:
    """When a stream is dropped with a loss in it, the bytes come back now and handlers are called soon (R5, R6)."""
    owner = Owner()
    queue, budget = make(owner, limit=1)
    for number in range(3):
        queue.offer(event(data=number))
    queue.release()
    assert (budget.used, queue.ended, owner.refreshed, owner.told) == (0, True, 1, [])
    await asyncio.sleep(0)
    assert owner.told == [lost(2)]


@pytest.mark.parametrize("unclaimed", [True, False])
async def test_abandoned_without_a_loss(unclaimed: bool) -> None:
    """A dropped stream without a loss, or never iterated, is forgotten silently (R5)."""
    owner = Owner()
    queue, budget = make(owner, limit=1, unclaimed=unclaimed)
    queue.offer(event())
    if unclaimed:
        queue.offer(event())
    queue.release()
    await asyncio.sleep(0)
    assert (owner.refreshed, owner.told, budget.used) == (1, [], 0)


async def test_abandoned_without_an_owner() -> None:
    """A stream that outlived its dispatcher, or its subscription, just gives back its bytes (R6)."""
    owner = Owner()
    queue, budget = make(owner)
    ended, ended_budget = make(owner)
    for each in (queue, ended):
        each.offer(event())
    ended.end(None)
    del owner
    queue.release()
    ended.release()
    assert (budget.used, ended_budget.used) == (0, 0)


def test_abandoned_after_its_loop() -> None:
    """A stream dropped after its event loop is closed leaves its notice for the next report (R6)."""
    owner = Owner()
    queue, budget = make(owner, limit=1)

    async def fill() -> None:
        queue.offer(event())
        queue.offer(event())

    asyncio.run(fill())
    queue.release()
    assert (budget.used, owner.overflows, owner.told) == (0, [lost(1)], [])


async def test_reading_a_loss_without_an_owner(caplog: pytest.LogCaptureFixture) -> None:
    """The marker is read, and the loss logged, even when the dispatcher is gone (R5)."""
    owner = Owner()
    queue, _ = make(owner, limit=1)
    queue.offer(event())
    queue.offer(event())
    del owner
    queue.read()
    assert queue.read() == lost(1)
    assert "refused 1 events" in caplog.text
    queue.close()
    assert queue.ended


async def test_a_loss_of_all_channels(caplog: pytest.LogCaptureFixture) -> None:
    """A stream of all channels marks its losses without a channel's name (design.md 2)."""
    owner = Owner()
    queue = StreamQueue(None, EVERYTHING, limit=1, budget=ByteBudget(10_000), owner=ref(owner))
    queue.offer(event())
    queue.offer(event())
    queue.end(None)
    queue.read()
    assert queue.read() == Event("pusher:overflow", None, Overflow(None, 1))
    assert owner.overflows[0].channel is None
    assert caplog.text == ""


async def test_the_next_event() -> None:
    """The first event settles the wait, and a second changes nothing (design.md 2)."""
    waiting = EventWaiter(EVERYTHING, SubscriptionError("orders"))
    first = event(data=1)
    assert waiting.offer(first)
    assert waiting.offer(event(data=2))
    assert waiting.ended
    assert await waiting.wait() is first


@pytest.mark.parametrize("error", [None, ConnectError(4001, "no such application")])
async def test_no_event_came(error: PusherError | None) -> None:
    """What ended meanwhile is raised: the failure, or that it was withdrawn (design.md 2)."""
    withdrawn = SubscriptionError("orders", "unsubscribed")
    waiting = EventWaiter(EVERYTHING, withdrawn)
    waiting.end(error)
    with pytest.raises(PusherError) as caught:
        await waiting.wait()
    assert caught.value is (error or withdrawn)


def closed_loop_waiters() -> tuple[EventWaiter, asyncio.Future[None]]:
    """Return what waited in an event loop that is closed."""
    loop = asyncio.new_event_loop()
    try:

        async def wait() -> EventWaiter:
            return EventWaiter(EVERYTHING, SubscriptionError("orders"))

        return loop.run_until_complete(wait()), loop.create_future()
    finally:
        loop.close()


def test_an_end_does_not_wake_readers_whose_loop_is_closed() -> None:
    """They are gone with it (design.md 2)."""
    waiting, waiter = closed_loop_waiters()
    waiting.end(None)
    queue, _ = make(Owner())
    queue.waiter = waiter
    queue.end(None)
    assert queue.ended
    assert queue.waiter is None
    assert not waiter.done()
