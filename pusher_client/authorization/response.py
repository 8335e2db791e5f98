"""Reading what an authorization endpoint answers, as little of it as needed (protocol-notes 6.3 and 6.5)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import httpx
import msgspec

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.retry_after import parse_retry_after

__all__ = ["BODY_LIMIT", "read_answer"]

BODY_LIMIT = 64 * 1024
"""How many bytes the answer for one channel or user may have."""

_T = TypeVar("_T")

_SUCCESS = (httpx.codes.OK, httpx.codes.CREATED)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


async def read_answer(
    response: httpx.Response,
    channel: str | None,
    read: Callable[[Mapping[str, Any]], _T],
    limit: int = BODY_LIMIT,
) -> _T:
    """Read the JSON object of a successful answer; nothing else of an answer is read at all.

    Args:
        response: The response as the transport returned it, its body unread.
        channel: What the errors are to name.
        read: Makes something of the object, or raises `AuthorizationError`.
        limit: How many bytes the answer may have.

    Returns:
        What ``read`` made.

    Raises:
        AuthorizationError: The endpoint refused, or its answer is compressed, too long or not what was asked for.
    """
    status = response.status_code
    if status not in _SUCCESS:
        retry_after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        raise AuthorizationError(channel, _refusal(status), status=status, retry_after=retry_after)
    if response.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise AuthorizationError(channel, "the endpoint's answer is compressed, which was not asked for", status=status)
    body = await _read_body(response.stream, limit)
    if body is None:
        raise AuthorizationError(channel, f"the endpoint's answer is longer than {limit} bytes", status=status)
    try:
        return read(msgspec.json.decode(body))
    except AuthorizationError as error:
        problem = error.message
    except _UNREADABLE:
        problem = "the endpoint's answer is not JSON"
    raise AuthorizationError(channel, problem, status=status)


async def _read_body(stream: object, limit: int) -> bytes | None:
    """Read the bytes as they came over the wire, never decompressed; None when there are too many."""
    body = bytearray()
    # Every transport for asyncio has a stream of this kind; its iterator is closed here and not by the collector.
    async with aclosing(cast("AsyncGenerator[bytes, None]", aiter(cast("httpx.AsyncByteStream", stream)))) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                return None
    return bytes(body)


def _refusal(status: int) -> str:
    if httpx.codes.is_redirect(status):
        return "the endpoint redirects, and redirects are never followed: configure its final address"
    return "the endpoint refused" if httpx.codes.is_client_error(status) else "the endpoint failed"
