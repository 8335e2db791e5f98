"""Clients that come and go: whatever they were doing, nothing of them stays (R6)."""

from __future__ import annotations

import logging

import pytest

from tests.support.flooding_server import needs_proc
from tests.support.hanging_servers import Hang
from tests.support.random_clients import leave_nothing

pytestmark = needs_proc


async def test_hundreds_of_cycles_leave_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Tasks, descriptors, threads and objects return to what they were, wherever a call was cancelled (R6)."""
    caplog.set_level(logging.CRITICAL, "pusher_client")
    caplog.handler.setLevel(logging.ERROR)  # the line above sets it, too, but errors of asyncio must be seen
    done = await leave_nothing(seed=1, count=200)
    assert done["cycles"] == 250
    assert all(done[each] for each in (*Hang, "local", "endpoint", "connect", "acts"))
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []  # no task was destroyed
