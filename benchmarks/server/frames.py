"""The frames that the server of the benchmarks writes, and what stands in them."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from nacl.secret import SecretBox
from websockets.frames import Frame, Opcode

from benchmarks.clients.meter import BEGIN, END, EVENT

__all__ = [
    "BEGIN",
    "CASES",
    "DIFFERENT_EVENTS",
    "END",
    "EVENT",
    "FIRST_SECRET",
    "Case",
    "data_of",
    "event_frame",
    "flood",
    "last_number",
    "marker",
]

DIFFERENT_EVENTS = 60
FIRST_SECRET = bytes(range(32))


class Case(NamedTuple):
    """What is sent: how large, and whether it is encrypted."""

    encrypted: bool
    size: int

    @property
    def channel(self) -> str:
        """The channel on which such events are sent."""
        return f"private-encrypted-{self.size}" if self.encrypted else f"private-{self.size}"

    @property
    def title(self) -> str:
        """The case in words."""
        return f"{'encrypted' if self.encrypted else 'plain'} {self.size} B"


CASES = [Case(encrypted, size) for encrypted in (True, False) for size in (200, 2000)]


def data_of(number: int, size: int, sent: int | None = None) -> dict[str, Any]:
    """Return an event's data, a little longer or shorter so that base64 ends in every way.

    Args:
        number: Which of the events it is.
        size: About how many bytes it takes as JSON.
        sent: When it was sent, where that is to stand in it.
    """
    data = {"id": number} if sent is None else {"id": number, "sent": sent}
    return {**data, "item": "x" * max(0, size - len(json.dumps({**data, "item": ""})) + number % 3)}


def event_frame(channel: str, event: str, data: object, secret: bytes = FIRST_SECRET) -> bytes:
    """Return an event as it stands on the wire, sealed where the channel is encrypted."""
    text = json.dumps(data)
    if channel.startswith("private-encrypted-"):
        sealed = SecretBox(secret).encrypt(text.encode())
        parts = {"nonce": sealed.nonce, "ciphertext": sealed.ciphertext}
        text = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()})
    return text_frame({"event": event, "channel": channel, "data": text})


def marker(channel: str, event: str, secret: bytes = FIRST_SECRET) -> bytes:
    """Return what stands before the first event of a run, or after its last."""
    return event_frame(channel, event, {}, secret)


def flood(channels: list[str], size: int, secret: bytes = FIRST_SECRET) -> list[bytes]:
    """Return different events of all channels in turn, to be sent over and over."""
    turns = -(-DIFFERENT_EVENTS // len(channels))
    numbers = enumerate(channels * turns)
    return [event_frame(name, EVENT, data_of(number % DIFFERENT_EVENTS, size), secret) for number, name in numbers]


def last_number(channels: int, events: int) -> int:
    """Return the number of a flood's last event."""
    return (events - 1) % (channels * -(-DIFFERENT_EVENTS // channels)) % DIFFERENT_EVENTS


def text_frame(frame: object) -> bytes:
    """Return a frame as it stands on the wire."""
    return Frame(Opcode.TEXT, json.dumps(frame).encode()).serialize(mask=False)
