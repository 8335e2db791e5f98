"""An endpoint that authorizes many channels with one request (protocol-notes 6.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from pusher_client.authorization.endpoint import REFUSALS, Endpoint
from pusher_client.authorization.response import BODY_LIMIT
from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.checks import is_integer
from pusher_client.protocol.names import check_channel_name
from pusher_client.protocol.signatures import ChannelAuthorization, check_socket_id

__all__ = ["HTTPBatchAuthorizer"]

_SUCCESS = (200, 201)

_Answers = dict[str, ChannelAuthorization | AuthorizationError]


class HTTPBatchAuthorizer(Endpoint):
    """Asks an endpoint of yours for many channels at once, as the plugin pusher-js-auth of pusher-js does.

    Takes what `HTTPAuthorizer` takes and keeps the same rules. Each request is a form-encoded POST of ``socket_id``,
    ``channel_name[0]``, ``channel_name[1]`` and so on, and ``params``. The answer is a JSON object that has for each
    channel what the endpoint of an `HTTPAuthorizer` would answer, or an object of ``status`` and ``data``, of which the
    first is an HTTP status and the second the authorization. It may have up to 1 MiB.
    """

    _answer_limit = 16 * BODY_LIMIT

    async def __call__(self, channel_names: Sequence[str], socket_id: str) -> _Answers:
        """Ask for several authorizations.

        Args:
            channel_names: The channels.
            socket_id: The connection for which the answers will be good.

        Returns:
            For each channel the authorization or its refusal; a channel that the endpoint left out is missing.

        Raises:
            AuthorizationError: The endpoint refused all of them, or its answer cannot be used.
            ConnectionError: The endpoint could not be reached, or the connection broke; trying again may help.
            TimeoutError: It took longer than ``timeout``.
        """
        for name in channel_names:
            check_channel_name(name)
        check_socket_id(socket_id)
        fields = [(f"channel_name[{number}]", name) for number, name in enumerate(channel_names)]
        return await self._ask((("socket_id", socket_id), *fields), None, partial(_read, channel_names))

    def _is_refusal(self, answer: object) -> bool:
        entries = cast("_Answers", answer).values()
        return any(isinstance(entry, AuthorizationError) and entry.status in REFUSALS for entry in entries)


def _read(channels: Sequence[str], answer: Mapping[str, Any]) -> _Answers:
    if not isinstance(answer, Mapping):
        raise AuthorizationError(None, "the authorization answer is not a JSON object")
    return {channel: _read_entry(channel, answer[channel]) for channel in channels if channel in answer}


def _read_entry(channel: str, entry: Any) -> ChannelAuthorization | AuthorizationError:
    authorization = entry
    if isinstance(entry, Mapping) and "auth" not in entry:
        wrapped = cast("Mapping[str, Any]", entry)
        status = wrapped.get("status") or _SUCCESS[0]
        if not is_integer(status):
            return AuthorizationError(channel, "the 'status' of the channel's answer is not a number")
        if status not in _SUCCESS:
            return AuthorizationError(channel, "the endpoint refused", status=status)
        authorization = cast("Any", wrapped.get("data"))
    try:
        return ChannelAuthorization.from_response(authorization)
    except AuthorizationError as error:
        refusal = bare(error)  # the frames that it went through hold the answer
    refusal.channel = channel
    return refusal
