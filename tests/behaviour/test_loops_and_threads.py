"""One client, several event loops and threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pusher_client import (
    PusherClient,
    SubscriptionState,
)
from tests.support.scripted_server import scripted


async def test_another_loop_is_refused() -> None:
    """A connected client used from another loop is a RuntimeError (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.disconnect()))


def test_one_client_serves_two_loops_one_after_another() -> None:
    """After disconnect() nothing ties it to a loop; it starts without subscriptions (design.md 2)."""
    handled: list[Any] = []
    client: PusherClient | None = None

    async def once(number: int) -> str | None:
        nonlocal client
        async with scripted() as peer:
            if client is None:
                client = peer.client()
                client.channel("orders").bind("e", lambda event: handled.append(event.data))
            client._life.address = peer.client()._life.address  # the port is another one
            async with client:
                orders = client.channel("orders")
                assert orders.state is SubscriptionState.UNSUBSCRIBED
                await orders.subscribe()
                arrived = asyncio.ensure_future(orders.wait_for("e"))
                await asyncio.sleep(0)
                await peer.publish("e", "orders", number)
                await arrived
                return client.socket_id

    assert [asyncio.run(once(1)), asyncio.run(once(2))] == ["1.1", "1.1"]
    assert handled == [1, 2]


@pytest.mark.parametrize(
    "call",
    [
        *("connect", "disconnect", "wait_closed", "subscribe", "unsubscribe", "trigger"),
        *("wait_for", "wait_for of a channel", "a stream", "a channel's own stream"),
    ],
)
async def test_every_call_from_another_loop_is_refused(call: str) -> None:
    """RuntimeError, and the connection goes on (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        channel, stream = client.channel("private-a"), client.events()

        async def there() -> None:
            calls: dict[str, Any] = {
                "connect": client.connect,
                "disconnect": client.disconnect,
                "wait_closed": client.wait_closed,
                "subscribe": lambda: client.subscribe("orders"),
                "unsubscribe": lambda: client.unsubscribe("orders"),
                "trigger": lambda: channel.trigger("client-x", 1),
                "wait_for": client.wait_for,
                "wait_for of a channel": channel.wait_for,
                "a stream": lambda: anext(stream),
                "a channel's own stream": lambda: anext(aiter(channel)),
            }
            async with asyncio.timeout(5):
                await calls[call]()

        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(there()))
        await client.subscribe("orders")


@pytest.mark.parametrize("call", ["channel", "presence", "events", "bind", "unbind_global", "events of a channel"])
async def test_every_call_from_another_thread_is_refused(call: str) -> None:
    """The plain calls too, where no event loop runs; before and after the connection they are free (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        channel = client.channel("orders")
        calls: dict[str, Callable[[], object]] = {
            "channel": lambda: client.channel("orders"),
            "presence": lambda: client.presence("presence-room"),
            "events": client.events,
            "bind": lambda: channel.bind("e", print),
            "unbind_global": client.unbind_global,
            "events of a channel": channel.events,
        }
        await asyncio.to_thread(calls[call])
        async with client:
            calls[call]()
            with pytest.raises(RuntimeError, match="another event loop"):
                await asyncio.to_thread(calls[call])
        await asyncio.to_thread(calls[call])
