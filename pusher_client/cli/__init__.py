"""The ``pusher-client`` command."""

from __future__ import annotations

import sys

try:
    import rich.console
    import typer

    # Imported first, so that a missing extra is reported before a module that needs it fails.
    _needed: tuple[object, ...] = (rich.console.Console, typer.Typer)
except ModuleNotFoundError as _missing:
    _package = str(_missing.name).partition(".")[0]
    sys.exit(f"pusher-client needs {_package}: pip install 'pusher-channels-client[cli]'")

from pusher_client.cli.commands import app, main

__all__ = ["app", "main"]
