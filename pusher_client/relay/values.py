"""What a relay and its engine exchange. All times are seconds of the engine's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pusher_client.relay.spans import Span

__all__ = ["Entry", "Exchange", "Kind", "Put", "PutResult", "Record", "RelaySettings", "Settle", "Settled"]


class Kind(StrEnum):
    """What an entry of the stream is."""

    EVENT = "event"
    GAP = "gap"
    DECRYPTION_FAILURE = "decryption_failure"


class Entry(NamedTuple):
    """One entry of a channel's stream.

    Attributes:
        received_at: When the relay received it.
        id: What two relays know it by; None for an event of a plain channel.
        fingerprint: A hash of the content, by which events of plain channels are compared.
        kind: What it is.
        body: The envelope.
    """

    received_at: float
    id: str | None
    fingerprint: str
    kind: Kind
    body: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a relay tells the others about one channel.

    Attributes:
        relay: The relay's name.
        instance: A random text for each start, by which two relays with one name are found.
        beat: Grows with each record; one that stands still is that of a dead relay.
        spans: When it received everything and the engine has acknowledged it, the current span last.
        joined: Since when it has been subscribed without interruption; None if it is not subscribed.
        released: Whether it writes what it received since then, or still holds it.
        pending: Whether entries of earlier subscriptions wait for the engine.
        closed: Whether it was stopped in an orderly way.
    """

    relay: str
    instance: str = ""
    beat: int
    spans: tuple[Span, ...] = ()
    joined: float | None = None
    released: bool = False
    pending: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """The engine's answer to a record.

    Attributes:
        now: The engine's time.
        settled: Up to when every hole in the coverage is marked; None before any relay has settled anything.
        records: The latest record of each relay, that of the asking one before this exchange included.
    """

    now: float
    settled: float | None
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Put:
    """Write these entries.

    Attributes:
        entries: In order.
        final_before: A decryption failure received before this is written though no relay has written the event. The
            batch ends before a younger one.
        instance: The instance of the relay.
        number: Entries that this instance had acknowledged before; so a repeated batch is recognized.
        align: Whether the entries are the first after joining: on a plain channel they are aligned with the stream.
    """

    entries: tuple[Entry, ...]
    final_before: float
    align: bool
    instance: str
    number: int


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of the entries of a `Put`.

    Attributes:
        done: How many are settled, from the first on: written, known as duplicates, or within a marked hole.
        written: How many of these are new in the stream.
        expired_before: If the next one is older than the window in which duplicates are found, where that begins.
    """

    done: int
    written: int
    expired_before: float | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """Mark holes up to a moment.

    It is refused if a later moment is settled, or if another relay settled one that is less than ``spread`` earlier: an
    event that arrived there before it and here after it would be written out of order.

    Attributes:
        until: The moment.
        spread: Seconds by which the arrival of one event may differ between relays.
        markers: The entries that mark the holes.
    """

    until: float
    spread: float
    markers: tuple[Entry, ...]


class Settled(NamedTuple):
    """The answer to a `Settle`: the moment that is settled now, and whether it is this one."""

    until: float
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The times of a relay, in seconds, and its bounds.

    Attributes:
        tick: How often the relays exchange their records.
        spread: By how much the arrival of one event may differ between relays, clocks included.
        dead_after: After this long without a new record a relay counts as dead.
        max_hold: The longest time that a relay which joined waits for the others.
        failure_wait: How long an undecryptable event waits for another relay's copy.
        settle_after_stall: For this long after a pause of the process, times of arrival mean nothing.
        batch: Entries written at once.
        spans: Spans that a record has at most.
    """

    tick: float = 0.2
    spread: float = 0.5
    dead_after: float = 3.0
    max_hold: float = 20.0
    failure_wait: float = 2.0
    settle_after_stall: float = 1.0
    batch: int = 256
    spans: int = 32

    def __post_init__(self) -> None:
        if min(self.tick, self.spread, self.dead_after, self.failure_wait, self.settle_after_stall) <= 0:
            raise ValueError("the times of RelaySettings are positive numbers of seconds")
        if self.max_hold < self.dead_after + self.spread:
            raise ValueError("max_hold is at least dead_after + spread, or a live relay would not be waited for")
        if min(self.batch, self.spans) < 1:
            raise ValueError("batch and spans are positive integers")
