"""Subscribing and unsubscribing, with their authorization (R3)."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    ConnectionState,
    Event,
    SubscriptionError,
    SubscriptionState,
)
from tests.support.plain_authorizer import authorize
from tests.support.scripted_server import scripted


async def test_events_right_behind_the_acknowledgement_are_not_missed() -> None:
    """Neither by the channel's own stream nor by a handler that was bound first (design.md 2)."""
    async with scripted() as peer:
        peer.behind_acknowledgement = [{"event": f"e{n}", "channel": "orders", "data": n} for n in range(3)]
        async with peer.client() as client:
            orders = await client.subscribe("orders")
            stream = aiter(orders)
            assert [(await anext(stream)).data for _ in range(3)] == [0, 1, 2]
        seen: list[Any] = []
        async with peer.client() as client:
            orders = client.channel("orders")
            orders.bind_global(seen.append)
            waiting = asyncio.ensure_future(orders.wait_for("e2"))
            await asyncio.sleep(0)
            assert await orders.subscribe() is orders
            await waiting
        assert [event.name for event in seen] == ["pusher:subscription_succeeded", "e0", "e1", "e2"]


async def test_subscribing_together_is_one_subscription() -> None:
    """All callers get the one handle after the one acknowledgement; twice is harmless (design.md 2, R3)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channels = await asyncio.gather(*(client.subscribe("private-a") for _ in range(5)))
        assert len(set(map(id, channels))) == 1
        assert await client.subscribe("private-a") is channels[0]
        assert [frame["event"] for frame in peer.received] == ["pusher:subscribe"]


async def test_cancelling_one_of_several_callers_withdraws_nothing() -> None:
    """Only the last one takes the wish with it (design.md 2, R3)."""
    async with scripted() as peer, peer.client() as client:
        acknowledgement = {"event": "pusher_internal:subscription_succeeded", "channel": "orders", "data": "{}"}
        peer.answers["orders"] = []
        first, second = (asyncio.ensure_future(client.subscribe("orders")) for _ in range(2))
        await peer.heard("pusher:subscribe")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await peer.sockets[0].send(json.dumps(acknowledgement))
        assert (await second).state is SubscriptionState.SUBSCRIBED
        peer.answers["lonely"] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.subscribe("lonely"), 0.02)
        await peer.heard("pusher:unsubscribe")
        assert client.channel("lonely").state is SubscriptionState.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("raised", "status"),
    [(AuthorizationError("x", status=403), 403), (ValueError("broken"), None), ({"auth": 1}, None), (None, None)],
)
async def test_authorizers_that_refuse(raised: object, status: int | None) -> None:
    """A refusal, a mistake of the authorizer and an unusable answer are raised, typed (R3)."""

    async def refusing(_channel: str, _socket_id: str) -> Any:
        if isinstance(raised, Exception):
            raise raised
        return raised

    async with scripted() as peer, peer.client(authorizer=refusing) as client:
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe("private-a")
        assert caught.value.status == status
        if isinstance(raised, ValueError):
            assert caught.value.__cause__ is raised
        assert client.channel("private-a").state is SubscriptionState.FAILED
        assert peer.received == []


async def test_without_an_authorizer_the_cure_is_named() -> None:
    """A private channel needs one (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        with pytest.raises(AuthorizationError, match="authorizer="):
            await client.subscribe("private-a")


async def test_an_authorizer_that_fails_is_tried_again() -> None:
    """Connection errors of the authorizer are retried (R3)."""
    attempts = 0

    async def flaky(channel: str, socket_id: str) -> ChannelAuthorization:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise ConnectionError
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=flaky) as client:
        await client.subscribe("private-a")
        assert attempts == 2


