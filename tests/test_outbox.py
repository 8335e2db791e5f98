"""The texts that wait to be sent."""

from __future__ import annotations

import asyncio

from pusher_client.outbox import Outbox
from pusher_client.protocol.budget import ByteBudget


async def test_texts_leave_in_their_order_and_give_their_bytes_back() -> None:
    """A writer that waits gets what is put, first in first out (R6)."""
    budget = ByteBudget(10)
    outbox = Outbox(budget)
    waiting = asyncio.ensure_future(outbox.take())
    await asyncio.sleep(0)
    assert outbox.put("abc")
    assert outbox.put("de")
    assert await waiting == "abc"
    assert await outbox.take() == "de"
    assert budget.used == 0


async def test_a_full_outbox_refuses_and_can_be_cleared() -> None:
    """Beyond the allowance nothing is queued, and clearing gives everything back (R6)."""
    budget = ByteBudget(5)
    outbox = Outbox(budget)
    assert outbox.put("abc")
    assert not outbox.put("def")
    assert budget.used == 3
    outbox.clear()
    assert budget.used == 0
