"""Messages read from bytes, compared with websockets' own reading of the same bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from pusher_client.transport.frame_reader import FrameReader
from tests.support.websocket_frames import (
    BINARY,
    CLOSE,
    CONT,
    CONTROL_LIMIT,
    FINAL,
    PING,
    PONG,
    TEXT,
    frame,
    text,
    texts,
)

LARGEST = 300
PLENTY = 10_000

Reading = tuple[list[str | None], list[bytes], int | None, str, int | None]
"""The messages, the payloads of pings, code and reason of the close frame, and the code of a violation."""


def read_here(pieces: list[bytes], limit: int = PLENTY) -> Reading:
    reader = FrameReader(LARGEST)
    messages: list[str | None] = []
    for piece in pieces:
        messages += reader.read(piece, limit)
        while reader.more:
            messages += reader.read(b"", limit)
    close, violation = reader.close, reader.violation
    code, reason = (None, "") if close is None else (close.code, close.reason)
    return messages, reader.pings, code, reason, None if violation is None else violation.code


class Judge:
    """What websockets makes of the same bytes."""

    def __init__(self) -> None:
        self.protocol = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=LARGEST)
        self.messages: list[str | None] = []
        self.pings: list[bytes] = []
        self.invalid_text = False
        self._fragments: list[Frame] = []

    def take(self, event: Frame) -> None:
        if event.opcode is PING:
            self.pings.append(bytes(event.data))
        if event.opcode not in (TEXT, BINARY, CONT) or self.invalid_text:
            return
        self._fragments.append(event)
        if event.fin:
            whole, is_text = b"".join(bytes(part.data) for part in self._fragments), self._fragments[0].opcode is TEXT
            self._fragments = []
            try:
                self.messages.append(whole.decode() if is_text else None)
            except UnicodeDecodeError:
                self.invalid_text = True

    def reading(self) -> Reading:
        close, sent = self.protocol.close_rcvd, self.protocol.close_sent
        violation = int(sent.code) if close is None and sent is not None else None
        code, reason = (None, "") if close is None else (int(close.code), close.reason)
        return self.messages, self.pings, code, reason, violation


def read_by_websockets(pieces: list[bytes]) -> Judge:
    judge = Judge()
    for piece in pieces:
        judge.protocol.receive_data(piece)
        for event in judge.protocol.events_received():
            assert isinstance(event, Frame)
            judge.take(event)
    return judge


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
    st.sampled_from([999, 1000, 1004, 1005, 1006, 1011, 1014, 1015, 1016, 2999, 3000, 4000, 4200, 4999, 5000]),
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
    limit=st.integers(1, 5),
)
def test_bytes_are_read_as_websockets_reads_them(  # noqa: PLR0917 - the parts of one stream, drawn by name
    before: list[bytes], bad: bytes, after: list[bytes], end: bytes, lengths: list[int], limit: int
) -> None:
    """Messages, limits, pings, refusals and the end are the same, whatever comes and however it is cut (R2, R8)."""
    pieces = list(pieces_of(b"".join((*before, bad, *after, end)), lengths))
    here, judge = read_here(pieces, limit), read_by_websockets(pieces)
    there = judge.reading()
    if judge.invalid_text:
        # websockets notices this when the message is read, and may have seen what is behind it by then.
        assert (here[0], here[4]) == (there[0], 1007)
    else:
        assert here == there


@pytest.mark.parametrize("piece", [1, 3, 64, 5000])
def test_a_limit_only_cuts_the_reading_into_calls(piece: int) -> None:
    """What one call leaves, the next one reads, from the same chunk (R5)."""
    data = texts(150) + frame(TEXT, b"a") + frame(FINAL | PING, b"?") + frame(FINAL | CONT, b"b")
    pieces = list(pieces_of(data, [piece]))
    assert read_here(pieces, 1) == read_here(pieces) == ([*map(str, range(150)), "ab"], [b"?"], None, "", None)


def test_bytes_may_come_before_they_are_read() -> None:
    """A limit of 0 only keeps them (R4)."""
    reader = FrameReader(LARGEST)
    for part in (texts(3), text("cut")[:3]):
        assert reader.read(part, 0) == []
        assert reader.more
    assert reader.read(text("cut")[3:], PLENTY) == ["0", "1", "2", "cut"]
    assert not reader.more


def test_a_large_message_in_small_pieces_is_looked_at_once() -> None:
    """Its length is known from its beginning, and only the last piece completes it (R6)."""
    whole = text("a") + text("x" * LARGEST) + text("b")
    assert read_here([whole[number : number + 1] for number in range(len(whole))])[0] == ["a", "x" * LARGEST, "b"]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_frame_may_be_cut_within_its_length(cut: int) -> None:
    """A length of eight bytes, cut before, within and behind them, is waited for (R8)."""
    whole = bytes([FINAL | TEXT, 127]) + (5).to_bytes(8) + b"hello"
    assert read_here([whole[:cut]])[0] == []
    assert read_here([whole[:cut], whole[cut:]])[0] == ["hello"]


def test_a_close_frame_within_a_fragmented_message_counts() -> None:
    """Control frames may come between fragments, and a code of the server must not be lost (R2)."""
    assert read_here([frame(TEXT, b"a") + frame(FINAL | CLOSE, (4001).to_bytes(2) + b"no")])[2:] == (4001, "no", None)


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (frame(FINAL | TEXT, b"a\xff"), 1007, "a text that is not UTF-8"),
        (frame(TEXT, b"a") + frame(FINAL | CONT, b"\xff"), 1007, "a text that is not UTF-8"),
        (frame(FINAL | TEXT, b"x" * 301), 1009, "a message of 301 bytes or more, over max_message_size (300 bytes)"),
        (
            frame(FINAL | TEXT, b"x" * 70_000),
            1009,
            "a message of 70000 bytes or more, over max_message_size (300 bytes)",
        ),
        (frame(TEXT, b"x" * 200) + frame(CONT, b"x" * 101), 1009, "a message of 301 bytes or more"),
        (frame(FINAL | CONT, b"x"), 1002, "a continuation frame without a message"),
        (frame(TEXT, b"a") + frame(FINAL | TEXT, b"b"), 1002, "a message within another"),
        (frame(FINAL | 3), 1002, "a frame with the unknown opcode 3"),
        (frame(FINAL | TEXT, mask=0x80), 1002, "a masked frame"),
        (frame(FINAL | 0x40 | TEXT), 1002, "a frame with a reserved bit set"),
        (frame(PING), 1002, "a control frame that is fragmented or over 125 bytes"),
        (frame(FINAL | PING, b"x" * 126), 1002, "a control frame that is fragmented or over 125 bytes"),
        (frame(FINAL | CLOSE, b"x"), 1002, "a close frame without a valid code"),
        (frame(FINAL | CLOSE, (1006).to_bytes(2)), 1002, "a close frame without a valid code"),
        (frame(FINAL | CLOSE, (4000).to_bytes(2) + b"\xff"), 1007, "a text that is not UTF-8"),
    ],
)
def test_a_violation_says_what_came(data: bytes, code: int, reason: str) -> None:
    """It is named with its close code and, for a message that is too large, its size; the rest is ignored (R7, R8)."""
    reader = FrameReader(LARGEST)
    assert reader.read(text("before") + data + text("behind"), PLENTY) == ["before"]
    assert reader.read(text("later"), PLENTY) == []
    assert reader.violation is not None
    assert reader.violation.code == code
    assert reader.violation.reason.startswith(reason)
    assert (reader.violation.size is not None) == (code == 1009)


def test_a_long_form_of_a_length_is_no_violation() -> None:
    """Some servers write lengths longer than needed (R8)."""
    assert read_here([frame(FINAL | PING, b"x", form=2) + text("behind")])[:2] == (["behind"], [b"x"])
