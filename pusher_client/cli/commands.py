"""The ``pusher-client`` command and its subcommands."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from pusher_client.cli.demo import demo
from pusher_client.cli.doctor import doctor
from pusher_client.cli.exit_codes import EXIT_CODES
from pusher_client.cli.generate_key import generate_key
from pusher_client.cli.listen import listen
from pusher_client.cli.serve import serve
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
    """Run the command; the entry point of the distribution."""
    app(prog_name="pusher-client")


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
