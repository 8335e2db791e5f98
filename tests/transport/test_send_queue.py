"""The texts that wait to be sent."""

from __future__ import annotations

import asyncio

from pusher_client.transport.send_queue import SendQueue

MEBIBYTE = "x" * 1024 * 1024


async def test_texts_leave_in_their_order() -> None:
    """A writer that waits gets what is put, first in first out (R6)."""
    send_queue = SendQueue(1)
    waiting = asyncio.ensure_future(send_queue.take())
    await asyncio.sleep(0)
    assert send_queue.put("abc")
    assert send_queue.put("de")
    assert await waiting == "abc"
    assert await send_queue.take() == "de"


async def test_a_full_outbox_refuses_until_it_is_read_or_cleared() -> None:
    """Beyond the allowance, which is never below 4 MiB, nothing is queued (R6)."""
    send_queue = SendQueue(1)
    assert [send_queue.put(MEBIBYTE) for _ in range(5)] == [True] * 4 + [False]
    assert await send_queue.take() == MEBIBYTE
    assert send_queue.put(MEBIBYTE)
    assert not send_queue.put("x")
    send_queue.clear()
    assert send_queue.put(MEBIBYTE)
    assert not SendQueue(5 * 1024 * 1024).put(MEBIBYTE * 6)
