"""Which occurrences of a condition are logged."""

from __future__ import annotations

from pusher_client.protocol.repeated_conditions import RepeatedConditions, Repetition


def test_the_first_one_is_logged_and_the_rest_is_counted() -> None:
    """Three hundred occurrences are one line and one count (docs/design.md 10)."""
    conditions = RepeatedConditions(shortest=10)
    assert [conditions.occurred("a", now / 100) for now in range(300)] == [True] + [False] * 299
    assert conditions.deadline() == 10
    assert conditions.due(9.9) == []
    assert conditions.due(10) == [Repetition("a", 299, 10)]


def test_intervals_grow_while_the_condition_goes_on() -> None:
    """An hour with an occurrence each second is a few lines, not 3,600 (docs/design.md 10)."""
    conditions = RepeatedConditions(shortest=10, longest=600)
    lines: list[float] = []
    counted = 0
    for second in range(3600):
        for found in conditions.due(second):
            lines.append(found.seconds)
            counted += found.count
        counted += conditions.occurred("a", second)
    assert lines == [10, 20, 40, 80, 160, 320, 600, 600, 600, 600]
    assert counted + sum(found.count for found in conditions.end(3600)) == 3600


def test_after_a_pause_it_is_a_first_one_again() -> None:
    """An interval without the condition ends it; nothing is kept (docs/design.md 10)."""
    conditions = RepeatedConditions(shortest=10)
    assert conditions.occurred("a", 0)
    assert conditions.due(10) == []
    assert conditions.deadline() is None
    assert conditions.occurred("a", 11)


def test_conditions_are_counted_apart() -> None:
    """Each has its own first occurrence and count (docs/design.md 10)."""
    conditions = RepeatedConditions(shortest=10)
    assert [conditions.occurred(name, now) for now, name in enumerate("abab")] == [True, True, False, False]
    assert conditions.due(10) == [Repetition("a", 1, 10)]
    assert conditions.deadline() == 11
    assert conditions.due(11) == [Repetition("b", 1, 10)]


def test_the_number_of_conditions_is_limited() -> None:
    """Texts that a server makes up do not fill the memory: what is too many counts as one condition (R5)."""
    conditions = RepeatedConditions(limit=2)
    assert [conditions.occurred(name, 0) for name in "abcde"] == [True, True, True, False, False]
    assert conditions.end(1) == [Repetition(None, 2, 1)]


def test_the_end_returns_what_was_counted() -> None:
    """Nothing that was counted is lost (docs/design.md 10)."""
    conditions = RepeatedConditions()
    for name in "aab":
        conditions.occurred(name, 1)
    assert conditions.end(4) == [Repetition("a", 1, 3)]
    assert conditions.deadline() is None
    assert conditions.occurred("a", 4)
