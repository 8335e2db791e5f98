"""Subcommands that need more than the extra ``cli``."""

from __future__ import annotations

import importlib

import typer

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import error_console

__all__ = ["require"]


def require(command: str, extra: str, *modules: str) -> None:
    """End the command, with the line that installs it, if a module that it needs is missing.

    Args:
        command: The name of the subcommand.
        extra: The extra that installs the modules.
        *modules: The modules that it needs.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            line = f"pusher-client {command} needs {module}: pip install 'pusher-channels-client[{extra}]'"
            error_console().print(line)
            raise typer.Exit(ExitCode.FAILED) from None
