"""Who of the watched users came and went (protocol-notes 13.3)."""

from __future__ import annotations

from typing import cast

from pusher_client.events import Event
from pusher_client.protocol.frames import Frame, decode_data, json_object, user_id_text

__all__ = ["read_watchlist"]

_WATCHLIST = "pusher_internal:watchlist_events"
_NAMES = ("online", "offline")
_NAME_LIMIT = 200


def read_watchlist(frame: Frame) -> list[Event] | None:
    """Read the events of a watchlist; None for another frame, or for nonsense. Ids are strings here."""
    data = json_object(decode_data(frame.data))
    if frame.event in _NAMES:  # Sockudo gives each of them a frame of its own
        told: object = [{"name": frame.event, **data}]
    else:
        told = data.get("events") if frame.event == _WATCHLIST else None
    if not isinstance(told, list):
        return None
    events = [event for event in map(_read, cast("list[object]", told)) if event is not None]
    return events or None


def _read(told: object) -> Event | None:
    known = json_object(told)
    name, ids = known.get("name"), known.get("user_ids")
    if not isinstance(name, str) or len(name) > _NAME_LIMIT or not isinstance(ids, list):
        return None
    users = [user for user in map(user_id_text, cast("list[object]", ids)) if user is not None]
    return Event(name, None, {"name": name, "user_ids": users})
