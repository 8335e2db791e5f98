"""Messages cut from the bytes of a socket, beside websockets' own reading of the same bytes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.protocol import State

from pusher_client.transport.frame_reader import IncomingConnection
from tests.support.fake_transport import LARGEST, Ends, opened

FINAL = 0x80
TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
CLOSE, PING, PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG
CONTROL_LIMIT = 125
INVALID_TEXT = (1007).to_bytes(2)


def frame(first: int, data: bytes = b"", *, form: int = 0, mask: int = 0) -> bytes:
    """Write a frame; ``form`` is 2 or 8 for a longer form of the length than it takes."""
    size = len(data)
    form = max(form, 0 if size <= 125 else 2 if size < 2**16 else 8)
    if form == 0:
        return bytes((first, mask | size)) + data
    return bytes((first, mask | (126 if form == 2 else 127))) + size.to_bytes(form) + data


def text(data: str) -> bytes:
    """Write a whole text frame."""
    return frame(FINAL | TEXT, data.encode())


def texts(count: int) -> bytes:
    """Write so many, which bear their numbers."""
    return b"".join(text(str(number)) for number in range(count))


async def begun(take: Callable[[str | None], object], behind: bytes = b"") -> tuple[IncomingConnection, Ends]:
    """Return an open connection whose messages are taken."""
    connection, ends = await opened(IncomingConnection, behind)
    connection.begin(take, LARGEST)
    await asyncio.sleep(0)
    return connection, ends


# -- the same as websockets -----------------------------------------------------------------------------------------

Reading = tuple[list[str | None], int | None, str | None, list[tuple[int, bytes]]]
"""The messages, the code and words of the end, and the frames that were written."""


async def feed(ends: Ends, pieces: list[bytes]) -> None:
    """Bring the pieces as a transport does, and then the end."""
    for piece in pieces:
        while ends.transport.paused:
            await asyncio.sleep(0)
        if not ends.transport.aborted:
            ends.connection.data_received(piece)
        await asyncio.sleep(0)
    while ends.transport.paused:
        await asyncio.sleep(0)
    if not ends.transport.aborted:
        ends.connection.eof_received()
    ends.transport.lose()


async def read_by_websockets(pieces: list[bytes]) -> Reading:
    connection, ends = await opened(ClientConnection, max_queue=None)
    feeding = asyncio.ensure_future(feed(ends, pieces))
    messages: list[str | None] = []
    while True:
        try:
            message = await connection.recv()
        except ConnectionClosed:
            break
        messages.append(message if isinstance(message, str) else None)
    await feeding
    return messages, connection.close_code, connection.close_reason, ends.written()


async def read_here(pieces: list[bytes]) -> Reading:
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    await feed(ends, pieces)
    await connection.over
    return messages, connection.close_code, connection.close_reason, ends.written()


sizes = st.sampled_from([0, 1, 2, 3, 124, 125, 126, 127, 128, 255, 256, LARGEST - 1, LARGEST, LARGEST + 1])
forms = st.sampled_from([0, 2, 8])
payloads = st.one_of(st.text(max_size=20).map(str.encode), sizes.map(lambda size: b"x" * size))
wholes = st.builds(frame, st.sampled_from([FINAL | TEXT, FINAL | BINARY]), payloads, form=forms)
usual = st.builds(lambda size: frame(FINAL | TEXT, b"x" * size), st.integers(0, LARGEST))
controls = st.builds(frame, st.sampled_from([FINAL | PING, FINAL | PONG]), st.binary(max_size=CONTROL_LIMIT))


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """Draw a message in pieces, cut in the middle of characters too, with control frames in between."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    rest = draw(st.text(max_size=30)).encode()
    written = b""
    for part in draw(st.lists(st.integers(0, 20), max_size=4)):
        written += frame(opcode, rest[:part], form=draw(forms)) + draw(st.one_of(st.just(b""), controls))
        opcode, rest = CONT, rest[part:]
    return written + frame(FINAL | opcode, rest)


closes = st.builds(
    lambda code, words: frame(FINAL | CLOSE, code.to_bytes(2) + words),
    st.sampled_from([999, 1000, 1005, 1006, 1011, 4000, 4200, 4999, 5000]),
    st.binary(max_size=3),
)
wrong = st.one_of(
    st.builds(frame, st.integers(0, 255), st.binary(max_size=130), form=forms, mask=st.sampled_from([0, 0, 0x80])),
    st.binary(max_size=12),
    closes,
)
good = st.one_of(usual, wholes, controls, fragmented())
last = st.sampled_from([b"", frame(FINAL | TEXT, b"\xff"), frame(TEXT, b"\xc3") + frame(FINAL | CONT, b"\x00")])


