"""``pusher-client trigger``: publish an event with the official server library."""

from __future__ import annotations

import errno
import importlib
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.extras import require
from pusher_client.cli.options import SecretOptions, ServerOptions, with_option_groups
from pusher_client.cli.reporting import CommandError, error_console, reporting
from pusher_client.cli.secret_sources import MASTER_KEY, SECRET, prompted_secret, read_secret
from pusher_client.cli.target import Server, read_server
from pusher_client.protocol.frames import clean_text
from pusher_client.protocol.names import channel_kind

__all__ = ["batches", "read_data", "trigger"]

_CHANNELS_PER_REQUEST = 100
_SIGNATURE_CURE = f"check --key, --app-id, the secret in {SECRET} or --secret-file, and this machine's clock"
_UNSIGNED = (f"the server does not accept the signature; {_SIGNATURE_CURE}", ExitCode.REFUSED)
_UNSIGNED_STATUSES = (401, 403)
_DIGITS = re.compile(r"[0-9]+")


@with_option_groups
def trigger(
    channels: Annotated[list[str], typer.Argument(help="The channels.", show_default=False)],
    *,
    event: Annotated[str, typer.Option("--event", "-e", help="The event's name.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="The event's data, usually JSON; without it, standard input is read."),
    ] = None,
    socket_id: Annotated[str | None, typer.Option(help="A connection that does not receive the event.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Time limit of each request in seconds.")] = 10,
    app_id: Annotated[str | None, typer.Option(help="The application's id; else PUSHER_APP_ID.")] = None,
    connection: ServerOptions,
    secrets: SecretOptions,
) -> None:
    """Publish an event to channels through the HTTP API of a server.

    The application's secret is read from a file, from the environment or, on a terminal, from a prompt. Events of
    encrypted channels are encrypted here, with the master key. Other users of this machine can see arguments in the
    list of processes: pass secret data through standard input.
    """
    require("trigger", "demo", "pusher")
    console = error_console()
    with reporting():
        server = read_server(connection)
        master_key = read_secret(MASTER_KEY, secrets.master_key_file)
        _check_master_key(channels, master_key)
        app_id = _app_id(app_id)
        text = read_data(data)
        _warn_of_broken_json(text, console)
        secret = read_secret(SECRET, secrets.secret_file) or prompted_secret(SECRET, "--secret-file")
        library = _library(server, app_id, secret, master_key, timeout)
        _publish(library, batches(channels), console, event=event, data=text, socket_id=socket_id)
    if console.is_terminal:
        console.print(f"published to {len(set(channels))} channel{'s' * (len(set(channels)) > 1)}", style="dim")


def batches(channels: Sequence[str]) -> list[list[str]]:
    """Return the channels of each request: up to 100, or one encrypted channel, which has a key of its own."""
    names = list(dict.fromkeys(channels))
    plain = [name for name in names if not channel_kind(name).encrypted]
    return [
        *(plain[start : start + _CHANNELS_PER_REQUEST] for start in range(0, len(plain), _CHANNELS_PER_REQUEST)),
        *([name] for name in names if channel_kind(name).encrypted),
    ]


def _check_master_key(channels: Sequence[str], master_key: str | None) -> None:
    for name in channels:
        if channel_kind(name).encrypted and master_key is None:
            raise CommandError(
                f"{name}: encrypted channels need the master key: set {MASTER_KEY}, or give --master-key-file",
                ExitCode.USAGE,
            )


def _app_id(given: str | None) -> str:
    app_id = given or os.environ.get("PUSHER_APP_ID", "")
    if not _DIGITS.fullmatch(app_id):
        raise CommandError("give the application's id (digits) with --app-id, or set PUSHER_APP_ID", ExitCode.USAGE)
    return app_id


def read_data(given: str | None) -> str:
    """Return the event's data: the option, or else standard input.

    Raises:
        CommandError: Standard input is a terminal, cannot be read, or is not text in UTF-8.
    """
    if given is not None:
        return given
    if sys.stdin.isatty():
        raise CommandError("give the data with --data, or pipe it into standard input", ExitCode.USAGE)
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except OSError as error:
        problem = "it is closed" if error.errno == errno.EBADF else str(error.strerror)
        raise CommandError(f"standard input cannot be read: {problem}; give --data", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CommandError("standard input is not text in UTF-8", ExitCode.USAGE) from None


def _warn_of_broken_json(text: str, console: Console) -> None:
    """Warn of data that is meant as JSON and is not, as shells make it by removing quotes."""
    if text.strip()[:1] not in {"{", "[", '"'}:
        return
    try:
        json.loads(text)
    except ValueError as error:
        problem = str(error)
    except RecursionError:
        return
    else:
        return
    console.print(
        f"warning: the data looks like JSON, but is not: {problem}; it is published as text; "
        """quote it for the shell, as in --data '{"id": 7}'""",
        style="yellow",
    )


def _library(server: Server, app_id: str, secret: str, master_key: str | None, timeout: float) -> Any:
    pusher: Any = importlib.import_module("pusher")  # of the extra "demo", and without types
    where = server.options
    try:
        return pusher.Pusher(
            app_id,
            server.key,
            secret,
            ssl=where.get("tls", True),
            host=where.get("host"),
            port=where.get("port"),
            cluster=where.get("cluster"),
            timeout=timeout,
            encryption_master_key_base64=master_key,
        )
    except ValueError:
        pass  # the application's id is checked, so this is the master key, which no message may contain
    raise CommandError(
        f"{MASTER_KEY} is not 32 bytes in base64: make one with pusher-client generate-key", ExitCode.USAGE
    )


def _publish(
    library: Any, requests: list[list[str]], console: Console, *, event: str, data: str, socket_id: str | None
) -> None:
    """Send the requests one after another."""
    shown = console.is_terminal and len(requests) > 1
    done = 0
    for channels in track(requests, "publishing", console=console, transient=True) if shown else requests:
        try:
            answer = library.trigger(channels, event, data, socket_id)
        except Exception as error:  # noqa: BLE001 - raised by the server library or by requests
            problem, code = _problem(error)
        else:
            if "error" not in answer and answer.get("ok") is not False:
                done += len(channels)
                continue
            # Some servers refuse with HTTP 200 and put the real status into the body.
            refusal = f"the server refused the event: {clean_text(answer.get('error'))}"
            problem, code = _UNSIGNED if answer.get("code") in _UNSIGNED_STATUSES else (refusal, ExitCode.FAILED)
        sent = f" ({done} channels have received it)" if done else ""
        raise CommandError(problem + sent, code)


def _problem(error: Exception) -> tuple[str, ExitCode]:
    """Describe an error without its text, where that may contain signatures."""
    match type(error).__name__:
        case "PusherBadAuth" | "PusherForbidden":
            return _UNSIGNED
        case "PusherBadRequest" | "PusherBadStatus":
            return f"the server refused the event: {clean_text(str(error))}", ExitCode.FAILED
        case "ValueError":
            return clean_text(str(error)), ExitCode.USAGE
        case "JSONDecodeError":
            return "the server's answer is not JSON; check --host and --port", ExitCode.FAILED
        case name:
            cure = "check --cluster, or --host, --port and --tls/--no-tls, and whether the server runs"
            return f"the HTTP API cannot be reached ({name}); {cure}", ExitCode.NO_CONNECTION
