"""The handles of one client: one for each name, kept for as long as it is used."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    Channel,
    ChannelAuthorization,
    ConnectError,
    Event,
    PresenceChannel,
    PusherClient,
    SubscriptionError,
    SubscriptionState,
)
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.scripted_server import scripted


def idle_client(**options: Any) -> PusherClient:
    return PusherClient("KEY", cluster="eu", **options)


def gone(handle: weakref.ref[Channel]) -> bool:
    gc.collect()
    return handle() is None


async def authorize(_channel: str, socket_id: str) -> dict[str, Any]:
    member = '{"user_id":"me","user_info":{"name":"Ann"}}'
    return {"auth": f"KEY:{socket_id}", "channel_data": member}


def test_a_handle_has_the_kind_of_its_name() -> None:
    """A presence channel knows members; presence() takes no other name (design.md 2, 9)."""
    client = idle_client()
    assert type(client.channel("orders")) is Channel
    assert type(client.channel("presence-a")) is PresenceChannel
    presence = client.presence("presence-a")
    assert presence is client.channel("presence-a")
    assert (dict(presence.members), presence.me, presence.subscription_count) == ({}, None, None)
    assert presence.state is SubscriptionState.UNSUBSCRIBED
    with pytest.raises(ValueError, match="presence-"):
        client.presence("private-a")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 201])
def test_names_are_checked_at_once(name: str) -> None:
    """A name that no server accepts is the caller's mistake (design.md 2)."""
    with pytest.raises(ValueError, match=r"channel|name"):
        idle_client().channel(name)


def test_longer_names_are_an_option() -> None:
    """165 to 200 characters are for servers that allow them, and the error says how (protocol-notes 5.2)."""
    for name in ("x" * 165, "presence-".ljust(200, "x")):
        with pytest.raises(ValueError, match="channel_name_limit=200"):
            idle_client().channel(name)
        with pytest.raises(ValueError, match="channel_name_limit=200"):
            idle_client(channel_name_limit=len(name) - 1).presence(name)
        assert idle_client(channel_name_limit=len(name)).channel(name).name == name


def test_a_referenced_handle_is_the_same_and_a_forgotten_one_is_collected() -> None:
    """Without a reference, a wish or a handler nothing keeps it (design.md 2)."""
    client = idle_client()
    handle = client.channel("orders")
    assert client.channel("orders") is handle
    reference = weakref.ref(handle)
    del handle
    assert gone(reference)


def test_a_bound_handle_is_kept() -> None:
    """A handler keeps its channel, and unbinding the last lets it go (design.md 2)."""
    client = idle_client()
    seen: list[Event] = []
    client.channel("orders").bind("a", seen.append)
    client.channel("orders").bind_global(seen.append)
    reference = weakref.ref(client.channel("orders"))
    assert not gone(reference)
    client.channel("orders").unbind()
    assert not gone(reference)
    client.channel("orders").unbind_global()
    assert gone(reference)


@pytest.mark.parametrize("everything", [False, True])
def test_a_handle_is_kept_from_the_decorator_on(everything: bool) -> None:
    """The channel needs no other reference while the handler is being defined (design.md 2)."""
    client = idle_client()
    decorate = client.channel("orders").bind_global() if everything else client.channel("orders").bind("a")
    gc.collect()
    orders = weakref.ref(client.channel("orders"))

    @decorate
    def heard(_event: Event) -> None: ...

    assert not gone(orders)
    client.channel("orders").unbind_global(heard) if everything else client.channel("orders").unbind("a", heard)
    del decorate
    assert gone(orders)


def test_a_handle_with_an_open_stream_is_kept() -> None:
    """A stream that was opened before subscribing must not miss what comes (design.md 2)."""
    client = idle_client()
    stream = client.channel("orders").events()
    reference = weakref.ref(client.channel("orders"))
    assert not gone(reference)
    stream.close()
    del stream
    assert gone(reference)


