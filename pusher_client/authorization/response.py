"""Reads the response of an authorization endpoint, as little of it as needed (protocol-notes 6.3 and 6.5)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from pusher_client.authorization.origin import Origin
from pusher_client.authorization.refusals import not_json, refusal
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.retry_after import parse_retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["BODY_LIMIT", "SUCCESS", "encoded_twice", "read_answer"]

BODY_LIMIT = 64 * 1024
"""How many bytes the answer for one channel or user may have."""

SUCCESS = (200, 201)
"""The statuses of an answer that is read."""

_T = TypeVar("_T")

_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


async def read_answer(
    response: httpx.Response,
    origin: Origin,
    channel: str | None,
    read: Callable[[Mapping[str, Any]], _T],
    limit: int = BODY_LIMIT,
) -> _T:
    """Read the JSON object of a successful answer. The body of any other answer is not read.

    Args:
        response: The response as the transport returned it, its body unread.
        origin: The endpoint's origin and url, for the errors.
        channel: The channel's name, for the errors; None for a batch or a user.
        read: Converts the object, or raises `AuthorizationError`.
        limit: Number of bytes that the answer may have.

    Returns:
        What ``read`` returned.

    Raises:
        AuthorizationError: The endpoint refused, or its answer is compressed, too long or not what was asked for.
    """
    status = response.status_code
    if status not in SUCCESS:
        retry_after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        problem = refusal(str(origin), status, str(origin.url), response.headers.get("location"))
        raise AuthorizationError(channel, problem, status=status, retry_after=retry_after)
    if response.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        problem = f"the endpoint {origin} answered a compressed body, which was not asked for"
        raise AuthorizationError(channel, problem, status=status)
    body = await _read_body(response.stream, limit)
    if body is None:
        problem = f"the answer of the endpoint {origin} is longer than {limit} bytes"
        raise AuthorizationError(channel, problem, status=status)
    try:
        return _decode(body, read)
    except AuthorizationError as error:
        problem = f"the endpoint {origin}: {error.message}"
    except _UNREADABLE:
        problem = not_json(str(origin), body, response.headers.get("content-type"))
    raise AuthorizationError(channel, problem, status=status)


def _decode(body: bytes, read: Callable[[Mapping[str, Any]], _T]) -> _T:
    answer = msgspec.json.decode(body.removeprefix(_BYTE_ORDER_MARK))
    if encoded_twice(answer):
        raise AuthorizationError(None, "its answer is a JSON string with JSON in it: encode the object once, not twice")
    return read(answer)


def encoded_twice(answer: object) -> bool:
    """Return whether an answer is a string that holds a JSON object."""
    if not isinstance(answer, str) or not answer.lstrip().startswith("{"):
        return False
    try:
        return isinstance(msgspec.json.decode(answer), dict)
    except _UNREADABLE:
        return False


async def _read_body(stream: object, limit: int) -> bytes | None:
    """Read the bytes as they were received, never decompressed; None if there are too many."""
    body = bytearray()
    # Every asyncio transport has such a stream. Its iterator is closed here, not by the garbage collector.
    async with aclosing(cast("AsyncGenerator[bytes, None]", aiter(cast("httpx.AsyncByteStream", stream)))) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                return None
    return bytes(body)
