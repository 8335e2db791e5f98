"""Handlers that misbehave, over a real socket: the link stays, pings go out, and other channels flow (R7)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pusher_client import Event, PusherClient, UserAuthentication
from pusher_client.server import LocalServer
from tests.scripted_channels import Scripted, scripted

Acting = Callable[[PusherClient], Awaitable[object]]
EXCITED = {"activity_timeout": 0.2, "pong_timeout": 5}


async def authorize(_channel: str, _socket_id: str) -> dict[str, Any]:
    """Let everybody in."""
    return {"auth": "key:x"}


async def authenticate(_socket_id: str) -> UserAuthentication:
    """Let anybody be the same user."""
    return UserAuthentication("key:x", '{"id":"1"}')


class SigningIn(Scripted):
    """A server that knows users, too."""

    async def react(self, socket: Any, frame: dict[str, Any]) -> None:
        """Answer a frame."""
        if frame["event"] == "pusher:signin":
            await socket.send('{"event":"pusher:signin_success","data":{"user_data":"{\\"id\\":\\"1\\"}"}}')
        await super().react(socket, frame)


@asynccontextmanager
async def serving(**options: Any) -> AsyncGenerator[tuple[Scripted, PusherClient]]:
    """Connect a client that may do everything, with the channels ``private-bad`` and ``good``."""
    async with scripted(SigningIn()) as peer:
        client = peer.client(authorizer=authorize, user_authenticator=authenticate, **options)
        async with client:
            await client.subscribe("private-bad")
            await client.subscribe("good")
            yield peer, client


async def flows(peer: Scripted, client: PusherClient, count: int = 3) -> None:
    """Check that the other channel gets what is published there, in order, over the first connection."""
    stream = client.channel("good").events("probe")
    for number in range(count):
        await peer.publish("probe", "good", number)
    assert [(await anext(stream)).data for _ in range(count)] == list(range(count))
    stream.close()


def pings(peer: Scripted) -> int:
    """How many pings have come."""
    return sum(frame["event"] == "pusher:ping" for frame in peer.received)


def plain_raise(_event: Event) -> None:
    """Fail at once."""
    raise RuntimeError("as ill luck would have it")


async def async_raise(_event: Event) -> None:
    """Fail a little later."""
    await asyncio.sleep(0)
    raise RuntimeError("as ill luck would have it")


@pytest.mark.parametrize("handler", [plain_raise, async_raise])
async def test_a_raising_handler_is_alone_with_it(
    handler: Callable[[Event], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each failure is logged with its traceback, the next handler runs, and no event costs the link (R7)."""
    heard: list[int] = []
    async with serving(**EXCITED) as (peer, client):
        bad = client.channel("private-bad")
        bad.bind("e", handler)
        bad.bind("e", lambda event: heard.append(event.data))
        before = pings(peer)
        for number in range(5):
            await peer.publish("e", "private-bad", number)
        await flows(peer, client)
        await peer.heard("pusher:ping", before + 2)
        assert heard == [0, 1, 2, 3, 4]
        assert peer.connects == 1
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(failures) == 5
    assert all(record.exc_info is not None and record.exc_info[0] is RuntimeError for record in failures)


async def test_a_handler_that_never_returns_holds_up_its_own_channel_alone() -> None:
    """Pings go out and other channels flow meanwhile; once it returns, what waited comes in order (R1, R4, R7)."""
    released, heard = asyncio.Event(), list[int]()

    async def slow(event: Event) -> None:
        await released.wait()
        heard.append(event.data)

    async with serving(**EXCITED) as (peer, client):
        client.channel("private-bad").bind("e", slow)
        for number in range(5):
            await peer.publish("e", "private-bad", number)
        before = pings(peer)
        await flows(peer, client)
        await peer.heard("pusher:ping", before + 2)
        assert heard == []
        released.set()
        while len(heard) < 5:
            await asyncio.sleep(0.001)
        assert heard == [0, 1, 2, 3, 4]
        assert peer.connects == 1


def block(seconds: float) -> None:
    """Do what no handler should."""
    time.sleep(seconds)


