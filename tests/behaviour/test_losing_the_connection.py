"""A lost connection: gaps, silence, broken frames, and what is subscribed again (R1, R3, R5)."""

from __future__ import annotations

import asyncio
from datetime import UTC

from pusher_client import (
    ConnectionState,
    Gap,
    StateChange,
)
from tests.support.plain_authorizer import authorize
from tests.support.scripted_server import scripted


async def test_a_cut_leaves_a_gap_in_its_place() -> None:
    """The client reconnects by itself, and the gap is between old and new events (R5)."""
    async with scripted() as peer, peer.client() as client:
        events = client.channel("orders").events("*")
        await client.subscribe("orders")
        await peer.publish("before", "orders", "1")
        await anext(events)
        assert (await anext(events)).name == "before"
        peer.behind_acknowledgement = [{"event": "after", "channel": "orders", "data": "x"}]
        peer.sockets[0].transport.abort()
        names = [await anext(events) for _ in range(3)]
        assert [event.name for event in names] == ["pusher:subscription_succeeded", "pusher:gap", "after"]
        gap = names[1].data
        assert isinstance(gap, Gap)
        assert gap.last_received_at <= gap.disconnected_at <= gap.resubscribed_at
        assert gap.disconnected_at.tzinfo is UTC


async def test_gaps_reach_streams_and_handlers_everywhere() -> None:
    """The channel's and the client's, in the same place of the order (R5)."""
    async with scripted() as peer, peer.client() as client:
        seen: dict[str, list[str]] = {"channel": [], "client": []}
        orders = client.channel("orders")
        orders.bind_global(lambda event: seen["channel"].append(event.name))
        client.bind_global(lambda event: seen["client"].append(event.name))
        streams = orders.events("*"), client.events("*")
        await orders.subscribe()
        peer.behind_acknowledgement = [{"event": "e", "channel": "orders", "data": 1}]
        peer.sockets[0].transport.abort()
        expected = ["pusher:subscription_succeeded", "pusher:subscription_succeeded", "pusher:gap", "e"]
        for stream in streams:
            assert [(await anext(stream)).name for _ in range(4)] == expected
        assert seen == {"channel": expected, "client": expected}


async def test_everything_wanted_comes_back_and_nothing_else() -> None:
    """After a cut the server has the wanted set, each frame signed for the new socket (R3)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        for name in ("orders", "private-a", "private-b"):
            await client.subscribe(name)
        await client.unsubscribe("private-b")
        await peer.heard("pusher:unsubscribe")
        peer.received.clear()
        peer.sockets[0].transport.abort()
        await peer.heard("pusher:subscribe", 2)
        sent = {frame["data"]["channel"]: frame["data"].get("auth") for frame in peer.received}
        assert sent == {"orders": None, "private-a": "KEY:canary-1.2"}


async def test_a_server_that_stops_answering_is_left() -> None:
    """The silence is noticed, and another link opened (R1)."""
    async with scripted() as peer, peer.client(activity_timeout=0.05, pong_timeout=0.05) as client:
        changes: list[StateChange] = []
        client.connection.bind("state_change", changes.append)
        delays: list[float] = []
        client.connection.bind("connecting_in", delays.append)
        peer.silent = True
        while peer.connects < 2:
            await asyncio.sleep(0.001)
        assert changes[0] == StateChange(ConnectionState.CONNECTED, ConnectionState.CONNECTING)


async def test_frames_that_break_the_websocket_cost_one_reconnect() -> None:
    """A frame over max_message_size is refused; a binary one is ignored (R7, R8)."""
    async with scripted() as peer, peer.client(max_message_size=1000) as client:
        await peer.sockets[0].send(b"binary")
        await peer.sockets[0].send("x" * 2000)
        while peer.connects < 2 or client.state is not ConnectionState.CONNECTED:
            await asyncio.sleep(0.001)
        await client.subscribe("orders")
