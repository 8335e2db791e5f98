"""Spans of time, and the holes between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Span", "holes"]


class Span(NamedTuple):
    """A span of time, both ends included, in seconds of the engine's clock."""

    start: float
    end: float


def holes(start: float, end: float, covered: Iterable[Span]) -> list[Span]:
    """Return the parts from ``start`` to ``end`` that no span covers, in order."""
    found: list[Span] = []
    reached = start
    for span in sorted(covered):
        if reached >= end:
            break
        if span.end < span.start or span.end <= reached:
            continue
        if span.start > reached:
            found.append(Span(reached, min(span.start, end)))
        reached = span.end
    if reached < end:
        found.append(Span(reached, end))
    return found
