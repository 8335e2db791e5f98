"""The ten defects of sockudo-python 2.2.0, the one other asyncio client with encryption, as scenarios that we pass."""

from __future__ import annotations

import asyncio
import gc
import http
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from pusher_client import (
    AuthorizationError,
    ConnectionState,
    DecryptionFailureReason,
    Event,
    HTTPAuthorizer,
    SubscriptionError,
    SubscriptionState,
)
from pusher_client.protocol.outputs import CloseWebSocket, ConnectingIn, OpenWebSocket, Result
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, UNKNOWN, Core, frame, sealed
from tests.support.held_authorizer import HeldEndpoint, text_of, until
from tests.support.scripted_endpoint import json_answer, serve_endpoint
from tests.support.scripted_server import scripted

# -- 1: a clean close ends the client ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001])
async def test_1_a_clean_close_is_followed_by_a_new_connection(code: int) -> None:
    """There its loop ends in silence; here it comes back, with its channel and a gap (R2, R3, R5)."""
    async with scripted() as peer, peer.client() as client:
        events = client.channel("orders").events("pusher:gap", "e")
        await client.subscribe("orders")
        await peer.sockets[0].close(code)
        assert (await anext(events)).name == "pusher:gap"
        await peer.publish("e", "orders", "1")
        assert (await anext(events)).data == 1


# -- 2: the first attempt that fails is the last -----------------------------------------------------------------------


async def test_2_attempts_go_on_after_some_that_failed() -> None:
    """There the task that retries dies of the first failure; here it goes on until the server is back (R2)."""
    asked = 0

    def answer(connection: ServerConnection, _request: Request) -> Response | None:
        nonlocal asked
        asked += 1
        busy = 1 < asked <= 6
        return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "busy") if busy else None

    async with scripted(process_request=answer) as peer, peer.client() as client:
        events = client.channel("orders").events("pusher:gap")
        await client.subscribe("orders")
        peer.sockets[0].transport.abort()
        await anext(events)
        assert (asked, peer.connects) == (7, 2)
        assert client.state is ConnectionState.CONNECTED


async def test_2_attempts_go_on_while_nobody_listens() -> None:
    """The port is closed and open again later: connections that are refused are retried (R2)."""
    async with scripted() as peer, peer.client() as client:
        await client.subscribe("orders")
        delays: list[float] = []
        client.connection.bind("connecting_in", delays.append)
        port = peer.port
        assert peer.server is not None
        peer.server.close()
        await peer.server.wait_closed()
        await until(lambda: len(delays) > 3)
        async with scripted(port=port) as again:
            await again.heard("pusher:subscribe")
            await until(lambda: client.channel("orders").state is SubscriptionState.SUBSCRIBED)


# -- 3: close codes ----------------------------------------------------------------------------------------------------


def test_3_a_server_that_says_4200_for_ever_is_not_hammered() -> None:
    """There the delay is nothing each time; here once, and no minute sees more than twelve connects (R2)."""
    core = Core(lots=0.5)
    core.up()
    opened = [core.now]
    while len(opened) < 40:
        core.lose(4200)
        core.until(OpenWebSocket)
        opened.append(core.now)
        core.up()
    assert opened[1] == opened[0]
    assert opened[2] > opened[1]
    assert all(later - earlier >= 60.0 for earlier, later in zip(opened, opened[12:], strict=False))


@pytest.mark.parametrize("code", [4300, 4301, 4400, 4999])
def test_3_codes_of_4300_and_above_are_no_reason_to_give_up(code: int) -> None:
    """There they end the client; the protocol does not define them as reasons to stay away (R2)."""
    core = Core()
    core.up()
    core.subscribed("orders")
    core.lose(code)
    core.back()
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


# -- 4: keeping alive --------------------------------------------------------------------------------------------------


def test_4_the_server_s_activity_timeout_counts() -> None:
    """There 120 s are fixed; here the smaller of the two holds (R1)."""
    core = Core(activity_timeout=120.0)
    core.connection.connect(core.now)
    core.connection.websocket_opened(core.now)
    core.receive(frame("pusher:connection_established", data='{"socket_id":"1.1","activity_timeout":30}'))
    core.wait(29.9)
    assert core.sent == []
    core.wait(0.2)
    assert [one["event"] for one in core.sent] == ["pusher:ping"]


