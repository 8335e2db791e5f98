"""The script ``pusher-client``, which handles Ctrl-C before it imports the package.

It is a module beside the package, since importing a module of the package imports all of the client first, which takes
longer than anything else at the start. `pusher_client.cli.main` does the rest.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]

_SIGNALLED = 128


def main() -> None:
    """Run the command.

    Raises:
        SystemExit: Always, with the exit code.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_at_once)
    from pusher_client.cli import main as run  # noqa: PLC0415 -- see above

    run()


def _end_at_once(number: int, _frame: FrameType | None) -> NoReturn:
    """End with the signal's exit code, and without the traceback of an interrupted import."""
    os._exit(_SIGNALLED + number)
