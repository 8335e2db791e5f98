"""WebSocket frames as a server writes them, right and wrong ones."""

from __future__ import annotations

from websockets.frames import Opcode

FINAL = 0x80
TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
CLOSE, PING, PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG
CONTROL_LIMIT = 125


def frame(first: int, data: bytes = b"", *, form: int = 0, mask: int = 0) -> bytes:
    """Write a frame; ``form`` is 2 or 8 for a longer form of the length than needed."""
    size = len(data)
    form = max(form, 0 if size <= CONTROL_LIMIT else 2 if size < 2**16 else 8)
    if form == 0:
        return bytes((first, mask | size)) + data
    return bytes((first, mask | (126 if form == 2 else 127))) + size.to_bytes(form) + data


def text(data: str) -> bytes:
    """Write a whole text frame."""
    return frame(FINAL | TEXT, data.encode())


def texts(count: int) -> bytes:
    """Write that many text frames, numbered from 0."""
    return b"".join(text(str(number)) for number in range(count))
