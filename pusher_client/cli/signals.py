"""Ctrl-C and SIGTERM end a command in good order; a second one ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["stop_signals"]

# Event loops on Windows take no handlers; there, Ctrl-C is a KeyboardInterrupt.
_CAUGHT = (signal.SIGINT, signal.SIGTERM) if os.name == "posix" else ()


@contextmanager
def stop_signals() -> Generator[asyncio.Future[int]]:
    """Return what is done, with the signal's number, when the user or the system asks to stop.

    A signal that is ignored, as Ctrl-C is for what a script runs in the background, stays ignored.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    caught = [number for number in _CAUGHT if signal.getsignal(number) is not signal.SIG_IGN]

    def stop(number: int) -> None:
        stopped.set_result(number)
        release()

    def release() -> None:
        for number in caught:
            loop.remove_signal_handler(number)

    for number in caught:
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        release()
