"""Asking the caller's authorizer, and telling what may be tried again from what is final (protocol-notes 6.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.authorization import ChannelAuthorization, retryable_status
from pusher_client.request import bare

__all__ = ["ask_authorizer"]

_MOST_DIGITS = 9
_TOO_LARGE = 10**_MOST_DIGITS


async def ask_authorizer(
    authorize: Callable[[str, str], Awaitable[Any]], channel: str, socket_id: str
) -> ChannelAuthorization | tuple[AuthorizationError, bool]:
    """Return the authorization, or the error and whether the same request may succeed later.

    Args:
        authorize: The authorizer; it returns a ``ChannelAuthorization`` or a mapping of the endpoint's shape.
        channel: The channel's name.
        socket_id: The server's name for the connection.
    """
    try:
        answer = await authorize(channel, socket_id)
        return answer if isinstance(answer, ChannelAuthorization) else _read(channel, answer)
    except AuthorizationError as error:
        refusal = error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _failure(channel, error)
    except Exception as error:  # noqa: BLE001 - an authorizer is the caller's code and may raise anything
        return _failure(channel, error)
    # Whatever it says: an authorizer may raise the same error for every channel, or without one.
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


def _read(channel: str, answer: Any) -> ChannelAuthorization | tuple[AuthorizationError, bool]:
    try:
        return ChannelAuthorization.from_response(answer)
    except AuthorizationError as error:
        refusal = bare(error)  # the frames that it went through hold the answer
    refusal.channel = channel
    return refusal, False


def _failure(channel: str, cause: BaseException) -> tuple[AuthorizationError, bool]:
    kind = type(cause)
    if isinstance(cause, OSError | TimeoutError | httpx.TransportError):
        return AuthorizationError(channel, f"the authorization request failed: {kind.__name__}"), True
    error = AuthorizationError(channel, f"the authorizer raised {kind.__name__}")
    error.__cause__ = cause
    return error, False
