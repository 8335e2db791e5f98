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
"""Any async callable of a channel's name and a socket id.

It returns the authorization, or a mapping as `ChannelAuthorization.from_response` reads it. It refuses by raising
`AuthorizationError`. ``OSError``, ``TimeoutError`` and the transport errors of httpx count as passing troubles and are
tried again; any other exception is final.
"""

BatchAuthorizer: TypeAlias = Callable[
    [Sequence[str], str], Awaitable[Mapping[str, ChannelAuthorization | Mapping[str, Any] | AuthorizationError]]
]
"""Any async callable of several channels' names and a socket id.

It returns for each channel what an `Authorizer` would, or an `AuthorizationError` that refuses this channel alone. What
it raises counts as in an `Authorizer`, for all of the channels.
"""

UserAuthenticator: TypeAlias = Callable[[str], Awaitable[UserAuthentication | Mapping[str, Any]]]
"""Any async callable of a socket id; the same for signing a user in."""


class HTTPAuthorizer(Endpoint):
    """Asks an endpoint of yours, as pusher-js does.

    Each request is a form-encoded POST of ``socket_id`` and ``channel_name`` and ``params``. It goes to this address
    only: redirects are not followed, cookies neither kept nor sent, answers over 64 KiB and compressed ones refused.
    One authorizer may serve several clients, one after another also in different event loops.

    Args:
        url: An https address. Plain http is allowed to ``127.0.0.0/8``, ``::1`` and a ``localhost`` that means them;
            it never goes through a proxy.
        headers: Further headers, or a plain or async callable without arguments that returns them; it is called for
            every request, so a token is always fresh.
        params: Further fields of the form, the same way.
        ssl: A context that verifies certificates, for a private authority; None for the system's authorities.
        proxy: True for the proxy that the environment names, None for none, or an address as ``http://host:port``.
        transport: An httpx transport for tests. It is used as it is and never closed here.
        timeout: Seconds that a whole request may take, from the callables to the last byte of the answer.
        allow_insecure: Allow plain http to any host. Anyone on the network path can then read every key.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot work; the message says what to do and repeats no secret.

    See protocol-notes 6.3.
    """

    async def __call__(self, channel_name: str, socket_id: str) -> ChannelAuthorization:
        """Ask for one authorization.

        Args:
            channel_name: The channel.
            socket_id: The connection for which the answer will be good.

        Raises:
            AuthorizationError: The endpoint refused, or its answer cannot be used.
            ConnectionError: The endpoint could not be reached, or the connection broke; trying again may help.
            TimeoutError: It took longer than ``timeout``.
        """
        check_channel_name(channel_name)
        check_socket_id(socket_id)
        form = (("socket_id", socket_id), ("channel_name", channel_name))
        return await self._ask(form, channel_name, ChannelAuthorization.from_response)


class HTTPUserAuthenticator(Endpoint):
    """Asks an endpoint of yours to sign a user in; the same as `HTTPAuthorizer` in all else (protocol-notes 6.4).

    Each request is a form-encoded POST of ``socket_id`` and ``params``.
    """

    async def __call__(self, socket_id: str) -> UserAuthentication:
        """Ask for one authentication; raises as `HTTPAuthorizer` does, the error's ``channel`` being None."""
        check_socket_id(socket_id)
        return await self._ask((("socket_id", socket_id),), None, UserAuthentication.from_response)
