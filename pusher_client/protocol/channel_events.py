"""The protocol's own events on a channel, rebuilt from what is known of them (protocol-notes 5.3 to 5.7 and 7.1)."""

from __future__ import annotations

from typing import Any

from pusher_client.events import Event
from pusher_client.protocol.frames import Frame, clean_text, decode_data, json_object
from pusher_client.protocol.names import ChannelKind, channel_kind
from pusher_client.protocol.presence import Members

__all__ = ["ChannelEvents", "is_refusal", "read_subscription_count", "read_subscription_error"]

_COUNT_LIMIT = 2**53


class ChannelEvents:
    """What a channel's protocol events say, and what is remembered of them.

    Args:
        channel: The channel's name.
        kind: What the name says.
        members_bytes: How many bytes the members of a presence channel may take.
    """

    __slots__ = ("_channel", "_kind", "members", "subscription_count")

    def __init__(self, channel: str, kind: ChannelKind, members_bytes: int) -> None:
        self._channel = channel
        self._kind = kind
        self.members: Members | None = Members(members_bytes) if kind.presence else None
        self.subscription_count: int | None = None

    def succeeded(self, frame: Frame) -> tuple[Event, list[Event]]:
        """Read an acknowledgement; return its event, and what changed among the members since the last one."""
        name = "pusher:subscription_succeeded"
        if self._kind.encrypted:
            return self._event(name, None), []
        data = decode_data(frame.data)
        if self.members is None:
            return self._event(name, data, frame.data), []
        left, joined = self.members.replace(data)
        changes = [self._event("pusher:member_removed", member) for member in left]
        changes += [self._event("pusher:member_added", member) for member in joined]
        return self._event(name, dict(self.members.mapping)), changes

    def read(self, frame: Frame) -> Event | None:
        """Read another protocol event of a subscribed channel; None for what there is not, or is nonsense."""
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
        before = len(members.mapping)
        match frame.event:
            case "pusher_internal:member_added":
                name, member = "pusher:member_added", members.add(decode_data(frame.data))
            case "pusher_internal:member_updated":
                # Some servers say by this name what others say by adding the member again.
                member = members.add(decode_data(frame.data))
                name = "pusher:member_updated" if len(members.mapping) == before else "pusher:member_added"
            case "pusher_internal:member_removed":
                name, member = "pusher:member_removed", members.remove(decode_data(frame.data))
            case _:
                return None
        return None if member is None else self._event(name, member)

    def _event(self, name: str, data: Any, raw: str | None = None) -> Event:
        return Event(name, self._channel, data, None, raw or "")


def is_refusal(frame: Frame) -> bool:
    """Tell whether the server refuses a subscription; one of the two names is unknown on encrypted channels (7.1)."""
    if frame.event == "pusher:subscription_error":
        return True
    return frame.event == "pusher_internal:subscription_error" and not channel_kind(frame.channel or "").encrypted


def read_subscription_count(text: str | None) -> int | None:
    """Read how many subscribers there are: a whole number from 0 to 2^53, or None for anything else."""
    count = json_object(decode_data(text)).get("subscription_count")
    if isinstance(count, bool) or not isinstance(count, int):
        return None
    return count if 0 <= count <= _COUNT_LIMIT else None


def read_subscription_error(text: str | None) -> dict[str, Any]:
    """Read why the server refused: ``type`` and ``error`` cleaned and cut, ``status`` a whole number or None."""
    data = decode_data(text)
    if isinstance(data, str):
        return {"type": "", "error": clean_text(data), "status": None}
    known = json_object(data)
    status = known.get("status")
    if isinstance(status, bool) or not isinstance(status, int):
        status = None
    return {"type": clean_text(known.get("type")), "error": clean_text(known.get("error")), "status": status}
