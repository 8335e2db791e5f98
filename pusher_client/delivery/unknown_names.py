"""Warnings for handlers that are bound to names which no event of the protocol has."""

from __future__ import annotations

import difflib
import logging

from pusher_client.events import ConnectionState

__all__ = ["warn_of_connection_name", "warn_of_event_name"]

_PREFIX = "pusher:"
_ESTABLISHED = "pusher:connection_established"
_LONGEST_NAME_LOGGED = 200
_EVENTS = (
    "pusher:subscription_succeeded",
    "pusher:subscription_error",
    "pusher:subscription_count",
    "pusher:member_added",
    "pusher:member_removed",
    "pusher:member_updated",
    "pusher:cache_miss",
    "pusher:error",
    "pusher:signin_success",
    "pusher:signin_error",
    "pusher:decryption_failure",
    "pusher:gap",
    "pusher:overflow",
)
_CONNECTION_EVENTS = ("state_change", "connecting_in", "error", *(state.value for state in ConnectionState))

_logger = logging.getLogger("pusher_client")


def warn_of_event_name(name: str) -> None:
    """Log a warning if a channel, the client or the user has no event of this ``pusher:`` name."""
    if name == _ESTABLISHED:
        _logger.warning("no channel gets %r: use client.connection.bind('connected', …)", name)
    elif name.startswith(_PREFIX) and name not in _EVENTS:
        _logger.warning("there is no event %r: the nearest name is %r", *_shown(name, name, _EVENTS))


def warn_of_connection_name(name: str) -> None:
    """Log a warning if ``client.connection`` is given a ``pusher:`` name, since its own events have no prefix."""
    if name == _ESTABLISHED:
        _logger.warning("client.connection has no event %r: bind 'connected'", name)
    elif name.startswith(_PREFIX):
        words = _shown(name, name.removeprefix(_PREFIX), _CONNECTION_EVENTS)
        _logger.warning("client.connection has no event %r: the nearest name is %r", *words)


def _shown(name: str, word: str, known: tuple[str, ...]) -> tuple[str, str]:
    """Return the name, cut for the log, and the known name that is nearest to the word."""
    return name[:_LONGEST_NAME_LOGGED], difflib.get_close_matches(word[:_LONGEST_NAME_LOGGED], known, 1, 0)[0]
