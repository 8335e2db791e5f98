"""The faults that the server's process causes on request."""

from __future__ import annotations

import asyncio
import collections
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe

__all__ = ["Faults"]

PAUSE_SECONDS = (2.0, 8.0)
OVERSIZE = 2 * 1024 * 1024


class Faults:
    """Draws faults, and keeps when they came.

    Args:
        pipe: Leads to the server's process.
        lots: Draws them.
        begin: The clock's time from which their seconds count.
    """

    def __init__(self, pipe: Pipe, lots: random.Random, begin: float) -> None:
        self.times: list[tuple[float, str]] = []
        self._pipe = pipe
        self._lots = lots
        self._begin = begin

    @property
    def counts(self) -> dict[str, int]:
        """How often each came."""
        return dict(collections.Counter(name for _, name in self.times))

    async def commit(self, seconds: float) -> None:
        """Have one after the other until so many seconds after the beginning."""
        lots = self._lots
        faults: list[tuple[str, Callable[[], float]]] = [
            ("drop", lambda: 0),
            ("close", lambda: lots.choice((1000, 1001, 1012, 4100, 4200, 4201))),
            ("restart", lambda: lots.uniform(0, 3)),
            ("stall", lambda: lots.uniform(0.5, 12)),
            ("mangle", lambda: lots.uniform(0.1, 3)),
            ("rotate", lambda: 0),
            ("garbage", lambda: lots.randrange(1, 200)),
            ("oversize", lambda: OVERSIZE),
        ]
        while (now := time.monotonic() - self._begin) < seconds:
            await asyncio.sleep(min(lots.uniform(*PAUSE_SECONDS), seconds - now))
            name, value = lots.choice(faults)
            self._pipe.send((name, value()))
            self.times.append((round(time.monotonic() - self._begin, 1), name))
