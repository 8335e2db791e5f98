"""One WebSocket on an asyncio transport: messages are handed on where their bytes arrive, in no task (RFC 6455)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, cast

from websockets.frames import Frame, Opcode

from pusher_client.transport.frame_reader import CloseFrame, FrameReader, Violation
from pusher_client.transport.handshake import Handshake

__all__ = ["CLOSE_TIMEOUT", "Take", "WebSocketConnection"]

CLOSE_TIMEOUT = 1.0
"""Seconds for the other side to answer a close frame, or to close the TCP connection behind it."""

Take = Callable[[str | None], object]
"""Takes a message: a text, or None for a binary message, which the protocol does not have."""

_FRAMES_PER_TURN = 64
_REASON_LIMIT = 123
_WRITE_LIMIT = 32 * 1024
_MOST_UNSENT = 1024 * 1024  # bytes; the writer waits at a fraction of it, answers to pings do not
_CATCH_UP = 0.05
"""Seconds in which the event loop, if it was blocked, sends before the server counts as not reading."""


class WebSocketConnection(asyncio.Protocol):
    """The connection between a transport, the handshake and the frame reader.

    Args:
        handshake: The opening handshake.
        max_message_size: The largest message in bytes.

    Attributes:
        opened: Done when the handshake is, or failed with the reason.
        over: Done when the transport is closed and all messages that came before have been handed on.
    """

    def __init__(self, handshake: Handshake, max_message_size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._handshake: Handshake | None = handshake
        self._reader = FrameReader(max_message_size)
        self._take: Take = _discard
        self._left = False
        self._turn = _FRAMES_PER_TURN
        self._held = False
        self._lost = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._written = 0
        self._hang_up: asyncio.TimerHandle | None = None
        self._close_sent = False
        self._transport: asyncio.Transport | None = None
        self.close_frame: CloseFrame | None = None
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.over: asyncio.Future[None] = self._loop.create_future()

    @property
    def violation(self) -> Violation | None:
        """Why this side closed the connection; None when it did not."""
        return self._reader.violation

    # -- what the owner does --------------------------------------------------------------------------------------

    def begin(self, take: Take) -> None:
        """Hand on the messages that have come, and those that come from now on; to be called once, when open."""
        if not self._left:
            self._take = take
        self._loop.call_soon(self._continue)

    def leave(self) -> None:
        """Hand on nothing more; what comes is discarded, so that the close frame behind it is found."""
        self._left = True
        self._take = _discard
        if self._held:
            self._loop.call_soon(self._continue)

    def write(self, text: str) -> bool:
        """Hand a text to the transport; return False when the connection is closed."""
        if self._closing:
            return False
        self._write(Opcode.TEXT, text.encode())
        return True

    async def drain(self, seconds: float) -> bool:
        """Wait while the transport's buffer is full; return False when the connection is closed.

        Raises:
            TimeoutError: The other side has read nothing for ``seconds``.
        """
        while not self._writable.is_set():
            read = self._bytes_read
            try:
                async with asyncio.timeout(seconds):
                    await self._writable.wait()
            except TimeoutError:
                await asyncio.sleep(_CATCH_UP)
                if not self._writable.is_set() and self._bytes_read == read:
                    raise TimeoutError(f"the server has not read what was sent for {seconds:g} s") from None
        return not self._closing

    async def close(self) -> None:
        """Send a close frame, wait for the other side to close, at most `CLOSE_TIMEOUT` seconds, and cut it then."""
        self.leave()
        if not self._closing:
            self._send_close((1000).to_bytes(2))
        if not self._lost:
            await asyncio.wait([self.over], timeout=CLOSE_TIMEOUT)
        self.abort()

    def abort(self) -> None:
        """Close the transport at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio's callbacks --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake's request."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_WRITE_LIMIT)
        if self._handshake is not None:
            self._transport.write(self._handshake.request())

    def data_received(self, data: bytes) -> None:
        """Read bytes of the transport."""
        if self._held:
            self._reader.read(data, 0)
        elif self._handshake is None:
            self._hand_on(data)
        else:
            self._receive_answer(self._handshake, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the transport is closed."""
        self._lost = True
        if self._hang_up is not None:
            self._hang_up.cancel()
        self._writable.set()
        if self._handshake is not None:
            self._fail_handshake(exc or EOFError())
        self._finish()

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `drain` return."""
        self._writable.set()

    # -- the handshake --------------------------------------------------------------------------------------------

    def _receive_answer(self, handshake: Handshake, data: bytes) -> None:
        try:
            handshake.receive(data)
        except Exception as error:  # noqa: BLE001 - it ends this attempt, whatever it is
            self._fail_handshake(error)
            return
        if handshake.rest is not None:
            self._handshake = None
            self._reader.read(handshake.rest, 0)
            self._hold()
            if not self.opened.done():
                self.opened.set_result(None)
        elif handshake.refused and self._hang_up is None:
            # The headers behind the status line are welcome, but not waited for any longer (promise C5).
            self._hang_up = self._loop.call_later(CLOSE_TIMEOUT, self._fail_handshake, EOFError())

    def _fail_handshake(self, error: Exception) -> None:
        handshake, self._handshake = self._handshake, None
        if not self.opened.done():
            refused = handshake is not None and handshake.refused
            self.opened.set_exception(handshake.refusal() if handshake is not None and refused else error)
            self.opened.exception()  # nobody may wait for it any more
        self._discard_everything()

    # -- frames ---------------------------------------------------------------------------------------------------

    def _hand_on(self, data: bytes) -> None:
        """Hand on what is complete (hot path); what a handler lets through ends the connection."""
        reader = self._reader
        messages = reader.read(data, self._turn)
        try:
            for message in messages:
                self._take(message)
        except BaseException as error:
            self._discard_everything()
            if isinstance(error, Exception):
                raise
            # uvloop ends a program only by what a callback of the loop raises, and not by what a protocol does.
            self._loop.call_soon(_let_through, error)
            return
        self._turn -= len(messages)
        if reader.pings:
            self._answer_pings()
        if reader.ended:
            self._end()
        elif reader.more or self._turn <= 0:
            # The others have their turn: queues would overflow before anybody reads them.
            self._hold()
            self._loop.call_soon(self._continue)

    def _hold(self) -> None:
        self._held = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _continue(self) -> None:
        """Go on with what was held."""
        self._held, self._turn = False, _FRAMES_PER_TURN
        try:
            self._hand_on(b"")
        finally:
            if not self._held and self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
            self._finish()

    def _finish(self) -> None:
        if self._lost and not self._held and not self.over.done():
            self.over.set_result(None)

    def _discard_everything(self) -> None:
        self._take, self._reader = _discard, FrameReader(0)
        self.abort()

    # -- control frames -------------------------------------------------------------------------------------------

    @property
    def _closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._close_sent or self._lost or self._transport is None or self._transport.is_closing()

    @property
    def _bytes_read(self) -> int:
        """How many bytes of frames have left the transport's buffer."""
        return self._written - cast("asyncio.Transport", self._transport).get_write_buffer_size()

    def _write(self, opcode: Opcode, payload: bytes) -> None:
        data = Frame(opcode, payload).serialize(mask=True)
        self._written += len(data)
        cast("asyncio.Transport", self._transport).write(data)

    def _answer_pings(self) -> None:
        """Answer pings, unless the server does not read the answers."""
        pings, self._reader.pings = self._reader.pings, []
        self._turn -= len(pings)
        if self._closing or self._transport is None:
            return
        for payload in pings:
            self._write(Opcode.PONG, payload)
        if self._transport.get_write_buffer_size() > _MOST_UNSENT:
            self._transport.abort()

    def _end(self) -> None:
        """Answer the server's close frame, or close because of a violation."""
        close, violation = self._reader.close, self._reader.violation
        if close is not None and not self._close_sent:
            self.close_frame = close
            self._send_close(close.payload)
        elif violation is not None:
            self._send_close(violation.code.to_bytes(2) + violation.reason.encode()[:_REASON_LIMIT])

    def _send_close(self, payload: bytes) -> None:
        if self._closing:
            return
        self._close_sent = True
        self._write(Opcode.CLOSE, payload)
        self._hang_up = self._loop.call_later(CLOSE_TIMEOUT, self.abort)


def _let_through(error: BaseException) -> NoReturn:
    raise error


def _discard(_message: str | None) -> None:
    """Discard a message."""
