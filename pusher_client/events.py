"""The values that users hold: events, markers, states and counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import msgspec

from pusher_client.exceptions import DecryptionError

__all__ = [
    "MARKERS",
    "ChannelStats",
    "ClientStats",
    "ConnectionState",
    "DecryptionFailure",
    "DecryptionFailureReason",
    "Event",
    "Gap",
    "Member",
    "Overflow",
    "ServerError",
    "StateChange",
    "SubscriptionState",
]

DECRYPTION_FAILURE = "pusher:decryption_failure"
GAP = "pusher:gap"
OVERFLOW = "pusher:overflow"

_ID_BYTES = 16

MARKERS = (DECRYPTION_FAILURE, GAP, OVERFLOW)
"""The names of the three events that mark a loss; they are made here and never accepted from a server."""


class ConnectionState(StrEnum):
    """The state of the connection, in Pusher's own words (protocol-notes 3.1)."""

    INITIALIZED = "initialized"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    DISCONNECTED = "disconnected"


class SubscriptionState(StrEnum):
    """The state of one channel (protocol-notes 5.1)."""

    UNSUBSCRIBED = "unsubscribed"
    AUTHORIZING = "authorizing"
    SUBSCRIBING = "subscribing"
    SUBSCRIBED = "subscribed"
    FAILED = "failed"


class DecryptionFailureReason(StrEnum):
    """Why an event on an encrypted channel was not delivered (protocol-notes 7.4)."""

    MALFORMED = "malformed"
    WRONG_KEY = "wrong_key"
    AUTHORIZATION_FAILED = "authorization_failed"
    REFRESH_SUSPENDED = "refresh_suspended"
    BACKLOG_OVERFLOW = "backlog_overflow"
    INVALID_UTF8 = "invalid_utf8"


def encrypted_event_id(channel: str, seal: bytes) -> str:
    """Return the id of an event on an encrypted channel: a hash of the channel, the nonce and the tag.

    The nonce alone would not do: a publisher may use one twice, and two channels may share a key (design.md 10).

    Args:
        channel: The channel's name.
        seal: The nonce (24 bytes) and the tag (16 bytes), joined.
    """
    return blake2b(channel.encode() + b"\0" + seal, digest_size=_ID_BYTES).hexdigest()


class Event(msgspec.Struct, frozen=True):
    """One event, as every handler and stream gets it.

    Two events are equal if these attributes are, ``id`` excepted.

    Attributes:
        name: The event's name. On an encrypted channel the name is not authenticated (protocol-notes 9).
        channel: The channel's name, or None for what belongs to no channel.
        data: The decoded JSON, or the string where it is not JSON; for the library's own markers a value of this
            module.
        user_id: The sender of a client event on a presence channel; always None on an encrypted channel.
        raw: The string that was decoded: on an encrypted channel the plaintext, and ``""`` for protocol events there.
        id: For an application event on an encrypted channel 32 hexadecimal digits, a hash of channel, nonce and tag,
            which is the same for every subscriber. None elsewhere: Pusher's plain events have no id.
    """

    name: str
    channel: str | None
    data: Any = None
    user_id: str | None = None
    raw: str = ""
    _id: str | bytes | None = None
    """The id, or nonce and tag: most readers never ask for the id, so it is computed when one does."""

    @property
    def id(self) -> str | None:
        """See the attributes of the class."""
        if isinstance(self._id, bytes):
            return encrypted_event_id(self.channel or "", self._id)
        return self._id

    def _content(self) -> tuple[str, str | None, Any, str | None, str]:
        return self.name, self.channel, self.data, self.user_id, self.raw

    def __eq__(self, other: object) -> bool:
        return self._content() == other._content() if isinstance(other, Event) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._content())

    def __repr__(self) -> str:
        name, channel, data, user_id, raw = self._content()
        return f"Event({name=!r}, {channel=!r}, {data=!r}, {user_id=!r}, {raw=!r})"


@dataclass(frozen=True, slots=True)
class Gap:
    """Events may be missing here: the channel was not subscribed for a while.

    Attributes:
        channel: The channel's name.
        last_received_at: When the last frame of any kind came on the lost link; the loss may begin there.
        disconnected_at: When the subscription was lost.
        resubscribed_at: When it was back. All three are aware, in UTC.
    """

    channel: str
    last_received_at: datetime
    disconnected_at: datetime
    resubscribed_at: datetime


@dataclass(frozen=True, slots=True)
class Overflow:
    """Events were refused here because a queue was full.

    Attributes:
        channel: The channel's name, or None for a queue that serves all channels.
        dropped: How many events were refused.
    """

    channel: str | None
    dropped: int


@dataclass(frozen=True, slots=True)
class DecryptionFailure:
    """An event on an encrypted channel that could not be opened.

    Attributes:
        channel: The channel's name.
        event_name: The event's name, which is not authenticated.
        reason: Why.
        raw: The unauthenticated data as it came. Trust nothing in it.
        id: The same as `Event.id` would be if the event had been opened; None if the data is malformed.
    """

    channel: str
    event_name: str
    reason: DecryptionFailureReason
    raw: str = field(repr=False)
    id: str | None = field(default=None, repr=False, compare=False)

    @property
    def error(self) -> DecryptionError:
        """The same as an exception, to be raised by those who prefer that."""
        return DecryptionError(self.channel, self.event_name, self.reason)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a presence channel.

    Attributes:
        id: The user's id, always a string.
        info: What the authorization endpoint said of the user; None when it said nothing.
    """

    id: str
    info: Any = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """The connection went from one state to another."""

    previous: ConnectionState
    current: ConnectionState


@dataclass(frozen=True, slots=True)
class ServerError:
    """A ``pusher:error`` that the server sent inside the link.

    Attributes:
        code: The error's code, or None when the server gave none.
        message: The server's words, cut to 200 characters.
    """

    code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class ChannelStats:
    """What became of a channel's application events: ``received`` is the sum of the four counts after it.

    Attributes:
        received: Application events that arrived while subscribed.
        delivered: Accepted by every consumer there was, none included.
        dropped: Refused by a full queue, or discarded by ``unsubscribe()``.
        undecryptable: Ended as ``pusher:decryption_failure``.
        waiting: Held for a key.
        key_refreshes: Authorization requests made for a new key.
    """

    received: int
    delivered: int
    dropped: int
    undecryptable: int
    waiting: int
    key_refreshes: int


@dataclass(frozen=True, slots=True)
class ClientStats:
    """How a client does. The counts only grow, also over reconnects, ``waiting`` and ``silence`` excepted.

    The first six are the sums of `ChannelStats` over all channels, those with no handle left included; ``received`` is
    the sum of the four counts after it.

    Attributes:
        received: Application events that arrived on subscribed channels.
        delivered: Accepted by every consumer there was, none included.
        dropped: Refused by a full queue, or discarded by ``unsubscribe()``.
        undecryptable: Ended as ``pusher:decryption_failure``.
        waiting: Held for a key.
        key_refreshes: Authorization requests made for a new key.
        connects: Number of connections established: one more than the number of reconnects.
        wanted: Number of channels to be subscribed now, without those that were refused.
        subscribed: How many of them are.
        silence: Seconds since the server last sent anything, a pong included; infinite without a connection to it since
            ``connect()``.
    """

    received: int
    delivered: int
    dropped: int
    undecryptable: int
    waiting: int
    key_refreshes: int
    connects: int
    wanted: int
    subscribed: int
    silence: float
