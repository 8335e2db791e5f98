"""Unsealed data is delivered by no path that leads out of a client (promise C1)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pusher_client import Event, KeyRotationPolicy, PusherClient, PusherError
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.outputs import Authorize, AuthorizeBatch, Cancel, CloseWebSocket, Deliver, OpenWebSocket
from pusher_client.protocol.outputs import Output as CoreOutput
from tests.support.core.forged_frames import CACHE, ORDERS, STATES, check, names, shapes
from tests.support.core.scripted_core import NEW, OLD, Core, frame, sealed
from tests.support.dispatchers import settle
from tests.support.example_counts import examples

CARRIED_OUT = (Deliver, Authorize, AuthorizeBatch, Cancel, OpenWebSocket, CloseWebSocket)
ORDINARY = (
    "channel, by name",
    "channel, async",
    "channel, global",
    "client, by name",
    "client, async",
    "client, global",
    "channel's stream",
    "channel's stream of application events",
    "client's stream",
    "client's stream of application events",
    "own stream",
    "channel's wait_for",
    "client's wait_for",
)
"""The ways that an application event takes."""


class Listeners:
    """Every consumer that can get anything of a channel, and what each has got."""

    def __init__(self, client: PusherClient, name: str, bound: set[str], *, asynchronous: bool) -> None:
        self.heard: list[tuple[str, Event]] = []
        channel = client.channel(name)
        for who, source in (("channel", channel), ("client", client)):
            for event_name in bound:
                source.bind(event_name, self.plain(f"{who}, by name"))
                if asynchronous:
                    source.bind(event_name, self.later(f"{who}, async"))
            source.bind_global(self.plain(f"{who}, global"))
        client.user.bind_global(self.plain("user"))
        client.user.watchlist.bind_global(self.plain("watchlist"))
        self.tasks = [
            asyncio.create_task(self.read("channel's stream", channel.events("*"))),
            asyncio.create_task(self.read("channel's stream of application events", channel.events())),
            asyncio.create_task(self.read("client's stream", client.events("*"))),
            asyncio.create_task(self.read("client's stream of application events", client.events())),
            asyncio.create_task(self.read("own stream", aiter(channel))),
            asyncio.create_task(self.wait("channel's wait_for", channel.wait_for)),
            asyncio.create_task(self.wait("client's wait_for", client.wait_for)),
        ]

    def plain(self, way: str) -> Callable[[Event], None]:
        return lambda event: self.heard.append((way, event))

    def later(self, way: str) -> Callable[[Event], Awaitable[None]]:
        async def hear(event: Event) -> None:
            await asyncio.sleep(0)
            self.heard.append((way, event))

        return hear

    async def read(self, way: str, events: AsyncIterator[Event]) -> None:
        try:
            async for event in events:
                self.heard.append((way, event))
        except PusherError:
            pass

    async def wait(self, way: str, wait_for: Callable[[str], Awaitable[Event]]) -> None:
        try:
            while True:
                self.heard.append((way, await wait_for("*")))
        except PusherError:
            pass

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Driven(Core):
    """A client whose core is driven by plain calls, and whose dispatchers and news are the real ones."""

    def __init__(self, *, shortcut: bool) -> None:
        super().__init__()
        policy = KeyRotationPolicy(fruitless_limit=2)
        self.client = PusherClient("KEY", cluster="eu", key_rotation=policy)
        self.connection = self.client._core
        self.connection._shortcut = shortcut
        self.channels = self.client._channels
        self.channels.open()

    def subscribe(self, channel: str = ORDERS) -> int:
        """Call subscribe, for a handle that is kept."""
        self.calls += 1
        counts: EventCounts = self.channels.add_wanted(self.client.channel(channel))
        self.connection.subscribe(channel, self.calls, counts, self.now)
        self.drain()
        return self.calls

    def drain(self) -> list[CoreOutput]:
        """Carry out what came out, as a driver would."""
        new = super().drain()
        for output in new:
            if not isinstance(output, CARRIED_OUT):
                self.client._notices.handle(output)  # type: ignore[arg-type]  # the others are notices
        return new

    def deliver(self, event: Event) -> None:
        """Hand an event on to its channel."""
        self.events.append(event)
        self.channels.deliver(event)

    async def close(self) -> None:
        """End the handlers."""
        await self.channels.close(0.0, ())


async def forge(
    state: Callable[[Core, str], None],
    channel: str,
    frames: list[tuple[str, Any]],
    *,
    shortcut: bool,
    asynchronous: bool,
) -> list[tuple[str, Event]]:
    """Bring a client into a state, send these frames, then genuine ones; return what each consumer got."""
    driven = Driven(shortcut=shortcut)
    driven.up()
    listeners = Listeners(driven.client, channel, {name for name, _ in frames} | {"genuine"}, asynchronous=asynchronous)
    await settle()
    state(driven, channel)
    await settle()
    listeners.heard.clear()
    for name, data in frames:
        driven.receive(json.dumps({"event": name, "channel": channel, "data": data, "user_id": "forged-by-the-relay"}))
        await settle()
    driven.wait(60.0)
    if driven.requests():
        driven.answer(OLD)
    driven.acknowledge(channel)
    driven.wait(60.0)
    await settle()
    for key in (OLD, NEW):
        driven.receive(frame("genuine", channel, sealed(key, '"sealed"')))
    await settle()
    await listeners.close()
    await driven.close()
    return listeners.heard


@pytest.mark.parametrize("channel", [ORDERS, CACHE])
@pytest.mark.parametrize("state", STATES)
@settings(max_examples=examples(15))
@given(
    frames=st.lists(st.tuples(names, shapes), min_size=1, max_size=4),
    shortcut=st.booleans(),
    asynchronous=st.booleans(),
)
def test_what_nobody_sealed_takes_no_way_out(
    state: Callable[[Core, str], None],
    channel: str,
    *,
    frames: list[tuple[str, Any]],
    shortcut: bool,
    asynchronous: bool,
) -> None:
    """Handlers by name and global, plain and async, of channel, client and user; streams, own ones, wait_for (C1)."""
    for way, event in asyncio.run(forge(state, channel, frames, shortcut=shortcut, asynchronous=asynchronous)):
        assert way not in {"user", "watchlist"}
        check(event)


@pytest.mark.parametrize("shortcut", [True, False], ids=["the hot path", "by outputs"])
async def test_what_was_sealed_takes_every_way(*, shortcut: bool) -> None:
    """The same ways are open to what opens, so that the property above looks at something (C1)."""
    for state in STATES[1:4]:
        heard = await forge(state, ORDERS, [("forged", "x")], shortcut=shortcut, asynchronous=True)
        for way in ORDINARY:
            found = [event for other, event in heard if other == way and event.name == "genuine"]
            assert found, way
            assert {event.data for event in found} == {"sealed"}
