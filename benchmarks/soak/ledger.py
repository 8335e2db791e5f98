"""Keeping the books: what each reader got, in which order, and what explains that something is missing."""

from __future__ import annotations

import collections

from benchmarks.soak.channels import CLIENT_TICK, TICK
from benchmarks.soak.problems import Problems
from pusher_client import Event

__all__ = ["Books", "Ledger"]


class Ledger:
    """What one reader got of one channel: numbers in order and once, and what explains those that are missing.

    Args:
        name: What it is called in problems and in the summary.
        problems: Where to complain.
        overflows: Whether the reader has a queue that may be full; what others lose explains nothing here.
        reference: A reader that never overflows: what is missing there, too, never reached the client. A full queue may
            have refused the marker of such a gap, and its own marker then stands for both.
    """

    def __init__(
        self, name: str, problems: Problems, *, overflows: bool = True, reference: Ledger | None = None
    ) -> None:
        self.name = name
        self._overflows = overflows
        self.counts: collections.Counter[str] = collections.Counter()
        self.last = 0
        self._problems = problems
        self._reference = reference
        self._holes = collections.deque[tuple[int, int]](maxlen=100)
        self._started = False
        self._unsure = 0
        self._explained = 0
        self._whole_hole = False
        self._overflowed = False

    def take(self, event: Event) -> None:
        """Enter an event: a number, a marker, or what does not matter here."""
        if event.name in (TICK, CLIENT_TICK):
            self._enter(event.data["number"], event.data["unsure"])
        elif event.name == "pusher:gap":
            self.counts["gaps"] += 1
            self._whole_hole = True
        elif event.name == "pusher:overflow" and self._overflows:
            self.counts["overflows"] += 1
            self._explained += event.data.dropped
            self._overflowed = True
        elif event.name == "pusher:decryption_failure" and event.data.event_name == TICK:
            self.counts["failures"] += 1
            self._explained += 1

    def complete(self, final: int) -> bool:
        """Say whether everything up to the last number came or is explained."""
        return self._is_explained(final - self.last, final + 1)

    def lost_between(self, last: int, number: int) -> int:
        """Return how many numbers between these two never came here."""
        return sum(max(0, min(end, number) - max(begin, last) - 1) for begin, end in self._holes)

    def _enter(self, number: int, unsure: int) -> None:
        self.counts["events"] += 1
        missing = number - self.last - 1
        if missing < 0:
            self._problems.add("twice or out of order", f"{self.name}: {number} after {self.last}")
            return
        if self._started and missing:
            self.counts["missing"] += missing
            self._holes.append((self.last, number))
            if not self._is_explained(missing - (unsure - self._unsure), number):
                detail = f"{self.name}: {missing} before {number}, {self._explained} explained"
                self._problems.add("silent loss", detail)
        self.last, self._unsure, self._started = number, unsure, True
        self._explained, self._whole_hole, self._overflowed = 0, False, False

    def _is_explained(self, missing: int, number: int) -> bool:
        if self._overflowed and self._reference is not None:
            missing -= self._reference.lost_between(self.last, number)
        return self._whole_hole or missing <= self._explained


class Books:
    """The ledgers of all readers.

    Args:
        problems: Where they complain.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._ledgers: list[Ledger] = []

    @property
    def entered(self) -> int:
        """How many numbers were entered so far."""
        return sum(ledger.counts["events"] for ledger in self._ledgers)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """What each ledger counted."""
        return {ledger.name: dict(sorted(ledger.counts.items())) for ledger in self._ledgers}

    def open(self, name: str, *, overflows: bool = True, reference: Ledger | None = None) -> Ledger:
        """Begin a ledger, which is called after its channel if that has a last number."""
        ledger = Ledger(name, self._problems, overflows=overflows, reference=reference)
        self._ledgers.append(ledger)
        return ledger

    def incomplete(self, final: dict[str, int]) -> list[str]:
        """Name the ledgers in which something up to their channel's last number neither came nor is explained."""
        numbered = [(ledger, final.get(ledger.name.split(",")[0], 0)) for ledger in self._ledgers]
        return [ledger.name for ledger, number in numbered if not ledger.complete(number)]
