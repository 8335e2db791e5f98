"""Spans of time, and the holes between them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.relay.spans import Span, holes

MOMENTS = st.integers(0, 20)


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        ([], [Span(0, 10)]),
        ([Span(0, 10)], []),
        ([Span(-5, 15)], []),
        ([Span(2, 4), Span(6, 8)], [Span(0, 2), Span(4, 6), Span(8, 10)]),
        ([Span(6, 8), Span(2, 7)], [Span(0, 2), Span(8, 10)]),
        ([Span(2, 8), Span(3, 4)], [Span(0, 2), Span(8, 10)]),
        ([Span(12, 15)], [Span(0, 10)]),
        ([Span(5, -math.inf)], [Span(0, 10)]),
    ],
)
def test_holes_are_what_no_span_covers(covered: list[Span], expected: list[Span]) -> None:
    """Spans of several relays may overlap and come in any order; one without an end so far covers nothing."""
    assert holes(0, 10, covered) == expected


@given(st.lists(st.tuples(MOMENTS, MOMENTS).map(lambda pair: Span(*sorted(pair)))), MOMENTS, MOMENTS)
def test_every_moment_is_covered_or_in_a_hole(covered: list[Span], start: int, end: int) -> None:
    """Between whole moments exactly one of both holds."""
    found = holes(start, end, covered)
    for moment in (index + 0.5 for index in range(min(start, end), max(start, end))):
        in_span = any(span.start < moment < span.end for span in covered)
        in_hole = any(hole.start < moment < hole.end for hole in found)
        assert in_hole == (start < moment < end and not in_span)
