"""Consumers that are stuck under a million events, as in tests/behaviour/test_floods.py under fewer."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.support.flooding_server import Flood, flooding, needs_proc
from tests.support.stuck_consumers import SCENARIOS, Scenario

pytestmark = [needs_proc, pytest.mark.endurance, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The flooding server's port."""
    with flooding() as port:
        yield port


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_stuck_consumer_under_a_million_events(
    port: int, scenario: Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory is bounded, the loss counted and marked, pings go out, and the other channel gets all (R1, R5, R6, R7)."""
    caplog.set_level(logging.ERROR, "pusher_client")  # each loss is a line, and pytest would keep all of them
    await scenario(port, Flood(1_000_000, 1000))
