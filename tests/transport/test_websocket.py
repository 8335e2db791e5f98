"""An open WebSocket over a real socket: read, written and closed."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.support.open_websocket import BINARY, open_reader
from tests.support.scripted_server import Scripted, scripted


async def test_texts_go_both_ways_until_the_server_closes() -> None:
    """A WebSocket carries texts, and has the code and the reason of its end (protocol-notes 1.1)."""
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        assert "connection_established" in str(await websocket.receive())
        assert await websocket.send('{"event":"pusher:ping"}')
        assert await websocket.receive() == '{"event":"pusher:pong"}'
        await peer.sockets[0].send(b"binary")
        assert await websocket.receive() == BINARY
        await peer.sockets[0].close(4200, "later")
        assert await websocket.receive() is None
        assert not await websocket.send("{}")
        assert websocket.ending == (4200, "later")
        await websocket.close()


async def test_a_cut_has_no_code() -> None:
    """The code for a broken connection was never on the wire, so there is none (R2)."""
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        await websocket.receive()
        peer.sockets[0].transport.abort()
        assert await websocket.receive() is None
        assert websocket.ending == (None, "")
        await websocket.close()


@pytest.mark.parametrize("breaking", ["too long", "no UTF-8"])
async def test_frames_that_break_websocket_itself_end_it(breaking: str) -> None:
    """A frame over max_message_size or with invalid UTF-8 closes, and is never handed on (R7, R8)."""
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        await websocket.receive()
        if breaking == "too long":
            await peer.sockets[0].send("x" * 1001)
        else:
            await peer.sockets[0].send(b"\xff\xfe", text=True)
        assert await websocket.receive() is None
        await websocket.close()


async def test_a_frame_of_the_largest_size_passes() -> None:
    """The limit is the largest size that is accepted (R6)."""
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        await websocket.receive()
        await peer.sockets[0].send("x" * 1000)
        assert await websocket.receive() == "x" * 1000
        await websocket.close()


async def test_closing_does_not_wait_for_a_server_that_is_deaf() -> None:
    """What does not answer the closing handshake is cut off (R6)."""
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        await websocket.receive()
        deaf = peer.sockets[0]
        deaf.transport.pause_reading()
        async with asyncio.timeout(5):
            await websocket.close()
            assert await websocket.receive() is None
        deaf.transport.resume_reading()
        await deaf.wait_closed()


@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"\x88\x04\x0f\xa1no", 4001), (b"\x81\x7e\x07\xd1", None)],
    ids=["a close frame", "a frame that is too large"],
)
async def test_a_server_that_closes_and_does_not_hang_up_is_cut_off(frame: bytes, code: int | None) -> None:
    """A fatal code, or an oversized frame, counts also where the TCP connection stays open after it (R1, R2, R7)."""
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        await websocket.receive()
        deaf = peer.sockets[0]
        deaf.transport.pause_reading()
        deaf.transport.write(frame)
        async with asyncio.timeout(5):
            assert await websocket.receive() is None
        assert websocket.ending[0] == code
        await websocket.close()
        deaf.transport.resume_reading()
        await deaf.wait_closed()


async def test_no_frame_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not at the lowest level either: frames carry signatures and payloads (C3)."""
    for name in ("", "pusher_client", "pusher_client.websocket", "websockets", "websockets.client"):
        caplog.set_level(1, logger=name)
    async with scripted() as peer:
        websocket = await open_reader(peer.port)
        await websocket.receive()
        await websocket.send('{"event":"canary"}')
        await peer.heard("canary")
        await peer.publish("canary", "canary", "canary")
        assert "canary" in str(await websocket.receive())
        await websocket.close()
    assert "canary" not in caplog.text
    assert [record for record in caplog.records if record.levelno < logging.WARNING] == [
        record for record in caplog.records if record.name == "asyncio"
    ]


async def test_peers_are_scripted() -> None:
    """The double itself: its configured first message replaces the handshake."""
    async with scripted() as peer:
        peer.first = "first"
        websocket = await open_reader(peer.port)
        assert await websocket.receive() == "first"
        await websocket.close()
        assert isinstance(peer, Scripted)
