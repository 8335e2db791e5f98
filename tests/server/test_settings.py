"""Settings of an application."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.server.settings import Settings


def test_nothing_is_limited_by_default_but_the_size_of_an_event() -> None:
    """Limits are off unless they are set."""
    settings = Settings()
    assert (settings.connection_limit, settings.client_event_rate, settings.event_limit) == (None, None, 10_240)
    assert settings.enabled
    assert settings.client_events
    assert not settings.subscription_counts


@pytest.mark.parametrize("options", [{"connection_limit": 0}, {"client_event_rate": -1}, {"event_limit": 0}])
def test_a_limit_below_one_is_refused_at_once(options: dict[str, Any]) -> None:
    """None means no limit."""
    with pytest.raises(ValueError, match="at least 1, or None for no limit"):
        Settings(**options)
