"""Whom a ``pusher:error`` inside the link concerns besides the connection (protocol-notes 4.3, 5.4 and 12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pusher_client.events import ServerError
from pusher_client.protocol.client_events import ClientEvents
from pusher_client.protocol.subscription import Subscription

__all__ = ["CLIENT_EVENT_REJECTED", "tell_concerned"]

_UNAUTHORIZED = 4009
CLIENT_EVENT_REJECTED = 4301


def tell_concerned(
    error: ServerError,
    channel: str | None,
    subscriptions: Mapping[str, Subscription],
    client_events: ClientEvents,
    now: float,
) -> Iterator[Subscription]:
    """Tell the subscriptions that an error concerns, and yield each whose deadline may have moved.

    Args:
        error: What the server said.
        channel: The channel that the frame names; most servers name none.
        subscriptions: What is wanted, by name.
        client_events: What was sent of late.
        now: The time.
    """
    if error.code == CLIENT_EVENT_REJECTED:
        name = client_events.only_channel(now) if channel is None else channel
        sender = subscriptions.get(name or "")
        if sender is not None:
            sender.client_event_rejected(error)
    elif error.code in (None, _UNAUTHORIZED):
        for name, subscription in subscriptions.items():
            if channel in (None, name):
                if error.code == _UNAUTHORIZED:
                    subscription.suspect(now, named=channel is not None)
                elif channel is not None or subscription.frames.kind.authorized:
                    subscription.doubt(now, error.message)
                yield subscription
