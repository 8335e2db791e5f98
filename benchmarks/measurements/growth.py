"""What more of something costs this client: channels, connections, bytes, handlers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.clients.registry import BARE, BARE_CHANNELS, OURS
from benchmarks.measurements.runs import Bench, Process, Sample, in_turns, started
from benchmarks.report.figures import head, line, ratio
from benchmarks.server.process import Flood

__all__ = ["measure", "measure_memory"]

SIZE = 200
CHANNELS = (1, 10, 100, 1000, 10_000)
CLIENTS = (1, 10, 100)
HANDLERS = (1, 10, 50)
SIZES = (20, 200, 2000, 10_000)

Order = Callable[[Process], Flood]


def names(count: int, kind: str = "private-encrypted") -> list[str]:
    """Return the names of so many channels."""
    return [f"{kind}-{number}" for number in range(count)]


def upto(bench: Bench, counts: Sequence[int]) -> list[int]:
    """Return those of the counts that are to be measured."""
    return [count for count in counts if count <= bench.largest]


def measure(bench: Bench) -> dict[str, Any]:
    """Measure each kind of growth, print a table for each, and return the figures."""
    return {
        **channels(bench),
        "clients": several(bench, "clients", CLIENTS),
        "handlers": several(bench, "handlers", HANDLERS),
        "sizes": sizes(bench),
    }


def channels(bench: Bench) -> dict[str, Any]:
    """Let the events come on all of more and more channels in turn, beside a bare loop, and on one of them."""
    wanted = {str(count): names(count) for count in upto(bench, CHANNELS)}

    def order(process: Process) -> Flood:
        return Flood(process.key, wanted[process.key.rpartition("-")[2]], SIZE, bench.events)

    with ExitStack() as stack:
        ours, bare = (
            started(
                stack, [Process(bench, one, wanted[key], key=f"{word}-{key}", authorization_url="") for key in wanted]
            )
            for one, word in ((OURS, "channels"), (BARE_CHANNELS, "bare"))
        )
        return {
            "channels in turn": table(bench, ours, order),
            "channels in turn, bare": table(bench, bare, order),
            "one of the channels": table(bench, ours, lambda process: Flood(process.key, names(1), SIZE, bench.events)),
        }


def several(bench: Bench, option: str, counts: Sequence[int]) -> dict[str, Any]:
    """Let the events come to more and more connections of one process, or handlers of one event."""
    with ExitStack() as stack:
        processes = started(
            stack,
            [
                Process(bench, OURS, names(1), key=f"{option}-{count}", authorization_url="", **{option: count})
                for count in upto(bench, counts)
            ],
        )
        return table(bench, processes, lambda process: Flood(process.key, names(1), SIZE, bench.events))


def sizes(bench: Bench) -> dict[str, Any]:
    """Let the events become larger and larger, beside the bare loop."""
    with ExitStack() as stack:
        processes = started(stack, [Process(bench, one, names(1)) for one in (OURS, BARE)])
        return {f"{size} B": table(bench, processes, partial(one_size, bench, size)) for size in SIZES}


def one_size(bench: Bench, size: int, process: Process) -> Flood:
    """Return the order for a run."""
    return Flood(process.key, names(1), size, bench.events)


def table(bench: Bench, processes: Sequence[Process], order: Order) -> dict[str, Any]:
    """Let processes take turns, and print the time for an event, as such and as a part of the first one's."""
    samples = in_turns(bench, processes, order)
    first = next(iter(samples.values()))
    title = f"encrypted {order(processes[0]).size} B, {bench.events:,} events"
    print(head(title, ("µs", "CPU µs", "to first", "by CPU")))
    rows = {key: row(taken, first) for key, taken in samples.items()}
    for key, figures in rows.items():
        print(line(key, figures, list(figures)))
    return rows


def row(taken: Sequence[Sample], first: Sequence[Sample]) -> dict[str, float | None]:
    """Return the time for an event."""
    return {
        "microseconds": round(statistics.median(1e6 / sample.rate for sample in taken), 2),
        "cpu_microseconds": round(statistics.median(sample.cpu_microseconds for sample in taken), 2),
        "to_first": ratio(taken, first, lambda sample: sample.wall),
        "to_first_by_cpu": ratio(taken, first, lambda sample: sample.cpu),
    }


def measure_memory(bench: Bench) -> dict[str, Any]:
    """Measure what a channel takes on which nothing happens."""
    count = bench.largest
    print(f"\n{f'{count:,} idle channels':34}{'bytes each':>12}")
    results: dict[str, Any] = {}
    for kind in ("private", "private-encrypted"):
        for reader in ("handler", "stream"):
            client = replace(OURS, program="idle_channels", reader=reader)
            with Process(bench, client, names(count, kind), authorization_url="") as process:
                taken = round(process.started_with["bytes_per_channel"])
            results[f"{kind}, {reader}"] = taken
            print(f"  {f'{kind}, {reader}':32}{taken:>12,}")
    return results
