from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD, BoundedQueue, check_queue_size, event_bytes
from pusher_client.events import DecryptionFailure, DecryptionFailureReason, Event, Member
from pusher_client.protocol.byte_budget import ByteBudget, data_bytes, flat_object_bytes, text_bytes

Lost = tuple[str, int]


class Queue(BoundedQueue[Any]):
    """A queue of numbers whose markers differ from its items."""

    def _marker(self, refused: int) -> Lost:
        return ("lost", refused)


def drain(queue: Queue) -> list[Any]:
    items: list[Any] = []
    while queue.readable:
        items.append(queue.take())
    return items


def test_a_full_queue_refuses_the_newest() -> None:
    """What is queued stays, and one marker collects the run after it (R5)."""
    queue = Queue(2, ByteBudget(100))
    assert [queue.push(number, 1) for number in range(5)] == [True, True, False, False, False]
    assert queue.dropped == 3
    assert drain(queue) == [0, 1, ("lost", 3)]


def test_the_marker_stands_before_the_next_accepted() -> None:
    """A run that ends because there is room again leaves its marker at its place in the order (R5)."""
    queue = Queue(2, ByteBudget(100))
    for number in range(3):
        queue.push(number, 1)
    assert queue.take() == 0
    assert queue.push(3, 1)
    assert not queue.push(4, 1)
    assert drain(queue) == [1, ("lost", 1), 3, ("lost", 1)]
    assert queue.dropped == 2


def test_the_budget_refuses_too() -> None:
    """An item that exceeds the remaining bytes is refused, and takes none (R6)."""
    budget = ByteBudget(10)
    queue, other = Queue(9, budget), Queue(9, budget)
    assert queue.push(1, 6)
    assert not other.push(2, 6)
    assert other.readable
    assert other.take() == ("lost", 1)
    assert not other.readable
    assert queue.take() == 1
    assert budget.used == 0
    assert other.push(3, 10)
    assert budget.used == 10


def test_nothing_to_take() -> None:
    """Taking from an empty queue is the programmer's mistake, before its first item and after its last."""
    queue = Queue(1, ByteBudget(10))
    with pytest.raises(IndexError):
        queue.take()
    queue.push(1, 1)
    queue.take()
    with pytest.raises(IndexError):
        queue.take()


def test_end_run_before_anything_was_queued() -> None:
    """A run can end in a queue that never held anything (R5)."""
    queue = Queue(1, ByteBudget(10))
    queue.refuse()
    queue.end_run()
    assert drain(queue) == [("lost", 1)]


def test_clear_gives_everything_back() -> None:
    """A cleared queue holds neither bytes nor a run, and goes on as new (R6)."""
    budget = ByteBudget(10)
    queue = Queue(2, budget)
    assert queue.clear() == []
    for number in range(3):
        queue.push(number, 3)
    assert queue.clear() == [0, 1]
    assert (budget.used, queue.readable, queue.dropped) == (0, False, 1)
    assert queue.push(7, 1)
    assert drain(queue) == [7]


def test_a_queue_without_markers_of_its_own() -> None:
    """What a marker looks like is the subclass's to say."""
    queue = BoundedQueue[int](1, ByteBudget(1))
    queue.refuse()
    with pytest.raises(NotImplementedError):
        queue.take()


@pytest.mark.parametrize(
    ("size", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.0, TypeError), ("1", TypeError)]
)
def test_queue_size(size: Any, error: type[Exception]) -> None:
    """A queue's size is an integer of at least 1, and True is none (R6)."""
    with pytest.raises(error, match="queue_size"):
        check_queue_size(size)
    assert check_queue_size(1) == 1


