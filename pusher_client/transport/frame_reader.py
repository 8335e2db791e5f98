"""What the socket brings: messages are handed on where their bytes arrive, without a queue or a task in between.

Whole text frames are cut from the bytes here: the short cut of the hot path. All else is websockets' own to judge:
control frames, fragments, binary frames, and whatever is wrong. Its parser is given whole frames, so that it always
stands at the beginning of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from pusher_client.transport.handshake import UpgradedConnection

__all__ = ["IncomingConnection", "Take"]

Take = Callable[[str | None], object]
"""What messages are handed to: a text, or None for a binary message, which the protocol does not have."""

_FRAMES_IN_A_ROW = 64

_FINAL = 0x80
_WHOLE_TEXT = _FINAL | Opcode.TEXT
_CLOSE = _FINAL | Opcode.CLOSE
_CONTROL = frozenset({_FINAL | Opcode.PING, _FINAL | Opcode.PONG})
_KNOWN = _CONTROL | {final | opcode for final in (0, _FINAL) for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)}
_LONG = 126  # the length stands in the two bytes that follow
_VERY_LONG = 127  # the length stands in the eight bytes that follow; what is more is masked
_SHORTEST = 4  # a shorter frame, or piece of one, is rare enough to go the long way
_NEVER = -1
_MOST_UNSENT = 1024 * 1024  # bytes; the writer waits when a fraction of it is unsent, answers to pings do not


class IncomingConnection(UpgradedConnection):
    """A connection that hands on its messages at once.

    Attributes:
        over: Done when the connection is lost and all that came before has been handed on.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.over: asyncio.Future[None] = self.loop.create_future()
        self._take: Take = _discard
        self._largest = 0
        self._left_alone = False
        self._framed = False
        self._held = False
        self._lost = False
        self._left = _FRAMES_IN_A_ROW
        self._data: bytes | bytearray = b""
        self._position = 0
        self._missing = 0
        self._usual = _WHOLE_TEXT
        self._fragments: bytearray | None = None

    def begin(self, take: Take, largest: int) -> None:
        """Hand on what has come, and what comes from now on; to be called once the handshake is done.

        Args:
            take: Takes the messages.
            largest: How many bytes a message may have, which is the limit that websockets was given.
        """
        if not self._left_alone:
            self._take, self._largest = take, largest
        self.loop.call_soon(self._go_on)

    def leave(self) -> None:
        """Hand on nothing more, and discard what comes, so that a close frame behind it is found."""
        self._left_alone = True
        self._take = _discard
        self.loop.call_soon(self._go_on)

    # -- asyncio's own callbacks ----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport."""
        if not self._framed:
            super().data_received(data)
            return
        rest = self._data
        if rest:
            if not isinstance(rest, bytearray):
                rest = self._data = bytearray(rest)
            rest += data
            self._missing -= len(data)
            if self._missing > 0:
                return
        else:
            self._data = data
        if not self._held:
            self._hand_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the transport is closed."""
        super().connection_lost(exc)
        self._lost = True
        self._come_to_an_end()

    def _upgraded(self, data: bytes) -> None:
        """Keep what stands behind the handshake for who takes it."""
        self._framed, self._data = True, data
        self._hold()

    # -- frames ---------------------------------------------------------------------------------------------------

    def _hand_on(self) -> None:
        """Hand on what is complete, until it is the others' turn; what a handler lets through ends the link."""
        try:
            self._cut()
        except BaseException as error:
            self._data, self._position = b"", 0
            self.transport.abort()
            if isinstance(error, Exception):
                raise
            # uvloop ends a program only by what a callback of the loop raises, and not by what a protocol does.
            self.loop.call_soon(_let_through, error)
            return
        if not self._left:
            # Queues would overflow before anybody reads them.
            self._hold()
            self.loop.call_soon(self._go_on)
        elif self._position:
            # Not the whole piece: it may be large, and the rest of a frame be long in coming.
            self._data, self._position = self._data[self._position :], 0

    def _cut(self) -> None:
        """Take frame after frame."""
        data, position, largest = self._data, self._position, self._largest
        size = len(data)
        while self._left:
            if size - position < _SHORTEST or data[position] != self._usual or data[position + 1] > _LONG:
                if not self._take_unusual():
                    return
                position = self._position
                continue
            length, start = data[position + 1], position + 2
            if length == _LONG:
                length, start = data[position + 2] << 8 | data[position + 3], position + 4
            end = start + length
            if end > size or length > largest:
                self._wait_or_give_back(end, length)
                return
            try:
                text = data[start:end].decode()
            except UnicodeDecodeError as error:
                self._refuse(error)
                return
            self._position = position = end
            self._left -= 1
            self._take(text)

    def _take_unusual(self) -> bool:
        """Take a frame in the long way; return False when none can be taken now."""
        data, position = self._data, self._position
        if len(data) - position < 2:  # noqa: PLR2004 - which is what every frame has
            return False
        first, length, start = data[position], data[position + 1], position + 2
        if first not in _KNOWN or length > _VERY_LONG:
            if first == _CLOSE and self.protocol.state is State.CLOSED:
                self._read_ending(bytes(data[position:]))
            self._give_back()
            return False
        if length >= _LONG:
            start += 2 if length == _LONG else 8
            if start > len(data):
                return False
            length = int.from_bytes(data[position + 2 : start])
        end = start + length
        if end > len(data) or length > self._largest:
            return self._wait_or_give_back(end, length)
        self._left -= 1
        self._position = end
        frame = bytes(data[position:end])
        before = self.protocol.state
        if first in _CONTROL:
            self._answer(frame)
        else:
            self._take_data(frame)
        if self._framed and self.protocol.state is not before:
            self._give_back()
        return self._framed

    def _wait_or_give_back(self, end: int, length: int) -> bool:
        if length > self._largest:
            self._give_back()
        else:
            self._missing = end - len(self._data)
        return False

    def _answer(self, control: bytes) -> None:
        """Let websockets answer a ping, unless the server does not read the answers."""
        if self.transport.is_closing():
            return
        self._feed(control)
        if self.transport.get_write_buffer_size() > _MOST_UNSENT:
            self.transport.abort()

    def _take_data(self, frame: bytes) -> None:
        """Let websockets' parser read a fragment, or what else is no whole text."""
        if self.protocol.state is not State.CLOSED:
            self.protocol.receive_data(frame)
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)  # noqa: S101 - nothing else comes after the handshake
            self._assemble(event)

    def _assemble(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._fragments = bytearray() if frame.opcode is Opcode.TEXT else None
        if self._fragments is not None:
            self._fragments += frame.data
        self._usual = _WHOLE_TEXT if frame.fin else _NEVER
        if not frame.fin:
            return
        message, self._fragments = self._fragments, None
        try:
            text = None if message is None else message.decode()
        except UnicodeDecodeError as error:
            self._refuse(error)
        else:
            self._take(text)

    def _refuse(self, error: UnicodeDecodeError) -> None:
        if self.protocol.state is not State.CLOSED:
            self.protocol.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
        self._give_back()

    def _read_ending(self, rest: bytes) -> None:
        """Read the close frame of a connection that is lost: over TLS the end is told even while nothing is read."""
        if self.protocol.close_sent is None:
            judge = Protocol(Side.CLIENT, logger=self.protocol.logger)
            judge.receive_data(rest)
            self.protocol.close_rcvd = judge.close_rcvd

    def _give_back(self) -> None:
        """Leave all that comes from here on to websockets: a close frame, or what is wrong."""
        rest, self._framed = self._data[self._position :], False
        self._data, self._position = b"", 0
        self._feed(rest)

    # -- the others' turn -----------------------------------------------------------------------------------------

    def _hold(self) -> None:
        self._held = True
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _go_on(self) -> None:
        self._held, self._left = False, _FRAMES_IN_A_ROW
        try:
            self._hand_on()
        finally:
            if not self._held and not self.transport.is_closing():
                self.transport.resume_reading()
            self._come_to_an_end()

    def _come_to_an_end(self) -> None:
        if self._lost and not self._held and not self.over.done():
            self.over.set_result(None)


def _let_through(error: BaseException) -> NoReturn:
    raise error


def _discard(_message: str | None) -> None:
    """Take a message for nobody."""
