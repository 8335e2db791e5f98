"""A client in bad company for minutes or hours: is everything accounted for, and does its memory stay flat?

A process of its own runs the local server, publishes numbered events at a steady rate, and does what servers, networks
and relays do: it resets, closes, restarts, stalls, spoils ciphertexts, sends garbage, and rotates keys. Two clients in
this process read with handlers and iterators, send each other client events, and come and go on other channels. Every
reader keeps a ledger in which each missing number has to be explained by a marker at its place.

    python -m benchmarks.soak --minutes 20 --json soak.json --svg benchmarks/soak/soak.svg

Ends with 1 if anything was lost silently, came twice or out of order, if counts do not add up, if anything is left open
in the end, or if the memory grew after the warm-up by more than `--growth`. Reads /proc, so it needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import random
import sys
import tracemalloc
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from benchmarks.soak.clients import Soak
from benchmarks.soak.faulty_server import company
from benchmarks.soak.picture import draw
from benchmarks.soak.problems import listen


async def soak(options: argparse.Namespace, pipe: Pipe, port: int) -> dict[str, Any]:
    """Run it, and return the report."""
    running = Soak(pipe, port, options.seed)
    listen(running.problems)
    left = await running.run(options.minutes * 60, options.quiet)
    gc.collect()
    about = {name: getattr(options, name) for name in ("minutes", "rate", "seed")}
    report = {"python": platform.python_version(), **about, **running.summary(options.growth), "left_open": left}
    moments = {"samples": running.samples, "faults_at": running.faults.times}
    return {**report, "first_problems": running.problems.first, **moments}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--quiet", type=float, default=15.0, help="seconds in the end; no fault lasts longer")
    parser.add_argument("--rate", type=float, default=20.0, help="events a second on each of the four channels")
    parser.add_argument("--growth", type=float, default=4.0, help="MiB that the memory may grow by after the warm-up")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--json", type=Path, help="where to write the figures and samples")
    parser.add_argument("--svg", type=Path, help="where to draw the picture")
    parser.add_argument("--redraw", type=Path, help="draw the figures of an earlier run, and do nothing else")
    parser.add_argument("--tracemalloc", action="store_true", help="say in the end where memory was allocated")
    return parser.parse_args()


def main() -> int:
    """Soak, print the summary, and write what was asked for."""
    options = arguments()
    if options.redraw:
        draw(json.loads(options.redraw.read_text()), options.svg)
        return 0
    with company(options.rate) as (pipe, port):
        if options.tracemalloc:
            tracemalloc.start(5)
        report = asyncio.run(soak(options, pipe, port))
    if options.tracemalloc:
        print(*tracemalloc.take_snapshot().statistics("lineno")[:15], sep="\n")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.svg:
        draw(report, options.svg)
    print(json.dumps({name: value for name, value in report.items() if name not in ("samples", "faults_at")}, indent=2))
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
