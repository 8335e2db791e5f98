"""Users who sign in: their own events, their presence, whom they watch, and the end of their connections (6.4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pusher.errors
import pusher.http
import pytest

from tests.support.real.bare_socket import BareSocket, bare_socket
from tests.support.real.conformance_servers import Part, Server, Target, unique

OWN = "#server-to-user-{}"
WATCHLIST = "pusher_internal:watchlist_events"


async def sign_in(users: Target, socket: BareSocket, **user: Any) -> dict[str, Any]:
    """Sign a user in, and return the answer."""
    answer = users.publisher.official.authenticate_user(socket.socket_id, user)
    await socket.send("pusher:signin", answer)
    return await socket.receive()


@asynccontextmanager
async def signed_in(users: Target, user_id: str, **user: Any) -> AsyncGenerator[BareSocket]:
    """Connect, sign in, and subscribe to the user's own channel; watchlist events come before."""
    async with bare_socket(users.port, users.app.key) as socket:
        assert (await sign_in(users, socket, id=user_id, **user))["event"] == "pusher:signin_success"
        yield socket


async def listen(socket: BareSocket, user_id: str) -> list[dict[str, Any]]:
    """Subscribe to a user's own channel, and return the frames before the acknowledgement."""
    await socket.send("pusher:subscribe", {"channel": OWN.format(user_id)})
    return (await socket.receive_until("pusher_internal:subscription_succeeded"))[:-1]


async def send(users: Target, user_id: str, event: str) -> None:
    """Publish to a user with the official library."""
    answer = await asyncio.to_thread(users.publisher.official.send_to_user, user_id, event, {"for": user_id})
    assert answer in ({}, {"ok": True})


async def test_a_sign_in_is_acknowledged(users: Target) -> None:
    """With the text that was signed, from which the client reads who it is."""
    async with bare_socket(users.port, users.app.key) as socket:
        answer = await sign_in(users, socket, id="ann", user_info={"name": "Ann"})
        assert answer["event"] == "pusher:signin_success"
        assert json.loads(answer["data"]["user_data"]) == {"id": "ann", "user_info": {"name": "Ann"}}


async def test_a_wrong_sign_in_ends_the_connection(users: Target) -> None:
    """``pusher:error`` and a close frame with 4009; a signature for another socket is a wrong one."""
    async with bare_socket(users.port, users.app.key) as socket, bare_socket(users.port, users.app.key) as other:
        answer = users.publisher.official.authenticate_user(other.socket_id, {"id": "ann"})
        await socket.send("pusher:signin", answer)
        refusal = await socket.receive()
        assert (refusal["event"], refusal["data"]["code"]) == ("pusher:error", 4009)
        assert await socket.closed() == 4009


async def test_a_users_events_reach_all_its_connections(users: Target) -> None:
    """And those of no other user."""
    async with signed_in(users, "ann") as one, signed_in(users, "ann") as two, signed_in(users, "bob") as other:
        for socket, user_id in ((one, "ann"), (two, "ann"), (other, "bob")):
            await listen(socket, user_id)
        await send(users, "ann", "hello")
        await send(users, "bob", "fence")
        for socket, user_id, event in ((one, "ann", "hello"), (two, "ann", "hello"), (other, "bob", "fence")):
            frame = await socket.receive()
            assert (frame["event"], frame["channel"]) == (event, OWN.format(user_id))
            assert json.loads(frame["data"]) == {"for": user_id}


async def test_a_users_channel_is_for_that_user(server: Server, users: Target) -> None:
    """Refused to others and without a sign-in; soketi acknowledges, but delivers no events of another user."""
    guarded = server.does(Part.USER_CHANNEL_GUARDED)
    event = "pusher:subscription_error" if guarded else "pusher_internal:subscription_succeeded"
    name = unique("")
    async with bare_socket(users.port, users.app.key) as stranger, signed_in(users, "bob") as bob:
        for socket in (stranger, bob):
            await socket.send("pusher:subscribe", {"channel": OWN.format("ann")})
            answer = await socket.receive()
            assert (answer["event"], answer["channel"]) == (event, OWN.format("ann"))
            await socket.subscribe(name, users.publisher)
        await send(users, "ann", "secret")
        await users.publisher.trigger(name, "fence", "1")
        for socket in (stranger, bob):
            assert (await socket.receive())["event"] == "fence"


