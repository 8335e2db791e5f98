"""Counting what became of a channel's application events (protocol-notes 8.3)."""

from __future__ import annotations

from pusher_client.events import ChannelStats

__all__ = ["EventCounts"]


class EventCounts:
    """The running counts of one channel; they outlive its subscriptions.

    The core counts what arrives and what it discards, the dispatcher what leaves. Everything that has arrived and not
    left is waiting, so ``received = delivered + dropped + undecryptable + waiting`` holds at every moment.
    """

    __slots__ = ("delivered", "dropped", "key_refreshes", "received", "undecryptable")

    def __init__(self) -> None:
        self.received: int = 0
        self.delivered: int = 0
        self.dropped: int = 0
        self.undecryptable: int = 0
        self.key_refreshes: int = 0

    @property
    def waiting(self) -> int:
        """Events that have arrived and not left yet."""
        return self.received - self.delivered - self.dropped - self.undecryptable

    def add(self, other: EventCounts) -> None:
        """Count what another has counted, too."""
        self.received += other.received
        self.delivered += other.delivered
        self.dropped += other.dropped
        self.undecryptable += other.undecryptable
        self.key_refreshes += other.key_refreshes

    def snapshot(self) -> ChannelStats:
        """Return the counts as they stand now."""
        return ChannelStats(
            received=self.received,
            delivered=self.delivered,
            dropped=self.dropped,
            undecryptable=self.undecryptable,
            waiting=self.waiting,
            key_refreshes=self.key_refreshes,
        )
