"""Events that clients send each other (protocol-notes 12)."""

from __future__ import annotations

import pytest

from pusher_client import UnsupportedError
from tests.support.real.bare_socket import bare_socket
from tests.support.real.conformance_servers import Part, Server, Setting, Target, unique
from tests.support.real.receiving import numbers, take


async def test_a_client_event_reaches_the_others(target: Target) -> None:
    """And not its sender, whose next event is the other's."""
    name = unique("private-")
    async with target.client() as one, target.client() as two:
        here, there = await one.subscribe(name), await two.subscribe(name)
        await here.trigger("client-typing", {"number": 1})
        (event,) = await take(aiter(there), 1)
        assert (event.name, event.data, event.user_id) == ("client-typing", {"number": 1}, None)
        await there.trigger("client-typing", {"number": 2})
        assert numbers(await take(aiter(here), 1)) == [2]


async def test_a_client_event_on_a_presence_channel_names_its_sender(target: Target) -> None:
    """Beside the data, where no client can forge it."""
    name = unique("presence-")
    async with target.client({"user_id": "ann"}) as ann, target.client({"user_id": "bob"}) as bob:
        here, there = await ann.subscribe(name), await bob.subscribe(name)
        await here.trigger("client-typing", {"number": 1, "user_id": "cleo"})
        (event,) = await take(aiter(there), 1)
        assert (event.user_id, event.data["number"]) == ("ann", 1)


async def test_our_client_sends_none_on_encrypted_channels(target: Target) -> None:
    """The protocol has none there, and the caller gets the error at once (design.md 2)."""
    async with target.client() as client:
        channel = await client.subscribe(unique("private-encrypted-"))
        with pytest.raises(UnsupportedError):
            await channel.trigger("client-typing", {})


@pytest.mark.parametrize("kind", ["", "private-encrypted-"])
async def test_a_client_event_is_refused_on_other_channels(server: Server, target: Target, kind: str) -> None:
    """4301 for its sender, nothing for the others, and the link stays; soketi relays it."""
    name = unique(kind)
    async with bare_socket(target.port) as sender, bare_socket(target.port) as other:
        await sender.subscribe(name, target.publisher)
        await other.subscribe(name, target.publisher)
        await sender.send("client-e", {"number": 1}, channel=name)
        if server.does(Part.CLIENT_EVENTS_KEPT_PRIVATE):
            refusal = await sender.receive()
            assert (refusal["event"], refusal["data"]["code"]) == ("pusher:error", 4301)
        else:
            assert (await other.receive())["event"] == "client-e"
        await target.publisher.trigger(name, "fence", {})
        assert (await other.receive())["event"] == "fence"
        assert (await sender.receive())["event"] == "fence"


async def test_an_application_may_forbid_client_events(server: Server) -> None:
    """4301 for its sender, and nothing for the others."""
    target, name = server.target(Setting.SILENT), unique("private-")
    async with bare_socket(target.port, target.app.key) as sender, bare_socket(target.port, target.app.key) as other:
        await sender.subscribe(name, target.publisher)
        await other.subscribe(name, target.publisher)
        await sender.send("client-e", {"number": 1}, channel=name)
        refusal = await sender.receive()
        assert (refusal["event"], refusal["data"]["code"]) == ("pusher:error", 4301)
        await target.publisher.trigger(name, "fence", {})
        assert (await other.receive())["event"] == "fence"


async def test_client_events_are_left_out_where_the_sender_is_not(target: Target) -> None:
    """Who is not subscribed to a channel cannot speak on it."""
    name = unique("private-")
    async with bare_socket(target.port) as sender, bare_socket(target.port) as other:
        await other.subscribe(name, target.publisher)
        await sender.send("client-e", {}, channel=name)
        await target.publisher.trigger(name, "fence", {})
        assert (await other.receive())["event"] == "fence"


@pytest.mark.parametrize(
    ("event", "data"), [("client-" + "e" * 194, {}), ("client-e", "x" * 10_241)], ids=["name", "data"]
)
async def test_a_client_event_that_is_too_long_is_refused(server: Server, event: str, data: object) -> None:
    """4301, and the link stays."""
    target, name = server.target(Setting.LIMITED), unique("private-")
    async with bare_socket(target.port, target.app.key) as sender, bare_socket(target.port, target.app.key) as other:
        await sender.subscribe(name, target.publisher)
        await other.subscribe(name, target.publisher)
        await sender.send(event, data, channel=name)
        refusal = await sender.receive()
        assert (refusal["event"], refusal["data"]["code"], refusal["channel"]) == ("pusher:error", 4301, name)
        await sender.send("client-e", {}, channel=name)
        assert (await other.receive())["data"] in ({}, "{}")


async def test_too_many_client_events_a_second_are_refused(server: Server) -> None:
    """4301 for the events over the limit, which are not delivered; the link stays, and others may continue."""
    target, name = server.target(Setting.LIMITED), unique("private-")
    async with bare_socket(target.port, target.app.key) as sender, bare_socket(target.port, target.app.key) as other:
        await sender.subscribe(name, target.publisher)
        await other.subscribe(name, target.publisher)
        for number in range(60):  # more than two seconds' worth, so that one second has too many
            await sender.send("client-e", {"number": number}, channel=name)
        refusal = await sender.receive()
        assert (refusal["event"], refusal["data"]["code"]) == ("pusher:error", 4301)
        await other.send("client-back", {}, channel=name)
        await target.publisher.trigger(name, "fence", {})
        assert (await sender.receive_until("client-back"))[-1]["channel"] == name
        relayed = await other.receive_until("fence")
        assert 10 <= len(relayed) - 1 < 60
