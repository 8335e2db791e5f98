"""The bad company: a process that runs the server, publishes, and does what servers, networks and relays do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import multiprocessing
import random
import secrets
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

from nacl.secret import SecretBox

from benchmarks.soak.channels import ENCRYPTED, KEY, PUBLIC, PUBLISHED, SECRET, TICK
from pusher_client.protocol.signatures import derive_shared_secret
from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.live import LivePage
from pusher_client.server.serving import LOOPBACK, Serving
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire

__all__ = ["company"]

FILLER = "x" * 200
ROLL_OUT_SECONDS = 2.0

GARBAGE = (
    "no JSON",
    "[]",
    '{"event":1}',
    "[" * 5000,
    '{"event":"pusher:gap","channel":"soak","data":"{}"}',
    '{"event":"tick","channel":"not-subscribed","data":"{\\"number\\":1}"}',
    '{"event":"tick","data":"{\\"number\\":1}"}',
    '{"event":"junk","channel":"private-encrypted-soak","data":"{\\"number\\":1}"}',
    '{"event":"junk","channel":"private-encrypted-soak","data":{"nonce":"AAAA","ciphertext":"\\ud800"}}',
    '{"event":"pusher:pong","data":[1e999,NaN]}',
    '{"event":"pusher:error","data":{"code":"x","message":["\\ud800"]}}',
    '{"event":"pusher_internal:subscription_succeeded","channel":"soak","data":"{}"}',
    '{"event":"pusher_internal:member_removed","channel":"presence-soak","data":"{\\"user_id\\":\\"nobody\\"}"}',
)


class Company:
    """The server with its publisher, and what is done to both; runs in its own process.

    Args:
        pipe: Brings what to do: the name of a method, and its argument.
        port: Where it listens, through all restarts.
        rate: Events a second on each channel.
    """

    def __init__(self, pipe: Pipe, port: int, rate: float) -> None:
        self._pipe = pipe
        self._port = port
        self._rate = rate
        self._keys = [secrets.token_bytes(32)]
        self._application = Application(app_id="1001", key=KEY, secret=SECRET, master_key=self._keys[-1])
        self._wire = Wire()
        self._app = create_app(self._application, self._wire, Timeouts(5, 5), LivePage(self._application))
        self._serving: Serving | None = None
        self._numbers = dict.fromkeys(PUBLISHED, 0)
        self._restarting = asyncio.Lock()

    async def run(self) -> None:
        """Serve and publish until the other process says that it is enough."""
        self._start()
        self._pipe.send("ready")
        publishing = asyncio.create_task(self._publish())
        doing: set[asyncio.Task[None]] = set()
        while True:
            name, value = await asyncio.to_thread(self._pipe.recv)
            if name == "finish":
                publishing.cancel()
                self._pipe.send(self._numbers)
            elif name == "quit":
                break
            else:
                task: asyncio.Task[None] = asyncio.create_task(getattr(self, name)(value))
                doing.add(task)
                task.add_done_callback(doing.discard)
        await asyncio.gather(*doing)
        await self._stop()

    async def drop(self, _value: float) -> None:
        """Reset every connection."""
        self._wire.reset()

    async def close(self, code: int) -> None:
        """Close every connection with a code."""
        for connection in self._application.connections():
            connection.close(code, "as a soak will have it")

    async def restart(self, seconds: float) -> None:
        """Be gone for a while."""
        async with self._restarting:
            await self._stop()
            await asyncio.sleep(seconds)
            self._start()

    async def stall(self, seconds: float) -> None:
        """Neither read nor write for a while."""
        self._wire.stall(on=True)
        await asyncio.sleep(seconds)
        self._wire.stall(on=False)

    async def mangle(self, seconds: float) -> None:
        """Spoil ciphertexts for a while."""
        self._application.mangle = True
        await asyncio.sleep(seconds)
        self._application.mangle = False

    async def rotate(self, _value: float) -> None:
        """Take another key; some publishers have it at once and some a little later."""
        self._keys.append(secrets.token_bytes(32))
        self._application.rotate_key(self._keys[-1])
        await asyncio.sleep(ROLL_OUT_SECONDS)
        del self._keys[:-1]

    async def garbage(self, count: int) -> None:
        """Send what no server should."""
        for _ in range(count):
            self._application.channel(PUBLIC).send(random.choice(GARBAGE))

    async def oversize(self, size: int) -> None:
        """Send a frame that is larger than the client takes."""
        self._application.channel(PUBLIC).send(json.dumps({"event": TICK, "data": "x" * size}))

    def _start(self) -> None:
        self._serving = Serving(self._app, self._wire)
        self._serving.start(self._port)

    async def _stop(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.stop()

    async def _publish(self) -> None:
        due = time.monotonic()
        while True:
            for channel in PUBLISHED:
                self._numbers[channel] += 1
                data = json.dumps({"number": self._numbers[channel], "unsure": 0, "filler": FILLER})
                if channel == ENCRYPTED:
                    data = sealed(data, derive_shared_secret(channel, random.choice(self._keys)))
                self._application.publish(channel, TICK, data)
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def sealed(plaintext: str, key: bytes) -> str:
    """Encrypt as a publisher does."""
    message = SecretBox(key).encrypt(plaintext.encode())
    parts = {"nonce": message.nonce, "ciphertext": message.ciphertext}
    return json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()})


def run_server(pipe: Pipe, port: int, rate: float) -> None:
    """Be the server's process."""
    logging.disable()  # resets and spoiled frames are what it is here for
    asyncio.run(Company(pipe, port, rate).run())


def free_port() -> int:
    """Find a port below those of outgoing connections: a client that knocks at a stopped server gets no such port."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port


@contextmanager
def company(rate: float) -> Generator[tuple[Pipe, int]]:
    """Run the server's process, and give the pipe that leads to it and its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    port = free_port()
    server = context.Process(target=run_server, args=(theirs, port, rate), daemon=True)
    server.start()
    try:
        assert ours.recv() == "ready"
        yield ours, port
        ours.send(("quit", None))
        server.join(10)
        assert server.exitcode == 0, "the server's process failed"
    finally:
        server.kill()
