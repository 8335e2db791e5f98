"""What counts as a number of seconds."""

from __future__ import annotations

__all__ = ["LONGEST_SECONDS", "seconds_problem"]

LONGEST_SECONDS = 10**9
"""More than thirty years; what is longer is a mistake, or too long for a float."""


def seconds_problem(what: str, value: object, *, least: float | None = None) -> TypeError | ValueError | None:
    """Return what is wrong with a number of seconds; None when it is fine.

    Args:
        what: Its name.
        value: What was given for it.
        least: The least that it may be; None when it must be more than nothing.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return TypeError(f"{what} is a number of seconds, not {type(value).__name__}")
    if least is None and not 0 < value <= LONGEST_SECONDS:
        return ValueError(f"{what} must be a positive number of seconds, at most {LONGEST_SECONDS}")
    if least is not None and not least <= value <= LONGEST_SECONDS:
        return ValueError(f"{what} must be from {least:g} to {LONGEST_SECONDS} seconds")
    return None
