"""Spacing of the key requests of encrypted channels."""

from __future__ import annotations

import pytest

from pusher_client.protocol.key_refresh import KeyRefresh, RefreshGuard
from pusher_client.protocol.keyring import KeyRotationPolicy


def guards(own: int = 5, client: int = 20) -> tuple[RefreshGuard, RefreshGuard]:
    """Return the guards of a channel and of its client, with these limits."""
    return RefreshGuard(own, 30.0, lambda: 1.0), RefreshGuard(client, 30.0, lambda: 1.0)


def test_fruitless_requests_are_spaced_more_and_more() -> None:
    """From the limit on the delay doubles up to its cap, and half to all of it is waited (design.md 3.7)."""
    for lots, share in ((0.0, 0.5), (1.0, 1.0)):
        guard = RefreshGuard(2, 5.0, lambda lots=lots: lots)  # type: ignore[misc]  # a default binds the loop's value
        delays = []
        for _ in range(6):
            guard.fruitless(0.0)
            delays.append(max(0.0, guard.suspended_until))
        assert delays == [0.0, 1 * share, 2 * share, 4 * share, 5 * share, 5 * share]
        guard.fruitful()
        guard.fruitless(0.0)
        assert guard.suspended_until < 0


def test_a_new_key_that_opens_nothing_is_neutral_once() -> None:
    """From the second in a row on each is fruitless, for the channel and for the client (design.md 3.7)."""
    own, client = guards(2, 3)
    refresh = KeyRefresh(KeyRotationPolicy(), (own, client))
    for moment in range(3):
        assert not refresh.suspended(float(moment))
        refresh.brought_key(float(moment))
    assert own.suspended_until == 2.0 + 1.0
    refresh.brought_key(4.0)
    assert (own.suspended_until, client.suspended_until) == (4.0 + 2.0, 4.0 + 1.0)


def test_a_key_that_opens_an_event_ends_the_row() -> None:
    """After a fruitful request the next new key without an event is neutral again (design.md 3.7)."""
    refresh = KeyRefresh(KeyRotationPolicy(), guards(1, 9))
    refresh.brought_key(0.0)
    refresh.fruitful()
    refresh.brought_key(1.0)
    assert not refresh.suspended(1.0)
    refresh.brought_key(2.0)
    assert refresh.suspended(2.0)


def test_neutral_answers_of_many_channels_do_not_suspend_the_client() -> None:
    """Each channel's first new key is neutral; all further ones share the client's limit (design.md 3.7)."""
    client = guards(1, 4)[1]
    channels = [KeyRefresh(KeyRotationPolicy(), (guards(9)[0], client)) for _ in range(8)]
    for channel in channels:
        channel.brought_key(0.0)
        assert not channel.suspended(0.0)
    for channel in channels[:4]:
        assert not channel.suspended(0.0)
        channel.brought_key(0.0)
    assert all(channel.suspended(0.0) for channel in channels)


@pytest.mark.parametrize(
    ("requested_at", "probe_at", "expected"),
    [(None, None, None), (1.0, None, 11.0), (None, 4.0, 4.0), (1.0, 4.0, 4.0), (1.0, 14.0, 11.0)],
)
def test_the_deadline_is_the_earlier_of_time_out_and_probe(
    requested_at: float | None, probe_at: float | None, expected: float | None
) -> None:
    """A request times out after ``timeout``, and a probe is due when its suspension ends (design.md 3.7, 3.8)."""
    refresh = KeyRefresh(KeyRotationPolicy(timeout=10.0), guards())
    refresh.requested_at, refresh.probe_at = requested_at, probe_at
    assert refresh.deadline() == expected
    assert not refresh.overdue(10.9)
    assert refresh.overdue(11.0) == (requested_at is not None)
