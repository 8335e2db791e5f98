"""The example of an IoT gateway, between the local server and a real broker: Mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from pusher_client.testing import PusherServer
from tests.support.example_programs import SECONDS, example, said

CHANNEL = "private-encrypted-orders"
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs the broker 'mosquitto' on the PATH")


class Broker:
    """A Mosquitto that remembers over a restart who subscribed to what.

    Args:
        folder: Where it keeps that.
    """

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: Process | None = None
        self._settings = folder / "mosquitto.conf"
        lines = (
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            f"user {getpass.getuser()}",  # else it becomes another when it is started by root
        )
        self._settings.write_text("\n".join(lines) + "\n", encoding="utf-8")

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        command = (str(MOSQUITTO), "-c", str(self._settings))
        self._process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
        while True:
            assert self._process.returncode is None
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    async def stop(self) -> None:
        """Stop it; it writes down what it knows."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    @asynccontextmanager
    async def reader(self) -> AsyncGenerator[aiomqtt.Client]:
        """Read everything that was published since the first reader, whichever gateway ran meanwhile."""
        async with aiomqtt.Client("127.0.0.1", self.port, identifier="test", clean_session=False) as client:
            await client.subscribe("pusher/#", qos=1)
            yield client


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncGenerator[Broker]:
    broker = Broker(tmp_path)
    async with asyncio.timeout(SECONDS):
        await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def messages(client: aiomqtt.Client, count: int) -> list[tuple[str, Any]]:
    """Return the next messages: their topics without what all share, and what they carry."""
    taken: list[tuple[str, Any]] = []
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        taken.append((str(message.topic).removeprefix(f"pusher/{CHANNEL}/"), json.loads(message.payload)))
        if len(taken) == count:
            break
    return taken


async def test_gateway(pusher_server: PusherServer, broker: Broker) -> None:
    """Decrypted events arrive in order, through a rotation, a restart of the broker, and what is lost is said (R5)."""
    more = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(broker.port), "BUFFERED_EVENTS": "3"}
    async with example("mqtt_gateway.py", server=pusher_server, **more) as gateway:
        await said(gateway, "INFO gateway connected to the broker")
        async with broker.reader() as reader:
            await pusher_server.trigger(CHANNEL, "order-created", {"id": 1})
            await pusher_server.rotate_key()
            await pusher_server.trigger(CHANNEL, "order/#+", {"id": 2})
            assert await messages(reader, 2) == [("order-created", {"id": 1}), ("order%2F%23%2B", {"id": 2})]
        await asyncio.sleep(
            0.5
        )  # the broker's acknowledgement is seen by the gateway alone; without it, it sends again
        await broker.stop()
        await pusher_server.trigger(CHANNEL, "order-created", {"id": 3})
        await said(gateway, "WARNING gateway the broker is away")
        for number in range(4, 9):  # one in the gateway's hand, three in its stream; there is no place for two
            await pusher_server.trigger(CHANNEL, "order-created", {"id": number})
        await said(gateway, "WARNING gateway the broker is away")
        await broker.start()
        async with broker.reader() as reader:
            *kept, lost = await messages(reader, 5)
            assert kept == [("order-created", {"id": number}) for number in range(3, 7)]
            assert lost == ("pusher:overflow", {"dropped": 2})
            pusher_server.mangle()
            await pusher_server.trigger(CHANNEL, "order-created", {"id": 9})
            failure = {"event": "order-created", "reason": "wrong_key"}
            assert await messages(reader, 1) == [("pusher:decryption_failure", failure)]
            pusher_server.mangle(False)
            pusher_server.drop()
            ((name, gap),) = await messages(reader, 1)
            assert (name, sorted(gap)) == ("pusher:gap", ["since", "until"])
