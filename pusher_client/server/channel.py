"""A channel of the server: subscribers, members and the cached event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pusher_client.protocol.names import ChannelKind, channel_kind, check_channel_name
from pusher_client.server import frames

__all__ = ["SERVER_TO_USER", "Channel", "Member", "Send", "check_destination", "check_user_id"]

SERVER_TO_USER = "#server-to-user-"

Send = Callable[[str], None]
"""Sends one frame to a connection, without waiting."""

_USER_ID = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,200}")


def check_user_id(user_id: str) -> None:
    """Check the id of a user.

    Raises:
        ValueError: It is empty, longer than 200 characters, or has a character that is not allowed.
    """
    if not _USER_ID.fullmatch(user_id):
        raise ValueError("a user id has 1 to 200 letters, digits and _ - = @ , . ;")


def check_destination(name: str) -> None:
    """Check a name that events may be published to: a channel's, or ``#server-to-user-`` and a user's id.

    Raises:
        ValueError: The name is not valid.
    """
    if name.startswith(SERVER_TO_USER):
        check_user_id(name.removeprefix(SERVER_TO_USER))
    else:
        check_channel_name(name)


@dataclass(frozen=True, slots=True)
class Member:
    """A user on a presence channel."""

    user_id: str
    user_info: object = None


@dataclass(slots=True)
class _Presence:
    """A member and the connections of this user."""

    member: Member
    sockets: set[str] = field(default_factory=set[str])


class Channel:
    """A channel with its subscribers.

    Attributes:
        name: The channel's name.
        kind: The kind of channel that the name selects.
        last_event: Name and data of the last published event; kept on cache channels only.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: ChannelKind = channel_kind(name)
        self.last_event: tuple[str, str] | None = None
        self._subscribers: dict[str, Send] = {}
        self._present: dict[str, _Presence] = {}

    def __contains__(self, socket_id: str) -> bool:
        return socket_id in self._subscribers

    @property
    def subscription_count(self) -> int:
        """Number of subscribed connections."""
        return len(self._subscribers)

    @property
    def members(self) -> Iterable[Member]:
        """The users on a presence channel, each once."""
        return [presence.member for presence in self._present.values()]

    @property
    def is_unused(self) -> bool:
        """Whether the channel has neither subscribers nor a cached event."""
        return not self._subscribers and self.last_event is None

    def member_of(self, socket_id: str) -> Member | None:
        """Return the member of a connection on a presence channel."""
        return next((each.member for each in self._present.values() if socket_id in each.sockets), None)

    def add(self, socket_id: str, send: Send, member: Member | None = None) -> None:
        """Subscribe a connection; on a presence channel, send ``member_added`` to the others if the user is new."""
        if member is not None:
            if member.user_id not in self._present:
                self.send(frames.member_added(self.name, member.user_id, member.user_info))
            self._present.setdefault(member.user_id, _Presence(member)).sockets.add(socket_id)
        self._subscribers[socket_id] = send

    def remove(self, socket_id: str) -> None:
        """End a subscription; on a presence channel, send ``member_removed`` if it was the user's last."""
        self._subscribers.pop(socket_id, None)
        member = self.member_of(socket_id)
        if member is None:
            return
        sockets = self._present[member.user_id].sockets
        sockets.discard(socket_id)
        if not sockets:
            del self._present[member.user_id]
            self.send(frames.member_removed(self.name, member.user_id))

    def send(self, text: str, *, but: str | None = None) -> None:
        """Send a frame to every subscriber except the connection with the socket id ``but``."""
        for socket_id, send in list(self._subscribers.items()):
            if socket_id != but:
                send(text)

    def presence_data(self) -> dict[str, object]:
        """Return the data of a subscription's acknowledgement (protocol-notes 5.6)."""
        if not self.kind.presence:
            return {}
        users = {member.user_id: member.user_info for member in self.members}
        return {"presence": {"ids": list(users), "hash": users, "count": len(users)}}
