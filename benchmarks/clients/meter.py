"""What all clients in Python share, with the standard library alone: their task, and the counting of events."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["BEGIN", "END", "EVENT", "LoopWatch", "Meter", "Setup", "report", "run"]

EVENT = "order-created"
BEGIN = "begin"
END = "end"

TICK = 0.001


@dataclass(frozen=True)
class Setup:
    """What a contestant is told in the first line of its standard input.

    Attributes:
        port: Where the server takes WebSockets.
        authorization_url: Where it authorizes channels; empty for authorizing without a server, which only ours can.
        key: The application's key, by which the server knows the contestant.
        channels: What to subscribe.
        reader: Which of several ways of reading; the contestant knows their names.
        clients: How many connections to have, each with all of the channels.
        handlers: How many handlers to bind, the counting one included.
        uvloop: Whether to run in uvloop's event loop.
        latency: Whether to note for every event how long it took from its ``sent``.
        backlog: How many events of a channel may wait for a key; ours only.
    """

    port: int
    authorization_url: str
    key: str
    channels: list[str]
    reader: str = ""
    clients: int = 1
    handlers: int = 1
    uvloop: bool = False
    latency: bool = False
    backlog: int = 1024

    @classmethod
    def read(cls) -> Setup:
        """Read the line, and end with the process that started this one."""
        setup = cls(**json.loads(sys.stdin.readline()))
        threading.Thread(target=_end_with_stdin, daemon=True).start()
        return setup


class LoopWatch:
    """Looks at an event loop once in a millisecond.

    Attributes:
        longest_block: Seconds for which the loop was away at most, be it that others had the processor.
        longest_work: Seconds of the processor that passed meanwhile at most, which is the loop's own doing.
    """

    def __init__(self) -> None:
        self.longest_block = 0.0
        self.longest_work = 0.0

    async def tick(self) -> None:
        """Look once."""
        wall, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK)
        self.longest_block = max(self.longest_block, time.perf_counter() - wall - TICK)
        self.longest_work = max(self.longest_work, time.thread_time() - cpu)


class Meter:
    """Counts the events between the two that say where a run begins and where it ends, and reports each run.

    Args:
        setup: The contestant's task.
        data_of: Finds the data in what the contestant's handler is called with.
    """

    def __init__(self, setup: Setup, data_of: Callable[[Any], Any]) -> None:
        self.count: Callable[[Any], None] = self._count_latency if setup.latency else self._count
        self._data_of = data_of
        self._setup = setup
        self._latencies: list[int] = []
        self._watch = LoopWatch()
        self._ends = 0
        self._events = 0
        self._last: Any = None
        self._started: tuple[float, float] | None = None

    def begin(self, _event: object = None) -> None:
        """Start the clocks, unless another connection's events have done that."""
        if self._started is None:
            self._started = time.perf_counter(), time.process_time()
            self._latencies.clear()
            self._watch = LoopWatch()
            self._events = self._ends = 0

    def _count(self, event: Any) -> None:
        self._events += 1
        self._last = event

    def _count_latency(self, event: Any) -> None:
        self._latencies.append(time.monotonic_ns() - self._data_of(event)["sent"])
        self._count(event)

    def end(self, _event: object = None) -> None:
        """Stop the clocks after the last connection's last event, and report."""
        self._ends += 1
        if self._ends == self._setup.clients and self._started is not None:
            wall, cpu = self._started
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            self._started = None
            last = self._data_of(self._last) if self._events else None
            report(
                events=self._events,
                wall=wall,
                cpu=cpu,
                last=last,
                longest_block=self._watch.longest_block,
                longest_work=self._watch.longest_work,
                latencies=self._latencies,
            )

    def hear(self, name: str, event: Any) -> None:
        """Take any event by its name; for those who read all of them in one place."""
        if name == EVENT:
            self.count(event)
        elif name == BEGIN:
            self.begin()
        elif name == END:
            self.end()

    async def ready(self, **figures: object) -> None:
        """Say that everything is subscribed, and stay; where latency is measured, the loop is watched as well."""
        report(ready=True, **figures)
        while self._setup.latency:
            await self._watch.tick()
        await asyncio.get_running_loop().create_future()


def report(**figures: object) -> None:
    """Tell the benchmark something."""
    print(json.dumps(figures), flush=True)


def run(main: Callable[[Setup], Coroutine[Any, Any, None]]) -> None:
    """Run a contestant in the event loop that is asked for."""
    setup = Setup.read()
    logging.basicConfig(handlers=[logging.NullHandler()])  # what anybody logs goes nowhere
    if setup.uvloop:
        import_module("uvloop").run(main(setup))
    else:
        asyncio.run(main(setup))


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)
