from __future__ import annotations

import pytest

from pusher_client.exceptions import ConnectError, SubscriptionError
from tests.support.dispatchers import Dispatchers, event

REFUSED = SubscriptionError("orders", "refused")


async def test_streams_of_all_channels() -> None:
    """A stream of the client has the events of every channel, and goes on when one is unsubscribed (design.md 9)."""
    wiring = Dispatchers()
    stream = wiring.client.events("order", "pusher:gap")
    other = wiring.open("invoices")
    wiring.deliver(1)
    wiring.channel.end(None)
    other.deliver(event(channel="invoices", data=2))
    other.deliver(event("pusher:gap", channel="invoices"))
    wiring.client.end(None)
    assert [(each.channel, each.data) async for each in stream] == [("orders", 1), ("invoices", 2), ("invoices", None)]


async def test_a_client_level_stream_raises_for_the_link_only() -> None:
    """A channel's failure does not concern the client's streams; the link's does (design.md 2)."""
    wiring = Dispatchers()
    stream = wiring.client.events()
    wiring.channel.end(REFUSED)
    error = ConnectError(4001, "no such application")
    wiring.client.end(error)
    with pytest.raises(ConnectError) as caught:
        await anext(stream)
    assert caught.value is error
