"""The members of a presence channel (protocol-notes 5.6)."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from itertools import filterfalse
from types import MappingProxyType
from typing import Any, cast

from pusher_client.events import Event, Member
from pusher_client.protocol.byte_budget import decoded_bytes
from pusher_client.protocol.frames import decode_data, json_object, user_id_text
from pusher_client.protocol.output_queue import EventSource

__all__ = ["MemberChanges", "Members"]


class Members:
    """The members of one presence channel, by id; ids are strings whatever the server sends.

    Args:
        limit: Bytes that members may take who are added to those of an acknowledgement (promise R6).
    """

    __slots__ = ("_added", "_bytes", "_limit", "_members", "_my_id", "_share")

    def __init__(self, limit: float = math.inf) -> None:
        self._limit = limit
        self._bytes = 0.0
        self._share = 0.0
        self._added: dict[str, int] = {}
        self._members: dict[str, Any] = {}
        self._my_id: str | None = None

    def __len__(self) -> int:
        return len(self._members)

    @property
    def mapping(self) -> Mapping[str, Any]:
        """A read-only view of id to info, which follows all changes."""
        return MappingProxyType(self._members)

    @property
    def me(self) -> Member | None:
        """The member that this client is, once subscribed."""
        my_id = self._my_id
        if my_id is None or my_id not in self._members:
            return None
        return Member(my_id, self._members[my_id])

    def authorized(self, channel_data: str | None, user_id: str | None = None) -> None:
        """Learn from the authorization who this client is; without ``channel_data`` it is the signed-in user."""
        named = user_id_text(json_object(decode_data(channel_data)).get("user_id"))
        self._my_id = user_id if channel_data is None else named

    def replace(self, text: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Take the members that an acknowledgement lists; return the members before, and those now."""
        before, now = self._members.copy(), _read_members(decode_data(text))
        self._members.clear()
        self._members.update(now)
        # The size of a member is known from its text only. Those of one list are taken to be of equal size.
        self._bytes = float(decoded_bytes(text or ""))
        self._share = self._bytes / max(1, len(now))
        self._added.clear()
        return before, now

    def add(self, text: str | None) -> Member | None:
        """Take a ``member_added``; return the member, or None if nothing is new, no id is given or there is no room."""
        known = json_object(decode_data(text))
        id_, info = user_id_text(known.get("user_id")), known.get("user_info")
        if id_ is None or (id_ in self._members and self._members[id_] == info):
            return None
        size = decoded_bytes(text or "")
        grown = self._bytes + size - self._size(id_)
        if grown > max(self._limit, self._bytes):
            return None
        self._bytes = grown
        self._added[id_] = size
        self._members[id_] = info
        return Member(id_, info)

    def remove(self, text: str | None) -> Member | None:
        """Take a ``member_removed``; return the member, or None if it is unknown."""
        id_ = user_id_text(json_object(decode_data(text)).get("user_id"))
        if id_ is None or id_ not in self._members:
            return None
        self._bytes -= self._size(id_)
        self._added.pop(id_, None)
        return Member(id_, self._members.pop(id_))

    def _size(self, id_: str) -> float:
        return self._added.get(id_, self._share) if id_ in self._members else 0.0


class MemberChanges(EventSource):
    """The events of members that changed between two acknowledgements: first those removed, then those added.

    A member whose info changed is added again. Unchanged members are skipped in C, since there may be 100,000.

    Args:
        channel: The channel's name.
        before: The members before, by id; it is not changed by anybody.
        now: The same for the members of the new acknowledgement.
    """

    __slots__ = ("_events",)

    def __init__(self, channel: str, before: dict[str, Any], now: dict[str, Any]) -> None:
        super().__init__(channel)
        self._events = self._changes(before, now)

    def next_event(self) -> Event | None:
        """Make the next event; return None when there are no more."""
        return next(self._events, None)

    def discard(self) -> int:
        """Drop the remaining events, none of which is an application event."""
        self._events.close()
        return 0

    def _changes(self, before: dict[str, Any], now: dict[str, Any]) -> Generator[Event, None, None]:
        for id_ in filterfalse(now.__contains__, before):
            yield Event("pusher:member_removed", self.channel, Member(id_, before[id_]))
        for id_, info in filterfalse(before.items().__contains__, now.items()):
            yield Event("pusher:member_added", self.channel, Member(id_, info))


def _read_members(data: object) -> dict[str, Any]:
    """Return infos by id; a member that only one of ``ids`` and ``hash`` has is a member, too."""
    presence = json_object(json_object(data).get("presence"))
    listed = _read_ids(presence.get("ids"))
    known: object = presence.get("hash")
    if isinstance(known, list):
        # PHP writes an array whose keys are 0, 1, 2 and so on as a list, and an empty one, too.
        infos = cast("list[object]", known)
        known = dict(zip(listed or map(str, range(len(infos))), infos, strict=False))
    members: dict[str, Any] = dict.fromkeys(listed)
    members.update(json_object(known))
    return members


def _read_ids(ids: object) -> list[str]:
    if not isinstance(ids, list):
        return []
    values = cast("list[object]", ids)
    if set(map(type, values)) <= {str}:
        return cast("list[str]", values)
    return [id_ for id_ in map(user_id_text, values) if id_ is not None]
