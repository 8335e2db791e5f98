"""Ctrl-C and SIGTERM end a command cleanly; a second signal ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["stop_signals"]

# Event loops on Windows do not support signal handlers; there, Ctrl-C is a KeyboardInterrupt.
_CAUGHT = (signal.SIGINT, signal.SIGTERM) if os.name == "posix" else ()


@contextmanager
def stop_signals() -> Generator[asyncio.Future[int]]:
    """Yield a future that is done, with the signal's number, when SIGINT or SIGTERM arrives.

    A signal that was ignored before stays ignored, such as SIGINT in background jobs of a shell script.
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
