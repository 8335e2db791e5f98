"""Figures of several rounds, and how they stand in a table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.measurements.runs import Sample

__all__ = ["head", "line", "ratio"]

TITLE_WIDTH, WIDTH = 34, 10


def ratio(one: Sequence[Sample], other: Sequence[Sample] | None, figure: Callable[[Sample], float]) -> float | None:
    """Return the median, over the rounds, of a figure as a part of the other's in the same round; None without it."""
    if other is None:
        return None
    return round(statistics.median(figure(mine) / figure(base) for mine, base in zip(one, other, strict=True)), 3)


def head(title: str, names: Sequence[str]) -> str:
    """Return the head of a table."""
    return f"\n{title:{TITLE_WIDTH}}" + "".join(f"{name:>{WIDTH}}" for name in names)


def line(title: str, row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"  {title:{TITLE_WIDTH - 2}}" + "".join(f"{cell(row[name]):>{WIDTH}}" for name in names)


def cell(figure: float | None) -> str:
    """Return a figure as it stands in a table."""
    if figure is None:
        return "-"
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.2f}"