def test_4_a_ping_without_an_answer_ends_the_link() -> None:
    """There the pong timeout is never looked at, which leaves it to the WebSocket library; here it is (R1)."""
    core = Core(activity_timeout=30.0, pong_timeout=10.0)
    core.up()
    core.wait(39.9)
    assert core.connection.state.value == ConnectionState.CONNECTED
    core.wait(0.2)
    assert core.connection.state.value == ConnectionState.CONNECTING
    assert CloseWebSocket() in core.outputs
    core.back()
    assert core.connection.socket_id == "1.2"


# -- 5: encryption -----------------------------------------------------------------------------------------------------


async def test_5_a_rotation_a_failure_and_a_plain_text() -> None:
    """There a new key is never requested, failures are an error without a place, and text that is not JSON is lost.

    Here the key is requested, the failure is at its place with its reason, and text arrives as text (R4, R5).
    """
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)}, {"shared_secret": text_of(NEW)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        orders = await client.subscribe(CHANNEL)
        events = orders.events("e", "pusher:decryption_failure")
        for envelope in (sealed(OLD, "plain words"), sealed(NEW, '{"n":1}'), sealed(UNKNOWN, "2"), sealed(NEW, "3")):
            await peer.publish("e", CHANNEL, envelope)
        opened, rotated, failure, last = [await anext(events) for _ in range(4)]
        assert (opened.data, opened.raw) == ("plain words", "plain words")
        assert (rotated.data, last.data) == ({"n": 1}, 3)
        assert failure.data.reason is DecryptionFailureReason.WRONG_KEY
        assert (orders.stats.received, orders.stats.delivered, orders.stats.undecryptable) == (4, 3, 1)


# -- 6: raw data of encrypted channels ---------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ['"forged"', {"forged": 1}, None, sealed(UNKNOWN, "forged")])
async def test_6_no_handler_of_the_client_gets_what_did_not_open(data: Any) -> None:
    """There client-level handlers are called with the frame's data as it came; here with what opened only (C1)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        handled: list[Event] = []
        client.bind("e", handled.append)
        client.bind_global(handled.append)
        stream = client.events()
        await client.subscribe(CHANNEL)
        await peer.publish("e", CHANNEL, data)
        await peer.publish("e", CHANNEL, sealed(OLD, '"opened"'))
        assert (await anext(stream)).data == "opened"
        assert [event.data for event in handled if event.name == "e"] == ["opened", "opened"]
        assert "forged" not in repr(handled)


# -- 7: handlers -------------------------------------------------------------------------------------------------------


async def test_7_async_handlers_are_awaited_and_one_that_raises_starves_nobody() -> None:
    """There a coroutine is never awaited, and the first exception ends the row unseen (R7)."""
    handled: list[str] = []
    errors: list[tuple[type[Exception], Any]] = []

    async def raising(_event: Event) -> None:
        await asyncio.sleep(0)
        raise KeyError

    async def awaited(event: Event) -> None:
        await asyncio.sleep(0)
        handled.append(f"async {event.data}")

    def note(error: Exception, event: Any) -> None:
        errors.append((type(error), event.data))

    async with scripted() as peer, peer.client(on_handler_error=note) as client:
        orders = client.channel("orders")
        orders.bind("e", raising)
        orders.bind("e", awaited)
        orders.bind("e", lambda event: handled.append(f"plain {event.data}"))
        await orders.subscribe()
        for number in (1, 2):
            await peer.publish("e", "orders", str(number))
        await until(lambda: len(handled) == 4)
        assert handled == ["async 1", "plain 1", "async 2", "plain 2"]
        assert errors == [(KeyError, 1), (KeyError, 2)]


async def test_7_cancelling_is_never_swallowed() -> None:
    """There an except clause around the handler catches it; here a task that reads ends when it is cancelled (R6)."""
    reading = asyncio.Event()

    async def read() -> None:
        async with peer.client() as client:
            orders = await client.subscribe("orders")
            reading.set()
            async for _ in orders:
                pass

    async with scripted() as peer:
        task = asyncio.ensure_future(read())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: peer.sockets == [])


async def test_7_a_handler_is_cancelled_with_the_client() -> None:
    """A handler that waits for ever gets its CancelledError, and nothing takes it away (R6)."""
    waiting, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_event: Event) -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with scripted() as peer:
        async with peer.client() as client:
            client.channel("orders").bind("e", wait)
            await client.subscribe("orders")
            await peer.publish("e", "orders", "1")
            await waiting.wait()
        assert cancelled.is_set()


# -- 8: authorizations -------------------------------------------------------------------------------------------------


def test_8_an_answer_is_sent_on_its_own_socket_alone() -> None:
    """There the socket id that an answer was made for is not checked (R3)."""
    core = Core()
    core.up()
    core.subscribe("private-a")
    old = core.requests()[-1]
    core.lose()
    core.back()
    core.answer(None, old)
    assert core.sent == []
    core.answer(None)
    assert [one["data"]["auth"] for one in core.sent] == ["key:1.2"]


def test_8_a_subscription_has_a_deadline() -> None:
    """There a call waits for ever for an acknowledgement that does not come; here it fails and is given back (R6)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    call = core.subscribe("orders")
    core.wait(30.0)
    result = next(output for output in core.outputs if isinstance(output, Result) and output.call_id == call)
    assert isinstance(result.error, SubscriptionError)
    assert core.sent[-1]["event"] == "pusher:unsubscribe"


async def test_8_an_authorization_that_failed_is_tried_again() -> None:
    """There the first failure is the last, after a reconnect too; here what may mend itself is asked again (R3)."""
    failing = 2

    async def authorize(_channel: str, socket_id: str) -> dict[str, str]:
        nonlocal failing
        failing -= 1
        if failing >= 0:
            raise AuthorizationError("private-a", status=503)
        return {"auth": f"KEY:{socket_id}"}

    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        events = client.channel("private-a").events("pusher:gap")
        await client.subscribe("private-a")
        failing = 1
        peer.sockets[0].transport.abort()
        await anext(events)
        assert [one["data"]["auth"] for one in peer.received] == ["KEY:1.1", "KEY:1.2"]


# -- 9: connecting again -----------------------------------------------------------------------------------------------


async def test_9_a_client_that_connects_again_can_authorize() -> None:
    """There disconnect() closes the HTTP client for ever; here the next use opens another (design.md 2)."""
    async with scripted() as peer, serve_endpoint(json_answer({"auth": "KEY:signature"})) as endpoint:
        client = peer.client(authorizer=HTTPAuthorizer(endpoint.url))
        for count in (1, 2, 3):
            async with client:
                channel = await client.subscribe("private-a")
                assert channel.state is SubscriptionState.SUBSCRIBED
            assert len(endpoint.requests) == count
            await endpoint.all_closed()


# -- 10: tasks without a reference, TLS and proxies --------------------------------------------------------------------


async def test_10_no_work_is_collected_as_garbage() -> None:
    """There tasks are started without a reference to them; here what runs is held, and what is done is gone (R6)."""
    endpoint = HeldEndpoint()
    go_on, handled = asyncio.Event(), asyncio.Event()

    async def handler(_event: Event) -> None:
        await go_on.wait()
        handled.set()

    before = asyncio.all_tasks()
    async with scripted() as peer:
        async with peer.client(authorizer=endpoint) as client:
            client.channel("orders").bind("e", handler)
            await client.subscribe("orders")
            pending = asyncio.ensure_future(client.subscribe("private-a"))
            await peer.publish("e", "orders", "1")
            await until(lambda: len(endpoint.open) == 1)
            for _ in range(3):
                gc.collect()
                await asyncio.sleep(0)
            endpoint.open[0].set_result({})
            assert (await pending).state is SubscriptionState.SUBSCRIBED
            go_on.set()
            await handled.wait()
        left = [task.get_name() for task in asyncio.all_tasks() - before if "pusher_client" in task.get_name()]
        assert left == []


@asynccontextmanager
async def tunnelling_proxy() -> AsyncGenerator[tuple[str, list[str]]]:
    """Run a proxy that tunnels; yield its URL and the first lines of what it was asked."""
    asked: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
        host, _, port = asked[-1].split()[1].partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
        await asyncio.gather(*tasks)


async def test_10_tls_and_a_proxy_can_be_chosen() -> None:
    """There neither has an option; here both take a context and a tunnel of the caller's (C5, design.md 2)."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with scripted(ssl=context) as peer, tunnelling_proxy() as (url, asked):
        async with peer.client(tls=trusting, proxy=url) as client:
            await client.subscribe("orders")
        assert asked == [f"CONNECT 127.0.0.1:{peer.port} HTTP/1.1"]


def test_10_reconnecting_is_told_before_it_happens() -> None:
    """Nothing happens in a hidden task: each attempt is announced with its delay and cause (design.md 2)."""
    core = Core()
    core.up()
    core.lose(1001)
    assert [output for output in core.outputs if isinstance(output, ConnectingIn)] == [
        ConnectingIn(0.5, "the server closed the connection (1001)", established=True)
    ]
