"""The benchmarks are programs that run."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak.ledger import Ledger
from benchmarks.soak.problems import Problems
from pusher_client import Event, Gap, Overflow
from tests.support.flooding_server import needs_proc

ROOT = Path(__file__).parents[2]
OURS = ["ours, bound handler", "bare, bytes and msgspec"]


def results(folder: Path, *arguments: str) -> Any:
    """Run one short round of the programs, and return what they wrote."""
    command = [sys.executable, "-m", "benchmarks", *arguments, "--rounds", "1", "--output", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_throughput_measures_every_reader_of_ours(tmp_path: Path) -> None:
    """One short round writes figures for every case, the bytes alone included, and a chart."""
    cases = results(tmp_path, "throughput", "--events", "200", "--only", "ours", "--only", "bare", "--only", "bytes")[
        "throughput"
    ]
    assert set(cases) == {"encrypted 200 B", "encrypted 2000 B", "plain 200 B", "plain 2000 B"}
    for rows in cases.values():
        assert {"ours, iterator", "bare, json and SecretBox", "reading the bytes alone", *OURS} == set(rows)
        assert all(row["events_per_second"] > 0 for row in rows.values())
    # One bar for every reader but that of the bytes alone.
    assert (tmp_path / "throughput.svg").read_text(encoding="utf-8").count("<rect ") == 4 * 4


@needs_proc
def test_soak_accounts_for_every_event(tmp_path: Path) -> None:
    """A short soak in good company loses nothing, leaves nothing open, and writes its figures."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0", "--quiet", "0.5", "--json", str(figures)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
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


def test_single_events_are_measured(tmp_path: Path) -> None:
    """The processor's time and the latency of single events, each beside the bare loop."""
    found = results(tmp_path, "cpu", "latency", "--events", "100", "--only", "bound", "--only", "msgspec")
    assert set(found["cpu"]) == {*OURS, *(f"{name}, uvloop" for name in OURS)}
    assert set(found["latency"]) == set(OURS)
    assert all(0 < row["median"] <= row["p999"] for row in found["latency"].values())


def test_growth_and_recovery_are_measured(tmp_path: Path) -> None:
    """Channels, connections, sizes and handlers; memory; and nothing is lost when a link or a key is."""
    programs = ["growth", "memory", "resubscription", "rotation"]
    found = results(tmp_path, *programs, "--events", "120", "--largest", "10")
    assert set(found["growth"]["channels in turn"]) == {"channels-1", "channels-10"}
    assert set(found["growth"]["channels in turn, bare"]) == {"bare-1", "bare-10"}
    assert set(found["growth"]["one of the channels"]) == {"channels-1", "channels-10"}
    assert set(found["growth"]["handlers"]) == {"handlers-1", "handlers-10"}
    assert set(found["growth"]["clients"]) == {"clients-1", "clients-10"}
    assert set(found["growth"]["sizes"]) == {"20 B", "200 B", "2000 B", "10000 B"}
    assert all(taken > 0 for taken in found["memory"].values())
    assert found["resubscription"]["from_connected"] > 0
    assert (found["rotation"]["dropped"], found["rotation"]["undecryptable"]) == (0, 0)
