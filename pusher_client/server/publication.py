"""The text of an event to publish: JSON, encrypted on encrypted channels."""

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
    """Return the text of an event as it is sent.

    Args:
        application: Has the master key and the size limit.
        channel: A channel's name, or ``#server-to-user-`` and the id of a user.
        event: The event's name.
        data: A string, or a value that is encoded as JSON.

    Raises:
        TypeError: The data cannot be encoded as JSON, or a name is not a string.
        ValueError: A name is not valid, or the text is too long.
    """
    check_destination(channel)
    if not isinstance(event, str):
        raise TypeError(f"an event's name must be a string, not {type(event).__name__}")
    if not 1 <= len(event) <= NAME_LIMIT:
        raise ValueError(f"an event's name has 1 to {NAME_LIMIT} characters")
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    if not channel.startswith(SERVER_TO_USER) and channel_kind(channel).encrypted:
        text = seal(text, secrets.token_bytes(NONCE_BYTES), application.shared_secret(channel))
    limit = application.settings.event_limit
    if len(text.encode()) > limit:
        raise ValueError(f"the event's data has more than {limit} bytes")
    return text
