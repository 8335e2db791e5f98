"""Request bodies with a size limit."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

__all__ = ["read_body"]


async def read_body(request: Request, limit: int) -> bytes:
    """Read the whole body.

    Args:
        request: The request.
        limit: Maximum size in bytes.

    Raises:
        HTTPException: 413 if it is larger; 400 if the client disconnected before its end.
    """
    too_large = HTTPException(413, f"the request's body has more than {limit} bytes", {"Connection": "close"})
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:  # it need not be sent
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
    except ClientDisconnect:  # uvicorn would log it as an error of this application
        raise HTTPException(400, "the request's body is not complete") from None
    return bytes(body)
