"""Reads the frames of one WebSocket: bytes in, messages out (RFC 6455 5, protocol-notes 1.1).

The reader is pure: it knows no socket, task or clock. Its attributes say what is left to do after a call: pings to
answer, the server's close frame, or the violation for which the connection must be closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from websockets.frames import CloseCode, Opcode

__all__ = ["CloseFrame", "FrameReader", "Violation"]

_FINAL = 0x80
_FINAL_TEXT = _FINAL | Opcode.TEXT
_RESERVED_BITS = 0x70
_OPCODE_BITS = 0x0F
_OPCODES = frozenset(Opcode)
_CONTROL = 0x08
_MASKED = 0x80
_TWO_BYTE_LENGTH = 126
_EIGHT_BYTE_LENGTH = 127
_CONTROL_LIMIT = 125
_HEADER_SIZES = {_TWO_BYTE_LENGTH: 4, _EIGHT_BYTE_LENGTH: 10}
_SHORTEST = 4  # a shorter rest is rare enough for the slow path, and the fast path may look at four bytes
_NEVER = -1
_NO_STATUS = 1005
_STANDARD_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})  # RFC 6455 7.4.1, and those registered since
_OTHER_CODES = range(3000, 5000)


@dataclass(frozen=True, slots=True)
class CloseFrame:
    """The close frame of the server.

    Attributes:
        code: Its close code; 1005 when it has none.
        reason: Its text.
        payload: Both as they came, which is what is sent back. A server's text may repeat a signature, so neither is in
            ``repr`` (promise C3).
    """

    code: int
    reason: str = field(repr=False)
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Violation:
    """A frame for which this side has to close the connection.

    Attributes:
        code: The close code to send: 1002, 1007 or 1009.
        reason: What the server sent, without any of its content.
        size: The size of the message in bytes, as far as it is known; None for every code but 1009.
    """

    code: CloseCode
    reason: str
    size: int | None = None


class FrameReader:
    """Reads frames until the close frame or the first violation; what follows is discarded.

    Args:
        max_message_size: The largest message in bytes.

    Attributes:
        pings: The payloads of the pings that were read; the caller answers and removes them.
        close: The server's close frame, once it was read.
        violation: Why the connection must be closed, once that is known.
        more: Whether the last call stopped at its limit with bytes left.
    """

    def __init__(self, max_message_size: int) -> None:
        self._max_message_size = max_message_size
        self._data: bytes | bytearray = b""
        self._position = 0
        self._missing = 0
        self._usual = _FINAL_TEXT
        self._opcode: int | None = None
        self._fragments = bytearray()
        self.pings: list[bytes] = []
        self.close: CloseFrame | None = None
        self.violation: Violation | None = None
        self.more: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing is read any more."""
        return self.close is not None or self.violation is not None

    def read(self, data: bytes, limit: int) -> list[str | None]:
        """Read the frames that are complete.

        Args:
            data: The bytes that follow those of the last call; may be empty.
            limit: The largest number of frames to read.

        Returns:
            The messages: a text, or None for a binary message, which the protocol does not have.
        """
        if self.ended:
            return []
        if not self._data:
            self._data = data
        elif self._lacks(data):
            return []
        messages: list[str | None] = []
        try:
            self._read_frames(messages, limit)
        except UnicodeDecodeError as error:
            self._refuse(CloseCode.INVALID_DATA, f"a text that is not UTF-8 ({error.reason} at byte {error.start})")
        if self.ended:
            self._data, self._position, self.more = b"", 0, False
        elif self._position and not self.more:
            # Only the rest of the chunk is kept: the chunk may be large, and the rest of a frame may be late.
            self._data, self._position = self._data[self._position :], 0
        return messages

    def _lacks(self, data: bytes) -> bool:
        """Append bytes to the rest; return whether its first frame is still incomplete."""
        if data:
            rest = self._data
            if not isinstance(rest, bytearray):
                rest = self._data = bytearray(rest)
            rest += data
            self._missing -= len(data)
        return self._missing > 0

    def _read_frames(self, messages: list[str | None], limit: int) -> None:
        """Read frames; a whole text of up to 65,535 bytes, the usual frame, is read right here (hot path)."""
        data, position, largest, usual = self._data, self._position, self._max_message_size, self._usual
        size = len(data)
        self.more = False
        for _ in range(limit):
            if size - position < _SHORTEST or data[position] != usual or data[position + 1] > _TWO_BYTE_LENGTH:
                self._position = position
                if not self._read_frame(messages):
                    return
                position, usual = self._position, self._usual
                continue
            length, start = data[position + 1], position + 2
            if length == _TWO_BYTE_LENGTH:
                length, start = data[position + 2] << 8 | data[position + 3], position + 4
            end = start + length
            if end > size or length > largest:
                self._position = position
                self._wait_or_refuse(end, length)
                return
            messages.append(data[start:end].decode())
            position = end
        self._position = position
        self.more = position < size

    def _read_frame(self, messages: list[str | None]) -> bool:
        """Read one frame of any kind; return False when there is none, or none is read any more."""
        data, position = self._data, self._position
        header = self._header_size()
        if header > len(data) - position or self.ended:
            return False
        first, length = data[position], data[position + 1]
        start = position + header
        if length >= _TWO_BYTE_LENGTH:
            length = int.from_bytes(data[position + 2 : start])
        end = start + length
        if end > len(data) or length > self._allowance(first):
            self._wait_or_refuse(end, length)
            return False
        self._position = end
        if first & _RESERVED_BITS:
            return self._refuse(CloseCode.PROTOCOL_ERROR, "a frame with a reserved bit set")
        payload = data[start:end]
        if first & _CONTROL:
            return self._read_control(first, bytes(payload))
        return self._read_data(first, payload, messages)

    def _header_size(self) -> int:
        """Return the size of the next frame's header, after a check of its first two bytes."""
        data, position = self._data, self._position
        if len(data) - position < 2:  # noqa: PLR2004 - the first two bytes, which every frame has
            return 2
        first, second = data[position], data[position + 1]
        if first & _OPCODE_BITS not in _OPCODES:
            self._refuse(CloseCode.PROTOCOL_ERROR, f"a frame with the unknown opcode {first & _OPCODE_BITS}")
        elif second & _MASKED:
            self._refuse(CloseCode.PROTOCOL_ERROR, "a masked frame, which only clients send")
        return _HEADER_SIZES.get(second, 2)

    def _allowance(self, first: int) -> int:
        """Return the largest size of a frame."""
        return self._max_message_size - (0 if first & _CONTROL else len(self._fragments))

    def _wait_or_refuse(self, end: int, length: int) -> None:
        """Wait for the rest of a frame, or refuse it because of its size."""
        if length > self._allowance(self._data[self._position]):
            size = length + len(self._fragments)
            reason = f"a message of {size} bytes or more, over max_message_size ({self._max_message_size} bytes)"
            self._refuse(CloseCode.MESSAGE_TOO_BIG, reason, size)
        else:
            self._missing = end - len(self._data)

    def _read_control(self, first: int, payload: bytes) -> bool:
        if len(payload) > _CONTROL_LIMIT or not first & _FINAL:
            return self._refuse(CloseCode.PROTOCOL_ERROR, "a control frame that is fragmented or over 125 bytes")
        if first == _FINAL | Opcode.PING:
            self.pings.append(payload)
        elif first == _FINAL | Opcode.CLOSE:
            return self._read_close(payload)
        return True

    def _read_close(self, payload: bytes) -> bool:
        code, reason = int.from_bytes(payload[:2]) if payload else _NO_STATUS, payload[2:].decode()
        if payload and (len(payload) == 1 or not (code in _STANDARD_CODES or code in _OTHER_CODES)):
            return self._refuse(CloseCode.PROTOCOL_ERROR, "a close frame without a valid code")
        self.close = CloseFrame(code, reason, payload)
        return False

    def _read_data(self, first: int, payload: bytes | bytearray, messages: list[str | None]) -> bool:
        """Read a whole message, or a fragment of one."""
        opcode, final = first & _OPCODE_BITS, bool(first & _FINAL)
        if (opcode == Opcode.CONT) is (self._opcode is None):
            reason = "a continuation frame without a message" if self._opcode is None else "a message within another"
            return self._refuse(CloseCode.PROTOCOL_ERROR, reason)
        self._opcode = self._opcode or opcode
        if final:
            text = self._opcode == Opcode.TEXT
            whole = self._fragments + payload if self._fragments else payload
            self._opcode, self._usual, self._fragments = None, _FINAL_TEXT, bytearray()
            messages.append(whole.decode() if text else None)
        else:
            self._usual = _NEVER
            self._fragments += payload
        return True

    def _refuse(self, code: CloseCode, reason: str, size: int | None = None) -> bool:
        self.violation = Violation(code, reason, size)
        return False
