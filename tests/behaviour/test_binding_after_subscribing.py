"""Binding, opening a stream and waiting right after ``subscribe()``: nothing is lost in between (R4, R5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pusher_client import Channel, Event, PusherClient
from tests.support.dispatchers import settle
from tests.support.scripted_server import Scripted, scripted

Subscribe = Callable[[PusherClient], Awaitable[Channel]]
COUNT = 20


async def in_the_next_statement(client: PusherClient) -> Channel:
    return await client.subscribe("orders")


async def by_the_channel(client: PusherClient) -> Channel:
    return await client.channel("orders").subscribe()


async def with_a_timeout(client: PusherClient) -> Channel:
    async with asyncio.timeout(5):
        return await client.subscribe("orders")


async def with_wait_for(client: PusherClient) -> Channel:
    return await asyncio.wait_for(client.subscribe("orders"), 5)


async def with_gather(client: PusherClient) -> Channel:
    channels = await asyncio.wait_for(asyncio.gather(*map(client.subscribe, ("other", "orders", "third"))), 5)
    return channels[1]


async def with_a_task_group(client: PusherClient) -> Channel:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(client.subscribe("orders"))
        tasks.create_task(client.subscribe("other"))
    return task.result()


WAYS: list[Subscribe] = [
    in_the_next_statement,
    by_the_channel,
    with_a_timeout,
    with_wait_for,
    with_gather,
    with_a_task_group,
]


def events_behind_acknowledgement(peer: Scripted) -> None:
    peer.behind_acknowledgement = [
        {"event": f"e{number % 2}", "channel": "orders", "data": number} for number in range(COUNT)
    ]


@pytest.mark.parametrize("subscribe", WAYS)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_handler_bound_in_the_next_statement_gets_every_event(subscribe: Subscribe, *, is_async: bool) -> None:
    """Handlers get the events that came behind the acknowledgement, once and in order of arrival (R4)."""
    seen: list[Any] = []

    def plain(event: Event) -> None:
        seen.append(event.data)

    async def slow(event: Event) -> None:
        await asyncio.sleep(0)
        seen.append(event.data)

    async with scripted() as peer:
        events_behind_acknowledgement(peer)
        if subscribe in (with_gather, with_a_task_group):  # where each of the calls has the events behind it
            peer.answers = {name: [acknowledgement(name)] for name in ("other", "third")}
        async with peer.client() as client:
            orders = await subscribe(client)
            orders.bind("e0", slow if is_async else plain)
            orders.bind("e1", plain)
            await peer.publish("e1", "orders", COUNT)
            while COUNT not in seen:
                await asyncio.sleep(0.001)
            assert seen == [*range(COUNT + 1)]
            assert orders.stats.delivered == COUNT + 1


def acknowledgement(channel: str) -> dict[str, Any]:
    return {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}


async def test_events_that_arrive_while_gather_waits_for_another_channel() -> None:
    """A channel that was acknowledged early keeps its events until the last call of ``gather()`` returns (R5)."""
    async with scripted() as peer:
        peer.answers["slow"] = []
        events_behind_acknowledgement(peer)
        async with peer.client() as client:
            both = asyncio.ensure_future(asyncio.gather(client.subscribe("orders"), client.subscribe("slow")))
            while client.stats.received < COUNT:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
            await peer.sockets[0].send(
                '{"event":"pusher_internal:subscription_succeeded","channel":"slow","data":"{}"}'
            )
            orders, _ = await both
            seen: list[Event] = []
            orders.bind_global(seen.append)
            await settle()
            assert [event.data for event in seen] == [*range(COUNT)]


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_a_client_that_logs_everything_takes_nothing_from_a_later_handler(level: str) -> None:
    """The client's own handlers get each event once, and a handler that is bound later gets it too (R4)."""
    logged: list[Any] = []
    seen: list[Any] = []
    async with scripted() as peer:
        events_behind_acknowledgement(peer)
        async with peer.client() as client:
            client.bind("e0", lambda event: logged.append(event.data))
            orders = await client.subscribe("orders")
            (orders if level == "channel" else client).bind_global(lambda event: seen.append(event.data))
            while len(seen) < COUNT or len(logged) < COUNT // 2:
                await asyncio.sleep(0.001)
            await settle()
            assert seen == [*range(COUNT)]
            assert logged == [*range(0, COUNT, 2)]


async def test_a_handler_bound_later_gets_later_events_only() -> None:
    """The window after ``subscribe()`` is short: a handler that is bound later starts with the next event."""
    async with scripted() as peer:
        events_behind_acknowledgement(peer)
        async with peer.client() as client:
            orders = await client.subscribe("orders")
            while orders.stats.received < COUNT:
                await asyncio.sleep(0.001)
            await settle()
            await settle()
            seen: list[Event] = []
            orders.bind_global(seen.append)
            await peer.publish("e", "orders", "later")
            while not seen:
                await asyncio.sleep(0.001)
            assert [event.data for event in seen] == ["later"]


@pytest.mark.parametrize("level", ["channel", "client"])
async def test_wait_for_finds_what_came_since_subscribe(level: str) -> None:
    """Subscribe, publish, then wait: the event is found, each one once, in order of arrival (R5)."""
    async with scripted() as peer, peer.client() as client:
        orders = await client.subscribe("orders")
        waiting: Any = orders if level == "channel" else client
        for number in range(3):
            await peer.publish("e", "orders", number)
        while orders.stats.received < 3:
            await asyncio.sleep(0.001)
        await settle()
        await settle()
        assert [(await waiting.wait_for("e", timeout=5)).data for _ in range(3)] == [0, 1, 2]
        with pytest.raises(TimeoutError):
            await waiting.wait_for("e", timeout=0.01)
        await orders.unsubscribe()
