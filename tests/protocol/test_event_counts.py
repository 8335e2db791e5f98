"""The counts of one channel."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pusher_client.events import ChannelStats
from pusher_client.protocol.event_counts import Tally


def test_a_new_tally_counts_nothing() -> None:
    """All counts start at zero (R5)."""
    assert Tally().snapshot() == ChannelStats(0, 0, 0, 0, 0, 0)


@given(*[st.integers(0, 99)] * 5)
def test_what_arrived_is_the_sum_of_what_became_of_it(
    delivered: int, dropped: int, undecryptable: int, waiting: int, key_refreshes: int
) -> None:
    """Received = delivered + dropped + undecryptable + waiting, and every count stands under its own name (R5)."""
    tally = Tally()
    tally.received = delivered + dropped + undecryptable + waiting
    tally.delivered, tally.dropped, tally.undecryptable = delivered, dropped, undecryptable
    tally.key_refreshes = key_refreshes
    assert tally.waiting == waiting
    assert tally.snapshot() == ChannelStats(
        received=tally.received,
        delivered=delivered,
        dropped=dropped,
        undecryptable=undecryptable,
        waiting=waiting,
        key_refreshes=key_refreshes,
    )


def test_tallies_add_up() -> None:
    """Each count of another comes on top of one's own, and the other keeps its own."""
    total, other = Tally(), Tally()
    total.received, total.delivered, total.dropped, total.undecryptable, total.key_refreshes = 20, 8, 5, 3, 7
    other.received, other.delivered, other.dropped, other.undecryptable, other.key_refreshes = 10, 4, 3, 2, 1
    total.add(other)
    assert total.snapshot() == ChannelStats(
        received=30, delivered=12, dropped=8, undecryptable=5, waiting=5, key_refreshes=8
    )
    assert other.received == 10


def test_a_snapshot_does_not_change_later() -> None:
    """What a caller was handed stays as it was (R5)."""
    tally = Tally()
    before = tally.snapshot()
    tally.received += 1
    assert before.received == before.waiting == 0
    assert tally.snapshot().waiting == 1
