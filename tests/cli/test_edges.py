"""Every subcommand at its edges: streams closed, full or limited to ASCII, bytes that are not text, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Generator

import pytest

from pusher_client.server import LocalServer
from tests.support.cli_commands import PROGRAM, environment_for, occupied, started

CANARY = "c4nary-0f-a-secret"
COMMANDS: dict[str, tuple[str, ...]] = {
    "listen": ("listen", "cache-orders", "--count", "1", "--timeout", "60"),
    "doctor": ("doctor",),
    "trigger": ("trigger", "orders", "-e", "created", "-d", "{}"),
    "serve": ("serve", "--port", "0"),
    "demo": ("demo", "--events", "2"),
    "generate-key": ("generate-key",),
    "version": ("--version",),
    "help": ("--help",),
}
SILENT = {"trigger"}
"""Commands that write nothing to standard output."""

NOTES = ("FOR DEVELOPMENT AND TESTS ONLY", "ignoring PUSHER_SECRET", "a local Channels server")
CLOSED = "error: standard output cannot be written: it is closed"
FULL = "error: standard output cannot be written: No space left on device"
EDGES: dict[str, tuple[str, int, str]] = {
    "closed output": (">&-", 1, CLOSED),
    "full output": (">/dev/full", 1, FULL),
    "output without a reader": ("| true", 0, ""),
    "closed input": ("<&-", 0, ""),
    "closed errors": ("2>&-", 0, ""),
    "full errors": ("2>/dev/full", 0, ""),
    "all closed": ("<&- >&- 2>&-", 1, ""),
}


@pytest.fixture(scope="module")
def server() -> Generator[LocalServer]:
    """A server with an event for every subscriber."""
    with LocalServer() as server:
        server.publish("cache-orders", "created", {"name": "Jürgen…"}).result()
        yield server


def environment(server: LocalServer) -> dict[str, str]:
    """Return the variables of a trusted machine."""
    return {**environment_for(server), "PUSHER_APP_ID": server.app_id, "PUSHER_SECRET": server.secret}


async def ended(command: tuple[str, ...], redirection: str, environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a command in bash with a redirection, and return exit code, output and errors; SIGTERM ends a server."""
    script = f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}'
    process = await asyncio.create_subprocess_exec(
        "bash",
        *("-c", script, "bash", *PROGRAM, *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    assert process.stdout is not None
    output = b""
    async with asyncio.timeout(120):
        while line := await process.stdout.readline():
            output += line
            if line.startswith(b"client ="):  # the last line of "serve"
                os.killpg(process.pid, signal.SIGTERM)
        _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def complaints(errors: str) -> list[str]:
    """Return the lines on standard error without the usual notes of a server."""
    return [line for line in errors.splitlines() if not line.startswith(NOTES)]


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", COMMANDS)
async def test_streams_that_fail(server: LocalServer, name: str, edge: str) -> None:
    """One line with the right cause and exit code, never a traceback."""
    redirection, code, complaint = EDGES[edge]
    if name in SILENT:
        code, complaint = 0, ""
    found, output, errors = await ended(COMMANDS[name], redirection, environment(server))
    if name == "serve" and code == 0 and edge != "output without a reader":
        assert found in {143, -signal.SIGTERM}  # the shell's own, if the signal ends it first
        assert "export PUSHER_KEY" in output
    else:
        assert (found, complaints(errors)) == (code, [complaint] if complaint else [])


@pytest.mark.parametrize("name", COMMANDS)
async def test_output_in_ascii(server: LocalServer, name: str) -> None:
    """Other characters are escapes."""
    limits = {"PYTHONIOENCODING": "ascii", "COLUMNS": "100"}
    found, output, errors = await ended(COMMANDS[name], "", {**environment(server), **limits})
    assert found in ({143, -signal.SIGTERM} if name == "serve" else {0})
    assert output.isascii()
    assert complaints(errors) == []


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        *((name, "PUSHER_SECRET") for name in COMMANDS),
        *(("listen", variable) for variable in ("PUSHER_KEY", "PUSHER_AUTH_HEADERS", "PUSHER_HOST")),
    ],
)
async def test_variables_that_are_not_text(server: LocalServer, name: str, variable: str) -> None:
    """Named, without their value (C3), before anything is done with them."""
    line = f"export {variable}=$'{CANARY}\\xff'; "
    process = await asyncio.create_subprocess_exec(
        "bash",
        *("-c", line + '"$@"', "bash", *PROGRAM, *COMMANDS[name]),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment(server)},
    )
    _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (2, f"error: {variable} is not text in UTF-8\n")


async def test_arguments_and_input_that_are_not_text(server: LocalServer) -> None:
    """Data that would be published as something else is refused."""
    command = ("trigger", "orders", "-e", "created")
    found, _, errors = await ended((*command, "-d", "\udcff"), "", environment(server))
    assert (found, errors) == (2, "error: argument 6 is not text in UTF-8\n")
    found, _, errors = await ended(command, "< <(printf '\\xff')", environment(server))
    assert (found, errors) == (2, "error: standard input is not text in UTF-8\n")
    found, _, errors = await ended(command, "<&-", environment(server))
    assert (found, errors) == (2, "error: standard input cannot be read: it is closed; give --data\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stalled", [False, True])
async def test_two_signals_at_once(server: LocalServer, number: signal.Signals, code: int, stalled: bool) -> None:
    """Nothing is printed, whether the first has had its effect or not."""
    async with started("listen", "orders", environment=environment(server)) as process:
        await occupied(server, "orders")
        server.stall(stalled)
        process.send_signal(number)
        process.send_signal(number)
        output, errors = await process.communicate()
        server.stall(on=False)
    assert (process.returncode, output, errors) == (code, b"", b"")


@pytest.mark.parametrize("module", ["pusher_client.client", "typer", "pusher_client.cli.listen", "pusher", "uvicorn"])
async def test_a_signal_while_a_command_starts(module: str) -> None:
    """Whatever is imported at that moment: the exit code, and nothing else."""
    program = f"""
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from pusher_client_command import main
main()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "demo", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (130, b"", b"")