def pieces_of(data: bytes, lengths: list[int]) -> Iterator[bytes]:
    """Cut the bytes into pieces of these lengths, again and again."""
    start = 0
    for length in itertools.cycle(lengths):
        if start >= len(data):
            return
        yield data[start : start + length]
        start += length


@given(
    before=st.lists(good, max_size=8),
    bad=st.one_of(st.just(b""), wrong),
    after=st.lists(good, max_size=2),
    end=last,
    lengths=st.lists(st.one_of(st.integers(1, 20), st.integers(1, 5000)), min_size=1, max_size=4),
)
def test_bytes_are_read_as_websockets_reads_them(
    before: list[bytes], bad: bytes, after: list[bytes], end: bytes, lengths: list[int]
) -> None:
    """Messages, limits, refusals, answers and the end are the same, whatever comes and however it is cut (R2, R8)."""
    pieces = list(pieces_of(b"".join((*before, bad, *after, end)), lengths))
    here, there = asyncio.run(read_here(pieces)), asyncio.run(read_by_websockets(pieces))
    if any(data.startswith(INVALID_TEXT) for _, data in here[3]):
        # websockets notices this when the message is read, and may have seen what is behind it by then.
        assert here[0] == there[0]
    else:
        assert here == there


async def test_invalid_text_ends_the_connection_at_once() -> None:
    """It is refused with 1007, and nothing behind it is handed on (R8)."""
    for invalid in (frame(FINAL | TEXT, b"a\xff"), frame(TEXT, b"a") + frame(FINAL | CONT, b"\xff")):
        messages: list[str | None] = []
        connection, ends = await begun(messages.append)
        connection.data_received(text("before") + invalid + text("behind") + frame(FINAL | PING))
        connection.data_received(text("later"))
        assert messages == ["before"]
        assert ends.written() == [(CLOSE, INVALID_TEXT + b"invalid start byte at position 1")]
        ends.transport.lose()
        await connection.over
        assert connection.close_code == 1006


# -- turns ----------------------------------------------------------------------------------------------------------


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
    """Nothing is read, and nothing lost, until somebody takes it (R4)."""
    messages: list[str | None] = []
    connection, ends = await opened(IncomingConnection, texts(3) + frame(FINAL | PING, b"?"))
    assert ends.transport.paused
    connection.begin(messages.append, LARGEST)
    assert messages == []
    await asyncio.sleep(0)
    assert messages == ["0", "1", "2"]
    assert ends.written() == [(PONG, b"?")]
    assert not ends.transport.paused


async def test_a_large_message_in_small_pieces_is_looked_at_once() -> None:
    """Its length is known from its beginning, and only the last piece completes it (R6)."""
    messages: list[str | None] = []
    connection, _ = await begun(messages.append)
    whole = text("a") + text("x" * LARGEST) + text("b")
    for number in range(len(whole)):
        connection.data_received(whole[number : number + 1])
    assert messages == ["a", "x" * LARGEST, "b"]


# -- the end --------------------------------------------------------------------------------------------------------


async def test_nothing_is_handed_on_to_who_has_left() -> None:
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
    assert connection.close_code == 4200


async def test_who_has_left_cannot_begin() -> None:
    """A connection that was given up while it was opened tells nothing (R6)."""
    messages: list[str | None] = []
    connection, ends = await opened(IncomingConnection, texts(1))
    connection.leave()
    connection.begin(messages.append, LARGEST)
    ends.transport.lose()
    await connection.over
    assert messages == []


