"""A connection on a transport that only records: turns, the handshake, sending and the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from pusher_client.transport.connection import WebSocketConnection
from pusher_client.transport.handshake import Handshake
from pusher_client.transport.open_error import OpenError
from tests.support.fake_transport import LARGEST, Ends, opened, unopened
from tests.support.websocket_frames import CLOSE, CONT, CONTROL_LIMIT, FINAL, PING, PONG, TEXT, frame, text, texts


async def begun(take: Callable[[str | None], object], behind: bytes = b"") -> tuple[WebSocketConnection, Ends]:
    """Return an open connection whose messages are taken."""
    connection, ends = await opened(behind)
    connection.begin(take)
    await asyncio.sleep(0)
    return connection, ends


# -- the handshake ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 5, 64])
async def test_a_handshake_may_come_in_pieces(length: int) -> None:
    """Where it ends is found however it is cut, and what follows in the same piece is read as frames (R8)."""
    messages: list[str | None] = []
    connection, ends = unopened()
    come = ends.answer() + text("first")
    for start in range(0, len(come), length):
        connection.data_received(come[start : start + length])
    await connection.opened
    connection.begin(messages.append)
    await asyncio.sleep(0)
    assert messages == ["first"]


async def test_an_answer_that_is_not_a_handshake_is_read_no_further() -> None:
    """Frames behind a wrong answer are not taken for messages (R8)."""
    connection, ends = unopened()
    connection.data_received(ends.answer().replace(b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x") + text("a"))
    connection.data_received(text("b"))
    with pytest.raises(OpenError, match="header Sec-WebSocket-Accept"):
        await connection.opened
    await connection.over
    assert ends.transport.aborted


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_connection_may_be_lost_within_the_handshake(error: Exception | None) -> None:
    """The handshake fails with the transport's error, or with the end of the stream (R2)."""
    connection, ends = unopened()
    ends.transport.lose(error)
    with pytest.raises(EOFError if error is None else ConnectionResetError):
        await connection.opened


async def test_a_connection_may_be_lost_before_it_is_made() -> None:
    """As when a proxy's tunnel ends within the TLS handshake; the failure needs no waiter (R6)."""
    connection = WebSocketConnection(Handshake("ws://localhost/"), LARGEST)
    connection.connection_lost(None)
    connection.abort()
    assert isinstance(connection.opened.exception(), EOFError)
    assert not connection.write("text")


async def test_a_transport_that_comes_too_late_is_not_written_to() -> None:
    """As when a tunnel ends before the connection is made: the handshake is gone (R6)."""
    connection = WebSocketConnection(Handshake("ws://localhost/"), LARGEST)
    connection.connection_lost(None)
    assert not Ends(connection).transport.written


async def test_a_refusal_does_not_wait_for_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status line alone refuses; the rest is waited for a moment, or until the end (C5)."""
    monkeypatch.setattr("pusher_client.transport.connection.CLOSE_TIMEOUT", 0)
    for end in (False, True):
        connection, ends = unopened()
        connection.data_received(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-")
        connection.data_received(b"Le")
        if end:
            ends.transport.lose()
        with pytest.raises(OpenError) as caught:
            await connection.opened
        assert (caught.value.status, caught.value.retry_after) == (503, 7)


async def test_an_attempt_that_was_cancelled_is_answered_by_nobody() -> None:
    """What comes after that, the upgrade or a failure, is ignored (R6)."""
    for late in (True, False):
        connection, ends = unopened()
        connection.opened.cancel()
        connection.data_received(ends.answer() if late else b"nonsense\r\n")
        ends.transport.lose()
        await asyncio.sleep(0)
        assert connection.opened.cancelled()


# -- turns ------------------------------------------------------------------------------------------------------------


async def test_after_some_messages_others_have_their_turn() -> None:
    """What came in one piece is handed on in parts, and nothing is read from the socket meanwhile (R5, R7)."""
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    connection.data_received(texts(150) + text("cut")[:3])
    seen = []
    while ends.transport.paused:
        seen.append(len(messages))
        await asyncio.sleep(0)
    assert seen == [64, 128]
    connection.data_received(text("cut")[3:])
    assert messages == [*map(str, range(150)), "cut"]


async def test_turns_are_counted_over_pieces() -> None:
    """Many small pieces in one turn of the loop are as good as a large one; what still comes is kept (R5)."""
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    for number in range(100):
        connection.data_received(text(str(number)))
        assert ends.transport.paused == (number >= 63)
    assert len(messages) == 64
    await asyncio.sleep(0)
    assert messages == [*map(str, range(100))]
    assert not ends.transport.paused


async def test_what_comes_with_the_handshake_waits() -> None:
    """Nothing is read, and nothing lost, until a reader is set (R4)."""
    messages: list[str | None] = []
    connection, ends = await opened(texts(3) + frame(FINAL | PING, b"?"))
    assert ends.transport.paused
    connection.begin(messages.append)
    assert messages == []
    await asyncio.sleep(0)
    assert messages == ["0", "1", "2"]
    assert ends.written() == [(PONG, b"?")]
    assert not ends.transport.paused


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [(frame(FINAL | TEXT, b"a\xff"), 1007), (frame(FINAL | TEXT, b"x" * 301), 1009), (frame(FINAL | 3), 1002)],
)
async def test_a_violation_closes_the_connection(data: bytes, code: int) -> None:
    """The close frame names the violation, nothing behind it is handed on, and the server's end is waited for (R7)."""
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    connection.data_received(text("before") + data + text("behind") + frame(FINAL | PING))
    connection.data_received(text("later") + frame(FINAL | CLOSE, (4000).to_bytes(2)))
    assert messages == ["before"]
    ((opcode, payload),) = ends.written()
    assert connection.violation is not None
    assert (opcode, payload) == (CLOSE, code.to_bytes(2) + connection.violation.reason.encode())
    assert not connection.write("text")
    ends.transport.lose()
    await connection.over
    assert connection.close_frame is None


