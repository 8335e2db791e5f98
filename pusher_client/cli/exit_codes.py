"""What the command's exit code tells a script; the numbers are part of the interface."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["EXIT_CODES", "SIGNALLED", "ExitCode"]

SIGNALLED = 128
"""To which the number of the signal is added that ended the command: 130 for Ctrl-C, 143 for SIGTERM."""


class ExitCode(IntEnum):
    """Why the command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_CONNECTION = 3
    REFUSED = 4
    TIMED_OUT = 5


EXIT_CODES = (
    "Exit codes: 0 done (also when the reader of the output is gone), 1 something failed, 2 wrong options, "
    "3 no connection and none to be hoped for, 4 a channel was refused, 5 timed out, 130 ended by Ctrl-C, "
    "143 ended by SIGTERM."
)
"""The same for the reader of ``--help``."""
