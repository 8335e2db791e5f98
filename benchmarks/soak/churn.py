"""Coming and going: subscriptions, waits and streams that are given up, and a member that never stays."""

from __future__ import annotations

import asyncio
import contextlib
import random

from benchmarks.soak.channels import ENCRYPTED, PRESENCE
from pusher_client import PusherClient, PusherError

__all__ = ["Churn"]


class Churn:
    """What two clients do besides reading.

    Args:
        client: Comes and goes on other channels than those that are read.
        peer: Comes and goes on the presence channel that the client reads.
        lots: Draws what is done, and when.
    """

    def __init__(self, client: PusherClient, peer: PusherClient, lots: random.Random) -> None:
        self.count = 0
        self._client = client
        self._peer = peer
        self._lots = lots

    async def visit(self) -> None:
        """Let the peer be a member now and then, until cancelled."""
        while True:
            with contextlib.suppress(PusherError):
                await self._peer.subscribe(PRESENCE)
            await asyncio.sleep(self._lots.uniform(0, 2))
            await self._peer.unsubscribe(PRESENCE)

    async def come_and_go(self) -> None:
        """Subscribe, wait and read in vain, one after the other, until cancelled."""
        acts = (self._subscribe_and_leave, self._change_one_s_mind, self._wait_in_vain, self._forget_a_stream)
        while True:
            self.count += 1
            with contextlib.suppress(PusherError, TimeoutError):
                await self._lots.choice(acts)(f"private-churn-{self.count}")
            await asyncio.sleep(self._lots.uniform(0, 0.4))

    async def _subscribe_and_leave(self, name: str) -> None:
        async with asyncio.timeout(3):
            channel = await self._client.subscribe(name)
            await channel.unsubscribe()

    async def _change_one_s_mind(self, name: str) -> None:
        task = asyncio.ensure_future(self._client.subscribe(name))
        for _ in range(self._lots.randrange(20)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await self._client.unsubscribe(name)

    async def _wait_in_vain(self, name: str) -> None:
        async with asyncio.timeout(self._lots.random()):
            await self._client.channel(name).wait_for("nothing")

    async def _forget_a_stream(self, _name: str) -> None:
        stream = self._client.channel(ENCRYPTED).events("*")
        await asyncio.sleep(self._lots.random())
        await anext(stream)
