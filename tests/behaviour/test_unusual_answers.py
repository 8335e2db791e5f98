"""Unusual answers of servers to a subscription, over a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client import Event, SubscriptionError
from tests.support.held_authorizer import until
from tests.support.scripted_server import scripted


def acknowledgement(channel: str) -> dict[str, Any]:
    """Return the frame that acknowledges a subscription."""
    return {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}


async def test_events_before_the_acknowledgement_are_delivered_behind_it() -> None:
    """As soketi with Redis sends them: none is lost, the order is kept, and the counts add up (R4, R5)."""
    early = [{"event": "e", "channel": "orders", "data": str(number)} for number in range(300)]
    async with scripted() as server, server.client() as client:
        server.answers["orders"] = [*early, acknowledgement("orders")]
        events: list[Event] = []
        channel = client.channel("orders")
        for name in ("e", "pusher:subscription_succeeded"):
            channel.bind(name, events.append)
        await channel.subscribe()
        await server.publish("e", "orders", "300")
        await until(lambda: len(events) == 302)
        assert events[0].name == "pusher:subscription_succeeded"
        assert [event.data for event in events[1:]] == [*range(301)]
        assert (channel.stats.received, channel.stats.delivered) == (301, 301)


async def test_an_error_that_names_the_channel_ends_the_call_at_once() -> None:
    """The caller does not wait for the time-out, and gets the server's words (R3)."""
    async with scripted() as server, server.client() as client:
        data = {"type": "ServerError", "error": "the member is too large", "code": 4302}
        server.answers["orders"] = [{"event": "pusher:error", "channel": "orders", "data": data}]
        with pytest.raises(SubscriptionError, match=r"orders: .*the member is too large \(4302\)"):
            await client.subscribe("orders")


async def test_an_error_without_a_channel_is_quoted_when_the_call_times_out() -> None:
    """What the server said meanwhile is in the exception (R3)."""
    async with scripted() as server, server.client(subscribe_timeout=0.2) as client:
        server.answers["orders"] = [{"event": "pusher:error", "data": {"code": 4200, "message": "no such message"}}]
        with pytest.raises(SubscriptionError, match=r"no such message \(4200\)"):
            await client.subscribe("orders")


@pytest.mark.parametrize("data", ["{}", None])
async def test_a_refusal_without_words_is_one(data: str | None) -> None:
    """pusher-fake refuses with an empty object; the call retries, and says at its end that it was refused (R3)."""
    async with scripted() as server, server.client(subscribe_timeout=0.2) as client:
        refusal = {"event": "pusher_internal:subscription_error", "channel": "orders", "data": data}
        server.answers["orders"] = [refusal]
        with pytest.raises(SubscriptionError, match="the server refused the subscription without a reason"):
            await client.subscribe("orders")


@pytest.mark.parametrize(
    "cached",
    [
        {"event": "e", "data": "1"},
        {"event": "pusher:cache_miss", "channel": "cache-a", "data": '{"event":"e","channel":"cache-a","data":"1"}'},
    ],
)
async def test_cached_events_of_soketi_and_sockudo(cached: dict[str, Any]) -> None:
    """They reach the channel's handlers as the events that they are (protocol-notes 5.7)."""
    async with scripted() as server, server.client() as client:
        server.answers["cache-a"] = [acknowledgement("cache-a"), cached]
        events: list[Event] = []
        client.channel("cache-a").bind("e", events.append)
        await client.subscribe("cache-a")
        await until(lambda: len(events) == 1)
        assert (events[0].channel, events[0].data) == ("cache-a", 1)
