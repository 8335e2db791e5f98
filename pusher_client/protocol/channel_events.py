"""The protocol's own events on a channel, rebuilt from their known fields (protocol-notes 5.3 to 5.7 and 7.1)."""

from __future__ import annotations

from typing import Any

from pusher_client.events import Event
from pusher_client.exceptions import ProtocolError
from pusher_client.protocol.checks import is_integer
from pusher_client.protocol.frames import Frame, clean_text, decode_data, decode_frame, error_text, json_object
from pusher_client.protocol.names import ChannelKind, channel_kind, is_application_event
from pusher_client.protocol.presence import MemberChanges, Members

__all__ = ["ChannelEvents", "cached_event", "is_refusal", "read_subscription_count", "read_subscription_error"]

_COUNT_LIMIT = 2**53


class ChannelEvents:
    """Reads a channel's protocol events, and keeps the members and the number of subscribers.

    Args:
        channel: The channel's name.
        kind: The kind of channel.
        members_bytes: Bytes that members of a presence channel may take who join later.
    """

    __slots__ = ("_channel", "_kind", "members", "subscription_count")

    def __init__(self, channel: str, kind: ChannelKind, members_bytes: int) -> None:
        self._channel = channel
        self._kind = kind
        self.members: Members | None = Members(members_bytes) if kind.presence else None
        self.subscription_count: int | None = None

    def succeeded(self, frame: Frame) -> tuple[Event, MemberChanges | None]:
        """Read an acknowledgement; return its event, and the changes of the members since the last one."""
        name = "pusher:subscription_succeeded"
        if self._kind.encrypted:
            return self._event(name, None), None
        if self.members is None:
            return self._event(name, decode_data(frame.data), frame.data), None
        before, now = self.members.replace(frame.data)
        return self._event(name, now.copy()), MemberChanges(self._channel, before, now)

    def read(self, frame: Frame) -> Event | None:
        """Read another protocol event of a subscribed channel; None if it is unknown or malformed."""
        match frame.event:
            case "pusher_internal:subscription_count":
                count = read_subscription_count(frame.data)
                if count is None:
                    return None
                self.subscription_count = count
                return self._event("pusher:subscription_count", {"subscription_count": count})
            case "pusher:cache_miss":
                return self._event("pusher:cache_miss", None)
            case _:
                return None if self.members is None else self._read_member(frame, self.members)

    def _read_member(self, frame: Frame, members: Members) -> Event | None:
        before = len(members)
        match frame.event:
            case "pusher_internal:member_added":
                name, member = "pusher:member_added", members.add(frame.data)
            case "pusher_internal:member_updated":
                # Some servers send this where others add the member again.
                member = members.add(frame.data)
                name = "pusher:member_updated" if len(members) == before else "pusher:member_added"
            case "pusher_internal:member_removed":
                name, member = "pusher:member_removed", members.remove(frame.data)
            case _:
                return None
        return None if member is None else self._event(name, member)

    def _event(self, name: str, data: Any, raw: str | None = None) -> Event:
        return Event(name, self._channel, data, None, raw or "")


def cached_event(frame: Frame) -> Frame | None:
    """Return the event that soketi up to 1.6.0 sends as the data of a ``pusher:cache_miss``; None for another frame."""
    if frame.event != "pusher:cache_miss" or frame.data is None or not channel_kind(frame.channel or "").cache:
        return None
    try:
        cached = decode_frame(frame.data)
    except ProtocolError:
        return None
    if not is_application_event(cached.event) or cached.channel not in (None, frame.channel):
        return None
    return Frame(cached.event, cached.data, frame.channel, cached.user_id)


def is_refusal(frame: Frame) -> bool:
    """Return whether the server refuses a subscription; encrypted channels know one of the two names (7.1)."""
    if frame.event == "pusher:subscription_error":
        return True
    return frame.event == "pusher_internal:subscription_error" and not channel_kind(frame.channel or "").encrypted


def read_subscription_count(text: str | None) -> int | None:
    """Read the number of subscribers: an integer from 0 to 2^53; None for anything else."""
    count = json_object(decode_data(text)).get("subscription_count")
    if not is_integer(count):
        return None
    return count if 0 <= count <= _COUNT_LIMIT else None


def read_subscription_error(text: str | None) -> dict[str, Any]:
    """Read a refusal of the server: ``type`` and ``error`` cleaned and cut, ``status`` an integer or None."""
    data = decode_data(text)
    known = json_object(data)
    status = known.get("status")
    return {
        "type": clean_text(known.get("type")),
        "error": clean_text(known.get("error")) or error_text(data),
        "status": status if is_integer(status) else None,
    }
