"""Blocking streams, over a scripted asyncio stream (design.md 10)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from pusher_client import NotConnectedError
from pusher_client.sync.stream import EventStream
from pusher_client.sync.thread import ClientThread


class SilentStream:
    """A stream of the asyncio client on which nothing arrives."""

    async def take(self, _limit: int) -> list[Any]:
        """Wait."""
        await asyncio.sleep(60)
        return []


def test_a_stream_ends_with_the_event_loop() -> None:
    """A thread that reads while another one disconnects sees the end of the stream (R6)."""
    thread = ClientThread()
    thread.start()
    stopping = threading.Timer(0.02, thread.stop)
    stopping.start()
    stream: Any = SilentStream()
    assert list(EventStream(thread, stream)) == []
    stopping.join()


def test_reading_before_connect_is_refused() -> None:
    """A stream that is read before ``connect()`` raises an error that names the call; it does not look ended."""
    stream: Any = SilentStream()
    events = EventStream(ClientThread(), stream)
    for _ in range(2):
        with pytest.raises(NotConnectedError, match="call connect"):
            next(events)