async def test_a_server_that_does_not_hang_up_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a close frame, and behind a violation, its end is not waited for any longer (R1, R6)."""
    monkeypatch.setattr("pusher_client.transport.connection.CLOSE_TIMEOUT", 0)
    for end in (frame(FINAL | CLOSE), frame(FINAL | 3)):
        connection, ends = await begun(lambda _message: None)
        connection.data_received(end)
        await connection.over
        assert ends.transport.aborted


async def test_after_leave_nothing_is_handed_on() -> None:
    """The rest is discarded, also what came already, while pings and the close frame behind it are answered (R6)."""
    messages: list[str | None] = []

    def take(message: str | None) -> None:
        messages.append(message)
        connection.leave()

    connection, ends = await begun(take)
    connection.data_received(texts(200) + frame(TEXT, b"a") + frame(FINAL | CONT) + frame(FINAL | PING, b"?"))
    connection.data_received(text("later") + frame(FINAL | CLOSE, (4200).to_bytes(2)))
    while ends.transport.paused:
        await asyncio.sleep(0)
    assert messages == ["0"]
    assert ends.written() == [(PONG, b"?"), (CLOSE, (4200).to_bytes(2))]
    ends.transport.lose()
    await connection.over
    assert connection.close_frame is not None
    assert connection.close_frame.code == 4200


async def test_after_leave_nothing_begins() -> None:
    """A connection that is closed while it is opened hands on nothing (R6)."""
    messages: list[str | None] = []
    connection, ends = await opened(texts(1))
    connection.leave()
    connection.begin(messages.append)
    ends.transport.lose()
    await connection.over
    assert messages == []


async def test_close_sends_a_close_frame_and_ignores_the_code_of_the_answer() -> None:
    """The side that closed first has given the reason; a server's answer is not another one (R2)."""
    connection, ends = await begun(lambda _message: None)
    closing = asyncio.ensure_future(connection.close())
    await asyncio.sleep(0)
    assert ends.written() == [(CLOSE, (1000).to_bytes(2))]
    connection.data_received(frame(FINAL | CLOSE, (4001).to_bytes(2)))
    ends.transport.lose()
    await closing
    assert ends.written() == []
    assert connection.close_frame is None
    await connection.close()


@pytest.mark.parametrize("count", [1, 64, 65, 100])
@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
async def test_what_the_taker_raises_ends_the_connection(
    count: int, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that comes with the bytes or later: nothing more is handed on, and an exit is left to the loop (R7)."""
    messages: list[str | None] = []
    raised: list[BaseException] = []
    monkeypatch.setattr("pusher_client.transport.connection._let_through", raised.append)

    def take(message: str | None) -> None:
        messages.append(message)
        if len(messages) == count:
            raise error

    connection, ends = await begun(take)
    with pytest.raises(LookupError) if error is LookupError else contextlib.nullcontext():
        connection.data_received(texts(200))
        if count > 64:
            connection._continue()
    assert ends.transport.aborted
    await connection.over
    await asyncio.sleep(0)
    assert [type(each) for each in raised] == ([] if error is LookupError else [error])
    assert len(messages) == count


def test_an_exit_in_the_taker_ends_the_event_loop() -> None:
    """``data_received`` does not raise it, which uvloop would keep to itself; the loop's next callback does (R7)."""

    def take(_message: str | None) -> None:
        raise SystemExit(3)

    async def main() -> None:
        connection, _ = await begun(take)
        connection.data_received(texts(1))
        await connection.over

    with pytest.raises(SystemExit):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("behind", "also"),
    [
        (b"", []),
        (frame(FINAL | PING), []),
        (frame(FINAL | CLOSE), []),
        (frame(TEXT, b"a") + frame(FINAL | CONT, b"b"), ["ab"]),
        (frame(FINAL | TEXT, b"no \xff"), []),
        (text("last"), ["last"]),
        (text("last")[:-1], []),
    ],
)
async def test_what_came_before_a_cut_is_still_handed_on(behind: bytes, also: list[str]) -> None:
    """The end is reported behind it (R2, R4)."""
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    connection.data_received(texts(200) + behind)
    ends.transport.lose()
    await asyncio.sleep(0)
    assert not connection.over.done()
    await connection.over
    assert messages == [*map(str, range(200)), *also]


