"""The body of a request to an endpoint: a form or JSON, with these field names (protocol-notes 6.3 and 6.6)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import msgspec

__all__ = ["BodyFormat"]


class BodyFormat:
    """How a socket id, channels and further fields are written.

    Args:
        json: True for a JSON object, False for a form.
        socket_id_field: The name of the field with the socket id.
        channel_field: The name of the field with the channel's name; None for an endpoint that authenticates users.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A name is empty, cannot be encoded, or is given twice.
    """

    __slots__ = ("_channel_field", "_json", "_socket_id_field")

    def __init__(self, *, json: bool, socket_id_field: str, channel_field: str | None) -> None:
        if not isinstance(json, bool):
            raise TypeError(f"json is True for a JSON request or False for a form, not {type(json).__name__}")
        _check_field("socket_id_field", socket_id_field)
        if channel_field is not None:
            _check_field("channel_field", channel_field)
        if channel_field == socket_id_field:
            raise ValueError("socket_id_field and channel_field are the same; the endpoint needs two fields")
        self._json = json
        self._socket_id_field = socket_id_field
        self._channel_field = channel_field

    @property
    def content_type(self) -> str:
        """The value of the header ``Content-Type``."""
        return "application/json" if self._json else "application/x-www-form-urlencoded"

    def is_reserved(self, name: str) -> bool:
        """Return whether a field is set for every request, so that ``params`` must not have it."""
        channel = self._channel_field
        return name == self._socket_id_field or (
            channel is not None and (name == channel or name.startswith(f"{channel}["))
        )

    def encode(self, socket_id: str, channels: str | Sequence[str] | None, params: Sequence[tuple[str, str]]) -> bytes:
        """Return the body.

        Args:
            socket_id: The socket id.
            channels: One channel, several for a batch, or None for a user.
            params: Names and values of further fields.
        """
        if self._json:
            value = channels if channels is None or isinstance(channels, str) else list(channels)
            fields = {} if self._channel_field is None else {self._channel_field: value}
            return msgspec.json.encode({self._socket_id_field: socket_id, **fields, **dict(params)})
        form = [(self._socket_id_field, socket_id)]
        if isinstance(channels, str):
            form.append((f"{self._channel_field}", channels))
        elif channels is not None:
            form += [(f"{self._channel_field}[{number}]", name) for number, name in enumerate(channels)]
        return urlencode([*form, *params], quote_via=quote, safe="").encode()


def _check_field(option: str, name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{option} is the name of a field, not {type(name).__name__}")
    if not name or not name.isprintable():
        raise ValueError(f"{option} is empty or has a character that cannot be sent")
