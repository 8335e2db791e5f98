"""``pusher-client listen``: print the events of channels."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from pusher_client import (
    MARKERS,
    AuthorizationError,
    Channel,
    ConnectError,
    Event,
    EventStream,
    PusherClient,
    PusherError,
    SubscriptionError,
    SubscriptionState,
)
from pusher_client.cli.cures import connect_cure, subscription_cure
from pusher_client.cli.exit_codes import SIGNALLED, ExitCode
from pusher_client.cli.line_writer import LineWriter
from pusher_client.cli.options import AuthorizationOptions, ConnectionOptions, with_option_groups
from pusher_client.cli.rendering import SUBSCRIPTION_ERROR, Moment, json_line, pretty_line
from pusher_client.cli.reporting import CommandError, error_console, progress, reporting, retry_warnings
from pusher_client.cli.signals import stop_signals
from pusher_client.cli.standard_streams import OutputError
from pusher_client.cli.target import Target, read_target
from pusher_client.delivery.stream_queue import name_filter

__all__ = ["Listener", "listen"]

_Error = TypeVar("_Error", bound=Exception)


@with_option_groups
def listen(
    channels: Annotated[list[str], typer.Argument(help="The channels.", show_default=False)],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(
            help="Events to print, as a case-sensitive glob such as `order-*`; repeatable. `*` is all events."
        ),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after this number of events.")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="End after this number of seconds, with exit code 5.")
    ] = None,
    as_json: Annotated[
        bool | None,
        typer.Option("--json/--pretty", help="The output format; the default is pretty on a terminal, else JSON."),
    ] = None,
    since_connect: Annotated[
        bool, typer.Option("--since-connect", help="Print times as seconds since the first connection.")
    ] = False,
    connection: ConnectionOptions,
    authorization: AuthorizationOptions,
) -> None:
    """Print the events of channels, decrypted and in order.

    On a terminal each event is a coloured line. Otherwise, or with --json, it is one JSON object per line: time,
    channel, event, data, and user_id if there is one. Without --event only application events are printed. Every loss
    is marked by a line in its place: pusher:gap, pusher:overflow or pusher:decryption_failure; these do not count for
    --count. A channel that is refused ends the command.
    """
    with reporting():
        target = read_target(connection, authorization)
        target.check_channels(channels)
        listener = Listener(
            target,
            channels,
            event or (),
            count=count,
            timeout=timeout,
            as_json=not sys.stdout.isatty() if as_json is None else as_json,
            since_connect=since_connect,
        )
        code = asyncio.run(listener.run())
    raise typer.Exit(code)


class Listener:
    """One run of the command.

    Args:
        target: The server and the authorizer.
        channels: The channels to subscribe to.
        names: Globs of the events to print; application events if empty.
        count: Number of events after which to end; None for no limit.
        timeout: Seconds after which to end; None for no limit.
        as_json: Whether lines are JSON.
        since_connect: Whether times are seconds since the first connection.
    """

    def __init__(
        self,
        target: Target,
        channels: Sequence[str],
        names: Sequence[str],
        *,
        count: int | None,
        timeout: float | None,
        as_json: bool,
        since_connect: bool,
    ) -> None:
        self._target = target
        self._channels = list(dict.fromkeys(channels))
        self._subscribed: set[Channel] = set()
        self._wants = name_filter(tuple(names))
        self._left = count
        self._timeout = timeout
        self._as_json = as_json
        self._since_connect = since_connect
        self._connected_at = 0.0
        self._console = Console(highlight=False, markup=False)
        self._complaints = error_console()
        self._writer = LineWriter(sys.stdout)

    async def run(self) -> int:
        """Listen until something ends it, and return the exit code.

        Raises:
            CommandError: The connection or a channel was refused, the output failed, or the time limit passed.
        """
        with stop_signals() as stopped, self._writer.watched() as gone, retry_warnings(self._complaints):
            listening = asyncio.create_task(self._listen())
            ends: set[asyncio.Future[int] | asyncio.Future[None]] = {listening, stopped, gone}
            await asyncio.wait(ends, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
            timed_out = not any(end.done() for end in ends)
            listening.cancel()
            (result,) = await asyncio.gather(listening, return_exceptions=True)
        if stopped.done():
            return SIGNALLED + stopped.result()
        if timed_out:
            raise CommandError(f"not done within {self._timeout:g} s", ExitCode.TIMED_OUT)
        if isinstance(result, BaseException) and not isinstance(result, BrokenPipeError | asyncio.CancelledError):
            raise result
        return ExitCode.DONE

    async def _listen(self) -> None:
        problem: CommandError | None = None
        try:
            await self._follow(self._target.client())
        except* PusherError as group:
            problem = _problem(_first(group))
        except* BrokenPipeError:
            pass  # the reader closed the output on purpose
        except* OSError as group:
            problem = CommandError(str(OutputError(_first(group)).message), ExitCode.FAILED)
        if problem is not None:
            raise problem

    async def _follow(self, client: PusherClient) -> None:
        with progress("connecting", self._complaints):
            await client.connect()
        self._connected_at = monotonic()
        async with client, client.events("*") as stream, asyncio.TaskGroup() as tasks:
            subscribing = tasks.create_task(self._subscribe(client))
            await self._read(stream)
            subscribing.cancel()

    async def _subscribe(self, client: PusherClient) -> None:
        """Subscribe to all channels concurrently; the first that is refused ends the command."""
        await asyncio.gather(*(self._subscribe_one(client, name) for name in self._channels))
        if self._complaints.is_terminal:
            count = len(self._channels)
            self._complaints.print(f"listening to {count} channel{'s' * (count > 1)}; Ctrl-C ends", style="dim")

    async def _subscribe_one(self, client: PusherClient, name: str) -> None:
        self._subscribed.add(await client.subscribe(name))

    async def _read(self, stream: EventStream) -> None:
        async for event in stream:
            lost = event.name in MARKERS
            failed = event.name == SUBSCRIPTION_ERROR
            if lost or failed or self._wants(event.name):
                await self._write(event)
            if failed:
                self._check(event)
            if self._left is not None and not lost and self._wants(event.name):
                self._left -= 1
                if not self._left:
                    return

    def _check(self, event: Event) -> None:
        """Raise if a channel fails after it was subscribed; until then ``subscribe()`` raises."""
        for channel in self._subscribed:
            if channel.name == event.channel and channel.state is SubscriptionState.FAILED:
                status = event.data["status"]
                raise AuthorizationError(channel.name, "the endpoint or the server refused it again", status=status)

    async def _write(self, event: Event) -> None:
        moment = Moment(datetime.now(UTC), monotonic() - self._connected_at if self._since_connect else None)
        ascii_only = not self._writer.takes_unicode
        if self._as_json:
            line = json_line(event, moment, ascii_only=ascii_only)
        else:
            line = pretty_line(event, moment, self._console, ascii_only=ascii_only)
        await self._writer.write(line)


def _first(group: BaseExceptionGroup[_Error]) -> _Error:
    error: _Error | BaseExceptionGroup[_Error] = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _problem(error: PusherError) -> CommandError:
    match error:
        case ConnectError():
            return CommandError(f"{error}; {connect_cure(error)}", ExitCode.NO_CONNECTION)
        case SubscriptionError():
            return CommandError(f"{error}; {subscription_cure(error)}", ExitCode.REFUSED)
        case _:
            return CommandError(str(error), ExitCode.FAILED)
