"""A limit of events over any second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pusher_client.server.rate_limit import RateLimit


def test_what_is_too_much_in_a_second_is_not_allowed() -> None:
    """Refused events do not count, and the limit is free again after a second."""
    limit = RateLimit(2)
    assert [limit.allows(now) for now in (0.0, 0.5, 0.9, 0.99, 1.0, 1.4, 1.5)] == [
        True, True, False, False, True, False, True,
    ]  # fmt: skip


def test_without_a_limit_everything_is_allowed() -> None:
    """At any rate."""
    limit = RateLimit(None)
    assert all(limit.allows(0.0) for _ in range(1000))


@given(st.lists(st.floats(0, 5), max_size=50), st.integers(1, 4))
def test_no_second_has_more_than_the_limit(times: list[float], most: int) -> None:
    """For every interval of a second."""
    limit = RateLimit(most)
    allowed = [now for now in sorted(times) if limit.allows(now)]
    assert all(sum(begin <= now < begin + 1.0 for now in allowed) <= most for begin in allowed)
