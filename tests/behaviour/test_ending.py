"""Ending: disconnect(), wait_closed() and failures, also inside handlers (R6, R7)."""

from __future__ import annotations

import asyncio

import pytest

from pusher_client import (
    ConnectError,
    ConnectionState,
    Event,
)
from tests.support.core.scripted_core import CHANNEL
from tests.support.plain_authorizer import authorize
from tests.support.scripted_server import scripted


async def test_the_body_s_exception_comes_through() -> None:
    """Leaving the block never replaces it (design.md 2)."""
    async with scripted() as peer:
        with pytest.raises(KeyError):
            async with peer.client():
                raise KeyError


async def test_a_body_that_fails_after_the_link_failed_keeps_its_exception() -> None:
    """A fatal close does not come out of the block in place of the body's own, and the state stays (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()

        async def body() -> None:
            async with client:
                over = asyncio.ensure_future(client.wait_closed())
                await peer.sockets[0].close(4001)
                with pytest.raises(ConnectError):
                    await over
                raise KeyError("body")

        with pytest.raises(KeyError, match="body"):
            await body()
        assert client.state is ConnectionState.FAILED


async def test_the_state_stays_failed_when_the_block_is_left_at_once() -> None:
    """A stream that raises leaves the block while the client still cleans up (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()

        async def body() -> None:
            async with client:
                events = client.events()
                closing = asyncio.ensure_future(peer.sockets[0].close(4001))
                try:
                    await anext(events)
                finally:
                    await closing

        with pytest.raises(ConnectError):
            await body()
        assert client.state is ConnectionState.FAILED
        await client.connect()
        assert client.state.value == "connected"
        await client.disconnect()
        await client.wait_closed()
        await client.unsubscribe("orders")  # harmless


async def test_wait_closed_raises_as_often_as_it_is_asked() -> None:
    """Every waiting call raises it, before and after; the error has no frames of earlier calls (design.md 2, C3)."""
    async with scripted() as peer:
        client = peer.client()
        await client.wait_closed()
        async with client:
            waiting = [asyncio.ensure_future(client.wait_closed()) for _ in range(3)]
            await asyncio.sleep(0)
            await peer.sockets[0].close(4099, "over")
            errors = await asyncio.gather(*waiting, return_exceptions=True)
            assert [str(error) for error in errors] == ["the server closed the connection: over (4099)"] * 3
        depths = []
        for _ in range(3):
            with pytest.raises(ConnectError) as caught:
                await client.wait_closed()
            depths.append(len(caught.traceback))
        assert len(set(depths)) == 1


async def test_disconnecting_inside_a_handler() -> None:
    """It is legal in an async handler, which is not cancelled by it (design.md 2, R7)."""
    done: list[str] = []
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        orders = client.channel("orders")

        @orders.bind("end")
        async def end(_event: Event) -> None:
            await client.disconnect()
            done.append("here")

        await orders.subscribe()
        await peer.publish("end", "orders", "1")
        await client.wait_closed()
        while not done:
            await asyncio.sleep(0)
        assert client.state is ConnectionState.DISCONNECTED


async def test_disconnecting_from_a_plain_handler() -> None:
    """A task that a plain handler starts may disconnect; it is not cancelled by it (design.md 2, R7)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        orders = client.channel("orders")
        tasks: list[asyncio.Task[None]] = []
        orders.bind("end", lambda _event: tasks.append(asyncio.get_running_loop().create_task(client.disconnect())))
        await orders.subscribe()
        await peer.publish("end", "orders", "1")
        await client.wait_closed()
        await tasks[0]
        assert client.state is ConnectionState.DISCONNECTED
        assert [frame["event"] for frame in peer.received] == ["pusher:subscribe"]


async def test_an_async_handler_may_disconnect_and_connect_again() -> None:
    """Every call is legal inside a handler, and handlers stay bound (design.md 2, R7)."""
    done = asyncio.Event()
    async with scripted() as peer:
        client = peer.client()

        async def again(event: Event) -> None:
            if event.data == 1:
                await client.disconnect()
                await client.connect()
                await client.subscribe("orders")
            else:
                done.set()

        client.channel("orders").bind("e", again)
        await client.connect()
        await client.subscribe("orders")
        await peer.publish("e", "orders", "1")
        await peer.heard("pusher:subscribe", 2)
        await peer.publish("e", "orders", "2")
        await done.wait()
        assert client.socket_id == "1.2"
        await client.disconnect()


async def test_a_handler_of_the_failure_may_connect_again() -> None:
    """A caller that knows better tries once more from its handler, and is not cancelled for it (R7)."""
    connected = asyncio.Event()
    async with scripted() as peer:
        client = peer.client()

        @client.connection.bind("failed")
        async def retry(_value: object) -> None:
            await client.connect()
            connected.set()

        await client.connect()
        await peer.sockets[0].close(4001)
        await connected.wait()
        assert client.state is ConnectionState.CONNECTED
        await client.disconnect()


async def test_wait_closed_raises_although_a_handler_connects_again() -> None:
    """It is about the connection that it waited for, not the next one (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()

        @client.connection.bind("failed")
        async def retry(_value: object) -> None:
            await client.connect()

        await client.connect()
        closed = asyncio.ensure_future(client.wait_closed())
        await asyncio.sleep(0)
        await peer.sockets[0].close(4001)
        with pytest.raises(ConnectError):
            await closed
        await client.disconnect()


@pytest.mark.parametrize("call", ["connect", "wait_closed"])
async def test_a_handler_may_wait_for_the_end(call: str) -> None:
    """A handler that waits for a connection that fails gets the error, and is not cancelled (R7)."""
    told: list[object] = []
    async with scripted() as peer:
        client = peer.client()

        @client.connection.bind("connecting")
        async def wait(_value: object) -> None:
            if peer.first is not None:
                try:
                    await (client.connect() if call == "connect" else client.wait_closed())
                except BaseException as error:
                    told.append(error)
                    raise

        await client.connect()
        peer.first = '{"event":"pusher:error","data":{"code":4001,"message":"gone"}}'
        await peer.sockets[0].close(1012)
        with pytest.raises(ConnectError):
            await client.wait_closed()
        while not told:
            await asyncio.sleep(0.001)
        assert isinstance(told[0], ConnectError)


async def test_a_handler_that_hangs_is_cancelled() -> None:
    """Handlers get a second to finish, then they are cancelled; disconnect() is done within two (R6)."""
    running, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_event: Event) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        client.channel("orders").bind("e", hang)
        await client.subscribe("orders")
        await peer.publish("e", "orders", "1")
        await running.wait()
        async with asyncio.timeout(2):
            await client.disconnect()
        assert cancelled.is_set()


async def test_a_server_that_is_slow_to_close_does_not_hold_up() -> None:
    """disconnect() cuts off who does not answer the closing handshake (R6)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        deaf = peer.sockets[0]
        deaf.transport.pause_reading()
        async with asyncio.timeout(2):
            await client.disconnect()
        deaf.transport.resume_reading()
        await deaf.wait_closed()


async def test_ending_leaves_no_task() -> None:
    """Neither a writer, nor a timer's work, nor a worker (R6)."""
    async with scripted() as peer:
        before = asyncio.all_tasks()
        async with peer.client(authorizer=authorize) as client:
            for name in ("orders", "private-a", CHANNEL):
                await client.subscribe(name)
        await asyncio.sleep(0)
        left = [task.get_name() for task in asyncio.all_tasks() - before if "pusher_client" in task.get_name()]
        assert left == []
