"""The numbers a connection works with, checked when they are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from pusher_client.protocol.checks import is_integer, seconds_problem
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.names import CHANNEL_NAME_LIMIT, LONGEST_CHANNEL_NAME
from pusher_client.protocol.reconnect import ReconnectPolicy

__all__ = ["BATCH_SIZE", "ConnectionSettings"]

BATCH_SIZE = 100
"""How many channels one call of a batch authorizer is asked for at most."""

_MOST_PER_SECOND = 1_000_000

_TIMEOUTS = (
    "activity_timeout",
    "pong_timeout",
    "connect_timeout",
    "unavailable_timeout",
    "subscribe_timeout",
    "authorization_timeout",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Timeouts in seconds, sizes in bytes, and the two policies; the names are those of ``PusherClient``.

    ``batch_size`` is how many channels one call of a batch authorizer may be asked for; None for one call per channel.
    Callers cannot choose it.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A number is out of its range.
    """

    activity_timeout: float = 120.0
    pong_timeout: float = 30.0
    connect_timeout: float = 15.0
    unavailable_timeout: float = 10.0
    subscribe_timeout: float = 30.0
    authorization_timeout: float = 10.0
    batch_size: int | None = None
    reconnect: ReconnectPolicy = field(default_factory=ReconnectPolicy)
    key_rotation: KeyRotationPolicy = field(default_factory=KeyRotationPolicy)
    buffer_bytes: int = 64 * 1024 * 1024
    max_message_size: int = 1024 * 1024
    channel_name_limit: int = CHANNEL_NAME_LIMIT
    client_events_per_second: int | None = None
    client_event_limit: int | None = None
    tls: bool = True
    retry_initial: bool = False

    def __post_init__(self) -> None:
        for name in _TIMEOUTS:
            problem = seconds_problem(name, getattr(self, name))
            if problem is not None:
                raise problem
        for name in ("buffer_bytes", "max_message_size"):
            value = getattr(self, name)
            if not is_integer(value):
                raise TypeError(f"{name} is a whole number of bytes")
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        self._check_limits()
        if not isinstance(self.reconnect, ReconnectPolicy):
            raise TypeError("reconnect takes a ReconnectPolicy")
        if not isinstance(self.key_rotation, KeyRotationPolicy):
            raise TypeError("key_rotation takes a KeyRotationPolicy")

    def _check_limits(self) -> None:
        if not isinstance(self.retry_initial, bool):
            raise TypeError("retry_initial is True or False")
        length, rate, size = self.channel_name_limit, self.client_events_per_second, self.client_event_limit
        if not is_integer(length):
            raise TypeError("channel_name_limit is a whole number of characters")
        if not CHANNEL_NAME_LIMIT <= length <= LONGEST_CHANNEL_NAME:
            span = f"{CHANNEL_NAME_LIMIT} to {LONGEST_CHANNEL_NAME}"
            raise ValueError(f"channel_name_limit must be {span}, the most that a server allows, not {length}")
        if rate is not None and not is_integer(rate):
            raise TypeError("client_events_per_second is a whole number, or None for no limit")
        if rate is not None and not 1 <= rate <= _MOST_PER_SECOND:
            span = f"1 to {_MOST_PER_SECOND}"
            raise ValueError(f"client_events_per_second must be {span}, or None for no limit, not {rate}")
        if size is not None and not is_integer(size):
            raise TypeError("client_event_limit is a whole number of bytes, or None for 10 kB of data")
        if size is not None and size < 1:
            raise ValueError(f"client_event_limit must be at least 1, or None for 10 kB of data, not {size}")
