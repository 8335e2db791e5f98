"""Two clients in the company, from the first connection to the last number."""

from __future__ import annotations

import asyncio
import random
import time
from multiprocessing.connection import Connection as Pipe
from typing import Any

from benchmarks.soak.channels import KEY, PUBLISHED
from benchmarks.soak.churn import Churn
from benchmarks.soak.client_events import Conversation
from benchmarks.soak.faults import Faults
from benchmarks.soak.ledger import Books
from benchmarks.soak.problems import Problems
from benchmarks.soak.readers import Readers
from benchmarks.soak.sample import Sample, growth, left_open
from pusher_client import (
    ConnectionState,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    KeyRotationPolicy,
    PusherClient,
    ReconnectPolicy,
    StateChange,
)
from pusher_client.server.serving import LOOPBACK

__all__ = ["Soak"]

SETTLE_SECONDS = 60.0
BUFFER_BYTES = 1024 * 1024


class Soak:
    """Two clients, their readers, and what happens to them.

    Args:
        pipe: Leads to the server's process.
        port: Where the server listens.
        seed: What all chances are drawn with.
    """

    def __init__(self, pipe: Pipe, port: int, seed: int) -> None:
        self.problems = Problems()
        self.samples: list[Sample] = []
        lots = random.Random(seed)
        self._begin = time.monotonic()
        self.faults = Faults(pipe, lots, self._begin)
        self._pipe = pipe
        self._cuts = 0
        self._client, self._peer = new_client(port), new_client(port)
        self._client.connection.bind("state_change", self._count_cuts)
        self._peer.connection.bind("state_change", self._count_cuts)
        self._books = Books(self.problems)
        echo = self._books.open("client events, plain handler", overflows=False)
        self._conversation = Conversation(self._client, self._peer, echo)
        self._readers = Readers(self._client, self._books, lots)
        self._churn = Churn(self._client, self._peer, lots)

    async def run(self, seconds: float, quiet: float) -> dict[str, int]:
        """Do everything for so long, then nothing bad for a while; return how much more is open than before."""
        before = Sample.take(0, 0)
        async with self._client, self._peer, asyncio.timeout(seconds + quiet + 2 * SETTLE_SECONDS):
            await self._client.signin()
            for channel in PUBLISHED:
                await self._client.subscribe(channel)
            await self._conversation.open()
            parts = (*self._readers.begin(), self._conversation.talk(), self._churn.come_and_go(), self._churn.visit())
            running = [asyncio.create_task(part) for part in (*parts, self._sample())]
            await self.faults.commit(seconds)
            await self._settle(quiet)
            for task in running:
                if task.done() and not task.cancelled():
                    self.problems.add("a part ended", repr(task.exception()))
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0.2)
        return left_open(before, Sample.take(0, 0), self.problems)

    def summary(self, bound: float) -> dict[str, Any]:
        """Return the figures, and complain of a memory that grew by more than so many MiB."""
        return {
            "after_warm_up": growth(self.samples, bound, self.problems),
            "readers": self._books.counts,
            "stats": self._readers.stats,
            "faults": self.faults.counts,
            "links_lost": self._cuts,
            "churned": self._churn.count,
            "problems": dict(self.problems.counts),
        }

    def _count_cuts(self, change: StateChange) -> None:
        if change.previous is ConnectionState.CONNECTED:
            self._cuts += 1
            self._conversation.cut()

    async def _settle(self, quiet: float) -> None:
        await asyncio.sleep(quiet)
        self._pipe.send(("finish", None))
        while not self._pipe.poll():  # noqa: ASYNC110 - a pipe has no event
            await asyncio.sleep(0.01)
        final: dict[str, int] = self._pipe.recv()
        deadline = time.monotonic() + SETTLE_SECONDS
        while (left := self._books.incomplete(final)) and time.monotonic() < deadline:  # noqa: ASYNC110 - also a deadline
            await asyncio.sleep(0.1)
        for name in left:
            self.problems.add("silent loss", f"{name}: the last events never came")

    async def _sample(self) -> None:
        while True:
            self.samples.append(Sample.take(time.monotonic() - self._begin, self._books.entered))
            for client in (self._client, self._peer):
                if client.state is ConnectionState.FAILED:
                    self.problems.add("failed", "a client failed")
            self._readers.check(self.problems)
            await asyncio.sleep(1)


def new_client(port: int) -> PusherClient:
    """Make one that notices and comes back fast."""
    address = f"http://{LOOPBACK}:{port}/pusher"
    return PusherClient(
        KEY,
        host=LOOPBACK,
        port=port,
        tls=False,
        proxy=None,
        authorizer=HTTPAuthorizer(f"{address}/auth", proxy=None),
        user_authenticator=HTTPUserAuthenticator(f"{address}/user-auth", proxy=None),
        activity_timeout=4,
        pong_timeout=3,
        connect_timeout=5,
        authorization_timeout=5,
        reconnect=ReconnectPolicy(base=0.1, cap=2, max_per_minute=60),
        key_rotation=KeyRotationPolicy(grace=20, timeout=5, max_delay=5),
        queue_size=256,
        buffer_bytes=BUFFER_BYTES,
    )
