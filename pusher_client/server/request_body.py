"""Reading the body of a request under a limit."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["read_body"]


async def read_body(request: Request, limit: int) -> bytes:
    """Read the whole body.

    Args:
        request: The request.
        limit: How many bytes it may have.

    Raises:
        HTTPException: 413, it has more.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"the request's body has more than {limit} bytes")
    return bytes(body)