async def test_a_wanted_handle_is_kept_until_it_is_unwanted() -> None:
    """Also through a cut; unsubscribe() and disconnect() end the wish (design.md 2, R3)."""
    async with scripted() as peer:
        async with peer.client() as client:
            reference = weakref.ref(await client.subscribe("orders"))
            assert not gone(reference)
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 2)
            assert not gone(reference)
            assert reference() is client.channel("orders")
            await client.unsubscribe("orders")
            assert gone(reference)
            reference = weakref.ref(await client.subscribe("orders"))
        assert gone(reference)


async def test_counts_stay_with_the_handle() -> None:
    """Stats are over all subscriptions of a handle (R5)."""
    async with scripted() as peer, peer.client() as client:
        orders = client.channel("orders")
        for _ in range(2):
            await orders.subscribe()
            arrived = asyncio.ensure_future(orders.wait_for("e"))
            await asyncio.sleep(0)
            await peer.publish("e", "orders", "1")
            await arrived
            await orders.unsubscribe()
        assert (orders.stats.received, orders.stats.delivered) == (2, 2)


async def test_events_of_channels_that_are_not_wanted_reach_nobody() -> None:
    """Nor those of no channel at all (design.md 3.1, C1)."""
    async with scripted() as peer, peer.client() as client:
        seen: list[Event] = []
        client.bind_global(seen.append)
        orders = await client.subscribe("orders")
        await peer.publish("e", "other", "1")
        await peer.sockets[0].send('{"event":"e","data":"1"}')
        await peer.sockets[0].send('{"event":"e","channel":7,"data":"1"}')
        await peer.publish("e", "orders", "2")
        assert (await anext(aiter(orders))).data == 2
        assert [(event.name, event.channel) for event in seen] == [
            ("pusher:subscription_succeeded", "orders"),
            ("e", "orders"),
        ]


