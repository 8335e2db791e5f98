"""Checks of values that callers and servers give: integers, numbers, seconds."""

from __future__ import annotations

from typing import TypeGuard

__all__ = ["LONGEST_SECONDS", "is_integer", "is_number", "seconds_problem"]

LONGEST_SECONDS = 10**9
"""More than thirty years; a longer time is a mistake, or too long for a float."""


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer; a boolean is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is an integer or a float; a boolean is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def seconds_problem(what: str, value: object, *, least: float | None = None) -> TypeError | ValueError | None:
    """Return the error for an invalid number of seconds; None if it is valid.

    Args:
        what: The argument's name.
        value: Its value.
        least: The smallest valid value; None if the value must be greater than zero.
    """
    if not is_number(value):
        return TypeError(f"{what} is a number of seconds, not {type(value).__name__}")
    if least is None and not 0 < value <= LONGEST_SECONDS:
        return ValueError(f"{what} must be a positive number of seconds, at most {LONGEST_SECONDS}")
    if least is not None and not least <= value <= LONGEST_SECONDS:
        return ValueError(f"{what} must be from {least:g} to {LONGEST_SECONDS} seconds")
    return None
