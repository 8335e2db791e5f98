"""Frames: JSON text from and to the server, and the one place that knows double encoding (protocol-notes 2)."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from pusher_client.exceptions import ProtocolError
from pusher_client.protocol.checks import is_integer
from pusher_client.protocol.json_reading import UNREADABLE, read_json, replace_lone_surrogates

__all__ = [
    "PING",
    "PONG",
    "Frame",
    "clean_text",
    "client_event_frame",
    "decode_data",
    "decode_frame",
    "error_text",
    "json_object",
    "sign_in_frame",
    "subscribe_frame",
    "unsubscribe_frame",
    "user_id_text",
]

CLIENT_DATA_LIMIT = 10 * 1024
"""Bytes of JSON that a client event's data may have where no limit for the whole frame is set."""

TEXT_LIMIT = 200
_TEXT_READ = 5 * TEXT_LIMIT
_SIGNATURE = re.compile(r"[0-9A-Fa-f]{32,}|[^\s:\"']+:[^\s:/\"',][^\s\"',]{7,}")
"""A long number in hexadecimal, or what may be a key and a signature joined by a colon."""


class Frame(msgspec.Struct):
    """A frame as it is used: ``data`` is the inner text, whether the server sent a string or an object.

    Since a string in ``data`` holds JSON text and anything else *is* JSON text, both are kept as text here and read
    the same way later (protocol-notes 2.1). None stands for no data, or ``null``.
    """

    event: str
    data: str | None = None
    channel: str | None = None
    user_id: str | None = None


class _UnusualFrame(msgspec.Struct):
    """The same with every field but the name still unread."""

    event: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    channel: Any = None
    user_id: Any = None


_decode_frame = msgspec.json.Decoder(Frame).decode
_decode_unusual_frame = msgspec.json.Decoder(_UnusualFrame, float_hook=float).decode
_decode_string = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


def decode_frame(text: str) -> Frame:
    """Read one frame.

    Raises:
        ProtocolError: It is not a JSON object with a string ``event``. The message never repeats the text.
    """
    try:
        return _decode_frame(text)
    except UNREADABLE:
        pass
    frame = _read_unusual(text)
    if frame is None and "\\u" in text:
        frame = _read_unusual(replace_lone_surrogates(text))
    if frame is None:
        raise ProtocolError("a frame that is not a JSON object with a string 'event'")
    return frame


def _read_unusual(text: str) -> Frame | None:
    try:
        frame = _decode_unusual_frame(text)
        raw = bytes(frame.data)
        data = _decode_string(raw) if raw.startswith(b'"') else raw.decode()
    except UNREADABLE:
        return None
    channel = frame.channel if isinstance(frame.channel, str) else None
    return Frame(frame.event, None if data == "null" else data, channel, user_id_text(frame.user_id))


def user_id_text(value: object) -> str | None:
    """Return a user's id as a string, since some applications number their users; None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if is_integer(value) else None


def decode_data(text: str | None) -> Any:
    """Read the inner text: the JSON value if it is JSON, else the text itself; None for None."""
    if text is None:
        return None
    try:
        return read_json(text)
    except ValueError:
        return text


def json_object(value: object) -> dict[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def clean_text(value: object) -> str:
    """Return a server's words fit for logs and events: a string without control characters, at most 200 long.

    Servers that refuse a signature repeat it; what looks like one is left out (promise C3).
    """
    if not isinstance(value, str):
        return ""
    words = _SIGNATURE.sub("…", value[:_TEXT_READ])[:TEXT_LIMIT]
    return "".join(character if character.isprintable() else " " for character in words)


def error_text(value: object) -> str:
    """Return the text of a server's error, fit for logs: ``message``, ``error``, or the data itself if it is text."""
    known = json_object(value)
    return clean_text(known.get("message")) or clean_text(known.get("error")) or clean_text(value)


def _frame_text(event: str, data: object, channel: str | None = None) -> str:
    frame = {"event": event, "data": data}
    if channel is not None:
        frame["channel"] = channel
    return _encode(frame).decode()


PING = _frame_text("pusher:ping", {})
PONG = _frame_text("pusher:pong", {})


def subscribe_frame(channel: str, auth: str | None = None, channel_data: str | None = None) -> str:
    """Write the frame that subscribes a channel (protocol-notes 5.3); the shared secret has no place in it."""
    data = {"channel": channel}
    if auth is not None:
        data["auth"] = auth
    if channel_data is not None:
        data["channel_data"] = channel_data
    return _frame_text("pusher:subscribe", data)


def unsubscribe_frame(channel: str) -> str:
    """Write the frame that ends a subscription; the server does not answer it."""
    return _frame_text("pusher:unsubscribe", {"channel": channel})


def sign_in_frame(auth: str, user_data: str) -> str:
    """Write the frame that signs a user in (protocol-notes 13.1)."""
    return _frame_text("pusher:signin", {"auth": auth, "user_data": user_data})


def client_event_frame(channel: str, event: str, data: object, limit: int | None = None) -> str:
    """Write a client event (protocol-notes 12).

    Args:
        channel: The channel's name.
        event: The event's name.
        data: What JSON can express.
        limit: The largest number of bytes of the whole frame; None for at most 10 kB of data.

    Raises:
        TypeError: ``data`` cannot be written as JSON.
        ValueError: Frame or data are larger than allowed, or ``data`` is nested too deeply, or has a lone surrogate.
    """
    try:
        encoded = _encode(data)
    except (RecursionError, UnicodeError):
        encoded = None
    if encoded is None:
        raise ValueError("the data of the client event is nested too deeply for JSON, or has a lone surrogate")
    if limit is None and len(encoded) > CLIENT_DATA_LIMIT:
        most = f"at most {CLIENT_DATA_LIMIT} are allowed, so send less or in parts"
        raise ValueError(f"the data of the client event takes {len(encoded)} bytes as JSON; {most}")
    text = _frame_text(event, msgspec.Raw(encoded), channel)
    size = len(text.encode())
    if limit is not None and size > limit:
        most = f"client_event_limit allows at most {limit}, so send less or in parts"
        raise ValueError(f"the frame of the client event on {channel} takes {size} bytes; {most}")
    return text
