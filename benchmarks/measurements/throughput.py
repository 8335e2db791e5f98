"""Events per second from the socket to the reader: this client beside bare loops and other clients, in turns."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.clients.registry import BARE, OURS, MeasuredClient
from benchmarks.measurements.runs import Bench, Process, Sample, in_turns, started
from benchmarks.report.figures import head, line, ratio
from benchmarks.server.frames import CASES, Case
from benchmarks.server.process import Flood

__all__ = ["measure"]


def measure(bench: Bench) -> dict[str, Any]:
    """Measure all cases, print a table for each, and return the figures."""
    results: dict[str, Any] = {}
    with ExitStack() as stack:
        processes = started(stack, [Process(bench, one, channels(one)) for one in bench.clients])
        for case in CASES:
            able = [process for process in processes if case.channel in channels(process.client)]
            if able:
                results[case.title] = compare(bench, case, able)
                print_table(case.title, results[case.title])
    return results


def channels(client: MeasuredClient) -> list[str]:
    """Return the channels of all cases that a client can read."""
    return [case.channel for case in CASES if client.encrypted or not case.encrypted]


def compare(bench: Bench, case: Case, processes: Sequence[Process]) -> dict[str, Any]:
    """Measure one case."""
    samples = in_turns(bench, processes, lambda process: Flood(process.key, [case.channel], case.size, bench.events))
    titles = {process.key: process.client.title for process in processes}
    runs = {titles[key]: taken for key, taken in samples.items()}
    return {title: summary(taken, runs) for title, taken in runs.items()}


def summary(taken: Sequence[Sample], runs: dict[str, list[Sample]]) -> dict[str, float | None]:
    """Return one reader's median, spread, and its speed as a part of ours and of the bare loop's."""
    rates = sorted(sample.rate for sample in taken)
    row: dict[str, float | None] = {
        "events_per_second": round(statistics.median(rates)),
        "slowest": round(rates[0]),
        "fastest": round(rates[-1]),
        "cpu_microseconds": round(statistics.median(sample.cpu_microseconds for sample in taken), 2),
    }
    for name, base in (("ours", runs.get(OURS.title)), ("bare", runs.get(BARE.title))):
        row[f"to_{name}"] = ratio(taken, base, lambda sample: sample.rate)
        row[f"to_{name}_by_cpu"] = ratio(taken, base, lambda sample: 1 / sample.cpu)
    return row


def print_table(title: str, rows: dict[str, Any]) -> None:
    """Print one case."""
    heads = ("events/s", "slowest", "fastest", "CPU µs", "to ours", "by CPU", "to bare", "by CPU")
    print(head(title, heads))
    for name, row in rows.items():
        print(line(name, row, list(row)))
