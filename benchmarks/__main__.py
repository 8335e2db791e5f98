"""Measure this client beside bare loops and other clients, which are installed when they are first needed.

Everything is measured by ``python -m benchmarks``; the speed of a few readers, for example, by
``python -m benchmarks throughput --only ours --only bare --rounds 15``.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clients.registry import ROOT, Environments, chosen
from benchmarks.measurements import growth, recovery, single_events, throughput
from benchmarks.measurements.runs import Bench
from benchmarks.report import chart
from benchmarks.server.process import Server

PROGRAMS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "throughput": throughput.measure,
    "cpu": single_events.measure_cpu,
    "latency": single_events.measure_latency,
    "growth": growth.measure,
    "memory": growth.measure_memory,
    "resubscription": recovery.measure_resubscription,
    "rotation": recovery.measure_rotation,
}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("programs", nargs="*", choices=[[], *PROGRAMS], help="what to measure; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=20_000, help="events of one run")
    parser.add_argument("--largest", type=int, default=10_000, help="up to how many of anything growth goes")
    parser.add_argument("--only", action="append", help="a part of the name of those who take part; may be repeated")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmarks", help="a folder for the results")
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "peers", help="where peers are installed")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write JSON and a chart."""
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    environments = Environments(options.environments.absolute())
    results: dict[str, Any] = {"python": platform.python_version(), "rounds": options.rounds, "events": options.events}
    with Server() as server:
        bench = Bench(server, environments, chosen(options.only), options.rounds, options.events, options.largest)
        for name in options.programs or PROGRAMS:
            results[name] = PROGRAMS[name](bench)
            # After every program, since a later one may take long.
            (options.output / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if "throughput" in results:
        (options.output / "throughput.svg").write_text(chart.throughput(results["throughput"]), encoding="utf-8")


if __name__ == "__main__":
    main()
