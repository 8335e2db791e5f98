"""Whom a client asks for authorizations: for a channel, for many at once, for its user (protocol-notes 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pusher_client.authorization.authorizers import Authorizer, BatchAuthorizer, UserAuthenticator
from pusher_client.authorization.endpoint import Endpoint
from pusher_client.authorization.outcomes import (
    Outcome,
    UserOutcome,
    ask_authorizer,
    ask_batch_authorizer,
    ask_user_authenticator,
)
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.settings import BATCH_SIZE

__all__ = ["Authority"]


class Authority:
    """What a caller gave to be asked, checked.

    Args:
        authorizer: Asked for each channel.
        batch_authorizer: Asked for many channels at once, in place of ``authorizer``.
        user_authenticator: Asked for the user.

    Raises:
        TypeError: One of them is not callable.
        ValueError: Both authorizers were given.
    """

    __slots__ = ("_authorizer", "_batch_authorizer", "_user_authenticator")

    def __init__(
        self,
        authorizer: Authorizer | None,
        batch_authorizer: BatchAuthorizer | None,
        user_authenticator: UserAuthenticator | None,
    ) -> None:
        if authorizer is not None and not callable(authorizer):
            raise TypeError("authorizer is an async callable (channel_name, socket_id), as HTTPAuthorizer(url)")
        if batch_authorizer is not None and not callable(batch_authorizer):
            raise TypeError(
                "batch_authorizer is an async callable (channel_names, socket_id), as HTTPBatchAuthorizer(url)"
            )
        if user_authenticator is not None and not callable(user_authenticator):
            raise TypeError("user_authenticator is an async callable (socket_id), as HTTPUserAuthenticator(url)")
        if authorizer is not None and batch_authorizer is not None:
            raise ValueError("give either authorizer or batch_authorizer, which serves every channel, and not both")
        self._authorizer = authorizer
        self._batch_authorizer = batch_authorizer
        self._user_authenticator = user_authenticator

    @property
    def batch_size(self) -> int | None:
        """How many channels may be asked for with one call; None for one call per channel."""
        return None if self._batch_authorizer is None else BATCH_SIZE

    async def authorize(self, channel: str, socket_id: str) -> Outcome:
        """Ask for one channel."""
        if self._authorizer is None:
            message = "it needs an authorizer: PusherClient(…, authorizer=HTTPAuthorizer(url))"
            return AuthorizationError(channel, message), False
        return await ask_authorizer(self._authorizer, channel, socket_id)

    async def authorize_batch(self, channels: Sequence[str], socket_id: str) -> dict[str, Outcome]:
        """Ask for many channels with one call, for a client that has a batch authorizer."""
        assert self._batch_authorizer is not None  # noqa: S101 - else ``batch_size`` lets nobody ask
        return await ask_batch_authorizer(self._batch_authorizer, channels, socket_id)

    async def authenticate(self, socket_id: str) -> UserOutcome:
        """Ask for the user."""
        if self._user_authenticator is None:
            message = "it needs a user authenticator: PusherClient(…, user_authenticator=HTTPUserAuthenticator(url))"
            return AuthorizationError(None, message), False
        return await ask_user_authenticator(self._user_authenticator, socket_id)

    def attach(self) -> None:
        """Begin to use the endpoints: a client starts to connect."""
        for endpoint in self._endpoints():
            endpoint.attach()

    async def detach(self) -> None:
        """End the use of the endpoints; the last one to do so closes their connections."""
        for endpoint in self._endpoints():
            await endpoint.detach()

    def _endpoints(self) -> Iterator[Endpoint]:
        for asked in (self._authorizer, self._batch_authorizer, self._user_authenticator):
            if isinstance(asked, Endpoint):
                yield asked
