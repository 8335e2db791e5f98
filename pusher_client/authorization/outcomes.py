"""Calls an authorizer and returns an authorization or a refusal, which is final or retryable (protocol-notes 6.5)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from pusher_client.authorization.network_errors import (
    EndpointConnectionError,
    EndpointTimeoutError,
    describe_os_error,
)
from pusher_client.authorization.raised_status import is_network_error, raised_retry_after, raised_status
from pusher_client.authorization.response import encoded_twice
from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication, retryable_status

__all__ = [
    "BatchRefused",
    "Outcome",
    "Refused",
    "UserOutcome",
    "ask_authorizer",
    "ask_batch_authorizer",
    "ask_user_authenticator",
]

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


@dataclass(frozen=True, slots=True)
class BatchRefused:
    """A final refusal of several channels at once, which may be the fault of only one of them.

    Attributes:
        error: The reason.
    """

    error: AuthorizationError


Outcome: TypeAlias = ChannelAuthorization | Refused
UserOutcome: TypeAlias = UserAuthentication | Refused

_MOST_DIGITS = 9
_TOO_LARGE = 10**_MOST_DIGITS


async def ask_authorizer(authorize: Callable[[str, str], Any], channel: str, socket_id: str) -> Outcome:
    """Return the authorization of one channel, or why there is none.

    Args:
        authorize: The authorizer; it returns a ``ChannelAuthorization`` or a mapping of the endpoint's shape.
        channel: The channel's name.
        socket_id: The server's name for the connection.
    """
    answer = await _call(lambda: authorize(channel, socket_id), "authorizer", channel)
    return _read_answer(answer, ChannelAuthorization, "authorizer", channel)


async def ask_user_authenticator(authenticate: Callable[[str], Any], socket_id: str) -> UserOutcome:
    """Return the user's authentication, or why there is none.

    Args:
        authenticate: The authenticator; it returns a ``UserAuthentication`` or a mapping of the endpoint's shape.
        socket_id: The server's name for the connection.
    """
    answer = await _call(lambda: authenticate(socket_id), "user authenticator", None)
    return _read_answer(answer, UserAuthentication, "user authenticator", None)


async def ask_batch_authorizer(
    authorize: Callable[[Sequence[str], str], Any], channels: Sequence[str], socket_id: str
) -> dict[str, Outcome] | BatchRefused:
    """Return for each channel what `ask_authorizer` would return; one channel's failure does not affect the others.

    Args:
        authorize: The batch authorizer; it returns a mapping of channels to what an authorizer returns, or to the
            ``AuthorizationError`` that refuses the channel. What it raises applies to all of them.
        channels: The channels' names, each once.
        socket_id: The server's name for the connection.
    """
    answers = await _call(lambda: authorize(channels, socket_id), "batch authorizer", None)
    if not isinstance(answers, Refused):
        return {channel: _read_entry(channel, answers) for channel in channels}
    if len(channels) > 1 and not answers.retryable:
        return BatchRefused(answers.error)
    outcomes: dict[str, Outcome] = {}
    for channel in channels:
        error = _copied(channel, answers.error)
        error.__cause__ = answers.error.__cause__
        outcomes[channel] = Refused(error, answers.retryable)
    return outcomes


async def _call(call: Callable[[], Any], role: str, channel: str | None) -> Any:
    """Return what a callable of the caller's returned, or the refusal that its exception stands for."""
    try:
        answer = call()
        if not inspect.isawaitable(answer):
            problem = f"the {role} returned {type(answer).__name__}, not an awaitable: define it with 'async def'"
            return Refused(AuthorizationError(channel, problem), retryable=False)
        return await answer
    except AuthorizationError as error:
        refusal = error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _failure(error, role, channel)
    except Exception as error:  # noqa: BLE001 - an authorizer is the caller's code and may raise anything
        return _failure(error, role, channel)
    return _refused(channel, refusal)


def _read_answer(answer: Any, wanted: type[_Wanted], role: str, channel: str | None) -> _Wanted | Refused:
    if isinstance(answer, wanted | Refused):
        return answer
    if encoded_twice(answer):
        problem = f"the {role} returned a string with JSON in it: return the mapping itself, as json.loads() gives it"
        return Refused(AuthorizationError(channel, problem), retryable=False)
    try:
        return wanted.from_response(answer)
    # The frames of these errors hold the answer.
    except AuthorizationError as error:
        refusal = bare(error)
    except Exception as error:  # noqa: BLE001 - a mapping of the caller's may raise anything when it is read
        return _failure(bare(error), role, channel)
    refusal.channel = channel
    return Refused(refusal, retryable=False)


def _read_entry(channel: str, answers: Any) -> Outcome:
    if not isinstance(answers, Mapping):
        problem = "the batch authorizer returned no mapping of channels to answers"
        return Refused(AuthorizationError(channel, problem), retryable=False)
    try:
        answer = cast("Mapping[str, Any]", answers).get(channel)
    except Exception as error:  # noqa: BLE001 - a mapping of the caller's may raise anything when it is read
        return _failure(bare(error), "batch authorizer", channel)  # its frames hold all the answers
    if isinstance(answer, AuthorizationError):
        return _refused(channel, _copied(channel, answer))
    if answer is None:
        problem = "the batch authorizer's answer lacks the channel"
        return Refused(AuthorizationError(channel, problem), retryable=False)
    return _read_answer(answer, ChannelAuthorization, "batch authorizer", channel)


def _copied(channel: str | None, refusal: AuthorizationError) -> AuthorizationError:
    """Return the same refusal for one channel, without what else the caller's error may hold."""
    return AuthorizationError(channel, refusal.message, status=refusal.status, retry_after=refusal.retry_after)


def _refused(channel: str | None, refusal: AuthorizationError) -> Refused:
    if refusal.channel not in (None, channel):
        # An authorizer may raise the same error for every channel.
        refusal = _copied(channel, refusal)
    refusal.channel = channel
    # They come from the caller's code, which may have passed on a header as it was.
    status = _number(refusal.status)
    refusal.status, refusal.retry_after = None if status is None else int(status), _number(refusal.retry_after)
    return Refused(refusal, retryable_status(refusal.status))


def _number(value: object) -> float | None:
    """Return a number that is not negative, read from text if it is one; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _TOO_LARGE:
        return None
    return float(value)


def _failure(cause: BaseException, role: str, channel: str | None) -> Refused:
    """Return the refusal that an exception stands for."""
    if isinstance(cause, EndpointConnectionError | EndpointTimeoutError):
        return Refused(AuthorizationError(channel, str(cause)), retryable=True)
    words = describe_os_error(cause) if isinstance(cause, OSError) else None
    message = f"the {role} raised {type(cause).__name__}" + ("" if words is None else f": {words}")
    status = raised_status(cause)
    if status is not None:
        error = AuthorizationError(channel, message, status=status, retry_after=raised_retry_after(cause))
        retryable = retryable_status(status)
    else:
        error = AuthorizationError(channel, message)
        retryable = is_network_error(cause)
    if not retryable:
        # Without the frames of this module: they hold the callable, and a partial's repr has all its arguments (C3).
        frames = cause.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        error.__cause__ = cause.with_traceback(frames)
    return Refused(error, retryable)
