"""The texts that wait to be sent, and client events that wait for their turn."""

from __future__ import annotations

import asyncio

import pytest

from pusher_client.transport.send_queue import SendQueue

MEBIBYTE = "x" * 1024 * 1024


class Written:
    """What a writer was given.

    Attributes:
        texts: The texts, in order.
        closed: Whether nothing can be written any more.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.closed = False

    def __call__(self, text: str) -> bool:
        if not self.closed:
            self.texts.append(text)
        return not self.closed


def sending(send_queue: SendQueue, text: str) -> asyncio.Task[bool]:
    """Start to send a text in its turn."""
    return asyncio.ensure_future(send_queue.send(lambda: text))


async def turns() -> None:
    """Let every task go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_texts_leave_in_their_order() -> None:
    """A writer that waits gets what is put, first in first out (R6)."""
    send_queue, written = SendQueue(1), Written()
    waiting = asyncio.ensure_future(send_queue.hand_over(written))
    await turns()
    assert send_queue.put("abc")
    assert send_queue.put("de")
    assert await waiting
    assert await send_queue.hand_over(written)
    assert written.texts == ["abc", "de"]


async def test_a_full_queue_refuses_until_it_is_read_or_cleared() -> None:
    """Beyond the limit, which is never below 4 MiB, nothing is queued (R6)."""
    send_queue, written = SendQueue(1), Written()
    assert [send_queue.put(MEBIBYTE) for _ in range(5)] == [True] * 4 + [False]
    assert await send_queue.hand_over(written)
    assert send_queue.put(MEBIBYTE)
    assert not send_queue.put("x")
    send_queue.clear()
    assert send_queue.put(MEBIBYTE)
    assert not SendQueue(5 * 1024 * 1024).put(MEBIBYTE * 6)


async def test_one_call_at_a_time_is_queued() -> None:
    """However many wait, other texts stand behind one of them at most, and the order is that of the calls (R4, R6)."""
    send_queue, written = SendQueue(1), Written()
    calls = [sending(send_queue, f"event {number}") for number in range(100)]
    await turns()
    send_queue.put("ping")
    assert await send_queue.hand_over(written)
    assert await send_queue.hand_over(written)
    for _ in range(99):
        assert await send_queue.hand_over(written)
    assert written.texts == ["event 0", "ping", *(f"event {number}" for number in range(1, 100))]
    assert await asyncio.gather(*calls) == [True] * 100


async def test_a_call_returns_when_the_transport_has_its_text() -> None:
    """Not when it is queued, and not when the connection could not take it any more (R6)."""
    send_queue, written = SendQueue(1), Written()
    written.closed = True
    first, second = sending(send_queue, "first"), sending(send_queue, "second")
    await turns()
    assert not await send_queue.hand_over(written)
    await turns()
    assert not first.done()
    send_queue.clear()
    written.closed = False
    assert not await first
    assert not await second
    third = sending(send_queue, "third")
    assert await send_queue.hand_over(written)
    assert await third
    assert written.texts == ["third"]


async def test_a_full_queue_has_room_for_a_call() -> None:
    """A client event takes nothing of the limit, and never costs the link (R6)."""
    send_queue, written = SendQueue(1), Written()
    for _ in range(4):
        assert send_queue.put(MEBIBYTE)
    call = sending(send_queue, MEBIBYTE)
    for _ in range(5):
        assert await send_queue.hand_over(written)
    assert await call
    assert not [send_queue.put(MEBIBYTE) for _ in range(5)][-1]


@pytest.mark.parametrize("turn", [False, True], ids=["the caller has run", "the caller has not run"])
async def test_a_cancelled_call_sends_nothing(*, turn: bool) -> None:
    """Its text is taken out, whether it is queued or waits for its turn, and the next has its turn (R6)."""
    send_queue, written = SendQueue(1), Written()
    queued, waiting, last = (sending(send_queue, text) for text in ("queued", "waiting", "last"))
    await turns()
    queued.cancel()
    waiting.cancel()
    if not turn:
        await turns()
        assert queued.cancelled()
    else:
        assert await send_queue.hand_over(written)
        assert written.texts == []
    assert await send_queue.hand_over(written)
    assert await last
    assert written.texts == ["last"]
    assert queued.cancelled()
    assert waiting.cancelled()


async def test_a_call_that_was_cancelled_and_dropped_ends_once() -> None:
    """The connection may end in the same turn in which the caller is cancelled (R6)."""
    send_queue = SendQueue(1)
    call = sending(send_queue, "text")
    await turns()
    call.cancel()
    send_queue.clear()
    await turns()
    assert call.cancelled()


async def test_what_makes_a_text_may_refuse() -> None:
    """Its exception is the caller's, and the next call has its turn (R6)."""
    send_queue, written = SendQueue(1), Written()

    def refuse() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await send_queue.send(refuse)
    call = sending(send_queue, "text")
    assert await send_queue.hand_over(written)
    assert await call
