"""Clients that are opened, used, cancelled and closed at random points, and what is left of them (R6)."""

from __future__ import annotations

import asyncio
import collections
import gc
import random
import ssl
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pusher_client import HTTPAuthorizer, HTTPUserAuthenticator, PusherClient, PusherError, ReconnectPolicy
from pusher_client.server import LocalServer
from tests.support.hanging_servers import Hang, hanging_servers

__all__ = ["Cycles", "cycles", "leave_nothing"]

NAMES = ("orders", "private-a", "private-encrypted-a", "presence-a")
AT_A_TIME = 8
LONGEST = 0.08
"""Seconds for which a cycle may be left alone; a local connection with subscriptions takes less."""


class Held(NamedTuple):
    """What this process holds."""

    tasks: int
    descriptors: int
    threads: int
    objects: collections.Counter[str]

    @classmethod
    def now(cls) -> Held:
        """Look, when the garbage is collected."""
        gc.collect()
        kinds = [type(each) for each in gc.get_objects()]
        ours = [
            kind
            for kind in kinds
            if str(kind.__module__).startswith(("pusher_client.", "websockets.", "httpx.", "ssl"))
        ]
        return cls(
            tasks=len(asyncio.all_tasks()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            # The event loop keeps the threads of its executor, in which TLS contexts are made, and adds some with time.
            threads=sum(
                not thread.name.startswith(("asyncio_", "ThreadPoolExecutor-")) for thread in threading.enumerate()
            ),
            objects=collections.Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in ours),
        )

    def beyond(self, before: Held) -> dict[str, Any]:
        """Return what is held now and was not before."""
        more = {name: getattr(self, name) - getattr(before, name) for name in ("tasks", "descriptors", "threads")}
        grown = {**more, **(self.objects - before.objects)}
        return {name: count for name, count in grown.items() if count > 0}


class Cycles:
    """Clients for a local server and for servers that hang.

    Args:
        server: The local server.
        hanging: The ports of those that hang.
        seed: What all chances are drawn with.

    Attributes:
        done: What was reached, and what the calls ended with.
    """

    def __init__(self, server: LocalServer, hanging: dict[Hang, int], seed: int) -> None:
        self.done: collections.Counter[str] = collections.Counter()
        self._server = server
        self._hanging = hanging
        self._lots = random.Random(seed)
        self._tls = ssl.create_default_context()  # one for all: to read the authorities takes long

    async def run(self, count: int) -> None:
        """Do so many cycles, some at a time."""
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._cycle()

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_A_TIME):
                group.create_task(work())

    async def settled(self, before: Held) -> dict[str, Any]:
        """Wait until no more is held than before, and return what is left when that does not happen."""
        left = Held.now().beyond(before)
        for _ in range(100):  # the servers hear a little later that their connections are over
            if left:
                await asyncio.sleep(0.05)
                left = Held.now().beyond(before)
        return left

    def _client(self) -> PusherClient:
        lots, server = self._lots, self._server
        options: dict[str, Any] = {"tls": False, "port": server.port}
        auth_url, user_auth_url = server.auth_url, server.user_auth_url
        where = lots.choice([*Hang, "endpoint", *[None] * 6])
        if isinstance(where, Hang):
            options = {"tls": self._tls if where is Hang.TLS else False, "port": self._hanging[where]}
        elif where == "endpoint":
            auth_url = user_auth_url = f"http://127.0.0.1:{self._hanging[Hang.ACCEPTED]}/"
        self.done[str(where or "local")] += 1
        return PusherClient(
            server.key,
            host="127.0.0.1",
            proxy=None,
            authorizer=HTTPAuthorizer(auth_url, ssl=self._tls, proxy=None),
            user_authenticator=HTTPUserAuthenticator(user_auth_url, ssl=self._tls, proxy=None),
            reconnect=ReconnectPolicy(base=0.01, cap=0.02, max_per_minute=10_000),
            **options,
        )

    async def _cycle(self) -> None:
        lots, client = self._lots, self._client()
        using = asyncio.ensure_future(self._use(client))
        if lots.random() < 0.5:
            for _ in range(lots.randrange(40)):
                await asyncio.sleep(0)
        else:
            await asyncio.wait([using], timeout=lots.uniform(0, LONGEST))
        using.cancel()
        await asyncio.wait([using])
        if not using.cancelled():
            using.result()
        ends = [client.disconnect() for _ in range(lots.randrange(1, 3))]
        await asyncio.gather(*ends)
        self.done["cycles"] += 1

    async def _use(self, client: PusherClient) -> None:
        acts: list[Callable[[PusherClient], Coroutine[Any, Any, object]]] = [
            lambda client: client.subscribe(self._lots.choice(NAMES)),
            lambda client: client.unsubscribe(self._lots.choice(NAMES)),
            lambda client: client.signin(),
            lambda client: client.channel("private-a").trigger("client-e", 1),
            lambda client: client.wait_for("e"),
            lambda client: client.channel("orders").wait_for("e"),
            lambda client: client.wait_closed(),
            self._iterate,
            self._switch,
            self._leave_and_come_back,
        ]
        await self._call("connect", client.connect())
        async with asyncio.TaskGroup() as group:
            for _ in range(self._lots.randrange(6)):
                await asyncio.sleep(self._lots.choice([0, 0, 0.001]))
                act = self._lots.choice(acts)
                group.create_task(self._call("acts", act(client)))

    async def _call(self, name: str, call: Coroutine[Any, Any, object]) -> None:
        try:
            await call
            self.done[name] += 1
        except PusherError as error:
            self.done[type(error).__name__] += 1

    async def _iterate(self, client: PusherClient) -> None:
        channel = await client.subscribe("private-a")
        async for _ in channel.events("*"):
            pass

    async def _switch(self, client: PusherClient) -> None:
        ports = [*self._hanging.values(), self._server.port]
        await client.switch_cluster(host="127.0.0.1", port=self._lots.choice(ports))

    async def _leave_and_come_back(self, client: PusherClient) -> None:
        await client.disconnect()
        await client.connect()


@contextmanager
def cycles(seed: int) -> Generator[Cycles]:
    """Run the servers for them."""
    with LocalServer() as server, hanging_servers() as hanging:
        yield Cycles(server, hanging, seed)


async def leave_nothing(seed: int, count: int) -> collections.Counter[str]:
    """Do so many cycles, and check that what is held afterwards was held before; return what was reached."""
    with cycles(seed) as running:
        await running.run(50)  # what is made once and kept, as imported modules and caches, is no leak
        await running.settled(Held.now())
        before = Held.now()
        await running.run(count)
        left = await running.settled(before)
        assert left == {}, left
        return running.done
