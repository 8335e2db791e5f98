"""The benchmarks are programs that run."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak import Ledger, Problems
from pusher_client import Event, Gap, Overflow
from tests.flooding import needs_proc

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


@needs_proc
def test_soak_accounts_for_every_event(tmp_path: Path) -> None:
    """A short soak in good company loses nothing, leaves nothing open, and writes its figures."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARKS / "soak.py"), "--minutes", "0", "--quiet", "0.5", "--json", str(figures)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    report = json.loads(figures.read_text(encoding="utf-8"))
    assert len(report["readers"]) == 11
    assert all(reader["events"] > 0 and "missing" not in reader for reader in report["readers"].values())
    assert all(stats["received"] == stats["delivered"] for stats in report["stats"].values())


def numbered(number: int) -> Event:
    """Return an event as the soak publishes them."""
    return Event("tick", "soak", {"number": number, "unsure": 0})


NOW = datetime.now(UTC)
GAP = Event("pusher:gap", "soak", Gap("soak", NOW, NOW, NOW))


def overflow(dropped: int) -> Event:
    """Return the marker of a full queue."""
    return Event("pusher:overflow", "soak", Overflow("soak", dropped))


@pytest.mark.parametrize(
    ("events", "complaints"),
    [
        ([numbered(1), numbered(2), numbered(3)], {}),
        ([numbered(1), numbered(3)], {"silent loss": 1}),
        ([numbered(1), GAP, numbered(9)], {}),
        ([numbered(1), GAP, numbered(2), numbered(4)], {"silent loss": 1}),
        ([numbered(1), overflow(2), numbered(4)], {}),
        ([numbered(1), overflow(1), numbered(4)], {"silent loss": 1}),
        ([numbered(1), numbered(1)], {"twice or out of order": 1}),
        ([numbered(2), numbered(1)], {"twice or out of order": 1}),
    ],
)
def test_soak_notices_what_is_not_explained(events: list[Any], complaints: dict[str, int]) -> None:
    """A number that is missing without a marker in its place, or comes twice, is a problem."""
    problems = Problems()
    ledger = Ledger("a reader", problems)
    for event in events:
        ledger.take(event)
    assert problems.counts == complaints
