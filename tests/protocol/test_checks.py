"""What counts as a number of seconds."""

from __future__ import annotations

import math

import pytest

from pusher_client import KeyRotationPolicy, PusherClient, ReconnectPolicy
from pusher_client.protocol.checks import LONGEST_SECONDS, seconds_problem


@pytest.mark.parametrize("value", [0.001, 1, LONGEST_SECONDS])
def test_seconds(value: float) -> None:
    """More than nothing, and no more than anybody can mean."""
    assert seconds_problem("timeout", value) is None


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, LONGEST_SECONDS + 1, 10**400])
def test_no_seconds(value: float) -> None:
    """The error names what is wrong, and a number too long for a float is no other error (R8)."""
    problem = seconds_problem("timeout", value)
    assert isinstance(problem, ValueError)
    assert "timeout must be" in str(problem)


@pytest.mark.parametrize("value", [True, "1", None])
def test_no_number(value: object) -> None:
    """Another type is a TypeError."""
    assert isinstance(seconds_problem("timeout", value), TypeError)


def test_a_least() -> None:
    """Where nothing is enough, zero is allowed; nonsense still is not."""
    assert seconds_problem("grace", 0, least=0) is None
    assert isinstance(seconds_problem("grace", -0.1, least=0), ValueError)
    assert isinstance(seconds_problem("grace", math.nan, least=0), ValueError)


def test_options_are_held_to_it() -> None:
    """A number too long for a float is refused at the call, wherever it is given (design.md 2)."""
    with pytest.raises(ValueError, match="activity_timeout must be"):
        PusherClient("KEY", cluster="eu", activity_timeout=10**400)
    with pytest.raises(ValueError, match=r"ReconnectPolicy\.base must be"):
        ReconnectPolicy(base=10**400)
    with pytest.raises(ValueError, match=r"KeyRotationPolicy\.grace must be"):
        KeyRotationPolicy(grace=10**400)
