"""Authorizers that ask an HTTP endpoint, and the types of authorizers in general (protocol-notes 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pusher_client.authorization.endpoint import Endpoint
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.names import check_channel_name
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication, check_socket_id

__all__ = [
    "Authorizer",
    "BatchAuthorizer",
    "HTTPAuthorizer",
    "HTTPUserAuthenticator",
    "UserAuthenticator",
]

Authorizer: TypeAlias = Callable[[str, str], Awaitable[ChannelAuthorization | Mapping[str, Any]]]
"""Any async callable that takes a channel's name and a socket id.

It returns the authorization, or a mapping as `ChannelAuthorization.from_response` reads it. It refuses by raising
`AuthorizationError`. Any exception with an integer ``status`` or ``status_code``, or with a ``response`` that has one,
is classed by that status like an endpoint's answer. ``OSError``, ``TimeoutError`` and the connection errors of httpx
and aiohttp are retried. Any other exception is final.
"""

BatchAuthorizer: TypeAlias = Callable[
    [Sequence[str], str], Awaitable[Mapping[str, ChannelAuthorization | Mapping[str, Any] | AuthorizationError]]
]
"""Any async callable that takes the names of several channels and a socket id.

It returns for each channel what an `Authorizer` would return, or an `AuthorizationError` that refuses this channel
alone. An exception applies to all of the channels, and is classed as for an `Authorizer`. After a final one the
channels are asked for again in halves, and at last alone.
"""

UserAuthenticator: TypeAlias = Callable[[str], Awaitable[UserAuthentication | Mapping[str, Any]]]
"""Any async callable that takes a socket id; the same as an `Authorizer`, for signing in a user."""


class HTTPAuthorizer(Endpoint):
    """Asks an HTTP endpoint, as pusher-js does.

    Each request is a POST with ``socket_id``, ``channel_name`` and ``params``, as a form unless ``json`` is set. It
    goes to this address only: redirects are not followed, cookies are neither kept nor sent, answers over 64 KiB and
    compressed answers are refused. One authorizer may serve several clients, also in several event loops one after
    another.

    Args:
        url: An https address. Plain http is allowed to ``127.0.0.0/8``, ``::1`` and a ``localhost`` that resolves to
            them; it never uses a proxy.
        headers: Further headers, or a plain or async callable without arguments that returns them; it is called for
            every request, so a token is always fresh.
        params: Further fields of the body, in the same way. The callable may take one argument, the channel's name.
        json: True to send a JSON object in place of a form.
        socket_id_field: The name of the field with the socket id.
        channel_field: The name of the field with the channel's name; None for ``channel_name``.
        ssl: A context that verifies certificates, for a private authority; None for the system's authorities.
        proxy: True for the environment's proxy, None for none, or an address as ``http://host:port``.
        transport: An httpx transport for tests. It is used as it is and is not closed.
        timeout: Seconds that a whole request may take, from the callables to the last byte of the answer.
        allow_insecure: Allow plain http to any host. Then everyone on the network path can read every key.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot work. The message names the cure and repeats no secret.

    See protocol-notes 6.3.
    """

    async def __call__(self, channel_name: str, socket_id: str) -> ChannelAuthorization:
        """Request one authorization.

        Args:
            channel_name: The channel.
            socket_id: The connection for which the authorization will be valid.

        Raises:
            AuthorizationError: The endpoint refused, or its answer cannot be used.
            ConnectionError: The endpoint could not be reached, or the connection broke; a retry may succeed.
            TimeoutError: It took longer than ``timeout``.
        """
        check_channel_name(channel_name)
        check_socket_id(socket_id)
        return await self._ask(socket_id, channel_name, ChannelAuthorization.from_response)


class HTTPUserAuthenticator(Endpoint):
    """Asks an HTTP endpoint to sign in a user; otherwise the same as `HTTPAuthorizer` (protocol-notes 6.4).

    Each request is a POST with ``socket_id`` and ``params``. There is no ``channel_field``, and a callable for
    ``params`` takes no argument.
    """

    _asks_for_channels = False

    async def __call__(self, socket_id: str) -> UserAuthentication:
        """Request one authentication. It raises what `HTTPAuthorizer` raises, with None as the error's ``channel``."""
        check_socket_id(socket_id)
        return await self._ask(socket_id, None, UserAuthentication.from_response)
