"""Examples as separate programs, beside a local server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pusher_client.server import LocalServer
from pusher_client.testing import PusherServer

__all__ = ["EXAMPLES", "SECONDS", "environment", "example", "said"]

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 60.0


def environment(server: LocalServer | PusherServer) -> dict[str, str]:
    """Return the environment of a program that finds this server, and this checkout's library."""
    return os.environ | {
        "PUSHER_KEY": server.key,
        "PUSHER_HOST": server.host,
        "PUSHER_PORT": str(server.port),
        "PUSHER_TLS": "false",
        "PUSHER_AUTH_URL": server.auth_url,
        "NO_PROXY": server.host,
        "PYTHONPATH": str(EXAMPLES.parent),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }


@asynccontextmanager
async def example(*arguments: str, server: PusherServer, **more: str) -> AsyncGenerator[Process]:
    """Run Python with these arguments in the folder of the examples, and what it says on its standard error readable.

    Args:
        *arguments: What follows ``python``.
        server: Whose address and keys stand in the environment.
        **more: Further variables.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=EXAMPLES, env=environment(server) | more, stdout=DEVNULL, stderr=PIPE
    )
    try:
        async with asyncio.timeout(SECONDS):
            yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def said(process: Process, start: str) -> str:
    """Read what a program says on its standard error until a line starts so; return that line."""
    assert process.stderr is not None
    heard = ""
    while line := (await process.stderr.readline()).decode():
        if line.startswith(start):
            return line.rstrip("\n")
        heard += line
    raise AssertionError(f"it ended without {start!r}: {heard}")
