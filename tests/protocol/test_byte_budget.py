"""The client's allowance of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.byte_budget import ByteBudget, value_bytes


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


def test_a_value_is_reckoned_by_the_texts_and_values_in_it() -> None:
    """Texts count for their characters, the others for what an object takes, however deep they stand (R6)."""
    assert value_bytes(None) == value_bytes(7) == 0
    assert value_bytes("text") == 4
    assert value_bytes("tex\u0167") == 16
    assert value_bytes({"key": ["text", 1]}) == 2 * 64 + 3 * 64 + 7
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    assert value_bytes(deep) == 20_001 * 64
