"""Reading a body under a limit."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from pusher_client.server.request_body import read_body


def request_of(*chunks: bytes) -> Request:
    """Return a request whose body comes in chunks."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_a_body_is_read_whole() -> None:
    """In any number of chunks."""
    assert await read_body(request_of(b"ab", b"c"), 3) == b"abc"


async def test_a_body_above_the_limit_is_refused() -> None:
    """413 names the limit."""
    with pytest.raises(HTTPException, match="more than 2 bytes") as caught:
        await read_body(request_of(b"ab", b"c"), 2)
    assert caught.value.status_code == 413


@pytest.mark.parametrize(("announced", "status"), [(b"1000000000000", 413), (b"2", None), (b"x", None)])
async def test_an_announced_body_above_the_limit_is_refused_unread(announced: bytes, status: int | None) -> None:
    """Its client need not send it."""
    request = request_of(b"ab")
    request.scope["headers"] = [(b"content-length", announced)]
    if status is None:
        assert await read_body(request, 2) == b"ab"
        return
    with pytest.raises(HTTPException) as caught:
        await read_body(request, 2)
    assert caught.value.status_code == status


async def test_a_client_that_hangs_up_is_no_failure_of_the_server() -> None:
    """A request that is cancelled within its body leaves no traceback in the log."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(HTTPException) as caught:
        await read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), 2)
    assert caught.value.status_code == 400
