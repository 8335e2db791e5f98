"""pusher-js, the official JavaScript client, in a Node.js process that a test listens to."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from tests.support.real.node import NODE_FOLDER, Node

__all__ = ["Heard", "PusherJS"]

_SECONDS = 30.0


@dataclass(frozen=True)
class Heard:
    """One event as pusher-js handed it to a handler bound to all events of a channel."""

    name: str
    channel: str | None
    data: Any


class PusherJS:
    """One client with its subscriptions."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._heard: list[Heard] = []

    @classmethod
    async def subscribe(
        cls,
        node: Node,
        *,
        key: str,
        port: int,
        authorization_url: str,
        channels: Iterable[str],
        user_authentication_url: str | None = None,
        user: dict[str, str] | None = None,
    ) -> Self:
        """Start a client, and return when it is subscribed to every channel, its user's own one included.

        ``user`` is sent to the endpoint of users, which answers who is signed in; its ``user_id`` names the channel.
        """
        wanted = set(channels)
        options: dict[str, object] = {"key": key, "port": port, "authorizationUrl": authorization_url}
        options |= {"channels": sorted(wanted), "user": user, "userAuthenticationUrl": user_authentication_url}
        if user is not None:
            wanted.add(f"#server-to-user-{user['user_id']}")
        process = await asyncio.create_subprocess_exec(
            *node.command(NODE_FOLDER / "subscribe.js", json.dumps(options)), stdin=PIPE, stdout=PIPE
        )
        client = cls(process)
        try:
            async with asyncio.timeout(_SECONDS):
                while wanted:
                    heard = await client._hear()
                    client._keep(heard)
                    if heard.name == "pusher:subscription_succeeded":
                        wanted.discard(str(heard.channel))
        except BaseException:
            await client.close()
            raise
        return client

    async def take(self, count: int) -> list[Heard]:
        """Return the next application events, as many as are asked for."""
        async with asyncio.timeout(_SECONDS):
            while len(self._heard) < count:
                self._keep(await self._hear())
        taken, self._heard = self._heard[:count], self._heard[count:]
        return taken

    async def trigger(self, channel: str, event: str, data: object) -> None:
        """Send a client event."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"trigger": event, "channel": channel, "data": data}).encode() + b"\n")
        await self._process.stdin.drain()

    async def close(self) -> None:
        """End the process, and return when it is gone and its pipes are closed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_SECONDS):
                await self._process.communicate()
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()

    def _keep(self, heard: Heard) -> None:
        if not heard.name.startswith("pusher:"):
            self._heard.append(heard)

    async def _hear(self) -> Heard:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("pusher-js ended; what it said is in the captured stderr")
        said = json.loads(line)
        if said["heard"] == "error":
            raise RuntimeError(f"pusher-js reports an error of the connection: {said['data']}")
        return Heard(said["heard"], said["channel"], said.get("data"))