@pytest.mark.parametrize("turns", [4, 8, 16])
async def test_a_blocked_loop_does_not_cost_the_link(turns: int) -> None:
    """A pong that came while the loop was blocked counts, though its time is over when it can be read (R1, R7)."""
    with LocalServer() as server:  # on a thread of its own: it answers meanwhile
        client = PusherClient(
            server.key, host="127.0.0.1", port=server.port, tls=False, activity_timeout=0.2, pong_timeout=0.8
        )
        async with client:
            before = client.socket_id
            block(0.3)  # so that a ping is due
            for _ in range(turns):
                await asyncio.sleep(0)  # so that it goes out, and no more
            block(1.2)
            await client.subscribe("a")
            assert client.socket_id == before


def plain_cancel(_event: Event) -> None:
    """Cancel the task that it runs in, if it runs in one: a plain handler is called where the bytes arrive."""
    task = asyncio.current_task()
    if task is not None:
        task.cancel()


async def async_cancel(event: Event) -> None:
    """The same in a coroutine."""
    plain_cancel(event)


def plain_cancelled(_event: Event) -> None:
    """Fail as what is cancelled does."""
    raise asyncio.CancelledError


async def async_cancelled(event: Event) -> None:
    """The same in a coroutine."""
    plain_cancelled(event)


@pytest.mark.parametrize("handler", [plain_cancel, async_cancel, plain_cancelled, async_cancelled])
async def test_a_handler_that_cancels_leaves_a_client_that_works(handler: Callable[[Event], Any]) -> None:
    """It costs nobody else anything: neither the link, nor other channels their events (R7)."""
    async with serving() as (peer, client):
        client.channel("private-bad").bind("e", handler)
        await peer.publish("e", "private-bad", 1)
        await flows(peer, client)
        await peer.publish("e", "private-bad", 2)
        await flows(peer, client)
        assert peer.connects == 1


async def resubscribe(client: PusherClient) -> None:
    """Leave the channel and enter it again."""
    await client.unsubscribe("private-bad")
    await client.subscribe("private-bad")


async def rebind(client: PusherClient) -> None:
    """Bind and unbind on every level."""
    for level in (client, client.channel("private-bad"), client.channel("good")):
        level.bind("x", plain_raise)
        level.bind_global(plain_raise)
        level.unbind_global(plain_raise)
        level.unbind("x")
    client.connection.bind("error", plain_raise)
    client.connection.unbind("error", plain_raise)


CALLS: dict[str, Acting] = {
    "connect": lambda client: client.connect(),
    "subscribe another": lambda client: client.subscribe("other"),
    "subscribe the same": lambda client: client.subscribe("private-bad"),
    "unsubscribe another": lambda client: client.unsubscribe("other"),
    "unsubscribe the same": lambda client: client.unsubscribe("private-bad"),
    "unsubscribe and subscribe": resubscribe,
    "trigger": lambda client: client.channel("private-bad").trigger("client-e", 1),
    "sign in": lambda client: client.signin(),
    "wait for the next": lambda client: client.channel("good").wait_for("probe"),
    "wait for the next of all": lambda client: client.wait_for("probe"),
    "a stream": lambda client: anext(client.events("probe")),
    "bind and unbind": rebind,
}


@pytest.mark.parametrize("kind", ["async", "task"])
@pytest.mark.parametrize("name", CALLS)
async def test_every_call_is_legal_inside_a_handler(name: str, kind: str) -> None:
    """It ends, other channels flow meanwhile, and the link stays (R7); a plain handler starts a task for it."""
    done: list[str] = []
    tasks: list[asyncio.Future[None]] = []

    async with serving() as (peer, client):

        async def act(_event: Event) -> None:
            await CALLS[name](client)
            done.append(name)

        def start(event: Event) -> None:
            tasks.append(asyncio.ensure_future(act(event)))

        client.channel("private-bad").bind("e", act if kind == "async" else start)
        await peer.publish("e", "private-bad", 1)
        while not done:
            await flows(peer, client)
        await asyncio.gather(*tasks)
        await flows(peer, client)
        assert done == [name]
        assert peer.connects == 1
