"""Names of channels and events, and what a channel's name says about it (protocol-notes 5.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "CHANNEL_NAME_LIMIT",
    "CLIENT_PREFIX",
    "LONGEST_CHANNEL_NAME",
    "PROTOCOL_PREFIXES",
    "USER_CHANNEL_PREFIX",
    "ChannelKind",
    "channel_kind",
    "check_channel_name",
    "check_client_event_name",
    "is_application_event",
]

PROTOCOL_PREFIXES = ("pusher:", "pusher_internal:")
"""Prefixes of the protocol's own events and of the markers; the hot path tests them itself."""
CLIENT_PREFIX = "client-"
USER_CHANNEL_PREFIX = "#server-to-user-"
CHANNEL_NAME_LIMIT = 164
"""Characters that a channel's name has at most with Pusher."""
LONGEST_CHANNEL_NAME = 200
"""The same on the servers that allow the most."""

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9_\-=@,.;]+")
_EVENT_NAME_LIMIT = 200


def is_application_event(name: str) -> bool:
    """Return whether an event of this name comes from the application, not from the protocol or this library."""
    return not name.startswith(PROTOCOL_PREFIXES)


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """What a channel's name says, read once.

    Attributes:
        authorized: Subscribing takes an authorization.
        encrypted: Events are sealed; decided by the name alone, before any data is looked at.
        presence: The server tells who is there.
        cache: The server keeps the last event.
    """

    authorized: bool
    encrypted: bool
    presence: bool
    cache: bool


def channel_kind(name: str) -> ChannelKind:
    """Read the kind from the prefixes of a channel's name; prefixes are case-sensitive."""
    encrypted = name.startswith("private-encrypted-")
    presence = name.startswith("presence-")
    prefixes = ("cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-")
    return ChannelKind(
        authorized=presence or name.startswith("private-"),
        encrypted=encrypted,
        presence=presence,
        cache=name.startswith(prefixes),
    )


def check_channel_name(name: str, limit: int = LONGEST_CHANNEL_NAME) -> None:
    """Check that a server will accept the name.

    Args:
        name: The channel's name.
        limit: How many characters it may have.

    Raises:
        TypeError: It is not a string.
        ValueError: It is empty, longer than ``limit``, or has a character that channels may not have.
    """
    if not isinstance(name, str):
        raise TypeError(f"a channel name is a string, not {type(name).__name__}")
    if len(name) > limit:
        longest = LONGEST_CHANNEL_NAME
        cure = f"; where the server allows {longest}, give the client channel_name_limit={longest}"
        advice = cure if len(name) <= longest else ""
        raise ValueError(f"the channel name has {len(name)} characters; at most {limit} are allowed{advice}")
    if not _CHANNEL_NAME.fullmatch(name):
        raise ValueError(f"channel name {name!r}: use letters, digits and _ - = @ , . ; only, and at least one of them")


def check_client_event_name(name: str) -> None:
    """Check the name of an event that a client sends (protocol-notes 12).

    Raises:
        TypeError: It is not a string.
        ValueError: It does not start with ``client-``, or is longer than 200 characters.
    """
    if not isinstance(name, str):
        raise TypeError(f"an event name is a string, not {type(name).__name__}")
    if not name.startswith(CLIENT_PREFIX):
        raise ValueError(f"a client event's name starts with 'client-', so {name!r} would be refused")
    if len(name) > _EVENT_NAME_LIMIT:
        raise ValueError(f"the event name has {len(name)} characters; at most {_EVENT_NAME_LIMIT} are allowed")
