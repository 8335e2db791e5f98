"""Handlers that misbehave, over a real socket: the link stays, pings go out, and other channels flow (R7)."""

from __future__ import annotations

import asyncio
import inspect
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from pusher_client import ConnectionState, Event, PusherClient, SubscriptionState
from pusher_client.server import LocalServer
from tests.support.handler_levels import LEVELS, caused, flows, serving
from tests.support.scripted_server import Scripted

EXCITED: dict[str, Any] = {"activity_timeout": 0.2, "pong_timeout": 5}


def pings(peer: Scripted) -> int:
    """How many pings have come."""
    return sum(frame["event"] == "pusher:ping" for frame in peer.received)


def plain_raise(*_: object) -> None:
    """Fail at once."""
    raise RuntimeError("as ill luck would have it")


async def async_raise(*_: object) -> None:
    """Fail a little later."""
    await asyncio.sleep(0)
    raise RuntimeError("as ill luck would have it")


def at_the_cause(misdeed: Callable[..., Any], done: list[object]) -> Callable[..., Any]:
    """Return a handler, as plain or async as the misdeed, that does it when it gets the test's event."""

    def plain(value: object, *_: object) -> None:
        if caused(value):
            done.append(value)
            misdeed(value)

    async def later(value: object, *_: object) -> None:
        if caused(value):
            done.append(value)
            await misdeed(value)

    return later if inspect.iscoroutinefunction(misdeed) else plain


@pytest.mark.parametrize("misdeed", [plain_raise, async_raise])
@pytest.mark.parametrize("name", LEVELS)
async def test_a_raising_handler_is_alone_with_it(
    name: str, misdeed: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it is bound: each failure is logged with its traceback, and no event costs the link (R7)."""
    done: list[object] = []
    async with serving(LEVELS[name], at_the_cause(misdeed, done)) as (peer, client):
        for _ in range(3):
            await LEVELS[name].cause(peer)
        await flows(peer, client)
        while len(done) < 3:
            await asyncio.sleep(0.001)
        assert peer.connects == 1
    failures = [record.exc_info for record in caplog.records if record.exc_info is not None]
    failures = [failure for failure in failures if failure[0] is RuntimeError]
    assert len(failures) == 3
    for _, _, trace in failures:
        assert misdeed.__name__ in "".join(traceback.format_tb(trace))


@pytest.mark.parametrize("handler", [plain_raise, async_raise])
async def test_the_handlers_behind_one_that_raises_still_run(handler: Callable[[Event], Any]) -> None:
    """All events are delivered to the next handler in order, and pings are sent (R1, R4, R7)."""
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


@pytest.mark.parametrize("name", LEVELS)
async def test_a_slow_handler_is_waited_for_by_nobody_else(name: str) -> None:
    """Wherever it is bound: other channels flow, and pings go out, while it does not return (R1, R7)."""
    released, done = asyncio.Event(), list[object]()

    async def slow(_value: object) -> None:
        await released.wait()

    async with serving(LEVELS[name], at_the_cause(slow, done), **EXCITED) as (peer, client):
        before = pings(peer)
        await LEVELS[name].cause(peer)
        while not done:
            await asyncio.sleep(0.001)
        if name != "client, global":  # which gets every channel's events, and is awaited on each
            await flows(peer, client)
        await peer.heard("pusher:ping", before + 1)
        released.set()
        await flows(peer, client)
        assert peer.connects == 1


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
    with LocalServer() as server:  # on its own thread: it answers meanwhile
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


def plain_cancel(*_: object) -> None:
    """Cancel the task that it runs in, if it runs in one: a plain handler is called where the bytes arrive."""
    task = asyncio.current_task()
    if task is not None:
        task.cancel()


async def async_cancel(*_: object) -> None:
    """The same in a coroutine."""
    plain_cancel()


async def async_cancel_and_wait(*_: object) -> None:
    """The same in a coroutine that meets its cancellation itself."""
    plain_cancel()
    await asyncio.sleep(0)


def plain_cancelled(*_: object) -> None:
    """Fail as what is cancelled does."""
    raise asyncio.CancelledError


async def async_cancelled(*_: object) -> None:
    """The same in a coroutine."""
    plain_cancelled()


@pytest.mark.parametrize(
    "misdeed", [plain_cancel, async_cancel, async_cancel_and_wait, plain_cancelled, async_cancelled]
)
@pytest.mark.parametrize("name", LEVELS)
async def test_a_handler_that_cancels_leaves_a_client_that_works(name: str, misdeed: Callable[..., Any]) -> None:
    """It affects nothing else: neither the link, nor the events of other channels (R7)."""
    done: list[object] = []
    async with serving(LEVELS[name], at_the_cause(misdeed, done)) as (peer, client):
        for number in (1, 2):
            await LEVELS[name].cause(peer)
            while len(done) < number:
                await asyncio.sleep(0.001)
            await flows(peer, client)
        assert peer.connects == 1


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("exit_with", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("name", LEVELS)
def test_a_handler_may_end_the_program(name: str, exit_with: type[BaseException], kind: str) -> None:
    """A BaseException of the program's end stops the event loop, and the client is closed with it (R6, R7)."""
    clients: list[PusherClient] = []

    def leave(*_: object) -> None:
        raise exit_with

    async def leave_later(*_: object) -> None:
        leave()

    async def main() -> None:
        # The loop raises what such a task raises, and would warn once more that the task is not awaited.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        handler = at_the_cause(leave if kind == "plain" else leave_later, [])
        async with serving(LEVELS[name], handler) as (peer, client):
            clients.append(client)
            await LEVELS[name].cause(peer)
            await asyncio.Event().wait()

    with pytest.raises(exit_with):
        asyncio.run(main())
    assert [client.state for client in clients] == [ConnectionState.DISCONNECTED]
    assert clients[0].channel("good").state is SubscriptionState.UNSUBSCRIBED
