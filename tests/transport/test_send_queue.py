"""The texts that wait to be sent."""

from __future__ import annotations

import asyncio

from pusher_client.transport.send_queue import Outbox

MEBIBYTE = "x" * 1024 * 1024


async def test_texts_leave_in_their_order() -> None:
    """A writer that waits gets what is put, first in first out (R6)."""
    outbox = Outbox(1)
    waiting = asyncio.ensure_future(outbox.take())
    await asyncio.sleep(0)
    assert outbox.put("abc")
    assert outbox.put("de")
    assert await waiting == "abc"
    assert await outbox.take() == "de"


async def test_a_full_outbox_refuses_until_it_is_read_or_cleared() -> None:
    """Beyond the allowance, which is never below 4 MiB, nothing is queued (R6)."""
    outbox = Outbox(1)
    assert [outbox.put(MEBIBYTE) for _ in range(5)] == [True] * 4 + [False]
    assert await outbox.take() == MEBIBYTE
    assert outbox.put(MEBIBYTE)
    assert not outbox.put("x")
    outbox.clear()
    assert outbox.put(MEBIBYTE)
    assert not Outbox(5 * 1024 * 1024).put(MEBIBYTE * 6)
