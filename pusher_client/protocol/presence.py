"""Who is on a presence channel (protocol-notes 5.6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from pusher_client.events import Member
from pusher_client.protocol.byte_budget import BYTES_PER_VALUE, text_bytes, value_bytes
from pusher_client.protocol.frames import decode_data, json_object

__all__ = ["Members"]


class Members:
    """The members of one presence channel, by id; ids are strings whatever the server sends.

    Args:
        limit: How many bytes those may take who are added to what an acknowledgement lists (promise R6).
    """

    __slots__ = ("_bytes", "_limit", "_members", "_my_id")

    def __init__(self, limit: float = math.inf) -> None:
        self._limit = limit
        self._bytes = 0
        self._members: dict[str, Any] = {}
        self._my_id: str | None = None

    @property
    def mapping(self) -> Mapping[str, Any]:
        """A read-only view of id to info; it follows what happens."""
        return MappingProxyType(self._members)

    @property
    def me(self) -> Member | None:
        """The member that this client is, once subscribed."""
        my_id = self._my_id
        if my_id is None or my_id not in self._members:
            return None
        return Member(my_id, self._members[my_id])

    def authorized(self, channel_data: str | None, user_id: str | None = None) -> None:
        """Learn from the authorization who this client is; without ``channel_data`` it is who signed in."""
        named = member_id(json_object(decode_data(channel_data)).get("user_id"))
        self._my_id = user_id if channel_data is None else named

    def replace(self, data: object) -> tuple[list[Member], list[Member]]:
        """Take the members that an acknowledgement lists; return who left, and who joined or changed since the last."""
        now = _read_members(data)
        left = [Member(id_, info) for id_, info in self._members.items() if id_ not in now]
        joined = [Member(id_, info) for id_, info in now.items() if not self._knows(id_, info)]
        self._members.clear()
        self._members.update(now)
        self._bytes = sum(_bytes(id_, info) for id_, info in now.items())
        return left, joined

    def add(self, data: object) -> Member | None:
        """Take a ``member_added``; return the member, or None when nothing is new, or there is nonsense or no room."""
        known = json_object(data)
        id_, info = member_id(known.get("user_id")), known.get("user_info")
        if id_ is None:
            return None
        if self._knows(id_, info):
            return None
        grown = self._bytes + _bytes(id_, info)
        if id_ in self._members:
            grown -= _bytes(id_, self._members[id_])
        if grown > max(self._limit, self._bytes):
            return None
        self._bytes = grown
        self._members[id_] = info
        return Member(id_, info)

    def remove(self, data: object) -> Member | None:
        """Take a ``member_removed``; return the member, or None when nobody knew of it."""
        id_ = member_id(json_object(data).get("user_id"))
        if id_ is None or id_ not in self._members:
            return None
        info = self._members.pop(id_)
        self._bytes -= _bytes(id_, info)
        return Member(id_, info)

    def _knows(self, id_: str, info: object) -> bool:
        return id_ in self._members and self._members[id_] == info


def _bytes(id_: str, info: object) -> int:
    return BYTES_PER_VALUE + text_bytes(id_) + value_bytes(info)


def member_id(value: object) -> str | None:
    """Return a user's id as a string; some applications number their users."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _read_members(data: object) -> dict[str, Any]:
    presence = json_object(json_object(data).get("presence"))
    # PHP servers write an empty hash as an empty list.
    known = json_object(presence.get("hash"))
    ids = presence.get("ids")
    listed = [member_id(id_) for id_ in cast("list[object]", ids)] if isinstance(ids, list) else []
    # Whoever stands in one of the two only is there as well.
    return {id_: known.get(id_) for id_ in (*listed, *known) if id_ is not None}