@pytest.mark.parametrize("count", [1, 64, 65, 100])
@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
async def test_what_the_taker_raises_ends_the_connection(
    count: int, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that comes with the bytes or later: nothing more is handed on, and an exit is left to the loop (R7)."""
    messages: list[str | None] = []
    raised: list[BaseException] = []
    monkeypatch.setattr("pusher_client.transport.frame_reader._let_through", raised.append)

    def take(message: str | None) -> None:
        messages.append(message)
        if len(messages) == count:
            raise error

    connection, ends = await begun(take)
    with pytest.raises(LookupError) if error is LookupError else contextlib.nullcontext():
        connection.data_received(texts(200))
        if count > 64:
            connection._go_on()
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
        (frame(TEXT, b"a") + frame(FINAL | CONT, b"b"), []),
        (frame(FINAL | TEXT, b"no \xff"), []),
        (text("last"), ["last"]),
        (text("last")[:-1], []),
    ],
)
async def test_what_came_before_a_cut_is_still_handed_on(behind: bytes, also: list[str]) -> None:
    """The end is told behind it; fragments, which websockets would have to judge, are lost with the connection (R2)."""
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
    ("behind", "ending"),
    [
        (frame(FINAL | CLOSE, (4001).to_bytes(2) + b"no"), (4001, "no")),
        (frame(FINAL | CLOSE, (4001).to_bytes(2) + b"no") + b"\xff", (4001, "no")),
        (frame(FINAL | CLOSE, (1006).to_bytes(2)), (1006, "")),
        (frame(FINAL | CLOSE, (4001).to_bytes(2))[:-1], (1006, "")),
        (frame(FINAL | TEXT, b"\xff") + frame(FINAL | CLOSE, (4001).to_bytes(2)), (1006, "")),
    ],
    ids=["a close frame", "and more", "a wrong code", "a part of one", "invalid text before it"],
)
async def test_a_close_frame_with_which_the_connection_ended_is_read(
    behind: bytes, ending: tuple[int, str], *, opening: bool
) -> None:
    """TLS tells of the end even while nothing is read; a fatal code counts all the same (R2)."""
    messages: list[str | None] = []
    connection, ends = await opened(IncomingConnection, texts(100) + behind if opening else b"")
    if opening:
        connection.eof_received()
        ends.transport.lose()
        await asyncio.sleep(0)
    connection.begin(messages.append, LARGEST)
    if not opening:
        await asyncio.sleep(0)
        connection.data_received(texts(100) + behind)
        connection.eof_received()
        ends.transport.lose()
    await connection.over
    assert messages == [*map(str, range(100))]
    assert (connection.close_code, connection.close_reason or "") == ending


@pytest.mark.parametrize("cut", range(1, 12))
async def test_a_frame_may_be_cut_within_its_length(cut: int) -> None:
    """A length of eight bytes, cut before, within and behind them, is waited for (R8)."""
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    whole = bytes([FINAL | TEXT, 127]) + (5).to_bytes(8) + b"hello"
    connection.data_received(whole[:cut])
    assert messages == []
    connection.data_received(whole[cut:])
    assert messages == ["hello"]
    ends.transport.lose()
    await connection.over


@pytest.mark.parametrize(
    ("first", "fault"),
    [
        (frame(FINAL | CONT, b"x"), True),
        (frame(TEXT, b"a") + frame(FINAL | TEXT, b"b"), True),
        (frame(FINAL | PING, b"x", form=2), False),
    ],
)
async def test_behind_a_frame_out_of_place_nothing_is_handed_on(first: bytes, *, fault: bool) -> None:
    """A continuation of nothing, or a message within another, fails the link; a long form is no fault (R7, R8)."""
    messages: list[str | None] = []
    connection, ends = await begun(messages.append)
    connection.data_received(first + text("behind"))
    assert messages == ([] if fault else ["behind"])
    assert (connection.protocol.state is State.OPEN) is not fault
    ends.transport.lose()
    await connection.over


async def test_a_close_frame_behind_our_own_changes_nothing() -> None:
    """Who closed first has said why; what the server answers with the end over TLS is no other reason (R2)."""
    connection, ends = await begun(lambda _message: None)
    connection.data_received(texts(100) + frame(FINAL | CLOSE, (4001).to_bytes(2)))
    connection.protocol.send_close(1000)
    connection.eof_received()
    ends.transport.lose()
    await connection.over
    assert connection.close_code == 1006


async def test_a_server_that_pings_and_does_not_read_is_cut_off() -> None:
    """What waits to be sent is bounded, also where it is no more than answers (R6)."""
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


async def test_a_taker_may_cut_the_connection() -> None:
    """As when the outbox is full in the middle of a burst: reading is neither paused nor resumed any more (R6)."""
    messages: list[str | None] = []

    def take(message: str | None) -> None:
        messages.append(message)
        ends.transport.abort()

    connection, ends = await begun(take)
    connection.data_received(texts(100))
    await connection.over
    assert len(messages) == 100