async def test_members_and_counts_come_from_the_wire() -> None:
    """A presence channel follows its members, and any channel its subscription count (design.md 2)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        presence = {"presence": {"count": 1, "ids": ["me"], "hash": {"me": {"name": "Ann"}}}}
        peer.answers["presence-a"] = [
            {"event": "pusher_internal:subscription_succeeded", "channel": "presence-a", "data": presence},
            {"event": "pusher_internal:member_added", "channel": "presence-a", "data": {"user_id": "b"}},
            {
                "event": "pusher_internal:subscription_count",
                "channel": "presence-a",
                "data": {"subscription_count": 2},
            },
        ]
        room = client.presence("presence-a")
        counted = asyncio.ensure_future(room.wait_for("pusher:subscription_count"))
        await asyncio.sleep(0)
        await room.subscribe()
        assert (await counted).data == {"subscription_count": 2}
        assert dict(room.members) == {"me": {"name": "Ann"}, "b": None}
        assert room.me is not None
        assert (room.me.id, room.me.info, room.subscription_count) == ("me", {"name": "Ann"}, 2)


async def test_a_failed_channel_ends_its_streams_and_can_be_tried_anew() -> None:
    """Streams raise why it failed, the others go on, and a new call of subscribe() starts afresh (design.md 2, R7)."""
    allowed = False

    async def gate(channel: str, socket_id: str) -> dict[str, Any]:
        if not allowed:
            raise PermissionError if channel == "private-later" else ValueError
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=gate) as client:
        everything = client.events("*")
        channel = client.channel("private-a")
        events = channel.events("*")
        with pytest.raises(SubscriptionError):
            await channel.subscribe()
        assert channel.state is SubscriptionState.FAILED
        assert (await anext(events)).name == "pusher:subscription_error"
        with pytest.raises(SubscriptionError):
            await anext(events)
        await channel.unsubscribe()
        assert client.channel("private-a").state is SubscriptionState.UNSUBSCRIBED
        allowed = True
        assert await channel.subscribe() is channel
        assert [(await anext(everything)).name for _ in range(2)] == [
            "pusher:subscription_error",
            "pusher:subscription_succeeded",
        ]


async def test_a_channel_that_a_handler_subscribes_anew_as_it_fails_stays_wanted() -> None:
    """The end of the failed subscription comes behind the new wish, and takes nothing from it (design.md 2, R7)."""
    asked: list[str] = []

    async def the_second_time(channel: str, socket_id: str) -> dict[str, Any]:
        asked.append(channel)
        if len(asked) == 1:
            raise AuthorizationError(channel, "no", status=403)
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=the_second_time) as client:
        channel, again = client.channel("private-a"), client.subscribe("private-a")

        @channel.bind("pusher:subscription_error")
        def at_once(_event: Event) -> None:
            again.send(None)

        with pytest.raises(AuthorizationError):
            await channel.subscribe()
        while channel.state is not SubscriptionState.SUBSCRIBED:
            await asyncio.sleep(0.001)
        with pytest.raises(StopIteration) as done:
            again.send(None)
        assert done.value.value is channel
        arrived = asyncio.ensure_future(channel.wait_for("e"))
        await asyncio.sleep(0)
        await peer.publish("e", "private-a", "1")
        assert (await arrived).data == 1


@pytest.mark.parametrize("code", [None, 4001])
async def test_a_handler_that_unsubscribes_while_the_connection_ends_stops_the_rest(code: int | None) -> None:
    """Events that waited for a key are delivered until a handler unsubscribes; counts add up (design.md 3.4, R5)."""
    asked: list[str] = []

    async def never_a_refresh(channel: str, socket_id: str) -> ChannelAuthorization:
        asked.append(channel)
        if len(asked) == 2:
            await asyncio.Event().wait()
        return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=OLD)

    seen: list[str] = []
    async with scripted() as peer, peer.client(authorizer=never_a_refresh) as client:
        orders = await client.subscribe(CHANNEL)

        @orders.bind("pusher:decryption_failure")
        def leave(event: Event) -> None:
            seen.append(event.data.event_name)
            with pytest.raises(StopIteration):  # it has nothing to wait for
                client.unsubscribe(CHANNEL).send(None)

        for name in ("a", "b"):
            await peer.publish(name, CHANNEL, sealed(NEW, "1"))
        while orders.stats.waiting < 2:
            await asyncio.sleep(0.001)
        if code is None:
            await client.disconnect()
        else:
            await peer.sockets[0].close(code)
            with pytest.raises(ConnectError):
                await client.wait_closed()
        assert seen == ["a"]
        stats = orders.stats
        assert (stats.received, stats.undecryptable, stats.dropped, stats.waiting) == (2, 1, 1, 0)

        # Nothing of that is left to be taken for the end of a later subscription.
        await client.connect()
        await orders.subscribe()
        orders.unbind("pusher:decryption_failure")
        await client.disconnect()
        reference = weakref.ref(orders)
        del orders
        assert gone(reference)


async def test_a_failure_to_decrypt_is_logged_once_with_a_name_that_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """At WARNING, without the data; the name comes from outside and is cut to 200 characters (R5, R6, C3)."""

    async def with_key(_channel: str, socket_id: str) -> dict[str, str]:
        return {"auth": f"KEY:{socket_id}", "shared_secret": "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="}

    failures: list[Event] = []
    async with scripted() as peer:
        async with peer.client(authorizer=with_key, on_decryption_failure=failures.append) as client:
            orders = await client.subscribe(CHANNEL)
            orders.bind("pusher:decryption_failure", failures.append)
            stream = orders.events("*")
            await peer.publish("n" * 300, CHANNEL, "forged-canary")
            await peer.publish("e", CHANNEL, sealed(OLD, "1"))
            assert [(await anext(stream)).name for _ in range(2)] == ["pusher:decryption_failure", "e"]
        warnings = [text for record in caplog.records if "could not be opened" in (text := record.getMessage())]
    assert [event.data.raw for event in failures] == ["forged-canary", "forged-canary"]
    assert "canary" not in repr(failures)
    assert len(warnings) == 1
    assert "n" * 200 in warnings[0]
    assert "n" * 201 not in warnings[0]
    assert "canary" not in caplog.text


def test_an_event_of_a_channel_that_was_let_go_reaches_nobody() -> None:
    """The core hands on none; if it did, the dispatcher would not, nor break (C1, R7)."""
    client = idle_client()
    heard: list[Event] = []
    client.bind_global(heard.append)
    client._channels.deliver(Event("e", "orders", 1))
    assert heard == []
    assert client.stats.delivered == 0
