"""The picture: curves of what the process held, and the faults below them."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from typing import Any

from benchmarks.soak.sample import COUNTED, Sample

__all__ = ["draw"]

POINTS = 300


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the curves with matplotlib, which the group `bench` brings."""
    figure_module: Any = importlib.import_module("matplotlib.figure")
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.rcParams["svg.fonttype"] = "none"
    matplotlib.rcParams["svg.hashsalt"] = "soak"
    samples = [Sample(*sample) for sample in report["samples"]]
    samples = samples[:: -(-len(samples) // POINTS)]
    minutes = [sample.seconds / 60 for sample in samples]
    figure: Any = figure_module.Figure(figsize=(9, 6), layout="constrained")
    memory, held, flow = figure.subplots(3, sharex=True)
    memory.plot(minutes, [sample.rss for sample in samples], color="tab:blue")
    memory.set_ylim(bottom=0)
    memory.set_ylabel("RSS, MiB")
    for name in COUNTED:
        held.plot(minutes, [getattr(sample, name) for sample in samples], label=name)
    held.set_ylim(bottom=0)
    held.legend(loc="upper right", ncols=3)
    pairs = itertools.pairwise(samples)
    rates = [0.0, *((two.events - one.events) / (two.seconds - one.seconds) for one, two in pairs)]
    flow.plot(minutes, rates, color="tab:green")
    flow.vlines([at / 60 for at, _ in report["faults_at"]], 0, max(rates) / 10, color="tab:red", linewidth=0.7)
    flow.set_ylabel("events/s")
    flow.set_xlabel("minutes; a red line is a fault")
    figure.savefig(path, format="svg", metadata={"Date": None})
