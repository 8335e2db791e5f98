"""Counts of a channel's application events (protocol-notes 8.3, promise R5)."""

from __future__ import annotations

from pusher_client.events import DECRYPTION_FAILURE, ChannelStats
from pusher_client.protocol.names import is_application_event

__all__ = ["EventCounts", "is_counted"]


def is_counted(name: str) -> bool:
    """Return whether the counts include events of this name: application events, opened or not."""
    return name == DECRYPTION_FAILURE or is_application_event(name)


class EventCounts:
    """The running counts of one channel. They outlive its subscriptions.

    The core counts what it receives and what it drops, the dispatcher what it delivers. An event that was received and
    not yet counted otherwise is waiting, so ``received = delivered + dropped + undecryptable + waiting`` always holds.
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
        """Number of events that were received and are not counted otherwise yet."""
        return self.received - self.delivered - self.dropped - self.undecryptable

    def add(self, other: EventCounts) -> None:
        """Add the counts of another."""
        self.received += other.received
        self.delivered += other.delivered
        self.dropped += other.dropped
        self.undecryptable += other.undecryptable
        self.key_refreshes += other.key_refreshes

    def snapshot(self) -> ChannelStats:
        """Return the current counts."""
        return ChannelStats(
            received=self.received,
            delivered=self.delivered,
            dropped=self.dropped,
            undecryptable=self.undecryptable,
            waiting=self.waiting,
            key_refreshes=self.key_refreshes,
        )
