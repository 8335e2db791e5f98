"""The opening handshake without a socket; tests/transport/test_websocket.py has refusals over real sockets."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode

from pusher_client.transport.frame_reader import IncomingConnection
from pusher_client.transport.handshake import UpgradedConnection
from tests.support.fake_transport import LARGEST, opened, unopened

TEXT = Frame(Opcode.TEXT, b"first").serialize(mask=False)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 64])
async def test_a_handshake_may_come_in_pieces(length: int) -> None:
    """Where it ends is found however it is cut, and what follows in the same piece belongs to the messages (R8)."""
    messages: list[str | None] = []
    connection, ends = unopened(IncomingConnection)
    shaking = asyncio.ensure_future(connection.handshake())
    await asyncio.sleep(0)
    come = ends.answer() + TEXT
    for start in range(0, len(come), length):
        connection.data_received(come[start : start + length])
    await shaking
    connection.begin(messages.append, LARGEST)
    await asyncio.sleep(0)
    assert messages == ["first"]


async def test_what_follows_a_handshake_is_websockets_own_unless_it_is_wanted() -> None:
    """The class alone changes nothing but how refusals are taken."""
    connection, ends = await opened(UpgradedConnection, TEXT)
    connection.data_received(TEXT)
    assert [await connection.recv() for _ in range(2)] == ["first", "first"]
    ends.transport.lose()
    await connection.wait_closed()


async def test_an_answer_that_is_no_handshake_is_read_no_further() -> None:
    """Frames behind a wrong answer are not taken for messages (R8)."""
    connection, ends = unopened(IncomingConnection)
    shaking = asyncio.ensure_future(connection.handshake())
    await asyncio.sleep(0)
    connection.data_received(ends.answer().replace(b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x") + TEXT)
    connection.data_received(TEXT)
    with pytest.raises(InvalidHandshake):
        await shaking
    ends.transport.lose()
    await connection.over
