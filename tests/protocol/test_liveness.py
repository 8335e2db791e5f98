"""When to ping, and when a link counts as dead."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.liveness import Action, Liveness, negotiated_timeout


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (30, 30.0),
        (30.5, 30.5),
        (120, 120.0),
        (121, 120.0),
        (0.2, 1.0),
        (1e-300, 1.0),
        (10**400, 120.0),
        (0, 120.0),
        (-0.0, 120.0),
        (-5, 120.0),
        (-(10**400), 120.0),
        (math.nan, 120.0),
        (math.inf, 120.0),
        (-math.inf, 120.0),
        ("30", 120.0),
        (True, 120.0),
        (None, 120.0),
        ([30], 120.0),
        ({}, 120.0),
    ],
)
def test_the_smaller_timeout_counts_and_nonsense_does_not(offered: object, expected: float) -> None:
    """The server's value is taken as at least a second; zero, negative, NaN, text and booleans are ignored (R1)."""
    assert negotiated_timeout(120.0, offered) == expected


def test_our_own_timeout_may_be_shorter_than_a_second() -> None:
    """Only the server's value is raised to a second; the caller's is kept (R1)."""
    assert negotiated_timeout(0.05, 30) == 0.05
    assert negotiated_timeout(0.05, 0.01) == 0.05


def test_silence_pings_and_then_gives_up() -> None:
    """A dead link is noticed after activity_timeout + pong_timeout, and not before (R1)."""
    liveness = Liveness(120.0, 30.0, 1000.0)
    assert liveness.deadline() == 1120.0
    assert liveness.check(1119.9) is Action.NOTHING
    assert liveness.check(1120.0) is Action.PING
    assert liveness.deadline() == 1150.0
    assert liveness.check(1149.9) is Action.NOTHING
    assert liveness.check(1150.0) is Action.GIVE_UP


def test_a_link_that_only_receives_pings_too() -> None:
    """Nothing sent for the timeout calls for a ping, however much came in (R1)."""
    liveness = Liveness(10.0, 5.0, 0.0)
    liveness.last_in = 9.0
    assert liveness.check(10.0) is Action.PING
    assert liveness.last_out == 10.0


def test_a_link_that_only_sends_pings_too() -> None:
    """Nothing received for the timeout calls for a ping, however much went out (R1)."""
    liveness = Liveness(10.0, 5.0, 0.0)
    liveness.last_out = 9.0
    assert liveness.check(10.0) is Action.PING


def test_a_ping_is_not_repeated_while_its_pong_is_due() -> None:
    """Between the ping and the pong's deadline there is nothing to do (R1)."""
    liveness = Liveness(1.0, 30.0, 0.0)
    assert liveness.check(1.0) is Action.PING
    assert [liveness.check(1.0 + second) for second in range(30)] == [Action.NOTHING] * 30


def test_after_a_frame_the_silence_starts_anew() -> None:
    """Whatever was received satisfies the pong, and the next ping is a whole timeout away (R1)."""
    liveness = Liveness(10.0, 5.0, 0.0)
    assert liveness.check(10.0) is Action.PING
    liveness.last_in, liveness.pong_due = 12.0, None
    assert liveness.check(15.0) is Action.NOTHING
    assert liveness.deadline() == 20.0
    assert liveness.check(20.0) is Action.PING


@given(
    st.floats(0.5, 300.0), st.floats(0.5, 60.0), st.lists(st.tuples(st.booleans(), st.floats(0.0, 400.0)), max_size=30)
)
def test_no_traffic_hides_a_dead_link(activity: float, pong: float, traffic: list[tuple[bool, float]]) -> None:
    """After the last frame came, giving up is never further away than both timeouts together (R1)."""
    now = last_in = 0.0
    liveness = Liveness(activity, pong, now)
    for incoming, pause in traffic:
        target = now + pause
        while liveness.deadline() <= target:
            now = max(now, liveness.deadline())
            if liveness.check(now) is Action.GIVE_UP:
                assert now <= last_in + activity + pong + 1e-6
                return
        now = target
        assert now <= last_in + activity + pong + 1e-6
        if incoming:
            last_in = liveness.last_in = now
            liveness.pong_due = None
        else:
            liveness.last_out = now
