"""``pusher-client demo``: encrypted events from a local server, with a key rotation halfway."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pusher_client import DecryptionFailure, EventStream, HTTPAuthorizer, PusherClient, PusherError
from pusher_client.cli.extras import require
from pusher_client.cli.reporting import error_console

if TYPE_CHECKING:
    from pusher_client.server import LocalServer

__all__ = ["Demonstration", "demo"]

CHANNEL = "private-encrypted-measurements"
EVENT = "measured"


def demo(
    events: Annotated[int, typer.Option(min=2, max=10_000, help="Number of events to publish.")] = 10,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which the demo fails.")] = 30,
) -> None:
    """Receive encrypted events from a local server while its encryption key is rotated."""
    require("demo", "demo", "starlette", "uvicorn", "pusher")
    demonstration = Demonstration(events, Console(highlight=False, markup=False, soft_wrap=True))
    problems: list[str] = []
    try:
        asyncio.run(demonstration.run(timeout))
    except* TimeoutError:
        problems.append(f"the demo did not finish within {timeout:g} s")
    except* Exception as group:  # noqa: BLE001 -- the user gets a line for any error, not a traceback
        problems += [_description(error) for error in group.exceptions]
    problems += demonstration.problems()
    for problem in problems:
        error_console().print(f"error: {problem}")
    demonstration.summarize()
    raise typer.Exit(1 if problems else 0)


class Demonstration:
    """Publisher, server and subscriber in one process, connected by HTTP and WebSocket.

    Args:
        count: Number of events to publish; the master key is rotated halfway.
        console: Prints each event.

    Attributes:
        received: The numbers of the decrypted events, in order of arrival.
        failures: Number of events that could not be decrypted.
        key_refreshes: Number of times the client fetched a new key.
    """

    def __init__(self, count: int, console: Console) -> None:
        self.received: list[Any] = []
        self.failures: int = 0
        self.key_refreshes: int = 0
        self._count = count
        self._console = console

    async def run(self, timeout: float) -> None:  # noqa: ASYNC109 -- the time limit of the whole run, a command-line option
        """Publish and receive all events.

        Args:
            timeout: The time limit in seconds.

        Raises:
            TimeoutError: The time limit passed.
        """
        # The extra "server" may be missing where this module is imported.
        from pusher_client.server import LocalServer  # noqa: PLC0415 -- see above

        async with LocalServer() as server, asyncio.timeout(timeout):
            authorizer = HTTPAuthorizer(server.auth_url)
            client = PusherClient(
                server.key, host=server.host, port=server.port, tls=False, proxy=None, authorizer=authorizer
            )
            channel = client.channel(CHANNEL)
            try:
                async with client, channel.events(EVENT, "pusher:decryption_failure") as stream:
                    await channel.subscribe()
                    self._console.print(f"subscribed to {CHANNEL}")
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._publish(server))
                        await self._receive(stream)
            finally:
                self.key_refreshes = channel.stats.key_refreshes

    async def _publish(self, server: LocalServer) -> None:
        """Publish with the official server library; rotate the key halfway."""
        library = _server_library(server)
        for number in range(1, self._count + 1):
            if number == self._count // 2 + 1:
                server.rotate_key()
                library = _server_library(server)
                self._console.print("  master key rotated")
            await asyncio.to_thread(library.trigger, CHANNEL, EVENT, {"number": number, "celsius": 20 + number / 10})

    async def _receive(self, stream: EventStream) -> None:
        """Print events until all have arrived, decrypted or not."""
        while len(self.received) + self.failures < self._count:
            event = await anext(stream)
            if isinstance(event.data, DecryptionFailure):
                self.failures += 1
                self._console.print(f"  NOT decrypted: {event.data.event_name} ({event.data.reason})")
            else:
                self.received.append(event.data["number"])
                self._console.print(f"  {event.name} {event.raw}")

    def problems(self) -> list[str]:
        """Return what failed; an empty list if every event was decrypted in order across the key rotation."""
        problems: list[str] = []
        if self.failures:
            problems.append(f"{self.failures} events could not be decrypted")
        if self.received != list(range(1, self._count + 1)):
            problems.append(f"events 1 to {self._count} did not each arrive once and in order")
        if not self.key_refreshes:
            problems.append("the client did not notice the rotation of the key")
        return problems

    def summarize(self) -> None:
        """Print what was proved, if nothing failed, and the counts on one line."""
        if not self.problems():
            self._console.print(
                f"key rotated once, {len(self.received)} of {self._count} events received in order, none lost",
                style="green",
            )
        self._console.print(
            f"received {len(self.received)}, key refreshes {self.key_refreshes}, failures {self.failures}"
        )


def _server_library(server: LocalServer) -> Any:
    pusher: Any = importlib.import_module("pusher")  # of the extra "demo", and without types
    return pusher.Pusher(
        server.app_id,
        server.key,
        server.secret,
        ssl=False,
        host=server.host,
        port=server.port,
        encryption_master_key_base64=server.encryption_master_key_base64,
        proxies={"http": ""},  # instead of the environment's proxies, which do not reach this machine
    )


def _description(error: BaseException) -> str:
    """Describe an error; only this library's errors are known to have no signatures in their text."""
    return str(error) if isinstance(error, PusherError) else f"{type(error).__name__} while publishing or receiving"
