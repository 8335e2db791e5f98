"""What the server's application allows, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """The settings that Pusher keeps in its dashboard, and its limits.

    Attributes:
        enabled: Without it, clients are refused with 4003.
        subscription_counts: Every change of a channel's number of subscriptions is told to its subscribers.
        client_events: Clients may send each other events; without it, these are refused with 4301.
        connection_limit: How many clients may be connected; more are refused with 4004. None is no limit.
        client_event_rate: How many client events a connection may send in any second. None is no limit.
        event_limit: How many bytes the data of one event may have.

    Raises:
        ValueError: A limit is less than 1.
    """

    enabled: bool = True
    subscription_counts: bool = False
    client_events: bool = True
    connection_limit: int | None = None
    client_event_rate: int | None = None
    event_limit: int = 10_240

    def __post_init__(self) -> None:
        limits = (self.connection_limit, self.client_event_rate, self.event_limit)
        if any(limit is not None and limit < 1 for limit in limits):
            raise ValueError("connection_limit, client_event_rate and event_limit are at least 1, or None for no limit")
