"""What the process holds, whether it grows, and whether anything is left open."""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.soak.problems import Problems

__all__ = ["COUNTED", "Sample", "growth", "left_open"]

COUNTED = ("tasks", "descriptors", "threads")
MIB = 1024 * 1024
WARM_UP = 0.2
SPARE = 2  # tasks, descriptors and threads that a curve may rise by: reconnecting takes a few for a moment


class Sample(NamedTuple):
    """What the process held at one moment."""

    seconds: float
    rss: float
    tasks: int
    descriptors: int
    threads: int
    events: int

    @classmethod
    def take(cls, seconds: float, events: int) -> Sample:
        """Look at this process."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(
            seconds=round(seconds, 1),
            rss=round(pages * os.sysconf("SC_PAGE_SIZE") / MIB, 3),
            tasks=len(asyncio.all_tasks()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())) - 1,  # without the listing itself
            # The event loop keeps the threads of its executor, in which the TLS context is made once.
            threads=sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),
            events=events,
        )


def growth(samples: Sequence[Sample], bound: float, problems: Problems) -> dict[str, Any]:
    """Return the figures after the warm-up, and complain of a memory that grew by more than so many MiB."""
    steady = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(steady) // 3)
    figures: dict[str, Any] = {}
    for name, spare in (("rss", bound), *((name, SPARE) for name in COUNTED)):
        parts = steady[:third], steady[-third:]
        begin, end = (statistics.median(getattr(sample, name) for sample in part) for part in parts)
        figures[name] = {"first_third": begin, "last_third": end, "growth": round(end - begin, 3), "bound": spare}
        if end - begin > spare:
            problems.add("growth", f"{name} grew from {begin} to {end} after the warm-up")
    figures["rss"]["unit"] = "MiB"
    return figures


def left_open(before: Sample, after: Sample, problems: Problems) -> dict[str, int]:
    """Return how much more is open than before, and complain of it."""
    for name in COUNTED:
        if getattr(after, name) > getattr(before, name):
            problems.add("left open", f"{name}: {getattr(before, name)} before, {getattr(after, name)} after")
    return {name: getattr(after, name) - getattr(before, name) for name in COUNTED}
