"""Clients that come and go by the thousand, as in tests/behaviour/test_random_clients.py by the hundred."""

from __future__ import annotations

import logging

import pytest

from tests.support.flooding_server import needs_proc
from tests.support.random_clients import leave_nothing

pytestmark = [needs_proc, pytest.mark.endurance, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seed", range(2, 6))
async def test_thousands_of_cycles_leave_nothing(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Tasks, descriptors, threads and objects return to what they were, wherever a call was cancelled (R6)."""
    caplog.set_level(logging.CRITICAL, "pusher_client")
    caplog.handler.setLevel(logging.ERROR)  # the line above sets it, too, but errors of asyncio must be seen
    done = await leave_nothing(seed, count=2000)
    assert done["cycles"] == 2050
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []  # no task was destroyed
