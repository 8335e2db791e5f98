from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pusher_client.channel import Channel, ChannelOperations, PresenceChannel
from pusher_client.events import ChannelStats, Event, Member, SubscriptionState
from tests.support.dispatchers import Dispatchers, event


class Client:
    """What a client does for its handles: notes the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.standing = SubscriptionState.UNSUBSCRIBED
        self.operations = ChannelOperations(
            subscribe=self.subscribe,
            unsubscribe=self.unsubscribe,
            trigger=self.trigger,
            state=self.state,
            subscription_count=len,
            members=lambda name: {"1": name},
            me=lambda name: Member("1", name),
        )

    async def subscribe(self, name: str) -> None:
        self.calls.append(("subscribe", name))

    async def unsubscribe(self, name: str) -> None:
        self.calls.append(("unsubscribe", name))

    async def trigger(self, name: str, event: str, data: Any) -> None:
        self.calls.append(("trigger", name, event, data))

    def state(self, name: str) -> SubscriptionState:
        assert name == "orders"
        return self.standing


@pytest.fixture
def wiring() -> Dispatchers:
    return Dispatchers()


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def channel(wiring: Dispatchers, client: Client) -> PresenceChannel:
    return PresenceChannel("orders", wiring.channel, client.operations)


async def test_what_the_client_does(channel: Channel, client: Client) -> None:
    """Calls go to the client under the channel's name, and subscribe() returns the channel itself (design.md 2)."""
    assert await channel.subscribe() is channel
    await channel.trigger("client-typing", {"on": True})
    await channel.unsubscribe()
    assert client.calls == [
        ("subscribe", "orders"),
        ("trigger", "orders", "client-typing", {"on": True}),
        ("unsubscribe", "orders"),
    ]


def test_what_the_client_knows(channel: PresenceChannel, client: Client) -> None:
    """State, count and members are asked for at every look (design.md 2)."""
    assert channel.name == "orders"
    for state in SubscriptionState:
        client.standing = state
        assert channel.state is state
    assert channel.subscription_count == len("orders")
    members: Mapping[str, Any] = channel.members
    assert members == {"1": "orders"}
    assert channel.me == Member("1", "orders")


def test_the_handle_is_read_only(channel: Channel) -> None:
    """A handle has no attribute that could be set by mistake (design.md 2)."""
    careless: Any = channel
    for name in ("name", "state", "stats", "anything"):
        with pytest.raises(AttributeError):
            setattr(careless, name, 1)


def test_stats(channel: Channel, wiring: Dispatchers) -> None:
    """The stats are the channel's counts at this moment (R5)."""
    wiring.deliver(1, 2)
    expected = ChannelStats(received=2, delivered=2, dropped=0, undecryptable=0, waiting=0, key_refreshes=0)
    assert channel.stats == expected


def test_binding(channel: Channel, wiring: Dispatchers) -> None:
    """A handle binds in the channel's dispatcher, and is in use as long as something is bound (design.md 2)."""
    heard: list[Event] = []
    assert not channel.in_use

    @channel.bind("order")
    def hear(each: Event) -> None:
        heard.append(each)

    assert channel.in_use
    wiring.deliver(1)
    assert [each.data for each in heard] == [1]
    channel.unbind("order", hear)
    assert not channel.in_use


async def test_unbinding_all(channel: Channel, wiring: Dispatchers) -> None:
    """unbind_all() removes the callbacks of every name and the global ones (design.md 2)."""
    heard: list[Event] = []
    channel.bind("order", heard.append)
    channel.bind("paid", heard.append)
    channel.bind_global(heard.append)
    channel.unbind_all()
    wiring.deliver(1)
    assert heard == []
    assert not channel.in_use


async def test_streams_and_waiting(channel: Channel, wiring: Dispatchers) -> None:
    """events() and wait_for() take names and sizes as the dispatcher does (design.md 2)."""
    stream = channel.events("a*", queue_size=1)
    waiting = asyncio.create_task(channel.wait_for("b"))
    await asyncio.sleep(0)
    for name in ("b", "a1", "a2"):
        wiring.channel.deliver(event(name))
    assert (await waiting).name == "b"
    assert (await anext(stream)).name == "a1"
    assert stream.dropped == 1


async def test_iterating_the_channel(channel: Channel, wiring: Dispatchers) -> None:
    """Iterating reads the channel's one own stream, and a second loop goes on where the first stopped (design.md 2)."""
    wiring.channel.open_own_stream()
    wiring.deliver(1, 2, 3)
    async for each in channel:
        assert each.data == 1
        break
    wiring.channel.end(None)
    assert [each.data async for each in channel] == [2, 3]


def test_repr(channel: Channel) -> None:
    """The repr has the name and the state, and nothing else (C3)."""
    assert repr(channel) == "<PresenceChannel 'orders' unsubscribed>"
