"""Asking the caller's authorizer, and telling what may be tried again from what is final (protocol-notes 6.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import httpx

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.authorization import ChannelAuthorization, UserAuthentication, retryable_status
from pusher_client.request import bare

__all__ = ["Answer", "ask_authorizer", "ask_user_authenticator"]

_Wanted = TypeVar("_Wanted", ChannelAuthorization, UserAuthentication)

_MOST_DIGITS = 9
_TOO_LARGE = 10**_MOST_DIGITS


Answer: TypeAlias = ChannelAuthorization | UserAuthentication | tuple[AuthorizationError, bool]
"""What was asked for, or the error and whether the same request may succeed later."""


async def ask_authorizer(
    authorize: Callable[[str, str], Awaitable[Any]], channel: str, socket_id: str
) -> ChannelAuthorization | tuple[AuthorizationError, bool]:
    """Return the authorization, or the error and whether the same request may succeed later.

    Args:
        authorize: The authorizer; it returns a ``ChannelAuthorization`` or a mapping of the endpoint's shape.
        channel: The channel's name.
        socket_id: The server's name for the connection.
    """
    return await _ask(lambda: authorize(channel, socket_id), ChannelAuthorization, channel)


async def ask_user_authenticator(
    authenticate: Callable[[str], Awaitable[Any]], socket_id: str
) -> UserAuthentication | tuple[AuthorizationError, bool]:
    """Return the user's authentication, or the error and whether the same request may succeed later.

    Args:
        authenticate: The authenticator; it returns a ``UserAuthentication`` or a mapping of the endpoint's shape.
        socket_id: The server's name for the connection.
    """
    return await _ask(lambda: authenticate(socket_id), UserAuthentication, None)


async def _ask(
    ask: Callable[[], Awaitable[Any]], wanted: type[_Wanted], channel: str | None
) -> _Wanted | tuple[AuthorizationError, bool]:
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
    if refusal.channel is None:
        refusal.channel = channel
    # They come from the caller's code, which may have passed a header on as it was.
    status = _number(refusal.status)
    refusal.status, refusal.retry_after = None if status is None else int(status), _number(refusal.retry_after)
    return refusal, retryable_status(refusal.status)


def _number(value: object) -> float | None:
    """Return a number that is not negative, read from text if need be; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _TOO_LARGE:
        return None
    return float(value)


def _read(wanted: type[_Wanted], channel: str | None, answer: Any) -> _Wanted | tuple[AuthorizationError, bool]:
    try:
        return wanted.from_response(answer)
    except AuthorizationError as error:
        refusal = bare(error)  # the frames that it went through hold the answer
    refusal.channel = channel
    return refusal, False


def _failure(channel: str | None, cause: BaseException) -> tuple[AuthorizationError, bool]:
    kind = type(cause)
    if isinstance(cause, OSError | TimeoutError | httpx.TransportError):
        return AuthorizationError(channel, f"the authorization request failed: {kind.__name__}"), True
    error = AuthorizationError(channel, f"the authorizer raised {kind.__name__}")
    error.__cause__ = cause
    return error, False
