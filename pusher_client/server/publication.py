"""What a publisher makes of an event before it sends it: JSON, sealed where the channel is encrypted."""

from __future__ import annotations

import secrets

import msgspec

from pusher_client.protocol.encryption import NONCE_BYTES, seal
from pusher_client.protocol.names import channel_kind
from pusher_client.server.application import Application
from pusher_client.server.channel import SERVER_TO_USER, check_destination

__all__ = ["publication"]

NAME_LIMIT = 200


def publication(application: Application, channel: str, event: str, data: object) -> str:
    """Return the text that an event carries on the wire.

    Args:
        application: Whose master key seals, and whose limit holds.
        channel: A channel's name, or ``#server-to-user-`` and the id of a user.
        event: The event's name.
        data: A string as it is, anything else as its JSON.

    Raises:
        TypeError: The data has no JSON, or a name is no string.
        ValueError: A name does not have its form, or the text is too long.
    """
    check_destination(channel)
    if not isinstance(event, str):
        raise TypeError(f"an event's name is a string, not {type(event).__name__}")
    if not 1 <= len(event) <= NAME_LIMIT:
        raise ValueError(f"an event's name has 1 to {NAME_LIMIT} characters")
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    if not channel.startswith(SERVER_TO_USER) and channel_kind(channel).encrypted:
        text = seal(text, secrets.token_bytes(NONCE_BYTES), application.shared_secret(channel))
    limit = application.settings.event_limit
    if len(text.encode()) > limit:
        raise ValueError(f"the event's data has more than {limit} bytes")
    return text
