"""The usual life, in which events come one at a time: the processor's time for each, and how late they are."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.clients.registry import BARE, OURS, MeasuredClient
from benchmarks.measurements.runs import Bench, Process, Sample, in_turns, started
from benchmarks.report.figures import head, line, ratio
from benchmarks.server.frames import Case
from benchmarks.server.process import Pace

__all__ = ["measure_cpu", "measure_latency"]

CASE = Case(encrypted=True, size=200)
RATE = 5000
SECONDS = 2.0
LATENCY_RATE = 1000
LATENCY_SECONDS = 5.0
HEADS = ("median", "p99", "p99.9", "block ms", "work ms", "+median", "+p99", "+p99.9")


def readers(bench: Bench) -> list[MeasuredClient]:
    """Return who can read single encrypted events."""
    return [one for one in bench.clients if one.encrypted and one.reader != "bytes"]


def measure_cpu(bench: Bench) -> dict[str, Any]:
    """Measure the processor's time for an event at 5,000 in a second, without what idling costs."""
    plain_loop = readers(bench)
    clients = plain_loop + [one.with_uvloop() for one in plain_loop if one.asynchronous]
    events = min(bench.events, int(RATE * SECONDS))
    with ExitStack() as stack:
        processes = started(stack, [Process(bench, one, [CASE.channel]) for one in clients])
        # Two events in a second, or in what takes less with few events, are idling.
        rate = 2 / min(1.0, events / RATE)
        idle = {process.key: process.run(Pace(process.key, CASE.channel, CASE.size, 2, rate)) for process in processes}
        samples = in_turns(bench, processes, lambda process: Pace(process.key, CASE.channel, CASE.size, events, RATE))
    ours = samples.get(OURS.key)
    print(head(f"{CASE.title}, {RATE:,}/s", ("CPU µs", "least", "most", "idle ms/s", "to ours")))
    rows: dict[str, Any] = {}
    for process in processes:
        row = cpu_row(samples[process.key], ours, idle[process.key])
        rows[process.client.title] = row
        print(line(process.client.title, row, list(row)))
    return rows


def cpu_row(samples: Sequence[Sample], ours: Sequence[Sample] | None, idle: Sample) -> dict[str, float | None]:
    """Return one reader's time for an event: the median, the least and the most of all rounds."""
    idling = idle.cpu / idle.wall
    taken = sorted((sample.cpu - idling * sample.wall) / sample.events * 1e6 for sample in samples)
    return {
        "cpu_microseconds": round(statistics.median(taken), 2),
        "least": round(taken[0], 2),
        "most": round(taken[-1], 2),
        "idle_ms_per_second": round(idling * 1e3, 2),
        "to_ours": ratio(samples, ours, lambda sample: sample.cpu),
    }


def measure_latency(bench: Bench) -> dict[str, Any]:
    """Measure how long events take from the server's write to the reader at 1,000 in a second, beside a bare loop."""
    events = min(bench.events, int(LATENCY_RATE * LATENCY_SECONDS))
    with ExitStack() as stack:
        processes = started(stack, [Process(bench, one, [CASE.channel], latency=True) for one in readers(bench)])
        samples = in_turns(
            bench,
            processes,
            lambda process: Pace(process.key, CASE.channel, CASE.size, events, LATENCY_RATE, stamped=True),
        )
    rows: dict[str, Any] = {process.client.title: latency_row(samples[process.key]) for process in processes}
    base = rows.get(BARE.title)
    print(head(f"{CASE.title}, {LATENCY_RATE:,}/s, µs", HEADS))
    for title, row in rows.items():
        for name in ("median", "p99", "p999"):
            row[f"added_{name}"] = round(row[name] - base[name], 1) if base else None
        print(line(title, row, list(row)))
    return rows


def latency_row(samples: Sequence[Sample]) -> dict[str, float]:
    """Return one reader's latencies in microseconds, each the median over the rounds."""
    rounds = [statistics.quantiles(sample.latencies, n=1000) for sample in samples]
    median, p99, p999 = (statistics.median(cuts[cut] for cuts in rounds) / 1e3 for cut in (499, 989, 998))
    block, work = (
        statistics.median(getattr(sample, name) for sample in samples) * 1e3
        for name in ("longest_block", "longest_work")
    )
    return {
        "median": round(median, 1),
        "p99": round(p99, 1),
        "p999": round(p999, 1),
        "longest_block_ms": round(block, 2),
        "longest_work_ms": round(work, 2),
    }
