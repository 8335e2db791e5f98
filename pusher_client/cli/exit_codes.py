"""Exit codes of the command; the numbers are part of the public interface."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["EXIT_CODES", "SIGNALLED", "ExitCode"]

SIGNALLED = 128
"""Added to the number of the signal that ended the command: 130 for Ctrl-C, 143 for SIGTERM."""


class ExitCode(IntEnum):
    """The reason why the command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_CONNECTION = 3
    REFUSED = 4
    TIMED_OUT = 5


EXIT_CODES = (
    "Exit codes: 0 done (also if the reader closed the output), 1 failed, 2 wrong options, "
    "3 the connection was refused, 4 a channel was refused, 5 timed out, 130 ended by Ctrl-C, 143 ended by SIGTERM."
)
"""The exit codes as text for ``--help``."""
