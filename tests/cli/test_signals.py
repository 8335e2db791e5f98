"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from pusher_client.cli.signals import stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_is_told_once_and_then_has_its_usual_effect(number: signal.Signals) -> None:
    """A second signal ends the process at once."""
    before = signal.getsignal(number)
    try:
        with stop_signals() as stopped:
            os.kill(os.getpid(), number)
            assert await stopped == number
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            assert signal.getsignal(number) is usual
    finally:
        signal.signal(number, before)


async def test_without_a_signal_nothing_is_left_behind() -> None:
    """The handlers are gone afterwards."""
    before = signal.getsignal(signal.SIGINT)
    try:
        with stop_signals() as stopped:
            await asyncio.sleep(0)
        assert not stopped.done()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
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
