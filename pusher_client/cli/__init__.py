"""The ``pusher-client`` command."""

from __future__ import annotations

import sys

try:
    import rich.console
    import typer

    # Named here so that a missing extra is told before anything that needs it is imported.
    _needed: tuple[object, ...] = (rich.console.Console, typer.Typer)
except ModuleNotFoundError as _missing:
    sys.exit(f"pusher-client needs {_missing.name}: pip install 'pusher-channels-client[cli]'")

from pusher_client.cli.commands import app, main

__all__ = ["app", "main"]