@pytest.mark.parametrize("status", [401, 403, 4009])
async def test_a_refusal_of_the_server_is_final(status: int) -> None:
    """401, 403 and 4009 are raised with their status; handlers are called, other channels not affected (R3, R7)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        errors: list[Any] = []
        client.bind("pusher:subscription_error", errors.append)
        data = {"type": "AuthError", "error": "no", "status": status}
        peer.answers["private-a"] = [{"event": "pusher:subscription_error", "channel": "private-a", "data": data}]
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe("private-a")
        assert (caught.value.status, caught.value.channel) == (status, "private-a")
        assert [event.data for event in errors] == [data]
        await client.subscribe("orders")


async def test_an_acknowledgement_that_does_not_come_is_an_error() -> None:
    """subscribe_timeout bounds the call and withdraws the wish (design.md 2, R3, R6)."""
    async with scripted() as peer, peer.client(subscribe_timeout=0.05) as client:
        peer.answers["orders"] = []
        with pytest.raises(SubscriptionError, match=r"within 0\.05 s"):
            await client.subscribe("orders")
        await peer.heard("pusher:unsubscribe")
        assert client.channel("orders").state is SubscriptionState.UNSUBSCRIBED
        del peer.answers["orders"]


async def test_subscribing_waits_through_an_outage() -> None:
    """Without a link the call waits for the next one, and is signed for it (design.md 2, R3)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        peer.sockets[0].transport.abort()
        while client.state is ConnectionState.CONNECTED:
            await asyncio.sleep(0)
        await client.subscribe("private-a")
        assert peer.received[0]["data"]["auth"] == "KEY:canary-1.2"


async def test_unsubscribing() -> None:
    """Pending calls raise, hung requests are cancelled, streams end after their queue (design.md 2, R3)."""
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def hanging(_channel: str, _socket_id: str) -> ChannelAuthorization:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with scripted() as peer, peer.client(authorizer=hanging) as client:
        pending = asyncio.ensure_future(client.subscribe("private-a"))
        await asked.wait()
        await client.unsubscribe("private-a")
        with pytest.raises(SubscriptionError):
            await pending
        await cancelled.wait()
        orders = await client.subscribe("orders")
        events = orders.events()
        waiting = asyncio.ensure_future(orders.wait_for("queued"))
        await asyncio.sleep(0)
        await peer.publish("queued", "orders", "1")
        await waiting
        await orders.unsubscribe()
        assert [event.name async for event in events] == ["queued"]
        await peer.heard("pusher:unsubscribe")
        lonely = asyncio.ensure_future(client.subscribe("private-b"))
        while client.channel("private-b").state is not SubscriptionState.AUTHORIZING:
            await asyncio.sleep(0)
        lonely.cancel()
        await asyncio.gather(lonely, return_exceptions=True)
        assert client.channel("private-b").state is SubscriptionState.UNSUBSCRIBED


async def test_nothing_arrives_after_unsubscribing() -> None:
    """Neither handlers nor streams, the client's own included, get anything of it again (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        seen: list[Event] = []
        orders = await client.subscribe("orders")
        await client.subscribe("other")
        orders.bind_global(seen.append)
        everything = client.events()
        await orders.unsubscribe()
        await peer.publish("late", "orders", "1")
        await peer.publish("e", "other", "2")
        assert (await anext(everything)).channel == "other"
        assert seen == []


async def test_the_handle_is_the_same_while_of_use() -> None:
    """While referenced, wanted or bound; then it is gone (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        await client.subscribe("orders")
        first = weakref.ref(client.channel("orders"))
        gc.collect()
        assert first() is client.channel("orders")
        await client.unsubscribe("orders")
        gc.collect()
        assert first() is None
        client.channel("orders").bind("a", print)
        bound = weakref.ref(client.channel("orders"))
        gc.collect()
        assert bound() is not None
        client.channel("orders").unbind("a")
        gc.collect()
        assert bound() is None
        assert client.presence("presence-a").me is None
        assert dict(client.presence("presence-a").members) == {}
        assert client.channel("a").subscription_count is None
        with pytest.raises(ValueError, match="presence-"):
            client.presence("orders")


async def test_all_channels_and_unsubscribe_all() -> None:
    """all_channels() has the channels in the order of subscribe(), and unsubscribe_all() leaves none (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        assert client.all_channels() == []
        await client.unsubscribe_all()
        channels = [await client.subscribe(name) for name in ("b", "a")]
        pending = asyncio.ensure_future(client.subscribe("c"))
        client.channel("never-subscribed").bind("e", print)
        peer.answers["c"] = []
        await asyncio.sleep(0)
        assert client.all_channels() == [*channels, client.channel("c")]
        await client.unsubscribe_all()
        assert client.all_channels() == []
        with pytest.raises(SubscriptionError):
            await pending
        await peer.heard("pusher:unsubscribe", 2)
