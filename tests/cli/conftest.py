"""Isolation of the command from the developer's environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the PUSHER_ variables of the developer's applications, and proxies for this machine."""
    for name in [name for name in os.environ if name.startswith("PUSHER_") and not name.startswith("PUSHER_CLIENT")]:
        monkeypatch.delenv(name)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _own_handlers() -> Generator[None]:
    """Restore the handlers of signals, which the entry point replaces until the end of its process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
