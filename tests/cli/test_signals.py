"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from pusher_client.cli.signals import end_at_once, ending_at_once, interruptible, stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_second_signal_ends_the_process_at_once(number: signal.Signals) -> None:
    """Two at the same moment are one; afterwards another ends the process until it has ended by itself."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with stop_signals() as stopped:
            signal.raise_signal(number)
            signal.raise_signal(number)
            assert await stopped == number
            assert signal.getsignal(number) is end_at_once
        assert signal.getsignal(number) is end_at_once
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


async def test_without_a_signal_nothing_is_left_behind() -> None:
    """The handlers are gone afterwards."""
    before = signal.getsignal(signal.SIGINT)
    try:
        with stop_signals() as stopped:
            await asyncio.sleep(0)
        assert not stopped.done()
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, before)


async def test_an_ignored_signal_stays_ignored() -> None:
    """Ctrl-C does not end background jobs of a shell script."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_signals() as stopped:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.01)
            assert not stopped.done()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("terminal", [False, True])
def test_the_end_at_once_has_the_exit_code_and_shows_the_cursor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terminal: bool
) -> None:
    """A spinner may have hidden it."""
    codes: list[int] = []
    with (tmp_path / "errors").open("w+") as file, monkeypatch.context() as replaced:
        replaced.setattr(file, "isatty", lambda: terminal, raising=False)
        replaced.setattr(sys, "stderr", file)
        replaced.setattr(os, "_exit", codes.append)
        ending_at_once()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert codes == [130, 143]
    assert bool((tmp_path / "errors").read_bytes()) == terminal


def test_a_prompt_is_left_by_an_exception() -> None:
    """It restores the terminal's echo on its way out."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught, interruptible():
        signal.raise_signal(signal.SIGINT)
    assert caught.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
