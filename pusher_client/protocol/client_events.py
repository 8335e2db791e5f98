"""The rules of events that a client sends (protocol-notes 12)."""

from __future__ import annotations

from typing import Any

from pusher_client.events import SubscriptionState
from pusher_client.exceptions import NotConnectedError, SubscriptionError, UnsupportedError
from pusher_client.protocol.frames import client_event_frame
from pusher_client.protocol.names import channel_kind, check_client_event_name

__all__ = ["client_event_text"]


def client_event_text(channel: str, event: str, data: Any, *, linked: bool, state: SubscriptionState) -> str:
    """Return the text that sends a client event.

    Args:
        channel: The channel's name.
        event: The event's name.
        data: What JSON can express.
        linked: Whether there is a link to send it on.
        state: Where the channel stands.

    Raises:
        TypeError: ``data`` cannot be written as JSON.
        ValueError: The event's name is not one for clients.
        NotConnectedError: There is no link.
        UnsupportedError: The channel is encrypted or public, where there are no client events.
        SubscriptionError: The channel is not subscribed.
    """
    check_client_event_name(event)
    if not linked:
        raise NotConnectedError("there is no link to send a client event on")
    kind = channel_kind(channel)
    if kind.encrypted or not kind.authorized:
        word = "encrypted" if kind.encrypted else "public"
        raise UnsupportedError(f"{channel}: there are no client events on {word} channels")
    if state is not SubscriptionState.SUBSCRIBED:
        raise SubscriptionError(channel, "subscribe before triggering client events")
    return client_event_frame(channel, event, data)
