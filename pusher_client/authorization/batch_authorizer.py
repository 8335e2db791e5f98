"""Asks an HTTP endpoint for the authorizations of many channels with one request (protocol-notes 6.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from pusher_client.authorization.endpoint import CREDENTIAL_REFUSALS, Endpoint
from pusher_client.authorization.refusals import refusal
from pusher_client.authorization.response import BODY_LIMIT, SUCCESS, encoded_twice
from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.checks import is_integer
from pusher_client.protocol.names import check_channel_name
from pusher_client.protocol.signatures import ChannelAuthorization, check_socket_id

__all__ = ["HTTPBatchAuthorizer"]

_Answers = dict[str, ChannelAuthorization | AuthorizationError]


class HTTPBatchAuthorizer(Endpoint):
    """Asks an HTTP endpoint for many channels at once, as the plugin pusher-js-auth of pusher-js does.

    It takes the arguments of `HTTPAuthorizer` and follows the same rules. Each request is a POST with ``socket_id``,
    ``channel_name[0]``, ``channel_name[1]`` and so on, and ``params``; with ``json`` set, ``channel_name`` is an array.
    A callable for ``params`` may take one argument, the tuple of the channels' names. The answer is a JSON object that
    has for each channel what the endpoint of an `HTTPAuthorizer` would answer, or an object of ``status``, an HTTP
    status, and ``data``, the authorization. It may have up to 1 MiB.
    """

    _answer_limit = 16 * BODY_LIMIT

    async def __call__(self, channel_names: Sequence[str], socket_id: str) -> _Answers:
        """Request several authorizations.

        Args:
            channel_names: The channels.
            socket_id: The connection for which the authorizations will be valid.

        Returns:
            For each channel the authorization or its refusal. A channel that the answer lacks is missing.

        Raises:
            AuthorizationError: The endpoint refused all of them, or its answer cannot be used.
            ConnectionError: The endpoint could not be reached, or the connection broke; a retry may succeed.
            TimeoutError: It took longer than ``timeout``.
        """
        for name in channel_names:
            check_channel_name(name)
        check_socket_id(socket_id)
        return await self._ask(socket_id, tuple(channel_names), partial(_read, str(self._origin), channel_names))

    def _refuses_credentials(self, answer: object) -> bool:
        entries = cast("_Answers", answer).values()
        return any(isinstance(entry, AuthorizationError) and entry.status in CREDENTIAL_REFUSALS for entry in entries)


def _read(origin: str, channels: Sequence[str], answer: Mapping[str, Any]) -> _Answers:
    if not isinstance(answer, Mapping):
        raise AuthorizationError(None, "the authorization answer is not a JSON object")
    return {channel: _read_entry(origin, channel, answer[channel]) for channel in channels if channel in answer}


def _read_entry(origin: str, channel: str, entry: Any) -> ChannelAuthorization | AuthorizationError:
    authorization = entry
    if isinstance(entry, Mapping) and "auth" not in entry:
        wrapped = cast("Mapping[str, Any]", entry)
        status = wrapped.get("status") or SUCCESS[0]
        if not is_integer(status):
            return _unusable(origin, channel, "the 'status' of the channel's answer is not a number")
        if status not in SUCCESS:
            return AuthorizationError(channel, refusal(origin, status), status=status)
        authorization = cast("Any", wrapped.get("data"))
    if encoded_twice(authorization):
        return _unusable(origin, channel, "the channel's answer is a JSON string with JSON in it: encode it only once")
    try:
        return ChannelAuthorization.from_response(authorization)
    except AuthorizationError as error:
        problem = bare(error).message  # the frames of the error hold the answer
    return _unusable(origin, channel, problem)


def _unusable(origin: str, channel: str, problem: str) -> AuthorizationError:
    return AuthorizationError(channel, f"the endpoint {origin}: {problem}")
