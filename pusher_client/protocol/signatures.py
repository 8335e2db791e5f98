"""What an authorization is, how it is signed, and how an endpoint's answer is read (protocol-notes 6)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self, TypeVar, cast

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.conditions import Retry, authorization_condition

__all__ = [
    "SECRET_BYTES",
    "ChannelAuthorization",
    "UserAuthentication",
    "check_socket_id",
    "decode_base64",
    "derive_shared_secret",
    "retryable_status",
    "sign_channel",
    "sign_user",
]

SECRET_BYTES = 32

_SOCKET_ID = re.compile(r"[0-9]+\.[0-9]+")

_Class = TypeVar("_Class")


def _not_written_out(cls: type[_Class]) -> type[_Class]:
    """Take away the list of fields, by which asdict(), msgspec and others would write the values out (promise C3)."""
    delattr(cls, "__dataclass_fields__")
    return cls


@_not_written_out
@dataclass(frozen=True, slots=True, init=False)
class ChannelAuthorization:
    """Authorization to subscribe one channel on one socket.

    Args:
        auth: The application key and the signature, joined by a colon.
        channel_data: For a presence channel the JSON text that was signed, kept to the byte.
        shared_secret: For an encrypted channel the key, 32 raw bytes. It is never sent to the Channels server.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: ``auth`` is empty, or ``shared_secret`` is not 32 bytes long.

    None of the values stands in the ``repr``, and pickling is refused, as is ``dataclasses.asdict()``. See
    protocol-notes 6.1.
    """

    auth: str = field(repr=False)
    channel_data: str | None = field(repr=False)
    shared_secret: bytes | None = field(repr=False)

    def __init__(self, auth: str, *, channel_data: str | None = None, shared_secret: bytes | None = None) -> None:
        problem = _channel_problem(auth, channel_data, shared_secret)
        if problem is not None:
            # What a frame no longer holds, no report of the exception's frames can print (promise C3).
            del auth, channel_data, shared_secret
            raise problem
        object.__setattr__(self, "auth", auth)
        object.__setattr__(self, "channel_data", channel_data)
        object.__setattr__(self, "shared_secret", shared_secret)

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle would carry the secret to places that nobody watches."""
        raise TypeError("a ChannelAuthorization holds a secret and is not pickled")

    @classmethod
    def from_response(cls, response: Mapping[str, Any]) -> Self:
        """Read and check the JSON object that an authorization endpoint answered.

        Args:
            response: A mapping with ``auth``, and where the channel asks for it ``channel_data`` (a string) and
                ``shared_secret`` (32 bytes in canonical base64; the official Python library hands it out as ASCII
                bytes, which is read too).

        Raises:
            AuthorizationError: Something is missing or wrong; the message says what, never its value.
        """
        problem = _channel_answer_problem(response)
        if problem is not None:
            del response
            raise AuthorizationError(None, problem)
        encoded = response.get("shared_secret")
        return cls(
            response["auth"],
            channel_data=response.get("channel_data"),
            shared_secret=None if encoded is None else decode_base64(encoded),
        )


