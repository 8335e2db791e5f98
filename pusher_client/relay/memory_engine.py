"""An engine within one process: the rules of every engine, in Python. For tests and demonstrations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pusher_client.relay.values import Entry, Exchange, Kind, Put, PutResult, Record, Settle, Settled

__all__ = ["MemoryEngine", "MemoryStream"]

_LOOK_AHEAD = 256
_LONGEST_MEMORY = 20_000


@dataclass(slots=True)
class MemoryStream:
    """One channel: its entries, the records of its relays, and what finds duplicates.

    Args:
        window: Seconds in which duplicates are found.
        spread: Seconds by which the arrival of one event may differ between relays.
    """

    window: float
    spread: float = 0.5
    entries: list[Entry] = field(default_factory=list[Entry])
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    settled: float | None = None
    _settled_by: str = ""
    _ids: dict[str, float] = field(default_factory=dict[str, float])
    _recent: dict[int, tuple[Entry, str]] = field(default_factory=dict[int, tuple[Entry, str]])
    _last: int = 0
    _numbers: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    _cursors: dict[str, int] = field(default_factory=dict[str, int])

    def exchange(self, record: Record, now: float) -> Exchange:
        """Store a relay's record; return those that were stored before."""
        answer = Exchange(now, self.settled, tuple(self.records.values()))
        self.records[record.relay] = record
        return answer

    def settle(self, relay: str, settle: Settle) -> Settled:
        """Write the markers, unless a later moment is settled."""
        if self.settled is not None:
            latest = settle.until if self._settled_by == relay else settle.until - settle.spread
            if self.settled > latest:
                return Settled(self.settled, accepted=False)
        self.settled, self.spread, self._settled_by = settle.until, settle.spread, relay
        for marker in settle.markers:
            self._append(marker, marker.received_at, relay)
        return Settled(settle.until, accepted=True)

    def put(self, relay: str, put: Put, now: float) -> PutResult:
        """Write the entries that are new."""
        if put.align:
            self._cursors[relay] = self._aligned(put.entries)
        for id_ in [id_ for id_, written in self._ids.items() if now - written > 2 * self.window]:
            del self._ids[id_]
        instance, next_number = self._numbers.get(relay, ("", 0))
        repeated = next_number - put.number if instance == put.instance else 0
        result = self._put_new(relay, put, repeated, now)
        self._numbers[relay] = (put.instance, put.number + max(result.done, repeated))
        return result

    def _put_new(self, relay: str, put: Put, repeated: int, now: float) -> PutResult:
        """Write entries until one has to wait; the first ones were put before."""
        fence, written = self._fence(relay), 0
        for done, entry in enumerate(put.entries):
            if done < repeated or entry.received_at < fence or entry.id in self._ids:
                continue
            if now - entry.received_at > self.window:
                return PutResult(done, written, now - self.window)
            if entry.kind is Kind.DECRYPTION_FAILURE and entry.received_at > put.final_before:
                return PutResult(done, written)
            if entry.id is None and self._matches(relay, entry.fingerprint):
                continue
            leads = self._cursors.get(relay, 0) == self._last
            self._append(entry, now, relay)
            if leads:
                self._cursors[relay] = self._last
            written += 1
        return PutResult(len(put.entries), written)

    def _fence(self, relay: str) -> float:
        """Return before when nothing is written that a relay received.

        Another relay may have received before the settled moment what arrived here shortly after it.
        """
        if self.settled is None:
            return -math.inf
        return self.settled + (0 if self._settled_by == relay else self.spread)

    def _append(self, entry: Entry, now: float, relay: str) -> None:
        self.entries.append(entry)
        if entry.id is not None:
            self._ids[entry.id] = now
            return
        self._last += 1
        self._recent[self._last] = (entry, relay)
        self._recent.pop(self._last - _LONGEST_MEMORY, None)

    def _matches(self, relay: str, fingerprint: str) -> bool:
        """Return whether the next entries that this relay has not written itself have this content; go on behind it."""
        cursor = max(self._cursors.get(relay, 0), self._last - _LONGEST_MEMORY)
        for position in range(cursor + 1, min(self._last, cursor + _LOOK_AHEAD) + 1):
            entry, writer = self._recent[position]
            if writer != relay and entry.fingerprint == fingerprint:
                self._cursors[relay] = position
                return True
        return False

    def _aligned(self, entries: tuple[Entry, ...]) -> int:
        """Return the position behind which the entries of a relay that joined begin, the latest that is consistent."""
        first = entries[0].received_at
        for start in range(self._last, max(0, self._last - _LOOK_AHEAD), -1):
            if self._recent[start][0].received_at < first - self.spread:
                break
            if all(
                self._recent[start + offset][0].fingerprint == entry.fingerprint
                for offset, entry in enumerate(entries[: self._last - start + 1])
            ):
                return start - 1
        return self._last


class MemoryEngine:
    """Streams in memory, by channel.

    Args:
        window: Seconds in which duplicates are found.
        clock: Returns the engine's time in seconds.
    """

    def __init__(self, window: float = 120.0, clock: Callable[[], float] = time.time) -> None:
        self._window = window
        self._clock = clock
        self.streams: dict[str, MemoryStream] = {}

    def stream(self, channel: str) -> MemoryStream:
        """Return the stream of a channel."""
        return self.streams.setdefault(channel, MemoryStream(self._window))

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def exchange(self, channel: str, record: Record) -> Exchange:
        """Store a relay's record; return those that were stored before."""
        return self.stream(channel).exchange(record, self._clock())

    async def put(self, channel: str, relay: str, put: Put) -> PutResult:
        """Write the entries that are new."""
        return self.stream(channel).put(relay, put, self._clock())

    async def settle(self, channel: str, relay: str, settle: Settle) -> Settled:
        """Write the markers, unless a later moment is settled."""
        return self.stream(channel).settle(relay, settle)
