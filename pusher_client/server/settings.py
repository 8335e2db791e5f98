"""Features and limits of the server's application."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Settings of Pusher's dashboard, and limits.

    Attributes:
        enabled: Whether clients are accepted; else they are refused with 4003.
        subscription_counts: Whether changes of a channel's number of subscriptions are sent to its subscribers.
        client_events: Whether client events are relayed; else they are refused with 4301.
        connection_limit: Maximum number of connections; more are refused with 4004. None for no limit.
        client_event_rate: Maximum number of client events of a connection in any second; None for no limit.
        event_limit: Maximum size in bytes of an event's data.

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
            raise ValueError(
                "connection_limit, client_event_rate and event_limit must be at least 1, or None for no limit"
            )
