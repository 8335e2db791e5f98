"""Calls an authorizer, and classes what it raises as final or retryable (protocol-notes 6.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import httpx

from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication, retryable_status

__all__ = ["Outcome", "Refused", "UserOutcome", "ask_authorizer", "ask_batch_authorizer", "ask_user_authenticator"]

_Wanted = TypeVar("_Wanted", ChannelAuthorization, UserAuthentication)


@dataclass(frozen=True, slots=True)
class Refused:
    """What came of a request that brought no authorization.

    Attributes:
        error: The reason, with the channel's name.
        retryable: Whether the same request may succeed later.
    """

    error: AuthorizationError
    retryable: bool


Outcome: TypeAlias = ChannelAuthorization | Refused
UserOutcome: TypeAlias = UserAuthentication | Refused


_MOST_DIGITS = 9
_TOO_LARGE = 10**_MOST_DIGITS


async def ask_authorizer(authorize: Callable[[str, str], Awaitable[Any]], channel: str, socket_id: str) -> Outcome:
    """Return the authorization of one channel, or why there is none.

    Args:
        authorize: The authorizer; it returns a ``ChannelAuthorization`` or a mapping of the endpoint's shape.
        channel: The channel's name.
        socket_id: The server's name for the connection.
    """
    return await _ask(lambda: authorize(channel, socket_id), ChannelAuthorization, channel)


async def ask_user_authenticator(authenticate: Callable[[str], Awaitable[Any]], socket_id: str) -> UserOutcome:
    """Return the user's authentication, or why there is none.

    Args:
        authenticate: The authenticator; it returns a ``UserAuthentication`` or a mapping of the endpoint's shape.
        socket_id: The server's name for the connection.
    """
    return await _ask(lambda: authenticate(socket_id), UserAuthentication, None)


async def _ask(ask: Callable[[], Awaitable[Any]], wanted: type[_Wanted], channel: str | None) -> _Wanted | Refused:
    try:
        answer = await ask()
        return answer if isinstance(answer, wanted) else _read(wanted, channel, answer)
    except AuthorizationError as error:
        refusal = error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _failure(channel, error)
    except Exception as error:  # noqa: BLE001 - an authorizer is the caller's code and may raise anything
        return _failure(channel, error)
    return _refused(channel, refusal)


async def ask_batch_authorizer(
    authorize: Callable[[Sequence[str], str], Awaitable[Any]], channels: Sequence[str], socket_id: str
) -> dict[str, Outcome]:
    """Return for each channel what `ask_authorizer` would return; one channel's failure does not affect the others.

    Args:
        authorize: The batch authorizer; it returns a mapping of channels to what an authorizer returns, or to the
            ``AuthorizationError`` that refuses the channel. What it raises applies to all of them.
        channels: The channels' names, each once.
        socket_id: The server's name for the connection.
    """
    try:
        answers = await authorize(channels, socket_id)
    except AuthorizationError as error:
        return {channel: _refused(channel, _copied(channel, error)) for channel in channels}
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        cause: BaseException = error
    except Exception as error:  # noqa: BLE001 - an authorizer is the caller's code and may raise anything
        cause = error
    else:
        return {channel: _read_entry(channel, answers) for channel in channels}
    return {channel: _failure(channel, cause) for channel in channels}


def _read_entry(channel: str, answers: Any) -> Outcome:
    if not isinstance(answers, Mapping):
        return _final(channel, "the batch authorizer returned no mapping of channels to answers")
    try:
        answer = cast("Mapping[str, Any]", answers).get(channel)
        if isinstance(answer, AuthorizationError):
            return _refused(channel, _copied(channel, answer))
        if answer is None:
            return _final(channel, "the batch authorizer's answer lacks the channel")
        return answer if isinstance(answer, ChannelAuthorization) else _read(ChannelAuthorization, channel, answer)
    except Exception as error:  # noqa: BLE001 - a mapping of the caller's may raise anything when it is read
        return _failure(channel, bare(error))  # the frames that it went through hold all the answers


def _final(channel: str, message: str) -> Refused:
    return Refused(AuthorizationError(channel, message), retryable=False)


def _copied(channel: str | None, refusal: AuthorizationError) -> AuthorizationError:
    """Return the same refusal for one channel alone, without what else the caller's error may hold."""
    return AuthorizationError(channel, refusal.message, status=refusal.status, retry_after=refusal.retry_after)


def _refused(channel: str | None, refusal: AuthorizationError) -> Refused:
    if refusal.channel not in (None, channel):
        # An authorizer may raise the same error for every channel.
        refusal = _copied(channel, refusal)
    refusal.channel = channel
    # They come from the caller's code, which may have passed a header on as it was.
    status = _number(refusal.status)
    refusal.status, refusal.retry_after = None if status is None else int(status), _number(refusal.retry_after)
    return Refused(refusal, retryable_status(refusal.status))


def _number(value: object) -> float | None:
    """Return a number that is not negative, read from text if need be; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _TOO_LARGE:
        return None
    return float(value)


def _read(wanted: type[_Wanted], channel: str | None, answer: Any) -> _Wanted | Refused:
    try:
        return wanted.from_response(answer)
    # The frames that they went through hold the answer.
    except AuthorizationError as error:
        refusal = bare(error)
    except Exception as error:  # noqa: BLE001 - a mapping of the caller's may raise anything when it is read
        return _failure(channel, bare(error))
    refusal.channel = channel
    return Refused(refusal, retryable=False)


def _failure(channel: str | None, cause: BaseException) -> Refused:
    kind = type(cause)
    if isinstance(cause, OSError | TimeoutError | httpx.TransportError):
        return Refused(
            AuthorizationError(channel, f"the authorization request failed: {kind.__name__}"), retryable=True
        )
    asked = "user authenticator" if channel is None else "authorizer"
    error = AuthorizationError(channel, f"the {asked} raised {kind.__name__}")
    # Without the frame of this module, in which the authorizer is; a partial's repr has all its arguments (C3).
    ours = cause.__traceback__
    error.__cause__ = cause.with_traceback(ours and ours.tb_next)
    return Refused(error, retryable=False)