async def test_presence_takes_a_user_who_signed_in(server: Server, users: Target) -> None:
    """Without ``channel_data``, the user is who signed in; soketi refuses that."""
    name = unique("presence-")
    async with signed_in(users, "ann", user_info={"name": "Ann"}) as ann:
        auth = users.publisher.authenticate(name, ann.socket_id)["auth"]
        await ann.send("pusher:subscribe", {"channel": name, "auth": auth})
        answer = await ann.receive()
        if server.does(Part.PRESENCE_BY_SIGN_IN):
            assert answer["event"] == "pusher_internal:subscription_succeeded"
            assert json.loads(answer["data"])["presence"]["hash"] == {"ann": {"name": "Ann"}}
        else:
            assert (answer["event"], answer["data"]["status"]) == ("pusher:subscription_error", 4302)


async def test_a_connection_is_one_users(server: Server, users: Target) -> None:
    """Signing in as another user is an error that changes nothing; for soketi it is a change."""
    first, second = unique("user-"), unique("user-")  # soketi breaks when it sends to the first one afterwards
    async with signed_in(users, first) as socket:
        answer = await sign_in(users, socket, id=second)
        expected = "pusher:error" if server.does(Part.ONE_USER_A_CONNECTION) else "pusher:signin_success"
        assert answer["event"] == expected


async def test_a_user_hears_of_those_whom_it_watches(server: Server, users: Target) -> None:
    """How they are at the sign-in, and who comes and goes afterwards; soketi says nothing of it."""
    async with signed_in(users, "bob"), signed_in(users, "ann", watchlist=["bob", "cleo"]) as ann:
        frames = await listen(ann, "ann")
        async with signed_in(users, "cleo"):
            await send(users, "ann", "fence")
            frames += await ann.receive_until("fence")
        if server.does(Part.WATCHLIST):
            frames += await ann.receive_until(WATCHLIST)
        await send(users, "ann", "fence")
        frames += await ann.receive_until("fence")
    told = [event for frame in frames if frame["event"] == WATCHLIST for event in json.loads(frame["data"])["events"]]
    expected = [("online", ["bob"]), ("offline", ["cleo"]), ("online", ["cleo"]), ("offline", ["cleo"])]
    assert [(event["name"], event["user_ids"]) for event in told] == (expected if server.does(Part.WATCHLIST) else [])


async def test_a_watchlist_has_at_most_a_hundred_users(server: Server, users: Target) -> None:
    """4302, and the first hundred are watched; soketi says nothing of it."""
    watchlist = [f"user-{number}" for number in range(101)]
    async with signed_in(users, "ann", watchlist=watchlist) as ann:
        before = await listen(ann, "ann")
        if server.does(Part.WATCHLIST):
            error, events = before
            assert (error["event"], error["data"]["code"]) == ("pusher:error", 4302)
            assert json.loads(events["data"])["events"] == [{"name": "offline", "user_ids": watchlist[:100]}]
        else:
            assert before == []


async def test_a_users_connections_are_ended(users: Target) -> None:
    """All of them with 4009, and those of no other user, by the path that Pusher documents."""
    client = users.publisher.official._pusher_client
    path = f"/apps/{users.app.id}/users/ann/terminate_connections"
    async with signed_in(users, "ann") as one, signed_in(users, "ann") as two, signed_in(users, "bob") as other:
        answer = await asyncio.to_thread(client.http.send_request, pusher.http.Request(client, "POST", path, {}))
        assert answer in ({}, {"ok": True})
        assert [await one.closed(), await two.closed()] == [4009, 4009]
        await other.send("pusher:ping", {})
        assert (await other.receive())["event"] == "pusher:pong"


async def test_the_librarys_own_call_ends_them(server: Server, users: Target) -> None:
    """It leaves the application out of the path, which soketi does not serve."""
    terminate = users.publisher.official.terminate_user_connections
    async with signed_in(users, "ann") as socket:
        if server.does(Part.TERMINATE_BY_LIBRARY):
            assert await asyncio.to_thread(terminate, "ann") == {}
            assert await socket.closed() == 4009
        else:
            with pytest.raises((pusher.errors.PusherError, ValueError)):
                await asyncio.to_thread(terminate, "ann")
            await socket.send("pusher:ping", {})
            assert (await socket.receive())["event"] == "pusher:pong"
