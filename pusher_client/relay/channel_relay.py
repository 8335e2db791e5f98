"""The rules of one relay for one channel: what to hold, what to write and when, and which holes to mark.

Pure: time is an argument, in seconds of the engine's clock, and nothing here does I/O. The rules:

- A *span* is a time in which the relay received every event of the channel and the engine acknowledged them. Its end
  is ``spread`` before the last frame: an event that another relay received by then has arrived here, too.
- A relay that joined *holds* what it receives until every live relay that joined before has a span that reaches the
  joining. Then the holes that no relay's span covers are marked, and the held events are released behind the markers.
- The engine keeps the moment up to which holes are marked, refuses to move it backwards, and drops entries received
  before it, so a relay that was paused cannot write behind the others.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

from pusher_client.relay.coverage import Coverage, Stay
from pusher_client.relay.peers import Peers
from pusher_client.relay.spans import Span, holes
from pusher_client.relay.values import Entry, Exchange, Kind, Put, PutResult, Record, RelaySettings, Settle, Settled

__all__ = ["ChannelRelay", "Command", "MakeMarker"]

Command: TypeAlias = Put | Settle
MakeMarker: TypeAlias = Callable[[str, Span], str]
"""Returns the envelope of a gap, given its id and its span."""

_ROUNDING = 0.001
"""Seconds by which sums of times may differ."""


class ChannelRelay:
    """One relay's state for one channel.

    Args:
        name: The relay's name.
        channel: The channel's name.
        settings: The times and bounds.
        make_marker: Writes the envelope of a gap.
        take: Called with the size of an entry, returns whether there is room for it.
        give: Called with the size of an entry that is written or dropped.
        instance: A random text for this start.

    Attributes:
        conflict: Whether another relay of the same name writes records.
        overflows: Entries dropped because there was no room.
        duplicates: Entries that another relay had written.
        written: Entries that this relay has written.
        marked: Holes that this relay has marked.
    """

    def __init__(
        self,
        name: str,
        channel: str,
        settings: RelaySettings,
        make_marker: MakeMarker,
        *,
        take: Callable[[int], bool],
        give: Callable[[int], None],
        instance: str = "",
    ) -> None:
        self._name = name
        self._channel = channel
        self._settings = settings
        self._make_marker = make_marker
        self._take, self._give = take, give
        self._instance = instance
        self._beat = 0
        self._closed = False
        self._ready: deque[Entry] = deque()
        self._held: deque[Entry] = deque()
        self._received = 0
        self._acknowledged = 0
        self._coverage = Coverage(settings.spans)
        self._stay: Stay | None = None
        self._full = False
        self._hold_started = self._hold_observed = 0.0
        self._untimed_until: float | None = None
        self._peers = Peers(name, settings)
        self._settled: float | None = None
        self._settled_before_stall: float | None = None
        self._exchanged_at = -math.inf
        self._in_flight: Command | None = None
        self._align = False
        self._blocked_until = -math.inf
        self.conflict: bool = False
        self.overflows: int = 0
        self.duplicates: int = 0
        self.written: int = 0
        self.marked: int = 0

    @property
    def subscribed(self) -> bool:
        """Whether the channel is subscribed."""
        return self._stay is not None or self._full

    @property
    def holding(self) -> bool:
        """Whether what is received is held."""
        return self._stay is not None and not self._stay.released

    @property
    def waiting(self) -> int:
        """Number of entries that are not acknowledged."""
        return len(self._ready) + len(self._held)

    # -- what happens -----------------------------------------------------------------------------------------------

    def joined(self, now: float) -> None:
        """Called when the channel was subscribed: for the first time, or after events may have been missed."""
        self.lost()
        self._join(now, now)

    def lost(self) -> None:
        """Called when the subscription was lost. What was received before is still written."""
        self._full = False
        if self._stay is not None and not self._stay.released:
            # What is held could only be written behind what the others wrote since. It lies in a hole that is marked.
            self._drop_held()
            self._coverage.forget(self._stay)
        self._stay = None
        self._untimed_until = None

    def stalled(self, now: float) -> None:
        """Called when the process or its link paused: what arrives next may be old."""
        if self._stay is None:
            return
        if self._stay.released:
            self._settled_before_stall = self._settled
            self._join(max(self._stay.start, self._stay.end), now)
        self._untimed_until = now + self._settings.settle_after_stall

    def received(self, entry: Entry) -> None:
        """Called with each entry, in order."""
        if self._stay is None:
            self.overflows += self._full
            return
        if not self._take(len(entry.body)):
            self._overflow(entry.received_at)
            return
        self._received += 1
        (self._ready if self._stay.released else self._held).append(entry)

    def heard(self, until: float) -> None:
        """Called from time to time: everything that the server sent until this moment was received."""
        if self._stay is not None and self._untimed_until is None:
            self._coverage.checkpoint(self._received, until - self._settings.spread, self._stay)
            self._coverage.confirm(self._acknowledged)

    def exchanged(self, answer: Exchange, now: float) -> None:
        """Called with the engine's answer to a record."""
        self._peers.exchanged(answer.records, now - self._exchanged_at)
        own = next((record for record in answer.records if record.relay == self._name), None)
        if own is not None and own.instance != self._instance:
            if self._exchanged_at > -math.inf:
                self.conflict = True
            else:
                self._coverage.continue_from(own.spans)
        self._settled, self._exchanged_at = answer.settled, now
        if self._full and not self._ready:
            self.joined(now)

    def done(self, result: PutResult, now: float) -> None:
        """Called when the engine has carried out a `Put`."""
        command, self._in_flight = self._in_flight, None
        self._align = self._align and result.done == 0
        self.written += result.written
        self.duplicates += result.done - result.written
        for _ in range(result.done):
            self._give(len(self._ready.popleft().body))
        self._acknowledged += result.done
        self._coverage.confirm(self._acknowledged)
        if result.expired_before is not None:
            self._expire(result.expired_before, now)
        elif isinstance(command, Put) and result.done < len(command.entries):
            self._blocked_until = now + self._settings.tick

    def settled(self, answer: Settled, now: float) -> None:
        """Called when the engine has carried out or refused a `Settle`."""
        command, self._in_flight, self._settled = self._in_flight, None, answer.until
        stay = self._stay
        if not isinstance(command, Settle) or stay is None or stay.released or stay.start != command.until:
            return  # it was for a subscription that was lost meanwhile
        if not answer.accepted:
            # What was received before that is in the stream, or in a marked hole. The records that led to the attempt
            # were older than the other relay's.
            self._hold_started = now
            self._start_at(stay, answer.until + self._settings.spread + _ROUNDING)
            return
        self.marked += len(command.markers)
        stay.released = self._align = True
        self._ready.extend(self._held)
        self._held.clear()
        self._coverage.confirm(self._acknowledged)

    def failed(self) -> None:
        """Called when the engine could not carry out a command; it may have."""
        self._in_flight = None

    def close(self) -> None:
        """Called at an orderly end, once nothing waits."""
        self._closed = True
        self._stay = None

    # -- what to do ---------------------------------------------------------------------------------------------------

    def command(self, now: float) -> Command | None:
        """Return what the engine is to do next; None while something is in flight or there is nothing to do."""
        stay = self._stay
        if self._in_flight is not None or now < self._blocked_until:
            return None
        if self._ready:
            self._in_flight = self._put(now)
        elif stay is not None and not stay.released and self._may_release(stay, now):
            self._in_flight = self._settle(stay)
        return self._in_flight

    def record(self) -> Record:
        """Return what to tell the other relays."""
        self._beat += 1
        stay = self._stay
        return Record(
            relay=self._name,
            instance=self._instance,
            beat=self._beat,
            spans=self._coverage.spans,
            joined=None if stay is None else stay.start,
            released=stay is not None and stay.released,
            pending=bool(self._ready),
            closed=self._closed,
        )

    # -- the parts ----------------------------------------------------------------------------------------------------

    def _join(self, start: float, now: float) -> None:
        self._stay = self._coverage.begin(start)
        self._hold_started, self._hold_observed = now, self._peers.observed

    def _start_at(self, stay: Stay, moment: float) -> None:
        """Let a subscription begin later. Nothing is ready then, so what is dropped counts as acknowledged."""
        stay.start = moment
        kept = deque(entry for entry in self._held if entry.received_at >= moment)
        self._acknowledged += len(self._held) - len(kept)
        for entry in self._held:
            if entry.received_at < moment:
                self._give(len(entry.body))
        self._held = kept

    def _drop_held(self) -> None:
        for entry in self._held:
            self._give(len(entry.body))
        self._received -= len(self._held)
        self._held.clear()

    def _overflow(self, now: float) -> None:
        self.overflows += 1
        self.lost()
        self._full = True
        if not self._ready:
            self._full = False
            self._join(now, now)

    def _expire(self, before: float, now: float) -> None:
        """Drop the entries that are older than the window, and join anew with the rest, which came without a break."""
        stay, rest = self._stay, deque[Entry]()
        if stay is not None and stay.released:
            rest.extend(entry for entry in self._ready if entry.received_at >= before)
            self._join(rest[0].received_at if rest else now, now)
        self._coverage.give_up_all_but(self._stay)
        self._drop(len(self._ready) - len(rest))
        self._ready.clear()
        self._held.extendleft(reversed(rest))

    def _drop(self, count: int) -> None:
        """Forget the first entries that are ready, and count them as acknowledged."""
        for entry in islice(self._ready, count):
            self._give(len(entry.body))
        self._acknowledged += count

    def _put(self, now: float) -> Put:
        return Put(
            tuple(islice(self._ready, self._settings.batch)),
            final_before=now - self._settings.failure_wait if self._peers.any_live else math.inf,
            align=self._align,
            instance=self._instance,
            number=self._acknowledged,
        )

    def _may_release(self, stay: Stay, now: float) -> bool:
        if self._exchanged_at <= self._hold_started or now < stay.start:
            return False
        if self._untimed_until is not None:
            if now < self._untimed_until:
                return False
            self._end_stall(stay, self._untimed_until)
        if self._peers.observed - self._hold_observed > self._settings.max_hold:
            return True
        return not self._peers.hold_up(stay)

    def _end_stall(self, stay: Stay, untimed_until: float) -> None:
        """Decide about what arrived around a pause: it is kept only if no other relay can have written it, or more."""
        reached = max((span.end for span in self._peers.spans), default=-math.inf)
        if self._peers.live or reached > stay.start or self._settled != self._settled_before_stall:
            self._start_at(stay, untimed_until)
        self._untimed_until = None

    def _settle(self, stay: Stay) -> Settle:
        spans = [*self._coverage.spans, *self._peers.spans]
        start = self._settled
        if start is None:
            start = min((span.start for span in spans), default=stay.start)
        found = [hole for hole in holes(start, stay.start, spans) if hole.end - hole.start > _ROUNDING]
        return Settle(stay.start, self._settings.spread, tuple(self._marker(hole) for hole in found))

    def _marker(self, hole: Span) -> Entry:
        key = f"{self._channel}\0{hole.start:.6f}\0{hole.end:.6f}"
        id_ = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        return Entry(hole.end, id_, id_, Kind.GAP, self._make_marker(id_, hole))
