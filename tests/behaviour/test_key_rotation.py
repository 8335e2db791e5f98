"""Rotations of an encrypted channel's key (design.md 3.4)."""

from __future__ import annotations

import asyncio
import base64

import pusher

from pusher_client import (
    Event,
    HTTPAuthorizer,
    PusherClient,
    ReconnectPolicy,
)
from pusher_client.server import LocalServer
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.scripted_server import scripted


async def test_a_rotation_over_a_real_socket() -> None:
    """The new key is requested once, the order is kept, and handlers get only opened events (design.md 3.4, C1)."""
    keys = [OLD, NEW]

    async def rotating(_channel: str, socket_id: str) -> dict[str, str]:
        return {"auth": f"KEY:{socket_id}", "shared_secret": base64.b64encode(keys.pop(0)).decode()}

    async with scripted() as peer, peer.client(authorizer=rotating) as client:
        seen: list[Event] = []
        client.bind_global(seen.append)
        failures: list[Event] = []
        client.bind("pusher:decryption_failure", failures.append)
        orders = await client.subscribe(CHANNEL)
        events = orders.events()
        await peer.publish("bad", CHANNEL, "forged")
        for number in range(6):
            await peer.publish("e", CHANNEL, sealed(NEW if number > 2 else OLD, str(number)))
        assert [(await anext(events)).data for _ in range(6)] == list(range(6))
        stats = orders.stats
        assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (7, 6, 1, 1)
        assert [event.data.reason for event in failures] == ["malformed"]
        assert "forged" not in repr(seen)


async def test_a_whole_server_with_an_endpoint_and_a_rotation() -> None:
    """HTTPAuthorizer asks, the key rotates, a cut link returns; each event comes in order (R3, R5, design.md 3.4)."""
    async with LocalServer() as server:
        authorizer = HTTPAuthorizer(server.auth_url)
        policy = ReconnectPolicy(base=0.01, cap=0.05)
        client = PusherClient(
            server.key, host=server.host, port=server.port, tls=False, authorizer=authorizer, reconnect=policy
        )

        async def publish(number: int) -> None:
            publisher = pusher.Pusher(
                app_id=server.app_id,
                key=server.key,
                secret=server.secret,
                host=server.host,
                port=server.port,
                ssl=False,
                encryption_master_key_base64=server.encryption_master_key_base64,
            )
            await asyncio.to_thread(publisher.trigger, CHANNEL, "e", {"n": number})

        async with asyncio.timeout(20), client:
            orders = await client.subscribe(CHANNEL)
            events = orders.events("e", "pusher:gap", "pusher:decryption_failure")
            await publish(1)
            assert (await anext(events)).data == {"n": 1}
            server.rotate_key()
            await publish(2)
            assert (await anext(events)).data == {"n": 2}
            server.drop()
            assert (await anext(events)).name == "pusher:gap"
            await publish(3)
            assert (await anext(events)).data == {"n": 3}
            assert orders.stats.key_refreshes == 1
