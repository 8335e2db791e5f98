"""The client's allowance of bytes."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD
from pusher_client.protocol.byte_budget import ByteBudget, data_bytes, decoded_bytes, value_bytes


def test_the_limit_itself_may_be_taken() -> None:
    """The last byte fits, and the one after it does not (R6)."""
    budget = ByteBudget(10)
    assert budget.take(10)
    assert not budget.take(1)
    assert budget.take(0)
    assert budget.used == 10


def test_a_refused_size_takes_nothing() -> None:
    """What does not fit leaves room for what does (R6)."""
    budget = ByteBudget(10)
    assert budget.take(6)
    assert not budget.take(5)
    assert budget.used == 6
    assert budget.take(4)


def test_what_is_given_back_may_be_taken_again() -> None:
    """The allowance holds at any moment, not in total (R6)."""
    budget = ByteBudget(10)
    assert budget.take(10)
    budget.give(3)
    assert not budget.take(4)
    assert budget.take(3)


@given(st.integers(0, 100), st.lists(st.integers(-40, 40)))
def test_no_order_of_taking_and_giving_exceeds_the_limit(limit: int, steps: list[int]) -> None:
    """Whatever is taken and given back, used is the sum of what is out, and never above the limit (R6)."""
    budget = ByteBudget(limit)
    out: list[int] = []
    for step in steps:
        if step >= 0:
            fits = sum(out) + step <= limit
            assert budget.take(step) is fits
            out += [step] * fits
        elif out:
            budget.give(out.pop(-step % len(out)))
        assert budget.used == sum(out) <= limit


def allocated(text: str) -> tuple[int, object]:
    """Return the bytes allocated for a received text and what it is decoded to."""
    received = text.encode()
    # Freed objects are kept for reuse, and those would not be counted.
    kept = [({str(number): number}, [number], float(number)) for number in range(300)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        raw = received.decode()
        value = msgspec.json.decode(raw)
        return tracemalloc.get_traced_memory()[0] - before, (raw, value)
    finally:
        tracemalloc.stop()
        del kept


LEAVES = st.sampled_from([0, 1000, 10**12, 1.5, "", "a", "ab", "abcdefgh", "é", "€€", "😀", "a€😀", None, True])
KEYS = st.sampled_from(["", "a", "id", "price", "€", "longer-than-most-keys-are", "😀"])


def repeated(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return containers of values, with many equal values or many keys among them."""
    lists = st.builds(lambda value, count: [value] * count, inner, st.integers(0, 40))
    objects = st.builds(
        lambda key, value, count: {f"{key}{number}" if number else key: value for number in range(count)},
        KEYS,
        inner,
        st.integers(0, 50),
    )
    return lists | objects | st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5)


def nested(depth: int, key: str | None, leaf: Any) -> Any:
    """Return a leaf inside as many arrays, or objects of one key."""
    for _ in range(depth):
        leaf = [leaf] if key is None else {key: leaf}
    return leaf


SHAPES = st.recursive(LEAVES, repeated, max_leaves=12) | st.builds(
    lambda depth, key, leaf, count: [nested(depth, key, leaf)] * count,
    st.integers(1, 300),
    st.none() | KEYS,
    LEAVES | st.sampled_from([[], {}]),
    st.integers(1, 8),
)


@given(SHAPES, st.booleans())
def test_the_estimate_is_never_less_than_what_is_allocated(value: Any, escaped: bool) -> None:
    """Whatever shape a server chooses, a queue takes at least its real size from the budget (R6)."""
    text = json.dumps(value, ensure_ascii=escaped, separators=(",", ":"))
    size, _ = allocated(text)
    assert size <= EVENT_OVERHEAD + data_bytes(text)


USUAL = {
    "order": {"id": 123456, "price": 12.5, "name": "abc", "tags": ["a", "b"], "customer": {"id": 7, "email": "a@b.de"}},
    "orders": [{"id": number, "price": number + 0.5, "state": "shipped"} for number in range(1000, 1050)],
    "quote": {"symbol": "BTCUSD", "bid": 12345.5, "ask": 12346.1, "ts": 1700000000123},
    "candles": [[1700000000 + number, 1.5, 2.5 + number, 3.5, 4.5 + number] for number in range(200)],
    "message": {"user": "alice", "text": "It is a long way, and none of us knows how to go there. " * 20},
    "text": "hello, world: " * 50,
}


@pytest.mark.parametrize("name", USUAL)
def test_the_estimate_of_usual_data_is_at_most_three_times_too_high(name: str) -> None:
    """The budget is not spent on nothing (R6)."""
    text = json.dumps(USUAL[name])
    assert data_bytes(text) < 3 * allocated(text)[0]


@given(SHAPES)
def test_a_value_without_its_text_is_estimated_from_a_text_of_its_own(value: Any) -> None:
    """Members and rebuilt data take their size from the budget, too (R6)."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert value_bytes(value) == (0 if value is None else decoded_bytes(text))


def test_a_value_may_be_deeper_than_text_can_be_written() -> None:
    """What was decoded elsewhere on the stack is counted without recursion (R6, R8)."""
    deep: Any = {"key": "tex\u0167"}
    for _ in range(10_000):
        deep = [deep]
    assert value_bytes(deep) >= 10_000 * (56 + 16 + 8) + 200


def test_values_of_this_library_count_nothing() -> None:
    """What JSON cannot write was made here and is small."""
    assert value_bytes(ValueError("x")) == 0


@pytest.mark.parametrize("leaf", [1, 1.5, True, None])
def test_a_leaf_of_a_deep_value_costs_its_place(leaf: Any) -> None:
    """Numbers, booleans and null are counted with the array or object that holds them (R6)."""
    assert value_bytes(nested(100_000, None, [leaf])) > value_bytes(nested(99_000, None, [leaf]))
