"""What a relay knows of the other relays of a channel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pusher_client.relay.coverage import Stay
from pusher_client.relay.spans import Span
from pusher_client.relay.values import Record, RelaySettings

__all__ = ["Peers"]


class Peers:
    """The latest records of the others, and which of these relays are alive.

    Args:
        name: The name of this relay.
        settings: The times and bounds.

    Attributes:
        observed: Seconds in which the engine could be reached. Other time says nothing about the other relays, because
            they could not write their records either.
    """

    def __init__(self, name: str, settings: RelaySettings) -> None:
        self._name = name
        self._settings = settings
        self._records: dict[str, tuple[Record, float]] = {}
        self.observed: float = 0.0

    def exchanged(self, records: Sequence[Record], passed: float) -> None:
        """Take the records that the engine returned, ``passed`` seconds after those before."""
        self.observed += min(passed, 2 * self._settings.tick)
        for record in records:
            known = self._records.get(record.relay)
            if record.relay != self._name and (known is None or _changed(known[0], record)):
                self._records[record.relay] = (record, self.observed)

    @property
    def spans(self) -> Iterator[Span]:
        """The spans of all other relays, dead ones included."""
        return (span for record, _ in self._records.values() for span in record.spans)

    @property
    def live(self) -> list[Record]:
        """The records of relays that are running."""
        oldest = self.observed - self._settings.dead_after
        return [record for record, seen in self._records.values() if seen >= oldest and not record.closed]

    @property
    def any_live(self) -> bool:
        """Whether another relay is running, which may have received what this one could not read."""
        return bool(self.live)

    def hold_up(self, stay: Stay) -> bool:
        """Return whether a relay may still write what was sent before this stay began."""
        return any(self._waits_for(record, stay) for record in self.live)

    def _waits_for(self, peer: Record, stay: Stay) -> bool:
        if peer.joined is None:
            return peer.pending
        if peer.released:
            return max((span.end for span in peer.spans), default=-math.inf) < stay.start
        # Of two relays that hold, the earlier member goes first.
        return (peer.joined, peer.relay) < (stay.start, self._name)


def _changed(known: Record, record: Record) -> bool:
    return (known.beat, known.instance) != (record.beat, record.instance)