@pytest.mark.parametrize("opening", [True, False], ids=["with the handshake", "behind a burst"])
@pytest.mark.parametrize(
    ("behind", "code"),
    [
        (frame(FINAL | CLOSE, (4001).to_bytes(2) + b"no"), 4001),
        (frame(FINAL | CLOSE, (4001).to_bytes(2) + b"no") + b"\xff", 4001),
        (frame(FINAL | CLOSE, (1006).to_bytes(2)), None),
        (frame(FINAL | CLOSE, (4001).to_bytes(2))[:-1], None),
        (frame(FINAL | TEXT, b"\xff") + frame(FINAL | CLOSE, (4001).to_bytes(2)), None),
    ],
    ids=["a close frame", "and more", "a wrong code", "a part of one", "invalid text before it"],
)
async def test_a_close_frame_with_which_the_connection_ended_is_read(
    behind: bytes, code: int | None, *, opening: bool
) -> None:
    """TLS reports the end even while nothing is read; a fatal code counts all the same (R2)."""
    messages: list[str | None] = []
    connection, ends = await opened(texts(100) + behind if opening else b"")
    if opening:
        ends.transport.lose()
        await asyncio.sleep(0)
    connection.begin(messages.append)
    if not opening:
        await asyncio.sleep(0)
        connection.data_received(texts(100) + behind)
        ends.transport.lose()
    await connection.over
    assert messages == [*map(str, range(100))]
    assert (connection.close_frame and connection.close_frame.code) == code


async def test_a_taker_may_cut_the_connection() -> None:
    """As when the send queue is full in the middle of a burst: reading is neither paused nor resumed then (R6)."""
    messages: list[str | None] = []

    def take(message: str | None) -> None:
        messages.append(message)
        ends.transport.abort()

    connection, ends = await begun(take)
    connection.data_received(texts(100))
    await connection.over
    assert len(messages) == 100


# -- writing ----------------------------------------------------------------------------------------------------------


async def test_sending_waits_while_the_transport_is_full() -> None:
    """A text is written at once; the writer goes on when the transport has room, or when it is closed (R6)."""
    connection, ends = await begun(lambda _message: None)
    assert connection.write("first")
    assert await connection.drain(10)
    connection.pause_writing()
    assert connection.write("second")
    assert ends.written() == [(TEXT, b"first"), (TEXT, b"second")]
    draining = asyncio.ensure_future(connection.drain(10))
    await asyncio.sleep(0)
    assert not draining.done()
    connection.resume_writing()
    assert await draining
    connection.pause_writing()
    draining = asyncio.ensure_future(connection.drain(10))
    await asyncio.sleep(0)
    ends.transport.lose()
    assert not await draining


async def test_a_server_that_reads_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that leave the transport's buffer extend the wait; without any, it ends with a TimeoutError (R6)."""
    monkeypatch.setattr("pusher_client.transport.connection._CATCH_UP", 0)
    connection, ends = await begun(lambda _message: None)
    connection.pause_writing()
    assert connection.write("text" * 10)
    waits = 0

    def get_write_buffer_size() -> int:
        nonlocal waits
        waits += 1
        if waits < 10:
            ends.transport.written[:1] = b""
        return len(ends.transport.written)

    monkeypatch.setattr(ends.transport, "get_write_buffer_size", get_write_buffer_size)
    with pytest.raises(TimeoutError, match=r"has not read what was sent for 0.001 s"):
        await connection.drain(0.001)
    assert waits == 10


async def test_what_is_read_behind_a_blocked_event_loop_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-out may come first where the loop was blocked; the transport's word behind it decides (R1, R6)."""
    connection, _ends = await begun(lambda _message: None)
    connection.pause_writing()
    monkeypatch.setattr("pusher_client.transport.connection._CATCH_UP", 0.02)
    asyncio.get_running_loop().call_later(0.01, connection.resume_writing)
    assert await connection.drain(0.000001)


async def test_a_server_that_pings_and_does_not_read_is_cut_off() -> None:
    """What waits to be sent is bounded, also where it is only answers (R6)."""
    connection, ends = await begun(lambda _message: None)
    pings = frame(FINAL | PING, b"x" * CONTROL_LIMIT) * 60
    for _ in range(1000):
        connection.data_received(pings)
        await asyncio.sleep(0)
        if ends.transport.aborted:
            break
    assert ends.transport.aborted
    await connection.over
    assert len(ends.transport.written) <= 2 * 1024 * 1024
