"""Client events from one client to the other: nobody can mark one that is lost on its way to the server."""

from __future__ import annotations

import asyncio
import contextlib

from benchmarks.soak.channels import CLIENT_TICK, ECHO
from benchmarks.soak.ledger import Ledger
from pusher_client import PusherClient, PusherError

__all__ = ["Conversation"]


class Conversation:
    """One client that talks, and one that hears it.

    Args:
        client: Sends numbers, each with how many before it may be lost.
        peer: Hears them.
        ledger: Where they are entered.
    """

    def __init__(self, client: PusherClient, peer: PusherClient, ledger: Ledger) -> None:
        self._client = client
        self._peer = peer
        self._ledger = ledger
        self._sent = self._unsure = self._unsure_up_to = 0

    async def open(self) -> None:
        """Subscribe both."""
        await self._client.subscribe(ECHO)
        self._peer.channel(ECHO).bind_global(self._ledger.take)
        await self._peer.subscribe(ECHO)

    async def talk(self) -> None:
        """Send numbers until cancelled."""
        channel = self._client.channel(ECHO)
        while True:
            await asyncio.sleep(0.1)
            with contextlib.suppress(PusherError):
                await channel.trigger(CLIENT_TICK, {"number": self._sent + 1, "unsure": self._unsure})
                self._sent += 1

    def cut(self) -> None:
        """Take it that with a link everything may be lost that was sent and has not come back."""
        first = max(self._ledger.last, self._unsure_up_to)
        self._unsure += max(0, self._sent - first)
        self._unsure_up_to = self._sent
