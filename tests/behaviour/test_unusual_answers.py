"""Unusual answers of servers to a subscription, over a real socket."""

from __future__ import annotations

from typing import Any

from pusher_client import Event
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
