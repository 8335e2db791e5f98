"""The counts of one channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.events import ChannelStats
from pusher_client.protocol.event_counts import EventCounts, is_counted


def test_a_new_tally_counts_nothing() -> None:
    """All counts start at zero (R5)."""
    assert EventCounts().snapshot() == ChannelStats(0, 0, 0, 0, 0, 0)


@given(*[st.integers(0, 99)] * 5)
def test_what_arrived_is_the_sum_of_what_became_of_it(
    delivered: int, dropped: int, undecryptable: int, waiting: int, key_refreshes: int
) -> None:
    """Received = delivered + dropped + undecryptable + waiting, and every count has its own name (R5)."""
    counts = EventCounts()
    counts.received = delivered + dropped + undecryptable + waiting
    counts.delivered, counts.dropped, counts.undecryptable = delivered, dropped, undecryptable
    counts.key_refreshes = key_refreshes
    assert counts.waiting == waiting
    assert counts.snapshot() == ChannelStats(
        received=counts.received,
        delivered=delivered,
        dropped=dropped,
        undecryptable=undecryptable,
        waiting=waiting,
        key_refreshes=key_refreshes,
    )


def test_tallies_add_up() -> None:
    """Counts of another are added, and the other is unchanged."""
    total, other = EventCounts(), EventCounts()
    total.received, total.delivered, total.dropped, total.undecryptable, total.key_refreshes = 20, 8, 5, 3, 7
    other.received, other.delivered, other.dropped, other.undecryptable, other.key_refreshes = 10, 4, 3, 2, 1
    total.add(other)
    assert total.snapshot() == ChannelStats(
        received=30, delivered=12, dropped=8, undecryptable=5, waiting=5, key_refreshes=8
    )
    assert other.received == 10


def test_a_snapshot_does_not_change_later() -> None:
    """What a caller was handed stays as it was (R5)."""
    counts = EventCounts()
    before = counts.snapshot()
    counts.received += 1
    assert before.received == before.waiting == 0
    assert counts.snapshot().waiting == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("order", True), ("pusher:decryption_failure", True), ("pusher:gap", False), ("pusher:member_added", False)],
)
def test_failures_to_decrypt_are_counted_like_application_events(name: str, expected: object) -> None:
    """An encrypted event counts as received before it is known whether it opens (R5)."""
    assert is_counted(name) is expected
