"""Races and floods over real sockets, each found by trying to break the client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client import ChannelAuthorization, ConnectionState, KeyRotationPolicy, NotConnectedError
from tests.protocol.scripted import CHANNEL, NEW, OLD, sealed
from tests.scripted_channels import scripted


async def test_the_probe_asks_without_another_failure() -> None:
    """After the delay the key is asked for, though nothing more arrives (3.7)."""
    asked: list[str] = []
    probed = asyncio.Event()

    async def authorize(channel: str, _socket_id: str) -> ChannelAuthorization:
        asked.append(channel)
        if len(asked) == 3:
            probed.set()
        return ChannelAuthorization("key:x", shared_secret=OLD)

    policy = KeyRotationPolicy(fruitless_limit=1, max_delay=0.2)
    async with scripted() as peer, peer.client(authorizer=authorize, key_rotation=policy) as client:
        channel = await client.subscribe(CHANNEL)
        for reason in ("wrong_key", "refresh_suspended"):
            failure = asyncio.ensure_future(channel.wait_for("pusher:decryption_failure"))
            await asyncio.sleep(0)
            await peer.publish("e", CHANNEL, sealed(NEW, "x"))
            assert (await failure).data.reason == reason
        await probed.wait()


async def test_connecting_while_others_disconnect_and_connect() -> None:
    """Every call ends: connected, or told that it was disconnected (design 2)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        leaving = asyncio.ensure_future(client.disconnect())
        await asyncio.sleep(0)

        async def twice() -> None:
            await client.disconnect()
            await client.disconnect()

        results = await asyncio.gather(client.connect(), twice(), client.connect(), leaving, return_exceptions=True)
        assert all(result is None or isinstance(result, NotConnectedError) for result in results)
        await client.disconnect()


async def test_a_server_that_does_not_read_is_given_up() -> None:
    """What waits to be sent is bounded by buffer_bytes, and trigger says that it was not sent (R6)."""

    async def authorize(_channel: str, _socket_id: str) -> dict[str, Any]:
        return {"auth": "key:x"}

    async with scripted() as peer, peer.client(authorizer=authorize, buffer_bytes=100_000) as client:
        channel = await client.subscribe("private-a")

        async def flood() -> None:
            for _ in range(12):
                await channel.trigger("client-a", "x" * 10_000)

        with pytest.raises(NotConnectedError, match="does not read"):
            await flood()
        while client.state is not ConnectionState.CONNECTED:
            await asyncio.sleep(0.001)
        assert peer.connects >= 2
