"""MeasuredClients as processes, and runs of them in turns."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any, Self
from urllib.parse import urlencode

from benchmarks.clients.meter import Setup
from benchmarks.clients.registry import ROOT, Environments, MeasuredClient
from benchmarks.server.frames import data_of, last_number
from benchmarks.server.process import Flood, Pace, Server

__all__ = ["Bench", "Process", "Sample", "in_turns", "started"]

SECONDS_TO_REPORT = 120.0


@dataclass(frozen=True)
class Sample:
    """One run.

    Attributes:
        events: How many events there were.
        wall: Seconds by the clock, from the first event to the last.
        cpu: Seconds of the processor, of all threads of the process.
        longest_block: Seconds for which the event loop was away at most, where that is watched.
        longest_work: Seconds of the processor that passed meanwhile at most.
        latencies: Nanoseconds from sending to the handler, where events are stamped.
    """

    events: int
    wall: float
    cpu: float
    longest_block: float = 0.0
    longest_work: float = 0.0
    latencies: list[int] = field(default_factory=list[int])

    @property
    def rate(self) -> float:
        """Events in a second."""
        return self.events / self.wall

    @property
    def cpu_microseconds(self) -> float:
        """Microseconds of the processor for an event."""
        return self.cpu / self.events * 1e6


@dataclass
class Bench:
    """What every program measures with.

    Attributes:
        server: The server's process.
        environments: Where other clients are installed.
        clients: Who takes part.
        rounds: How often each run is repeated.
        events: How many events a run has, where they come as fast as they are read.
        largest: Up to how many of anything growth goes.
    """

    server: Server
    environments: Environments
    clients: list[MeasuredClient]
    rounds: int
    events: int
    largest: int


class Process:
    """A client's process, from its subscription until it is ended.

    Args:
        bench: What to measure with.
        client: Who it is.
        channels: What it subscribes.
        options: Further fields of its `Setup`.
    """

    def __init__(self, bench: Bench, client: MeasuredClient, channels: Sequence[str], **options: Any) -> None:
        self.client = client
        self.key = options.pop("key", client.key)
        self._server = bench.server
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        server = bench.server
        url = f"{server.authorization_url}?{urlencode({'key': self.key})}"
        task = Setup(server.port, url, self.key, list(channels))
        self._setup = replace(task, reader=client.reader, uvloop=client.uvloop, **options)
        command = bench.environments.command(client)
        variables = bench.environments.variables
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        assert self._process.stdin
        assert self._process.stdout
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()
        self._process.stdin.write(json.dumps(asdict(self._setup)) + "\n")
        self._process.stdin.flush()
        self.started_with = self.report()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def report(self) -> dict[str, Any]:
        """Wait for the next line of the process."""
        try:
            line = self._lines.get(timeout=SECONDS_TO_REPORT)
        except queue.Empty:
            raise SystemExit(f"{self.client.title} says nothing") from None
        if line is None:
            raise SystemExit(f"{self.client.title} ended with {self._process.wait()}")
        return line

    def run(self, order: Flood | Pace) -> Sample:
        """Have the events sent, and take the report, if every event came and the last one is right."""
        self._server.order(order)
        line = self.report()
        self._server.done()
        last = line.pop("last")
        if self.client.reader != "bytes" and order.events:
            channels = len(order.channels) if isinstance(order, Flood) else 1
            number = last_number(channels, order.events // self._setup.clients)
            events, expected = line["events"], data_of(number, order.size, last.get("sent"))
            if (events, last) != (order.events, expected):
                raise SystemExit(f"{self.client.title} took {events} of {order.events} events, the last one {last}")
        line["events"] = order.events
        return Sample(**line)


def in_turns(
    bench: Bench, processes: Sequence[Process], order: Callable[[Process], Flood | Pace]
) -> dict[str, list[Sample]]:
    """Let processes take turns for all rounds; the first one only warms up."""
    samples: dict[str, list[Sample]] = {process.key: [] for process in processes}
    for number in range(bench.rounds + 1):
        # In every other round the order is turned around, so that nobody always comes after the same one.
        for process in processes if number % 2 else reversed(processes):
            sample = process.run(order(process))
            if number:
                samples[process.key].append(sample)
    return samples


def started(stack: ExitStack, processes: Sequence[Process]) -> Sequence[Process]:
    """Wait until processes, which start side by side, are subscribed."""
    return [stack.enter_context(process) for process in processes]
