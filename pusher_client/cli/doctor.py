"""``pusher-client doctor``: the step of connecting and subscribing that fails, with the likely cure."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from pusher_client.cli.examination import Examination
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.findings import Finding, Outcome
from pusher_client.cli.options import AuthorizationOptions, ConnectionOptions, with_option_groups
from pusher_client.cli.rendering import value_text
from pusher_client.cli.reporting import error_console, progress, reporting, silent_log
from pusher_client.cli.target import check_name, read_target

__all__ = ["doctor"]

_COLOURS = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}
_DEFAULT_CHANNEL = "pusher-client-doctor"


@with_option_groups
def doctor(
    *,
    channel: Annotated[str, typer.Option(help="The channel to subscribe to.")] = _DEFAULT_CHANNEL,
    timeout: Annotated[float, typer.Option(min=0.1, help="Time limit of each step in seconds.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print each step as a JSON object on one line.")] = False,
    connection: ConnectionOptions,
    authorization: AuthorizationOptions,
) -> None:
    """Try each step of connecting and subscribing, and print the likely cure for the step that fails.

    The steps are DNS, TCP, TLS, WebSocket, application key, authorization, shared secret and subscription. It does not
    prompt, print secrets or publish. The exit code is 1 if a step failed.
    """
    with reporting():
        target = read_target(connection, authorization)
        check_name(channel)
        examination = Examination(target, channel, timeout)
    with silent_log():
        healthy = asyncio.run(_examine(examination, as_json=as_json))
    raise typer.Exit(ExitCode.DONE if healthy else ExitCode.FAILED)


async def _examine(examination: Examination, *, as_json: bool) -> bool:
    """Print each finding, and return whether no step failed."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    steps, failed = list(examination.steps()), False
    async with aclosing(examination.findings()) as findings:
        for step in steps:
            with progress(step, error_console()):
                finding = await anext(findings)
            failed = failed or finding.outcome is Outcome.FAILED
            if as_json:
                typer.echo(json.dumps(asdict(finding)))
            else:
                _print(finding, console, max(map(len, steps)))
    if not as_json:
        summary = ("a step failed", Outcome.FAILED) if failed else ("everything works", Outcome.OK)
        console.print(summary[0], style=_COLOURS[summary[1]])
    return not failed


def _print(finding: Finding, console: Console, width: int) -> None:
    took = "" if finding.seconds is None else f"{finding.seconds * 1000:.0f} ms"
    colour = _COLOURS[finding.outcome]
    text = Text.assemble(
        (f"{finding.outcome.upper():7}", colour), f"  {finding.step:{width}}", (f"  {took:>8}  ", "dim")
    )
    text.append(_visible(finding.detail), colour if finding.outcome is Outcome.FAILED else "")
    console.print(text)
    if finding.cure is not None:
        console.print(Text.assemble((f"{'':9}{'cure':>{width}}{'':12}", "yellow"), _visible(finding.cure)))


def _visible(text: str) -> str:
    """Escape control characters in a text that another program may have written."""
    return text if text.isprintable() else value_text(text)[1:-1]
