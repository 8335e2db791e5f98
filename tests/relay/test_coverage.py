"""The spans of one relay for one channel."""

from __future__ import annotations

from pusher_client.relay.coverage import Coverage
from pusher_client.relay.spans import Span


def test_a_span_ends_at_the_last_checkpoint_whose_entries_are_acknowledged() -> None:
    """What is held is never confirmed, and an earlier moment does not shorten a span."""
    coverage = Coverage(limit=2)
    coverage.continue_from((Span(1, 2), Span(3, 4)))
    stay = coverage.begin(10)
    coverage.checkpoint(0, 11, stay)
    coverage.confirm(0)
    assert coverage.spans == (Span(1, 2), Span(3, 4))
    stay.released = True
    coverage.checkpoint(0, 10.5, stay)
    coverage.checkpoint(1, 12, stay)
    coverage.confirm(0)
    assert coverage.spans == (Span(3, 4), Span(10, 11))
    coverage.confirm(1)
    assert coverage.spans == (Span(3, 4), Span(10, 12))


def test_a_stay_is_forgotten_with_its_checkpoints() -> None:
    """Nothing of it was released."""
    coverage = Coverage(limit=8)
    first, second = coverage.begin(10), coverage.begin(20)
    first.released = second.released = True
    for stay in (first, second):
        coverage.checkpoint(0, stay.start + 1, stay)
    coverage.forget(first)
    coverage.confirm(0)
    assert coverage.spans == (Span(20, 21),)


def test_nothing_more_is_confirmed_of_stays_that_are_given_up() -> None:
    """Their spans stay as they are."""
    coverage = Coverage(limit=8)
    first, second = coverage.begin(10), coverage.begin(20)
    first.released = second.released = True
    for stay in (first, second):
        coverage.checkpoint(0, stay.start + 1, stay)
    coverage.give_up_all_but(second)
    coverage.confirm(0)
    assert coverage.spans == (Span(20, 21),)
