"""The engine's time, reckoned here."""

from __future__ import annotations

from pusher_client.relay.engine_clock import EngineClock


def test_the_fastest_of_the_latest_answers_counts() -> None:
    """The engine's time is that of the middle of the way there and back; a slow answer says less."""
    clock = EngineClock()
    clock.answered(10.0, 10.2, 110.1)
    assert clock.at(20) == 120
    clock.answered(11.0, 15.0, 111.0)
    assert clock.at(20) == 120
    for _ in range(32):
        clock.answered(12.0, 12.5, 113.25)
    assert clock.at(20) == 121
