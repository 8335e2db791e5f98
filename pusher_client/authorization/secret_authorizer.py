"""An authorizer that signs with the application's secret (protocol-notes 6.2, 6.4 and 7.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, cast

from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.names import channel_kind, check_channel_name
from pusher_client.protocol.signatures import (
    SECRET_BYTES,
    ChannelAuthorization,
    UserAuthentication,
    check_socket_id,
    decode_base64,
    derive_shared_secret,
    sign_channel,
    sign_user,
)

__all__ = ["SecretAuthorizer"]


class SecretAuthorizer:
    """Signs with the application's secret, for trusted workers and for tests.

    The secret gives full access to the application: use it on servers only.

    Args:
        key: The application's key.
        secret: The application's secret.
        encryption_master_key_base64: For encrypted channels, the master key that the publishers use: 32 bytes in
            canonical base64.
        user_id: For presence channels, the id of the member.
        user_info: For presence channels, what the other members get: any JSON value.

    Raises:
        TypeError: An argument is of the wrong type, or ``user_info`` is not a JSON value.
        ValueError: ``key``, ``secret`` or ``user_id`` is empty, or the master key is not 32 bytes in base64.

    See protocol-notes 6.2 and 7.2.
    """

    __slots__ = ("_channel_data", "_key", "_master_key", "_secret")

    def __init__(
        self,
        key: str,
        secret: str,
        *,
        encryption_master_key_base64: str | None = None,
        user_id: str | None = None,
        user_info: object = None,
    ) -> None:
        try:
            self._key = _checked_text("key", key)
            self._secret = _checked_text("secret", secret)
            self._master_key = _read_master_key(encryption_master_key_base64)
            self._channel_data = _member_data(user_id, user_info)
        except (TypeError, ValueError) as error:
            problem = bare(error)
        else:
            return
        del self, key, secret, encryption_master_key_base64, user_id, user_info  # a half-made self has no repr
        raise problem

    def __repr__(self) -> str:
        return f"SecretAuthorizer({self._key!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, which would write the secret out (promise C3)."""
        raise TypeError("a SecretAuthorizer holds secrets and cannot be pickled")

    async def __call__(self, channel_name: str, socket_id: str) -> ChannelAuthorization:
        """Sign one subscription.

        Args:
            channel_name: The channel.
            socket_id: The connection for which the signature is valid.

        Raises:
            AuthorizationError: The channel needs a master key or a user id, and this authorizer has none.
            ValueError: ``channel_name`` or ``socket_id`` is malformed. Nothing was signed.
        """
        check_channel_name(channel_name)
        check_socket_id(socket_id)
        kind = channel_kind(channel_name)
        if kind.encrypted and self._master_key is None:
            raise AuthorizationError(
                channel_name,
                "no key: give SecretAuthorizer(…, encryption_master_key_base64=…) the publishers' master key",
            )
        if kind.presence and self._channel_data is None:
            raise AuthorizationError(channel_name, "no member: give SecretAuthorizer(…, user_id=…) the id to join as")
        channel_data = self._channel_data if kind.presence else None
        return ChannelAuthorization(
            sign_channel(self._key, self._secret, socket_id, channel_name, channel_data),
            channel_data=channel_data,
            shared_secret=derive_shared_secret(channel_name, self._master_key)
            if kind.encrypted and self._master_key is not None
            else None,
        )

    async def authenticate_user(self, socket_id: str, user_data: Mapping[str, Any]) -> UserAuthentication:
        """Sign one user in. With ``user_data`` bound by a partial, this is a user authenticator (protocol-notes 6.4).

        Args:
            socket_id: The connection for which the signature is valid.
            user_data: The user: ``id``, a string that is not empty, and any other JSON values, such as ``user_info``
                and ``watchlist``.

        Raises:
            TypeError: ``user_data`` is not a mapping, its ``id`` is not a string, or it is not a JSON value.
            ValueError: The ``id`` is missing or empty, or ``socket_id`` is malformed. Nothing was signed.
        """
        check_socket_id(socket_id)
        _check_user(user_data)
        text = json.dumps(dict(user_data), allow_nan=False)
        return UserAuthentication(sign_user(self._key, self._secret, socket_id, text), text)


def _checked_text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the application's {what} is a string, not {type(value).__name__}")
    if not value or not (value.isascii() and value.isprintable()):
        raise ValueError(f"the application's {what} is empty, or has a control or non-ASCII character")
    return value


def _read_master_key(encoded: object) -> bytes | None:
    if encoded is None:
        return None
    if not isinstance(encoded, str):
        raise TypeError("encryption_master_key_base64 is a string of base64")
    master_key = decode_base64(encoded)
    if master_key is None or len(master_key) != SECRET_BYTES:
        raise ValueError(
            f"encryption_master_key_base64 is not {SECRET_BYTES} bytes in canonical base64: make one with "
            f"`openssl rand -base64 {SECRET_BYTES}`"
        )
    return master_key


def _member_data(user_id: object, user_info: object) -> str | None:
    if user_id is None:
        if user_info is not None:
            raise ValueError("user_info without user_id: a presence channel's member has an id")
        return None
    if not isinstance(user_id, str):
        raise TypeError(f"user_id is a string, not {type(user_id).__name__}")
    if not user_id:
        raise ValueError("user_id is empty")
    member = {"user_id": user_id} if user_info is None else {"user_id": user_id, "user_info": user_info}
    return json.dumps(member, allow_nan=False)


def _check_user(user_data: object) -> None:
    if not isinstance(user_data, Mapping):
        raise TypeError(f"user_data is a mapping with an 'id', not {type(user_data).__name__}")
    user_id = cast("Mapping[str, Any]", user_data).get("id")
    if user_id is not None and not isinstance(user_id, str):
        raise TypeError(f"the user's 'id' is a string, not {type(user_id).__name__}")
    if not user_id:
        raise ValueError("user_data needs an 'id': a string that is not empty")
