"""``pusher-client serve``: run the local server, and print snippets that use it."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from pusher_client.cli.exit_codes import SIGNALLED, ExitCode
from pusher_client.cli.extras import require
from pusher_client.cli.reporting import CommandError, error_console, reporting, silent_log
from pusher_client.cli.secret_sources import MASTER_KEY, SECRET, read_secret
from pusher_client.cli.signals import stop_signals
from pusher_client.protocol.signatures import decode_base64

if TYPE_CHECKING:
    from pusher_client.server import LocalServer

__all__ = ["WARNING", "serve"]

WARNING = "FOR DEVELOPMENT AND TESTS ONLY: this server authorizes every request. Never give it production keys."
_PORT = 6001
"""The usual port of self-hosted servers."""


def serve(
    *,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"The port, 0 for a free one; else PUSHER_PORT, else {_PORT}.")
    ] = None,
    app_id: Annotated[
        str | None, typer.Option(help="The application's id, digits; else PUSHER_APP_ID, else 1001.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The application's key; else PUSHER_KEY, else app-key.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="A file with the application's secret.")] = None,
    master_key_file: Annotated[
        Path | None, typer.Option(help="A file with the master key of encrypted channels, in base64.")
    ] = None,
    secrets_from_env: Annotated[
        bool, typer.Option("--secrets-from-env", help=f"Use {SECRET} and {MASTER_KEY}, which are ignored otherwise.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Accept requests for this host besides localhost; a name without a port; repeatable."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Accept web pages of this origin besides localhost, as https://app.test; repeatable."),
    ] = None,
) -> None:
    """Run a Channels server on this machine, for development and tests, until Ctrl-C.

    It listens on the loopback interface only, and refuses requests of web pages of other sites. Secrets are generated
    and printed, unless they are given by a file or by --secrets-from-env.
    """
    require("serve", "server", "starlette", "uvicorn")
    with reporting():
        given = {SECRET: secret_file, MASTER_KEY: master_key_file}
        secrets = {
            variable: read_secret(variable, file) if secrets_from_env or file is not None else None
            for variable, file in given.items()
        }
        server = _server(
            app_id=app_id or os.environ.get("PUSHER_APP_ID") or "1001",
            key=key or os.environ.get("PUSHER_KEY") or "app-key",
            secret=secrets[SECRET],
            master_key=secrets[MASTER_KEY],
            port=_port() if port is None else port,
            allow_hosts=allow_host or (),
            allow_origins=allow_origin or (),
        )
        code = asyncio.run(_run(server, _notes(given, secrets), [name for name in secrets if secrets[name] is None]))
    raise typer.Exit(code)


def _port() -> int:
    """Return the port of the environment, or the default."""
    port = os.environ.get("PUSHER_PORT", "")
    if port and not (port.isascii() and port.isdigit()):
        raise CommandError("set PUSHER_PORT to a number, or leave it out", ExitCode.USAGE)
    return int(port or _PORT)


def _notes(files: Mapping[str, Path | None], secrets: Mapping[str, str | None]) -> list[str]:
    """Return a line for each secret that is used, and for each variable that is ignored."""
    notes: list[str] = []
    for variable, file in files.items():
        if secrets[variable] is not None:
            notes.append(f"using the value of {variable if file is None else file}")
        elif os.environ.get(variable):
            notes.append(f"ignoring {variable}: give --secrets-from-env to use it")
    return notes


def _server(*, master_key: str | None, **options: Any) -> LocalServer:
    # The extra "server" may be missing when this module is imported.
    from pusher_client.server import LocalServer  # noqa: PLC0415 -- see above

    decoded = None if master_key is None else decode_base64(master_key)
    if master_key is not None and decoded is None:
        raise CommandError("the master key is not in base64: make one with pusher-client generate-key", ExitCode.USAGE)
    try:
        return LocalServer(master_key=decoded, **options)
    except ValueError as error:
        problem = (
            str(error)
            .replace("port must be", "--port (PUSHER_PORT) must be")
            .replace("allow_hosts", "--allow-host")
            .replace("allow_origins", "--allow-origin")
        )
    raise CommandError(problem, ExitCode.USAGE)


async def _run(server: LocalServer, notes: list[str], generated: list[str]) -> int:
    """Serve until a signal arrives, and return the exit code."""
    try:
        # The warning is printed below instead of logged.
        with silent_log(), stop_signals() as stopped:
            async with server:
                error_console().print(WARNING, style="bold red")
                for note in notes:
                    error_console().print(note, style="yellow")
                _print_snippets(server, generated, Console(highlight=False, markup=False, soft_wrap=True))
                return SIGNALLED + await stopped
    except OSError as error:
        problem = f"the port cannot be used: {error.strerror}; give another by --port, or 0 for a free one"
    raise CommandError(problem, ExitCode.FAILED)


def _print_snippets(server: LocalServer, generated: list[str], console: Console) -> None:
    values = {SECRET: server.secret, MASTER_KEY: server.encryption_master_key_base64}
    known = " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items() if name in generated)
    heading, channel, key = "bold", "private-encrypted-orders", shlex.quote(server.key)
    address = f"host={server.host!r}, port={server.port}"
    lines = [
        (f"listening on http://{server.host}:{server.port}; Ctrl-C ends", "green"),
        (f"open http://{server.host}:{server.port}/ in a browser to see and publish events", "green"),
        ("\n# for this library, pusher-client listen and pusher-client doctor", heading),
        (f"export PUSHER_KEY={key} PUSHER_HOST={server.host} PUSHER_PORT={server.port} PUSHER_TLS=false", ""),
        (f"export PUSHER_AUTH_URL={server.auth_url}", ""),
        (f"pusher-client listen {channel}", ""),
        ("\n# for pusher-client trigger, and for server libraries", heading),
        (f"export PUSHER_APP_ID={server.app_id} {known}".rstrip(), ""),
        (f"""pusher-client trigger {channel} --event order-created --data '{{"id": 7}}'""", ""),
        ("\n# in Python", heading),
        (f"authorizer = HTTPAuthorizer({server.auth_url!r})", ""),
        (f"client = PusherClient({server.key!r}, {address}, tls=False, authorizer=authorizer)", ""),
    ]
    for text, style in lines:
        console.print(Text(text, style))
