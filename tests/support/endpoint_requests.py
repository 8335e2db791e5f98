"""Requests with a canary in every secret place, and endpoints that fail in every way."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pusher_client.authorization.authorizers import HTTPAuthorizer
from pusher_client.exceptions import AuthorizationError
from tests.support.scripted_endpoint import Received, ScriptedEndpoint

__all__ = [
    "CANARIES",
    "CHANNEL",
    "GOOD",
    "GOOD_BODY",
    "PARAM",
    "SHARED_SECRET",
    "SIGNATURE",
    "TOKEN",
    "ask",
    "authorizer",
    "bad_chunk",
    "bad_header",
    "drip",
    "drip_head",
    "endless",
    "half",
    "hang",
    "no_http",
    "reset",
]

TOKEN = "canary-header-4711"
PARAM = "canary-param-4712"
SIGNATURE = "canary-signature-4713"
SHARED_SECRET = "Y2FuYXJ5LXNlY3JldC00NzE0LWNhbmFyeS1zZWNyZXQ="
CANARIES = (TOKEN, PARAM, SIGNATURE, SHARED_SECRET, "canary-secret-4714", "canary-query")
GOOD = {"auth": f"KEY:{SIGNATURE}", "shared_secret": SHARED_SECRET}
GOOD_BODY = json.dumps(GOOD).encode()
CHANNEL = "private-encrypted-orders"


def authorizer(endpoint: ScriptedEndpoint, **options: Any) -> HTTPAuthorizer:
    options = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "params": {"token": PARAM}, **options}
    return HTTPAuthorizer(f"{endpoint.url}?q=canary-query", **options)


async def hang(_request: Received, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def reset(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + GOOD_BODY[:60])
    writer.close()


async def no_http(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD_BODY + b"\r\n\r\n")


async def bad_chunk(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + GOOD_BODY + b"\r\n")


async def bad_header(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\n{TOKEN} {SIGNATURE}\r\n\r\n".encode())


async def endless(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b" " * 0x400 + b"\r\n")
        await writer.drain()


async def ask(endpoint: ScriptedEndpoint, **options: Any) -> Exception:
    """Ask for one authorization and return the error, without this frame and its variables."""
    with pytest.raises((AuthorizationError, OSError)) as caught:
        await authorizer(endpoint, **options)(CHANNEL, "12.34")
    traceback = caught.value.__traceback__
    assert traceback is not None
    return caught.value.with_traceback(traceback.tb_next)
