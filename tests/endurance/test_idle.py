"""Three minutes in which nothing happens, longer than soketi lets a silent client live (protocol-notes 3.2)."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from pusher_client import PusherClient
from pusher_client.server import LocalServer
from tests.support.real.node import NodeUnavailableError, install_node
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.soketi import APP, App, Soketi

pytestmark = [pytest.mark.endurance, pytest.mark.node, pytest.mark.timeout(900)]

IDLE_SECONDS = 180.0


async def idle(port: int, app: App) -> None:
    """Be connected and subscribed for so long without an event, and then get one over the same connection."""
    states: list[str] = []
    publisher = PusherHTTP(port, app=app, master_key=secrets.token_bytes(32))
    async with PusherClient(app.key, host="127.0.0.1", port=port, tls=False, proxy=None) as client:
        client.connection.bind("state_change", lambda change: states.append(change.current))
        channel = await client.subscribe("idle")
        socket_id = client.socket_id
        await asyncio.sleep(IDLE_SECONDS)
        event = asyncio.ensure_future(channel.wait_for("e"))
        await asyncio.sleep(0)
        await publisher.trigger("idle", "e", "still here")
        async with asyncio.timeout(10):
            assert (await event).data == "still here"
        assert (client.socket_id, states) == (socket_id, [])
        assert channel.stats.received == 1


async def test_three_minutes_idle(tmp_path: Path) -> None:
    """Neither soketi (4201 after two minutes without a ping) nor the local server closes; both at once (R1)."""
    try:
        soketi = Soketi(install_node(), tmp_path)
    except NodeUnavailableError as error:
        pytest.skip(str(error))
    try:
        soketi.start()
        async with LocalServer() as local, asyncio.TaskGroup() as both:
            both.create_task(idle(soketi.port, APP))
            both.create_task(idle(local.port, App(local.app_id, local.key, local.secret)))
    finally:
        soketi.stop()
