"""The ``pusher-client`` command and its subcommands."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.text import Text

from pusher_client.cli.demo import demo
from pusher_client.cli.doctor import doctor
from pusher_client.cli.exit_codes import EXIT_CODES, ExitCode
from pusher_client.cli.generate_key import generate_key
from pusher_client.cli.listen import listen
from pusher_client.cli.reporting import error_console
from pusher_client.cli.serve import serve
from pusher_client.cli.signals import ending_at_once, ignore_signals_at_exit
from pusher_client.cli.standard_streams import OutputError, check_text, end_output, guard_streams
from pusher_client.cli.trigger import trigger

__all__ = ["COMMANDS", "app", "main"]

app: typer.Typer = typer.Typer(
    help="Subscribe to Pusher Channels from the command line.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # Typer's tracebacks show the values of variables, and so secrets.
    pretty_exceptions_enable=False,
)
COMMANDS = (listen, doctor, trigger, serve, demo, generate_key)
for _command in COMMANDS:
    app.command(epilog=EXIT_CODES)(_command)


def main() -> None:
    """Run the command; the entry point of the distribution.

    Raises:
        SystemExit: Always, with the exit code.
    """
    ending_at_once()
    ignore_signals_at_exit()
    guard_streams()
    code, problem = _run()
    problem = end_output() or problem
    if problem is not None:
        error_console().print(Text.assemble(("error: ", "bold red"), problem))
        code = code or ExitCode.FAILED
    sys.stderr.flush()
    sys.exit(code)


def _run() -> tuple[Any, str | None]:
    """Return the exit code, and the problem that was not printed yet."""
    problem = check_text(sys.argv[1:], os.environ)
    if problem is not None:
        return ExitCode.USAGE, problem
    try:
        app(prog_name="pusher-client")
    except OutputError as error:
        return error.code, error.message
    except SystemExit as end:
        return end.code, None
    raise AssertionError("Typer ends with SystemExit")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes an option's value by position
    if wanted:
        typer.echo(f"pusher-client {version('pusher-channels-client')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    del version  # printed by its callback
