"""Parts of the command that need more than the extra ``cli``."""

from __future__ import annotations

import importlib

import typer

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import complaints

__all__ = ["require"]


def require(command: str, extra: str, *modules: str) -> None:
    """End the command with the cure if something that it needs is not installed.

    Args:
        command: The subcommand.
        extra: The extra that brings the modules.
        *modules: What it needs.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            complaints().print(f"pusher-client {command} needs {module}: pip install 'pusher-channels-client[{extra}]'")
            raise typer.Exit(ExitCode.FAILED) from None
