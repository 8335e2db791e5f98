"""Frames that the server reads and sends, in the form of Pusher's own servers (protocol-notes 2.1)."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from pusher_client.protocol.json_reading import UNREADABLE, replace_lone_surrogates

__all__ = [
    "PING",
    "PONG",
    "Incoming",
    "cache_miss",
    "connection_established",
    "error",
    "event_frame",
    "json_text",
    "member_added",
    "member_removed",
    "read_frame",
    "signin_success",
    "subscription_count",
    "subscription_error",
    "subscription_succeeded",
    "watchlist_events",
]


class Incoming(msgspec.Struct, frozen=True):
    """A frame from a client; ``data`` is any JSON value."""

    event: str
    data: Any = None
    channel: str | None = None


_decode = msgspec.json.Decoder(Incoming, float_hook=float).decode


def read_frame(text: str) -> Incoming:
    """Read a client's frame.

    Raises:
        ValueError: It is not a JSON object with a string ``event`` and, if present, a string ``channel``.
    """
    for readable in (text, replace_lone_surrogates(text)):
        with contextlib.suppress(*UNREADABLE):
            return _decode(readable)
    raise ValueError("a frame is a JSON object with a string 'event'")


def json_text(value: object) -> str:
    """Return compact JSON."""
    return msgspec.json.encode(value).decode()


def event_frame(event: str, channel: str, data: str, user_id: str | None = None) -> str:
    """Return an event; ``data`` is the published text, and ``user_id`` the sender of a client event."""
    frame = {"event": event, "channel": channel, "data": data}
    if user_id is not None:
        frame["user_id"] = user_id
    return json_text(frame)


def connection_established(socket_id: str, activity_timeout: float) -> str:
    """Return the first frame; ``activity_timeout`` is in seconds."""
    data = json_text({"socket_id": socket_id, "activity_timeout": activity_timeout})
    return json_text({"event": "pusher:connection_established", "data": data})


def error(code: int | None, message: str, channel: str | None = None) -> str:
    """Return ``pusher:error``; the code is None if the protocol has none (protocol-notes 4.3)."""
    frame: dict[str, object] = {"event": "pusher:error", "data": {"code": code, "message": message}}
    if channel is not None:
        frame["channel"] = channel
    return json_text(frame)


def subscription_succeeded(channel: str, data: object) -> str:
    """Return the acknowledgement of a subscription; ``data`` is empty except on presence channels."""
    return event_frame("pusher_internal:subscription_succeeded", channel, json_text(data))


def subscription_error(channel: str, kind: str, message: str, status: int) -> str:
    """Return the refusal of a subscription."""
    data = {"type": kind, "error": message, "status": status}
    return json_text({"event": "pusher:subscription_error", "channel": channel, "data": data})


def subscription_count(channel: str, count: int) -> str:
    """Return the number of connections that are subscribed to a channel, as an event."""
    return event_frame("pusher_internal:subscription_count", channel, json_text({"subscription_count": count}))


def cache_miss(channel: str) -> str:
    """Return the event of a cache channel without a cached event."""
    return json_text({"event": "pusher:cache_miss", "channel": channel})


def member_added(channel: str, user_id: str, user_info: object) -> str:
    """Return the event of a new member of a presence channel."""
    data = json_text({"user_id": user_id, "user_info": user_info})
    return event_frame("pusher_internal:member_added", channel, data)


def member_removed(channel: str, user_id: str) -> str:
    """Return the event of a member that left a presence channel."""
    return event_frame("pusher_internal:member_removed", channel, json_text({"user_id": user_id}))


def signin_success(user_data: str) -> str:
    """Return the acknowledgement of a sign-in; ``user_data`` is the signed text."""
    return json_text({"event": "pusher:signin_success", "data": {"user_data": user_data}})


def watchlist_events(user_ids: dict[str, list[str]]) -> str:
    """Return which users of a watchlist are ``online`` and ``offline``; empty lists are left out."""
    events = [{"name": name, "user_ids": ids} for name, ids in user_ids.items() if ids]
    return json_text({"event": "pusher_internal:watchlist_events", "data": json_text({"events": events})})


PING = json_text({"event": "pusher:ping", "data": "{}"})
PONG = json_text({"event": "pusher:pong", "data": "{}"})
