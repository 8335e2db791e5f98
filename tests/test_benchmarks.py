"""The benchmarks are programs that run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_throughput_measures_every_contestant(tmp_path: Path) -> None:
    """One short round prints a table and writes figures for every case and contestant."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARKS / "throughput.py"), "--rounds", "1", "--events", "200", "--json"]
    run = subprocess.run([*command, str(figures)], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    cases = json.loads(figures.read_text(encoding="utf-8"))["cases"]
    assert set(cases) == {"encrypted-200-B", "encrypted-2000-B", "plain-200-B", "plain-2000-B"}
    for rows in cases.values():
        assert {"ours, bound handler", "ours, iterator", "bare, bytes and msgspec"} < set(rows)
        assert all(row["events_per_second"] > 0 for row in rows.values())
        assert all(name in run.stdout for name in rows)
