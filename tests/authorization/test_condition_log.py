"""The log of conditions that concern many items."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pusher_client.authorization.condition_log import ConditionLog
from pusher_client.protocol.repeated_conditions import Repetition
from tests.support.fast_forward import skipping

_logger = logging.getLogger("pusher_client.test")


def summary(found: Repetition) -> str:
    return f"{found.condition}: {found.count} more in {found.seconds:g} s"


def test_one_line_and_then_counts(caplog: pytest.LogCaptureFixture) -> None:
    """The first occurrence at once, the others as a count after the interval, the rest at the end (design.md 10)."""

    async def run() -> None:
        log = ConditionLog(_logger, summary)
        for number in range(300):
            log.add("busy", "channel %d is refused", number)
        await asyncio.sleep(11)
        log.add("busy", "channel %d is refused", 300)
        log.end()
        log.end()

    skipping(run())
    assert [record.getMessage() for record in caplog.records] == [
        "channel 0 is refused",
        "busy: 299 more in 10 s",
        "busy: 1 more in 1 s",
    ]
