"""Checks of values."""

from __future__ import annotations

import math

import pytest

from pusher_client import KeyRotationPolicy, PusherClient, ReconnectPolicy
from pusher_client.protocol.checks import LONGEST_SECONDS, is_integer, is_number, seconds_problem


@pytest.mark.parametrize("value", [0.001, 1, LONGEST_SECONDS])
def test_seconds(value: float) -> None:
    """More than zero, and less than any meaningful limit."""
    assert seconds_problem("timeout", value) is None


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, LONGEST_SECONDS + 1, 10**400])
def test_no_seconds(value: float) -> None:
    """The error names the argument, and a number too long for a float causes no other error (R8)."""
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


@pytest.mark.parametrize(
    ("value", "integer", "number"),
    [(0, True, True), (-3, True, True), (1.0, False, True), (True, False, False), ("1", False, False)],
)
def test_a_boolean_is_neither_an_integer_nor_a_number(value: object, *, integer: bool, number: bool) -> None:
    """JSON and Python callers can give any type where a number is expected (R8)."""
    assert (is_integer(value), is_number(value)) == (integer, number)
