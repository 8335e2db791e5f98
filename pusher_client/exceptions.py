"""The errors of the library, each named for whose fault it is.

::

    PusherError
    ├── ConnectError(code, reason)          the connection failed and is not retried
    ├── NotConnectedError                   there is no link to send on
    ├── SubscriptionError(channel)          a channel could not be subscribed
    │   └── AuthorizationError(channel, status, retry_after)
    ├── DecryptionError(channel, event_name, reason)
    ├── RateLimitError(channel, retry_after) more client events in a second than the client was allowed
    ├── UnsupportedError                    the protocol has no such thing
    └── ProtocolError                       the server said something that is not the protocol

A mistake of the caller is a ``ValueError``, ``TypeError`` or ``RuntimeError`` instead. No message here carries a key,
a signature or a payload.
"""

from __future__ import annotations

import re
from typing import TypeVar

__all__ = [
    "AuthorizationError",
    "ConnectError",
    "DecryptionError",
    "NotConnectedError",
    "ProtocolError",
    "PusherError",
    "RateLimitError",
    "SubscriptionError",
    "UnsupportedError",
]

_Error = TypeVar("_Error", bound=BaseException)


def _with_number(text: str, number: int | None, form: str) -> str:
    """Append a code or status, unless the text has it already."""
    if number is None or str(number) in re.findall(r"[0-9]+", text):
        return text
    return f"{text} {form.format(number)}"


class PusherError(Exception):
    """The base of every error that this library raises on behalf of the network."""


class ConnectError(PusherError):
    """The connection failed, and retrying unchanged would not help.

    Attributes:
        code: The WebSocket close code or the HTTP status that ended it; None when there was neither.
        reason: What the server or the network said.
    """

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return _with_number(self.reason, self.code, "({})")


class NotConnectedError(PusherError):
    """There is no link: call ``connect()`` first, or wait until it is back."""


class SubscriptionError(PusherError):
    """A channel could not be subscribed.

    Attributes:
        channel: The channel's name; None where an authorization answer was read without one.
    """

    def __init__(self, channel: str | None, message: str = "the subscription failed") -> None:
        super().__init__(channel, message)
        self.channel = channel
        self.message = message

    def __str__(self) -> str:
        return self.message if self.channel is None else f"{self.channel}: {self.message}"


class AuthorizationError(SubscriptionError):
    """The authorizer refused, or answered something that cannot be used.

    Raise it from an authorizer of your own to refuse: status 401 and 403 are final, 408, 425, 429 and 5xx are tried
    again.

    Attributes:
        status: The HTTP status, or the status that the server sent; None when there was none.
        retry_after: Seconds that the endpoint asked to wait, if it did.
    """

    def __init__(
        self,
        channel: str | None,
        message: str = "the authorization was refused",
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(channel, message)
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        return _with_number(super().__str__(), self.status, "(status {})")


class DecryptionError(PusherError):
    """An event on an encrypted channel could not be opened; carries neither key nor content.

    Attributes:
        channel: The channel's name.
        event_name: The event's name, which is not authenticated.
        reason: The word of ``DecryptionFailureReason``.
    """

    def __init__(self, channel: str, event_name: str, reason: str) -> None:
        super().__init__(channel, event_name, reason)
        self.channel = channel
        self.event_name = event_name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.channel}: event {self.event_name!r} could not be opened: {self.reason}"


class RateLimitError(PusherError):
    """A client event was not sent: ``client_events_per_second`` had been sent in the last second.

    Attributes:
        channel: The channel's name.
        retry_after: Seconds after which the next one may be sent.
    """

    def __init__(self, channel: str, retry_after: float) -> None:
        super().__init__(channel, retry_after)
        self.channel = channel
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.channel}: too many client events in a second; wait {self.retry_after:.3f} s"


class UnsupportedError(PusherError):
    """The protocol offers no such thing, as client events on an encrypted channel."""


class ProtocolError(PusherError):
    """The server said something that is not the protocol."""


def bare(error: _Error) -> _Error:
    """Return the error without the frames, cause and context it gathered, in whose variables secrets are (C3).

    It is to be raised anew, outside the ``except`` block, by a frame that holds none.
    """
    error.__cause__ = None
    error.__context__ = None
    return error.with_traceback(None)
