"""Running the command in this process or in a new one."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pusher_client.cli import app
from pusher_client.server import LocalServer

__all__ = ["PROGRAM", "environment_for", "occupied", "run", "run_entry_point", "started"]

PROGRAM = (sys.executable, "-c", "from pusher_client.cli import main; main()")


def run(*arguments: str, **options: Any) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, list(arguments), **options)


def run_entry_point(monkeypatch: pytest.MonkeyPatch, entry: Callable[[], object], *arguments: str) -> tuple[Any, str]:
    """Call an entry point in this process, with other streams; return its exit code and output."""
    written = io.BytesIO()
    with monkeypatch.context() as replaced:
        replaced.setattr(sys, "argv", ["pusher-client", *arguments])
        for name in ("stdout", "stderr"):
            replaced.setattr(sys, name, io.TextIOWrapper(written, encoding="utf-8"))
        with pytest.raises(SystemExit) as caught:
            entry()
        return caught.value.code, written.getvalue().decode()


def environment_for(server: LocalServer) -> dict[str, str]:
    """Return the variables that lead to a server."""
    return {
        "PUSHER_KEY": server.key,
        "PUSHER_HOST": server.host,
        "PUSHER_PORT": str(server.port),
        "PUSHER_TLS": "false",
        "PUSHER_AUTH_URL": server.auth_url,
    }


async def occupied(server: LocalServer, channel: str) -> None:
    """Wait until the channel has a subscriber."""
    application = server._application
    while not any(one.name == channel for one in application.occupied()):
        await asyncio.sleep(0.005)


@asynccontextmanager
async def started(
    *arguments: str, environment: dict[str, str], **options: Any
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run the command in a new process, which is killed at the end."""
    pipe = asyncio.subprocess.PIPE
    options = {"stdout": pipe, "stderr": pipe, "stdin": asyncio.subprocess.DEVNULL, **options}
    process = await asyncio.create_subprocess_exec(*PROGRAM, *arguments, env={**os.environ, **environment}, **options)
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
