"""What the official server library asks, and what it is refused (protocol-notes 11)."""

from __future__ import annotations

import asyncio
from typing import Any

import pusher.errors
import pytest

from tests.support.real.conformance_servers import Part, Server, Setting, Target, unique
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import take


async def ask(publisher: PusherHTTP, method: str, *arguments: Any) -> Any:
    """Call the library."""
    return await asyncio.to_thread(getattr(publisher.official, method), *arguments)


async def expect_refusal(
    server: Server, publisher: PusherHTTP, error: type[Exception], status: int, method: str, *arguments: Any
) -> None:
    """Send a request that the server refuses, and check the form of its refusal."""
    if server.does(Part.HTTP_ERRORS):
        with pytest.raises(error):
            await ask(publisher, method, *arguments)
    else:
        assert (await ask(publisher, method, *arguments))["code"] == status


async def test_channels_are_listed(target: Target) -> None:
    """The channels with subscribers, all of them or by the beginning of their names."""
    prefix = unique("presence-")
    names = {f"{prefix}{number}" for number in range(3)}
    async with target.client() as client:
        for name in names:
            await client.subscribe(name)
        assert names <= set((await ask(target.publisher, "channels_info"))["channels"])
        listed = (await ask(target.publisher, "channels_info", prefix))["channels"]
        assert set(listed) == names
        await client.channel(f"{prefix}0").unsubscribe()
        await client.subscribe(f"{prefix}3")  # its acknowledgement says that the unsubscription has come
        assert set((await ask(target.publisher, "channels_info", prefix))["channels"]) == (names | {f"{prefix}3"}) - {
            f"{prefix}0"
        }


async def test_subscriptions_and_users_are_counted(target: Target) -> None:
    """Two connections of one user are two subscriptions."""
    name = unique("presence-")
    assert not (await ask(target.publisher, "channel_info", name))["occupied"]
    async with (
        target.client({"user_id": "ann"}) as one,
        target.client({"user_id": "ann"}) as two,
        target.client({"user_id": "bob"}) as three,
    ):
        for client in (one, two, three):
            await client.subscribe(name)
        answer = await ask(target.publisher, "channel_info", name, ["subscription_count", "user_count"])
        assert answer == {"occupied": True, "subscription_count": 3, "user_count": 2}
        users = await ask(target.publisher, "users_info", name)
        assert sorted(user["id"] for user in users["users"]) == ["ann", "bob"]


async def test_what_a_cache_channel_keeps_is_told(server: Server, target: Target) -> None:
    """``info=cache``; soketi says nothing of it."""
    name = unique("private-cache-")
    await target.publisher.trigger(name, "e", "kept")
    answer = await ask(target.publisher, "channel_info", name, ["cache"])
    assert answer.get("cache") == ({"data": "kept"} if server.does(Part.CACHE_INFO) else None)


@pytest.mark.parametrize(
    ("method", "arguments", "error", "status"),
    [
        ("trigger", ("a", "e", "x" * 10_241), pusher.errors.PusherBadStatus, 413),
        ("trigger_batch", ([{"channel": "a", "name": "e", "data": "1"}] * 11,), pusher.errors.PusherBadRequest, 400),
        ("users_info", ("private-a",), pusher.errors.PusherBadRequest, 400),
    ],
    ids=["too much data", "too large a batch", "users of a private channel"],
)
async def test_a_wrong_request_is_refused(
    server: Server, method: str, arguments: tuple[Any, ...], error: type[Exception], status: int
) -> None:
    """With its status, and it is not delivered; soketi has the status in the body of a 200."""
    target = server.target(Setting.LIMITED)
    async with target.client() as client:
        channel = await client.subscribe("a")
        await expect_refusal(server, target.publisher, error, status, method, *arguments)
        await target.publisher.trigger("a", "fence", "1")
        assert [event.name for event in await take(aiter(channel), 1)] == ["fence"]


async def test_a_wrong_secret_is_refused(server: Server, target: Target) -> None:
    """401, and the event is not delivered."""
    async with target.client() as client:
        channel = await client.subscribe("a")
        stranger = target.publisher.signing_wrongly()
        await expect_refusal(server, stranger, pusher.errors.PusherBadAuth, 401, "trigger", "a", "e", "1")
        await target.publisher.trigger("a", "fence", "1")
        assert [event.name for event in await take(aiter(channel), 1)] == ["fence"]
