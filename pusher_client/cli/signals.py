"""Ctrl-C and SIGTERM end a command cleanly; a second signal, or one outside of an event loop, ends it at once."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NoReturn

from pusher_client.cli.exit_codes import SIGNALLED

__all__ = ["end_at_once", "ending_at_once", "ignore_signals_at_exit", "interruptible", "stop_signals"]

_ENDING = (signal.SIGINT, signal.SIGTERM)
# On Windows, Ctrl-C does not wake the event loop; there, it ends the command at once.
_CAUGHT = _ENDING if os.name == "posix" else ()
_SHOW_CURSOR = b"\x1b[?25h"


def end_at_once(number: int, _frame: Any = None) -> NoReturn:
    """End the process with the signal's exit code, without a word; the handler of signals."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)  # hidden while there is a spinner
    os._exit(SIGNALLED + number)


def ending_at_once() -> None:
    """End the process at once on signals from now on, instead of raising ``KeyboardInterrupt`` anywhere.

    A signal that was ignored before stays ignored, such as SIGINT in background jobs of a shell script.
    """
    for number in _not_ignored(_ENDING):
        signal.signal(number, end_at_once)


@contextmanager
def interruptible() -> Generator[None]:
    """Raise `SystemExit` on signals, for a prompt that has to restore the terminal."""

    def end(number: int, _frame: Any) -> NoReturn:
        raise SystemExit(SIGNALLED + number)

    before = {number: signal.signal(number, end) for number in _not_ignored(_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_signals() -> Generator[asyncio.Future[int]]:
    """Yield a future that is done, with the signal's number, when SIGINT or SIGTERM arrives.

    Another signal after that ends the process at once, also after the block; two at the same moment are one. A signal
    that was ignored before stays ignored.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    before = {number: signal.getsignal(number) for number in _not_ignored(_CAUGHT)}

    def stop(number: int) -> None:
        if not stopped.done():
            stopped.set_result(number)
            ending_at_once()

    # Not loop.add_signal_handler(): to remove that restores the default, by which a second signal kills the process.
    for number in before:
        signal.signal(number, lambda arrived, _: loop.call_soon_threadsafe(stop, arrived))
    try:
        yield stopped
    finally:
        if not stopped.done():
            for number, handler in before.items():
                signal.signal(number, handler)


def ignore_signals_at_exit() -> None:
    """Ignore signals once nothing is left to wait for: at its end, the interpreter restores their default effect."""
    for number in _ENDING:
        atexit.register(signal.signal, number, signal.SIG_IGN)


def _not_ignored(numbers: tuple[signal.Signals, ...]) -> list[signal.Signals]:
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
