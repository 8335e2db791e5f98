"""Races and floods over real sockets, each found by trying to break the client."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

import pytest

from pusher_client import (
    ChannelAuthorization,
    ConnectError,
    ConnectionState,
    Event,
    EventStream,
    KeyRotationPolicy,
    NotConnectedError,
    PusherClient,
    PusherError,
    SubscriptionState,
)
from pusher_client.server import LocalServer
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.official_library import library
from tests.support.scripted_server import scripted

T = TypeVar("T")


async def test_the_probe_asks_without_another_failure() -> None:
    """After the delay the key is asked for, though nothing more arrives (design.md 3.7)."""
    asked: list[str] = []
    probed = asyncio.Event()

    async def authorize(channel: str, _socket_id: str) -> ChannelAuthorization:
        asked.append(channel)
        if len(asked) == 3:
            probed.set()
        return ChannelAuthorization("KEY:x", shared_secret=OLD)

    policy = KeyRotationPolicy(fruitless_limit=1, max_delay=0.2)
    async with scripted() as peer, peer.client(authorizer=authorize, key_rotation=policy) as client:
        channel = await client.subscribe(CHANNEL)
        for reason in ("wrong_key", "refresh_suspended"):
            failure = asyncio.ensure_future(channel.wait_for("pusher:decryption_failure"))
            await asyncio.sleep(0)
            await peer.publish("e", CHANNEL, sealed(NEW, "x"))
            assert (await failure).data.reason == reason
        await probed.wait()


async def test_connecting_while_others_disconnect_and_connect() -> None:
    """Every call ends: connected, or with the error that it was disconnected (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        leaving = asyncio.ensure_future(client.disconnect())
        await asyncio.sleep(0)

        async def twice() -> None:
            await client.disconnect()
            await client.disconnect()

        results = await asyncio.gather(client.connect(), twice(), client.connect(), leaving, return_exceptions=True)
        assert all(result is None or isinstance(result, NotConnectedError) for result in results)
        await client.disconnect()


async def test_a_server_that_does_not_read_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """What waits to be sent is bounded; subscriptions that did not fit are made on the next link (R2, R6)."""

    async def authorize(_channel: str, socket_id: str) -> dict[str, Any]:
        return {"auth": "KEY:" + "x" * (1_000_000 if socket_id == "1.1" else 1)}

    async with scripted(max_size=None) as peer, peer.client(authorizer=authorize, buffer_bytes=100_000) as client:
        unread = peer.sockets[0]
        unread.transport.pause_reading()
        await asyncio.gather(*(client.subscribe(f"private-{number}") for number in range(40)))
        assert peer.connects == 2
        unread.transport.abort()
    assert "lost the connection" in caplog.text
    assert "the server does not read what is sent" in caplog.text


async def test_an_unread_stream_does_not_cost_the_link() -> None:
    """A consumer that does not read uses up buffer_bytes, and everything else goes on (R7, R2)."""
    async with scripted() as peer, peer.client(buffer_bytes=65_536) as client:
        channel = await client.subscribe("a")
        unread = channel.events(queue_size=100_000)
        for number in range(10):
            await client.subscribe(f"b{number}")
        for _ in range(400):
            await peer.publish("e", "a", "x" * 50)
        await peer.sockets[0].close(1001)
        await client.channel("b9").wait_for("pusher:gap")
        assert peer.connects == 2
        assert (await anext(unread)).name == "e"


@pytest.mark.parametrize("code", [None, 4001])
async def test_streams_of_channels_that_were_not_subscribed_end_too(code: int | None) -> None:
    """When the connection is over, nothing that was waited for is left waiting (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        events = client.channel("never").events()
        waiting = asyncio.ensure_future(client.channel("other").wait_for("x"))
        await asyncio.sleep(0)
        if code is None:
            await client.disconnect()
            assert [event async for event in events] == []
        else:
            await peer.sockets[0].close(code)
            with pytest.raises(ConnectError):
                await anext(events)
        with pytest.raises(PusherError):
            await waiting


async def test_what_was_left_unread_comes_before_the_next_subscription() -> None:
    """The channel's own stream keeps its queue through unsubscribe and subscribe (design.md 9)."""
    async with scripted() as peer, peer.client() as client:
        channel = await client.subscribe("a")
        last = asyncio.ensure_future(channel.wait_for("e2"))
        stream = aiter(channel)
        for number in range(3):
            await peer.publish(f"e{number}", "a", number)
        await last
        assert (await anext(stream)).data == 0
        await channel.unsubscribe()
        await channel.subscribe()
        await peer.publish("e9", "a", 9)
        assert [(await anext(aiter(channel))).data for _ in range(3)] == [1, 2, 9]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\n\r\nno such app",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.0 403 Forbidden\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 401 No\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
@pytest.mark.parametrize("closes", [False, True])
async def test_a_refusal_is_known_by_its_first_line(answer: bytes, *, closes: bool) -> None:
    """Whether the rest of it comes, is broken, or never ends (design.md 2)."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
        if not closes:
            await reader.read()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectError) as caught:
            await PusherClient("KEY", host="127.0.0.1", port=port, tls=False).connect()
        assert caught.value.code == int(answer[9:12])


async def test_a_handler_that_raises_more_than_an_exception_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged like an exception; the connection stays, and the next event arrives (R7)."""

    class OddError(BaseException):
        pass

    def fail(_event: Event) -> None:
        raise OddError

    async with scripted() as peer, peer.client() as client:
        channel = client.channel("a")
        channel.bind("odd", fail)
        await channel.subscribe()
        await peer.publish("odd", "a", 1)
        waiting = asyncio.ensure_future(channel.wait_for("even"))
        await asyncio.sleep(0)
        await peer.publish("even", "a", 2)
        assert (await waiting).data == 2
        assert peer.connects == 1
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [OddError]


async def test_subscribing_anew_inside_a_handler_keeps_the_new_streams() -> None:
    """Also when the handler runs while the core is drained, as an eager task does (R7)."""

    async def authorize(_channel: str, _socket_id: str) -> ChannelAuthorization:
        return ChannelAuthorization("KEY:x", shared_secret=OLD)

    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = client.channel(CHANNEL)
        started: list[Any] = []

        async def again() -> None:
            await channel.unsubscribe()
            await channel.subscribe()

        def eagerly(_event: Event) -> None:
            coroutine = again()
            waiting = coroutine.send(None)
            assert waiting is not None

            async def rest() -> None:
                while client.channel(CHANNEL).state.value != "subscribed":
                    await asyncio.sleep(0)
                coroutine.close()

            started.append(asyncio.ensure_future(rest()))

        await channel.subscribe()
        channel.bind("pusher:decryption_failure", eagerly)
        events = channel.events()
        await peer.publish("bad", CHANNEL, sealed(NEW, "x"))
        assert [event async for event in events] == []
        await asyncio.gather(*started)
        stream = channel.events()
        await peer.publish("good", CHANNEL, sealed(OLD, "1"))
        assert (await anext(stream)).data == 1


@pytest.fixture
def quiet_garbage(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Discard the tasks and sockets of a closed event loop without the interpreter's complaints about them."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()


def run_and_close(main: Coroutine[Any, Any, T]) -> T:
    """Close the event loop without the cancellation of its tasks that asyncio.run() begins with."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


@pytest.mark.usefixtures("quiet_garbage")
@pytest.mark.parametrize("run", [asyncio.run, run_and_close])
@pytest.mark.parametrize("busy", [False, True])
def test_a_client_whose_loop_was_closed_can_connect_again(run: Callable[..., Any], *, busy: bool) -> None:
    """Without disconnect(): in a new loop it starts with what is bound and without subscriptions (design.md 2, R6)."""
    heard: list[Any] = []

    async def stuck(event: Event) -> None:
        heard.append(event.data)
        if event.data == "first":
            await asyncio.Event().wait()

    with LocalServer() as server:
        client = PusherClient(server.key, host="127.0.0.1", port=server.port, tls=False)
        client.bind("e", stuck)

        async def leave() -> EventStream:
            await client.connect()
            await client.subscribe("orders")
            stream = client.channel("orders").events()
            if busy:
                tasks = [client.wait_closed(), client.wait_for("x"), anext(client.events("x"))]
                running = [asyncio.ensure_future(task) for task in tasks]
                await asyncio.to_thread(library(server).trigger, "orders", "e", "first")
                await asyncio.to_thread(library(server).trigger, "orders", "e", "second")
                while not heard or client.channel("orders").stats.delivered < 2:
                    await asyncio.sleep(0.001)
                assert not any(task.done() for task in running)
            return stream

        stream = run(leave())

        async def come_back() -> None:
            client.channel("orders").bind("x", print)
            await client.disconnect()
            assert client.state is ConnectionState.DISCONNECTED
            assert client.channel("orders").state is SubscriptionState.UNSUBSCRIBED
            assert [event.data async for event in stream] == (["first", "second"] if busy else [])
            async with client:
                assert client.channel("orders").state is SubscriptionState.UNSUBSCRIBED
                await client.subscribe("orders")
                await asyncio.to_thread(library(server).trigger, "orders", "e", "third")
                while "third" not in heard:
                    await asyncio.sleep(0.001)

        asyncio.run(come_back())
        assert heard == (["first", "third"] if busy else ["third"])


@pytest.mark.usefixtures("quiet_garbage")
@pytest.mark.parametrize("run", [asyncio.run, run_and_close])
def test_what_was_held_when_the_loop_was_closed_is_told(run: Callable[..., Any]) -> None:
    """An event that waited for a key has failed, and is counted, when the client is used again (design.md 3.8, R5)."""
    failures: list[Any] = []
    asked: list[str] = []

    async def authorize(channel: str, _socket_id: str) -> ChannelAuthorization:
        asked.append(channel)
        if len(asked) > 1:
            await asyncio.Event().wait()
        return ChannelAuthorization("KEY:x", shared_secret=OLD)

    async def leave() -> PusherClient:
        async with scripted() as peer:
            client = peer.client(authorizer=authorize)
            await client.connect()
            channel = await client.subscribe(CHANNEL)
            await peer.publish("e", CHANNEL, sealed(NEW, "1"))
            while len(asked) < 2:
                await asyncio.sleep(0.001)
            assert channel.stats.waiting == 1
            client.bind("pusher:decryption_failure", failures.append)
            return client

    client = run(leave())
    asyncio.run(client.disconnect())
    assert [event.data.reason for event in failures] == ["authorization_failed"]
