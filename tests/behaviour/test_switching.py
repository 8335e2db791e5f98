"""Switching to another cluster, server or application."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ConnectError,
    PusherClient,
)
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.address import Address
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.opener import WebSocketOpener
from pusher_client.transport.websocket import WebSocket
from tests.support.scripted_server import scripted


async def test_switching_keeps_what_is_wanted_and_bound() -> None:
    """Handlers, streams and subscriptions go along to another server and key, with a gap for the way (design.md 2)."""
    heard: list[Any] = []
    async with scripted() as first, scripted() as second, first.client() as client:
        orders = client.channel("orders")
        orders.bind("e", lambda event: heard.append(event.data))
        stream = orders.events("*")
        await orders.subscribe()
        await client.switch_cluster(host="127.0.0.1", port=second.port, key="OTHER")
        assert second.sockets[0].request is not None
        assert second.sockets[0].request.path.startswith("/app/OTHER?")
        await second.heard("pusher:subscribe")
        await second.publish("e", "orders", "2")
        names = [(await anext(stream)).name for _ in range(4)]
        assert names == ["pusher:subscription_succeeded", "pusher:subscription_succeeded", "pusher:gap", "e"]
        assert heard == [2]
        while first.sockets:
            await asyncio.sleep(0.001)


async def test_authorizations_are_checked_against_the_new_key() -> None:
    """After a switch to another application, only signatures for that application are sent (6.1)."""
    keys = ["KEY", "OTHER", "KEY"]

    async def authorize(_channel: str, socket_id: str) -> dict[str, str]:
        return {"auth": f"{keys.pop(0)}:{socket_id}"}

    async with scripted() as first, scripted() as second, first.client(authorizer=authorize) as client:
        await client.subscribe("private-a")
        await client.switch_cluster(host="127.0.0.1", port=second.port, key="OTHER")
        await second.heard("pusher:subscribe")
        with pytest.raises(AuthorizationError, match="signed for `KEY`, this client uses `OTHER`"):
            await client.subscribe("private-b")


async def test_switching_to_a_server_that_refuses() -> None:
    """The call raises why, and the connection is over (R2)."""
    async with scripted() as first, scripted() as second, first.client() as client:
        second.first = '{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}'
        with pytest.raises(ConnectError) as caught:
            await client.switch_cluster(host="127.0.0.1", port=second.port)
        assert caught.value.code == 4001
        with pytest.raises(ConnectError):
            await client.wait_closed()


async def test_switching_before_connecting_to_a_server_that_requires_tls() -> None:
    """The error is about the new address, not about that of the constructor (R2)."""
    async with scripted() as peer:
        peer.first = '{"event":"pusher:error","data":{"code":4000,"message":"TLS"}}'
        client = PusherClient("KEY", cluster="eu")
        await client.switch_cluster(host="127.0.0.1", port=peer.port, tls=False)
        with pytest.raises(ConnectError, match="tls=True"):
            await client.connect()


async def test_switching_in_another_loop_changes_nothing() -> None:
    """What raises has no effect: the connection returns to where it was (design.md 2)."""
    async with scripted() as first, scripted() as second, first.client() as client:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, client.switch_cluster(host="127.0.0.1", port=second.port))
        await first.sockets[0].close()
        await first.connected(2)
        assert second.connects == 0


@pytest.mark.parametrize("outcome", ["open", "refused"])
async def test_switching_when_the_old_address_answers(monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
    """What the old server answers in that very moment is not taken for the new one's (R3, R7)."""
    asked, answered = asyncio.Event(), asyncio.Event()
    open_websocket = WebSocketOpener.open

    async with scripted() as first, scripted() as second:

        async def open_or_not(opener: WebSocketOpener, address: Address, *rest: Any) -> WebSocket:
            if address.port == second.port:
                return await open_websocket(opener, address, *rest)
            websocket = await open_websocket(opener, address, *rest) if outcome == "open" else None
            asked.set()
            try:
                await answered.wait()
            except asyncio.CancelledError:
                if websocket is not None:
                    await websocket.close()
                raise
            if websocket is None:
                raise OpenError(OpenFailure.HTTP, 403, "forbidden")
            return websocket

        monkeypatch.setattr(WebSocketOpener, "open", open_or_not)
        client = first.client()
        connecting = asyncio.create_task(client.connect())
        await asked.wait()
        answered.set()
        await client.switch_cluster(host="127.0.0.1", port=second.port)
        await connecting
        assert second.connects == 1
        await client.subscribe("orders")
        assert [frame["event"] for frame in second.received] == ["pusher:subscribe"]
        await client.disconnect()


async def test_switching_before_connecting() -> None:
    """The next connect() goes to the new place; a place that cannot be is refused and changes nothing."""
    async with scripted() as first, scripted() as second:
        client = first.client()
        await client.switch_cluster(host="127.0.0.1", port=second.port)
        with pytest.raises(ValueError, match="either cluster"):
            await client.switch_cluster()
        async with client:
            assert (first.connects, second.connects) == (0, 1)