class Overflow(RuleBasedStateMachine):
    """Whatever is offered, read and cleared, every offer is accounted for, in order (R5, R6)."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = ByteBudget(12)
        self.queue = Queue(3, self.budget)
        self.offered = 0
        self.accepted: list[int] = []
        self.read: list[Any] = []

    @rule(size=st.integers(1, 6))
    def offer(self, size: int) -> None:
        number, self.offered = self.offered, self.offered + 1
        if self.queue.push(number, size):
            self.accepted.append(number)

    @precondition(lambda self: self.queue.readable)
    @rule()
    def take(self) -> None:
        self.read.append(self.queue.take())

    @invariant()
    def every_offer_is_accounted_for(self) -> None:
        assert len(self.accepted) + self.queue.dropped == self.offered

    def teardown(self) -> None:
        self.read += drain(self.queue)
        numbers = [item for item in self.read if not isinstance(item, tuple)]
        assert numbers == self.accepted
        assert sum(item[1] for item in self.read if isinstance(item, tuple)) == self.queue.dropped
        assert self.budget.used == 0
        expected: list[Any] = []
        last = -1
        for number in self.accepted:
            if number > last + 1:
                expected.append(("lost", number - last - 1))
            expected.append(number)
            last = number
        # Two markers in a row are two runs: the reader had reached the first before the second began.
        merged: list[Any] = []
        for item in self.read:
            if isinstance(item, tuple) and merged and isinstance(merged[-1], tuple):
                merged[-1] = ("lost", merged[-1][1] + item[1])
            else:
                merged.append(item)
        if self.offered > last + 1:
            expected.append(("lost", self.offered - last - 1))
        assert merged == expected


TestOverflow = Overflow.TestCase


@given(st.text(max_size=20), st.text(max_size=60) | st.text(",:[{x", max_size=60))
def test_an_event_is_reckoned_as_its_texts_and_values_are(name: str, raw: str) -> None:
    """The usual case, which is written out, gives the same as the sum of its parts (R6)."""
    assert event_bytes(Event(name, "c", None, None, raw)) == EVENT_OVERHEAD + text_bytes(name) + data_bytes(raw)


simple = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text("abcä", max_size=9))


@given(st.dictionaries(st.text("abcä", max_size=3), simple, min_size=1, max_size=10), st.booleans())
def test_a_small_flat_object_is_reckoned_as_its_text_is(data: dict[str, Any], wide: bool) -> None:
    """Its values are counted where they are, and give the same number as in the text (R6)."""
    raw = json.dumps(data, ensure_ascii=not wide)
    assert event_bytes(Event("e", "c", data, None, raw)) == EVENT_OVERHEAD + 1 + data_bytes(raw)


@pytest.mark.parametrize("data", [[], {"a": [1, 2]}, {"a": {"b": 1}}, dict.fromkeys("abcdefghijk", 1), ["a"], 7, "x"])
def test_other_data_is_reckoned_by_its_text(data: Any) -> None:
    """What may hide many values is not looked into (R6)."""
    raw = json.dumps(data)
    assert event_bytes(Event("e", "c", data, None, raw)) == EVENT_OVERHEAD + 1 + data_bytes(raw)


def test_commas_in_a_text_are_no_values() -> None:
    """Where values are counted as such, a sentence is none (R6)."""
    raw = '{"a":"one, two, three"}'
    assert event_bytes(Event("e", "c", json.loads(raw), None, raw)) == EVENT_OVERHEAD + 1 + flat_object_bytes(raw, 1)


def test_many_small_values_count_for_what_they_become() -> None:
    """JSON of many lists takes far more as data than as text, and is reckoned so (R6)."""
    raw = "[" + ",".join(["[]"] * 1000) + "]"
    assert event_bytes(Event("e", "c", None, None, raw)) >= 1000 * (56 + 16 + 8)
    assert event_bytes(Event("e", "c", "x", None, "x")) < 600


@pytest.mark.parametrize(
    "data",
    [
        DecryptionFailure("c", "e", DecryptionFailureReason.MALFORMED, "x" * 5000),
        Member("7", {"name": "x" * 5000}),
        Member("x" * 5000),
        {"subscription_error": ["x" * 5000]},
    ],
    ids=["failure", "info", "id", "rebuilt"],
)
def test_data_without_its_text_is_reckoned_by_what_it_holds(data: Any) -> None:
    """A failure and a member hold as much as a frame does, though their events have no raw text (R6)."""
    assert 5000 < event_bytes(Event("e", "c", data)) - EVENT_OVERHEAD < 5000 + 1000


def test_items_that_must_not_be_refused() -> None:
    """They are queued beyond the limit, after the marker of a run, and count in the budget (R5, R6)."""
    budget = ByteBudget(2)
    queue = Queue(1, budget)
    queue.push(0, 1)
    queue.push(1, 1)
    queue.push_always(2, 5)
    queue.push_always(3, 5)
    assert budget.used == 11
    assert queue.queued() == ([0, 2, 3], 11)
    assert drain(queue) == [0, ("lost", 1), 2, 3]
    assert (budget.used, queue.queued()) == (0, ([], 0))


def test_taking_the_first_of_a_kind() -> None:
    """The others stay in order, markers are never taken, and there is room for another item (R5, R6)."""
    budget = ByteBudget(100)
    queue = Queue(3, budget)
    assert queue.take_first(lambda _: True) is None
    for number in range(4):
        queue.push(number, 1)
    assert queue.take_first(lambda number: number > 0) == 1
    assert queue.push(4, 1)
    assert queue.take_first(lambda item: item not in (0, 2, 4)) is None
    assert queue.take_first(lambda item: item == 4) == 4
    assert budget.used == 2
    assert drain(queue) == [0, 2, ("lost", 1)]


def test_the_run_of_an_earlier_queue_ends_where_it_is_taken_over() -> None:
    """What an earlier queue refused is marked behind its items and before the later ones (R5)."""
    budget = ByteBudget(100)
    earlier, later = Queue(1, budget), Queue(3, budget)
    assert [earlier.push(number, 1) for number in range(3)] == [True, False, False]
    assert later.push(3, 1)
    later.take_over(earlier)
    assert drain(later) == [0, ("lost", 2), 3]
    assert not earlier.readable
    assert budget.used == 0
