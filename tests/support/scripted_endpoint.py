"""A real HTTP server on loopback with the answers that a test sets, broken ones included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import TypeAlias

__all__ = ["Received", "ScriptedEndpoint", "answer", "json_answer", "serve_endpoint"]


@dataclass(frozen=True)
class Received:
    """One request as it came: the start line, the headers (names in lower case) and the body."""

    line: str
    headers: dict[str, str]
    body: str


Script: TypeAlias = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ScriptedEndpoint:
    """The running server: where it is, what it received, and what it does with the next request."""

    script: Script
    url: str = ""
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        await asyncio.gather(*self.tasks)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.open_connections += 1
        try:
            while True:
                request = await _read_request(reader)
                self.requests.append(request)
                await self.script(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            self.tasks.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(line, headers, body.decode())


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> Script:
    """Return a script with this answer; underscores in the names of ``headers`` become hyphens."""
    fields = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    return script


def json_answer(value: object, status: str = "200 OK", **headers: str) -> Script:
    """Return a script that answers a value as JSON."""
    return answer(status, json.dumps(value).encode(), content_type="application/json", **headers)


@asynccontextmanager
async def serve_endpoint(script: Script, *, ssl: SSLContext | None = None) -> AsyncGenerator[ScriptedEndpoint]:
    """Run the server on a free port of 127.0.0.1 until the block ends, and leave nothing of it behind."""
    endpoint = ScriptedEndpoint(script)
    server = await asyncio.start_server(endpoint.handle, "127.0.0.1", 0, ssl=ssl)
    endpoint.port = server.sockets[0].getsockname()[1]
    endpoint.url = f"{'http' if ssl is None else 'https'}://127.0.0.1:{endpoint.port}/pusher/auth"
    try:
        yield endpoint
    finally:
        server.close()
        for task in tuple(endpoint.tasks):
            task.cancel()
        await asyncio.gather(*endpoint.tasks, return_exceptions=True)
        await server.wait_closed()
