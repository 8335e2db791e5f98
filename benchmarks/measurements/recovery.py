"""What a loss costs this client: many channels to subscribe again, and a key that changes under full load."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

from benchmarks.clients.registry import OURS
from benchmarks.measurements.runs import Bench, Process
from benchmarks.server.frames import DIFFERENT_EVENTS
from benchmarks.server.process import Drop, Flood, Grant

__all__ = ["measure_resubscription", "measure_rotation"]

CHANNELS = 1000
AT_A_TIME = 8
DELAY = 0.02
SIZE = 200
SECOND_SECRET = bytes(range(32, 64))


def measure_resubscription(bench: Bench) -> dict[str, Any]:
    """Cut a connection with 1,000 encrypted channels, where each authorization takes 20 ms."""
    count = min(CHANNELS, bench.largest)
    names = [f"private-encrypted-{number}" for number in range(count)]
    client = replace(OURS, program="recovery", reader="resubscription")
    runs: list[dict[str, float]] = []
    obey(bench, Grant(DELAY))
    for number in range(bench.rounds):
        with Process(bench, client, names, key=f"resubscription-{number}") as process:
            obey(bench, Drop(process.key))
            runs.append(process.report())
    obey(bench, Grant())
    least = count / AT_A_TIME * DELAY
    result = {name: round(statistics.median(run[name] for run in runs), 4) for name in runs[0]}
    result |= {"least_possible": least, "to_least": round(result["from_connected"] / least, 3)}
    result["longest_work_of_all"] = round(max(run["longest_work"] for run in runs), 4)
    show(f"{count:,} encrypted channels again", result)
    return result


def measure_rotation(bench: Bench) -> dict[str, Any]:
    """Change the key between two floods; each authorization takes 20 ms."""
    client = replace(OURS, program="recovery", reader="rotation")
    events = bench.events // DIFFERENT_EVENTS * DIFFERENT_EVENTS
    name = "private-encrypted-rotation"
    runs: list[dict[str, Any]] = []
    for number in range(bench.rounds):
        with Process(bench, client, [name], key=f"rotation-{number}", backlog=2 * events) as process:
            flood = Flood(process.key, [name], SIZE, events)
            orders = (flood, Grant(DELAY, SECOND_SECRET), flood)
            for order in orders:
                bench.server.order(order)
            runs.append(process.report())
            for _ in orders:
                bench.server.done()
            obey(bench, Grant())
        numbers = runs[-1].pop("numbers")
        if numbers != [number % DIFFERENT_EVENTS for number in range(2 * events)]:
            raise SystemExit(f"of {2 * events} events {len(numbers)} came, or in another order")
    result = {name: round(statistics.median(run[name] for run in runs), 4) for name in runs[0]}
    show(f"a new key among {2 * events:,} events", result)
    return result


def obey(bench: Bench, order: Drop | Grant) -> None:
    """Have the server do something, and wait for it."""
    bench.server.order(order)
    bench.server.done()


def show(title: str, result: dict[str, Any]) -> None:
    """Print the figures."""
    print(f"\n{title}")
    for name, figure in result.items():
        print(f"  {name.replace('_', ' '):32}{figure:>12,}")