@_not_written_out
@dataclass(frozen=True, slots=True, init=False)
class UserAuthentication:
    """Authorization to sign a user in on one socket (protocol-notes 6.4).

    Args:
        auth: The application key and the signature, joined by a colon.
        user_data: The JSON text that was signed, kept to the byte; an object with a string ``id``.

    Raises:
        TypeError: An argument is not a string.
        ValueError: ``auth`` is empty.
    """

    auth: str = field(repr=False)
    user_data: str = field(repr=False)

    def __init__(self, auth: str, user_data: str) -> None:
        problem = _user_problem(auth, user_data)
        if problem is not None:
            del auth, user_data
            raise problem
        object.__setattr__(self, "auth", auth)
        object.__setattr__(self, "user_data", user_data)

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle would carry the signature to places that nobody watches."""
        raise TypeError("a UserAuthentication holds a signature and is not pickled")

    @classmethod
    def from_response(cls, response: Mapping[str, Any]) -> Self:
        """Read and check the JSON object that a user authentication endpoint answered.

        Raises:
            AuthorizationError: ``auth`` or ``user_data`` is missing or no string.
        """
        problem = _user_answer_problem(response)
        if problem is not None:
            del response
            raise AuthorizationError(None, problem)
        return cls(response["auth"], response["user_data"])


# Each of these returns the problem that it finds, so that the frame which raises can first let go of the values.


def _channel_problem(auth: object, channel_data: object, shared_secret: object) -> TypeError | ValueError | None:
    if not isinstance(auth, str):
        return TypeError("auth must be a string: the application key, a colon, the signature")
    if not isinstance(channel_data, str | None):
        return TypeError("channel_data must be the JSON text that was signed, as a string")
    if not isinstance(shared_secret, bytes | None):
        return TypeError("shared_secret must be 32 raw bytes; use from_response() for base64")
    if not auth or not _is_text(auth) or not _is_text(channel_data or ""):
        return ValueError("auth is empty, or auth or channel_data has a lone surrogate, which cannot be sent")
    if shared_secret is not None and len(shared_secret) != SECRET_BYTES:
        return ValueError(f"shared_secret must be {SECRET_BYTES} bytes long, not {len(shared_secret)}")
    return None


def _channel_answer_problem(response: object) -> str | None:
    if not isinstance(response, Mapping):
        return "the authorization answer is not a JSON object"
    answer = cast("Mapping[str, Any]", response)
    auth, channel_data = answer.get("auth"), answer.get("channel_data")
    if not isinstance(auth, str) or not auth or not _is_text(auth):
        return "the authorization answer has no string 'auth'"
    if not isinstance(channel_data, str | None) or not _is_text(channel_data or ""):
        return "the authorization answer's 'channel_data' is not a string"
    return _secret_problem(answer.get("shared_secret"))


def _secret_problem(encoded: object) -> str | None:
    if encoded is None:
        return None
    if not isinstance(encoded, str | bytes):
        return "the authorization answer's 'shared_secret' is not a string"
    secret = decode_base64(encoded)
    if secret is None:
        return "the authorization answer's 'shared_secret' is not canonical base64"
    if len(secret) != SECRET_BYTES:
        return f"the authorization answer's 'shared_secret' has {len(secret)} bytes, not {SECRET_BYTES}"
    return None


def _user_problem(auth: object, user_data: object) -> TypeError | ValueError | None:
    if not isinstance(auth, str) or not isinstance(user_data, str):
        return TypeError("auth and user_data must be strings; user_data is the JSON text that was signed")
    if not auth or not _is_text(auth) or not _is_text(user_data):
        return ValueError("auth is empty, or auth or user_data has a lone surrogate, which cannot be sent")
    return None


def _user_answer_problem(response: object) -> str | None:
    if not isinstance(response, Mapping):
        return "the authentication answer is not a JSON object"
    answer = cast("Mapping[str, Any]", response)
    if _user_problem(answer.get("auth"), answer.get("user_data")) is not None:
        return "the authentication answer lacks a string 'auth' or 'user_data'"
    return None


def _is_text(value: str) -> bool:
    """Return whether a string can be sent at all; one with a lone surrogate has no UTF-8."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def check_socket_id(socket_id: object) -> None:
    """Check that a socket id is two numbers joined by a dot, before anything is signed for it (protocol-notes 6.2).

    Without this check, who chooses the socket id could have a sign-in signed as if it were a subscription.

    Raises:
        TypeError: It is not a string.
        ValueError: It is anything but digits, a dot, digits.
    """
    if not isinstance(socket_id, str):
        raise TypeError(f"a socket id is a string, not {type(socket_id).__name__}")
    if not _SOCKET_ID.fullmatch(socket_id):
        raise ValueError("a socket id is digits, a dot, digits, as in '1234.5678'")


def decode_base64(text: str | bytes) -> bytes | None:
    """Decode canonical base64 (standard alphabet, padded, no stray bits), or return None."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    # strict_mode lets through stray bits and, before Python 3.12, too much padding; two texts would be the same bytes.
    return decoded if binascii.b2a_base64(decoded, newline=False).decode() == text else None


def sign_channel(key: str, secret: str, socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """Sign a subscription: the key, a colon, and HMAC-SHA256 in hex (protocol-notes 6.2)."""
    parts = [socket_id, channel] if channel_data is None else [socket_id, channel, channel_data]
    return f"{key}:{_hmac(secret, ':'.join(parts))}"


def sign_user(key: str, secret: str, socket_id: str, user_data: str) -> str:
    """Sign a user's sign-in (protocol-notes 6.4)."""
    return f"{key}:{_hmac(secret, f'{socket_id}::user::{user_data}')}"


def derive_shared_secret(channel: str, master_key: bytes) -> bytes:
    """Derive a channel's key from the master key as the official servers do (protocol-notes 7.2)."""
    return hashlib.sha256(channel.encode() + master_key).digest()


def retryable_status(status: int | None) -> bool:
    """Return whether a retry may succeed after an endpoint's refusal with this status (protocol-notes 6.5)."""
    return authorization_condition(status).first is not Retry.NEVER


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
