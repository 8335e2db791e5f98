"""The client over real sockets: connecting, subscribing, losing, ending."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import gc
import http
import json
import logging
import pickle
import ssl
import weakref
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pusher
import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

import pusher_client
from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    ConnectError,
    ConnectionState,
    Event,
    Gap,
    HTTPAuthorizer,
    KeyRotationPolicy,
    NotConnectedError,
    PusherClient,
    RateLimitError,
    ReconnectPolicy,
    ServerError,
    StateChange,
    SubscriptionError,
    SubscriptionState,
)
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.server import LocalServer
from pusher_client.transport.websocket import OpenError, WebSocket
from tests.support.canaries import texts_of_chain, texts_of_error
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.scripted_endpoint import Received, json_answer, serve_endpoint
from tests.support.scripted_server import Scripted, scripted


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    """Authorize everything, with the old key."""
    return ChannelAuthorization(f"key:canary-{socket_id}", shared_secret=OLD)


async def settled(peer: Scripted, event: str) -> None:
    """Wait until the server has received a frame."""
    while not any(frame["event"] == event for frame in peer.received):
        await asyncio.sleep(0.001)


async def test_connecting_and_disconnecting() -> None:
    """Both are idempotent, and the client can be used again, in another loop too (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        assert client.state is ConnectionState.INITIALIZED
        await client.disconnect()
        async with client:
            await client.connect()
            assert client.socket_id == "1.1"
        assert client.state.value == "disconnected"
        await client.disconnect()
        await client.wait_closed()
        async with client:
            assert client.socket_id == "1.2"
        assert "disconnected" in repr(client)

        def elsewhere() -> str | None:
            async def run() -> str | None:
                async with client:
                    return client.socket_id

            return asyncio.run(run())

        assert await asyncio.to_thread(elsewhere) == "1.3"


async def test_another_loop_is_refused() -> None:
    """A connected client used from another loop is a RuntimeError (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.disconnect()))


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404])
async def test_refusals_at_the_upgrade_are_final(status: int) -> None:
    """They raise ConnectError with the status, and a redirect is never followed (design.md 2, C5)."""
    async with scripted() as target:

        def refuse(connection: ServerConnection, _request: Request) -> Response:
            response = connection.respond(http.HTTPStatus(status), "no")
            response.headers["Location"] = f"ws://127.0.0.1:{target.port}/app/KEY"
            return response

        async with scripted(process_request=refuse) as peer:
            client = peer.client()
            with pytest.raises(ConnectError) as caught:
                await client.connect()
            assert caught.value.code == status
            with pytest.raises(ConnectError):
                await client.wait_closed()
            with pytest.raises(NotConnectedError):
                await client.subscribe("orders")
        assert target.connects == 0


async def test_what_may_mend_itself_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """A 503 is retried, each failure a WARNING with its cause (design.md 2)."""
    failures = 2

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        nonlocal failures
        failures -= 1
        return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "busy") if failures >= 0 else None

    async with scripted(process_request=refuse) as peer, peer.client() as client:
        assert client.state is ConnectionState.CONNECTED
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("503" in record.getMessage() for record in warnings) >= 2


async def test_cancelling_the_first_connect_tears_down() -> None:
    """A refused port is retried until the caller's own timeout, and then nothing is left (design.md 2)."""
    async with scripted() as peer:
        port = peer.port
    client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.connect()
    assert client.state is ConnectionState.DISCONNECTED


async def test_cancelling_connect_at_the_very_moment_of_success_tears_down() -> None:
    """Nobody was told of the connection, so nobody would ever close it (design.md 2, R6)."""
    async with scripted() as peer:
        client = peer.client()
        entering = asyncio.ensure_future(client.connect())
        client.connection.bind("connected", lambda _: entering.cancel())
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert client.state is ConnectionState.DISCONNECTED


async def test_cancelling_one_of_two_at_the_very_moment_of_success_stops_nothing() -> None:
    """The other one is about to be told (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        first, second = (asyncio.ensure_future(client.connect()) for _ in range(2))
        client.connection.bind("connected", lambda _: first.cancel())
        await second
        assert first.cancelled()
        assert client.state is ConnectionState.CONNECTED
        await client.disconnect()


async def test_a_fatal_close_code_ends_everything() -> None:
    """wait_closed raises it, streams raise it after their queue, later calls are refused (design.md 2, R2)."""
    async with scripted() as peer:
        async with peer.client() as client:
            orders = await client.subscribe("orders")
            await peer.publish("a", "orders", "1")
            assert (await anext(aiter(orders))).data == 1
            await peer.sockets[0].close(4001, "gone")
            with pytest.raises(ConnectError) as caught:
                await client.wait_closed()
            assert caught.value.code == 4001
            with pytest.raises(ConnectError):
                await anext(aiter(orders))
        assert client.state is ConnectionState.FAILED


async def test_tls_with_a_private_authority() -> None:
    """An SSLContext that knows the authority connects; without it the certificate is a final error (design.md 2)."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with scripted(ssl=server) as peer:
        async with peer.client(tls=trusting) as client:
            assert client.state is ConnectionState.CONNECTED
        with pytest.raises(ConnectError, match="certificate"):
            await peer.client(tls=True).connect()


async def test_the_body_s_exception_comes_through() -> None:
    """Leaving the block never replaces it (design.md 2)."""
    async with scripted() as peer:
        with pytest.raises(KeyError):
            async with peer.client():
                raise KeyError


async def test_events_right_behind_the_acknowledgement_are_not_missed() -> None:
    """Neither by the channel's own stream nor by a handler that was bound first (design.md 2)."""
    async with scripted() as peer:
        peer.behind_acknowledgement = [{"event": f"e{n}", "channel": "orders", "data": n} for n in range(3)]
        async with peer.client() as client:
            orders = await client.subscribe("orders")
            stream = aiter(orders)
            assert [(await anext(stream)).data for _ in range(3)] == [0, 1, 2]
        seen: list[Any] = []
        async with peer.client() as client:
            orders = client.channel("orders")
            orders.bind_global(seen.append)
            waiting = asyncio.ensure_future(orders.wait_for("e2"))
            await asyncio.sleep(0)
            assert await orders.subscribe() is orders
            await waiting
        assert [event.name for event in seen] == ["pusher:subscription_succeeded", "e0", "e1", "e2"]


async def test_a_cut_leaves_a_gap_in_its_place() -> None:
    """The client comes back by itself, and the gap stands between old and new events (R5)."""
    async with scripted() as peer, peer.client() as client:
        events = client.channel("orders").events("*")
        await client.subscribe("orders")
        await peer.publish("before", "orders", "1")
        await anext(events)
        assert (await anext(events)).name == "before"
        peer.behind_acknowledgement = [{"event": "after", "channel": "orders", "data": "x"}]
        peer.sockets[0].transport.abort()
        names = [await anext(events) for _ in range(3)]
        assert [event.name for event in names] == ["pusher:subscription_succeeded", "pusher:gap", "after"]
        gap = names[1].data
        assert isinstance(gap, Gap)
        assert gap.last_received_at <= gap.disconnected_at <= gap.resubscribed_at
        assert gap.disconnected_at.tzinfo is UTC


async def test_a_rotation_over_a_real_socket() -> None:
    """The new key is asked for once, the order is kept, and client handlers see only opened events (3.4, C1)."""
    keys = [OLD, NEW]

    async def rotating(_channel: str, socket_id: str) -> dict[str, str]:
        return {"auth": f"key:{socket_id}", "shared_secret": base64.b64encode(keys.pop(0)).decode()}

    async with scripted() as peer, peer.client(authorizer=rotating) as client:
        seen: list[Event] = []
        client.bind_global(seen.append)
        failures: list[Event] = []
        client.bind("pusher:decryption_failure", failures.append)
        orders = await client.subscribe(CHANNEL)
        events = orders.events()
        await peer.publish("bad", CHANNEL, "forged")
        for number in range(6):
            await peer.publish("e", CHANNEL, sealed(NEW if number > 2 else OLD, str(number)))
        assert [(await anext(events)).data for _ in range(6)] == list(range(6))
        stats = orders.stats
        assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (7, 6, 1, 1)
        assert [event.data.reason for event in failures] == ["malformed"]
        assert "forged" not in repr(seen)


@pytest.mark.parametrize(
    ("raised", "status"),
    [(AuthorizationError("x", status=403), 403), (ValueError("broken"), None), ({"auth": 1}, None), (None, None)],
)
async def test_authorizers_that_refuse(raised: object, status: int | None) -> None:
    """A refusal, a mistake of the authorizer and an unusable answer are raised, typed (R3)."""

    async def refusing(_channel: str, _socket_id: str) -> Any:
        if isinstance(raised, Exception):
            raise raised
        return raised

    async with scripted() as peer, peer.client(authorizer=refusing) as client:
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe("private-a")
        assert caught.value.status == status
        if isinstance(raised, ValueError):
            assert caught.value.__cause__ is raised
        assert client.channel("private-a").state is SubscriptionState.FAILED
        assert peer.received == []


async def test_without_an_authorizer_the_cure_is_named() -> None:
    """A private channel needs one (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        with pytest.raises(AuthorizationError, match="authorizer="):
            await client.subscribe("private-a")


async def test_an_authorizer_that_fails_is_tried_again() -> None:
    """Connection errors of the authorizer are retried (R3)."""
    attempts = 0

    async def flaky(channel: str, socket_id: str) -> ChannelAuthorization:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise ConnectionError
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=flaky) as client:
        await client.subscribe("private-a")
        assert attempts == 2


async def test_unsubscribing() -> None:
    """Pending calls raise, hung requests are cancelled, streams end after their queue (design.md 2, R3)."""
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def hanging(_channel: str, _socket_id: str) -> ChannelAuthorization:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with scripted() as peer, peer.client(authorizer=hanging) as client:
        pending = asyncio.ensure_future(client.subscribe("private-a"))
        await asked.wait()
        await client.unsubscribe("private-a")
        with pytest.raises(SubscriptionError):
            await pending
        await cancelled.wait()
        orders = await client.subscribe("orders")
        events = orders.events()
        waiting = asyncio.ensure_future(orders.wait_for("queued"))
        await asyncio.sleep(0)
        await peer.publish("queued", "orders", "1")
        await waiting
        await orders.unsubscribe()
        assert [event.name async for event in events] == ["queued"]
        await settled(peer, "pusher:unsubscribe")
        lonely = asyncio.ensure_future(client.subscribe("private-b"))
        while client.channel("private-b").state is not SubscriptionState.AUTHORIZING:
            await asyncio.sleep(0)
        lonely.cancel()
        await asyncio.gather(lonely, return_exceptions=True)
        assert client.channel("private-b").state is SubscriptionState.UNSUBSCRIBED


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


async def test_a_server_that_stops_answering_is_left() -> None:
    """The silence is noticed, and another link opened (R1)."""
    async with scripted() as peer, peer.client(activity_timeout=0.05, pong_timeout=0.05) as client:
        changes: list[StateChange] = []
        client.connection.bind("state_change", changes.append)
        delays: list[float] = []
        client.connection.bind("connecting_in", delays.append)
        peer.silent = True
        while peer.connects < 2:
            await asyncio.sleep(0.001)
        assert changes[0] == StateChange(ConnectionState.CONNECTED, ConnectionState.CONNECTING)


async def test_frames_that_break_the_websocket_cost_one_reconnect() -> None:
    """A frame over max_message_size is refused; a binary one is ignored (R7, R8)."""
    async with scripted() as peer, peer.client(max_message_size=1000) as client:
        await peer.sockets[0].send(b"binary")
        await peer.sockets[0].send("x" * 2000)
        while peer.connects < 2 or client.state is not ConnectionState.CONNECTED:
            await asyncio.sleep(0.001)
        await client.subscribe("orders")


async def test_client_events_over_a_real_socket() -> None:
    """A subscribed private channel sends them; without a connection nothing does (design.md 2)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        await channel.trigger("client-x", {"a": 1})
        await settled(peer, "client-x")
        assert peer.received[-1]["data"] == {"a": 1}
    with pytest.raises(NotConnectedError):
        await channel.trigger("client-x", None)


async def test_the_handle_is_the_same_while_of_use() -> None:
    """While referenced, wanted or bound; then it is gone (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        await client.subscribe("orders")
        first = weakref.ref(client.channel("orders"))
        gc.collect()
        assert first() is client.channel("orders")
        await client.unsubscribe("orders")
        gc.collect()
        assert first() is None
        client.channel("orders").bind("a", print)
        bound = weakref.ref(client.channel("orders"))
        gc.collect()
        assert bound() is not None
        client.channel("orders").unbind("a")
        gc.collect()
        assert bound() is None
        assert client.presence("presence-a").me is None
        assert dict(client.presence("presence-a").members) == {}
        assert client.channel("a").subscription_count is None
        with pytest.raises(ValueError, match="presence-"):
            client.presence("orders")


async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not at any level of any logger: no signature, key or payload (C3)."""
    names = ["", "pusher_client", "pusher_client.websocket", "websockets", "websockets.client", "asyncio"]
    async with scripted(logger=logging.LoggerAdapter(logging.getLogger("silent"), {})) as peer:
        logging.getLogger("silent").setLevel(logging.CRITICAL)
        for name in names:
            caplog.set_level(1, logger=name)
        async with peer.client(authorizer=authorize) as client:
            events = client.events()
            await client.subscribe(CHANNEL)
            await peer.publish("e", CHANNEL, sealed(OLD, "payload-canary"))
            await peer.publish("e", CHANNEL, "forged-canary")
            assert (await anext(events)).data == "payload-canary"
            assert "canary" not in repr(client) + repr(client.channel(CHANNEL))
        waiting = asyncio.ensure_future(client.wait_for("x"))
        await asyncio.sleep(0)
        waiting.cancel()
    logging.getLogger("silent").setLevel(logging.NOTSET)
    assert "canary" not in caplog.text
    assert OLD.decode() not in caplog.text


def test_options_are_checked() -> None:
    """Every wrong option is told at once (design.md 2)."""
    for option, value in {
        "activity_timeout": 0,
        "pong_timeout": float("nan"),
        "buffer_bytes": 0,
        "max_message_size": 0,
        "queue_size": 0,
        "channel_name_limit": 163,
        "client_events_per_second": 0,
    }.items():
        with pytest.raises(ValueError, match=option):
            PusherClient("KEY", cluster="eu", **{option: value})  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(ValueError, match="client_events_per_second must be 1 to 1000000"):
        PusherClient("KEY", cluster="eu", client_events_per_second=10**30)
    with pytest.raises(ValueError, match="channel_name_limit must be 164 to 200"):
        PusherClient("KEY", cluster="eu", channel_name_limit=201)
    numbers = ("activity_timeout", "buffer_bytes", "queue_size", "channel_name_limit", "client_events_per_second")
    for option in (*numbers, "reconnect", "key_rotation", "proxy", "authorizer", "on_handler_error"):
        with pytest.raises(TypeError, match=option):
            PusherClient("KEY", cluster="eu", **{option: object()})  # type: ignore[arg-type]  # the same
    client = PusherClient(
        "KEY", cluster="eu", proxy=None, key_rotation=KeyRotationPolicy(grace=0), on_decryption_failure=print
    )
    assert client.socket_id is None
    assert PusherClient("KEY", cluster="eu", proxy="http://127.0.0.1:1").state is ConnectionState.INITIALIZED


async def test_a_proxy_that_cannot_be_used_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed proxy will not mend itself: one that is given is refused at once (design.md 2)."""
    with pytest.raises(ValueError, match="a proxy is given as"):
        PusherClient("KEY", cluster="eu", proxy="nonsense://x")
    monkeypatch.setenv("http_proxy", "nonsense://x")
    for name in ("ws_proxy", "https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with scripted() as peer:
        with pytest.raises(ConnectError, match="proxy"):
            await peer.client().connect()


def test_errors_say_what_they_know() -> None:
    """The tree of exceptions, its attributes and words (design.md 2)."""
    error = pusher_client.DecryptionFailure("c", "e", pusher_client.DecryptionFailureReason.MALFORMED, "raw").error
    assert (error.channel, error.event_name, error.reason) == ("c", "e", "malformed")
    assert "raw" not in str(error)
    assert str(ConnectError(4001, "no")) == "no (4001)"
    assert str(ConnectError(None, "no")) == "no"
    assert str(AuthorizationError("c", "no", status=403)) == "c: no (status 403)"
    assert json.dumps(pusher_client.MARKERS) == '["pusher:decryption_failure", "pusher:gap", "pusher:overflow"]'


# -- connecting -----------------------------------------------------------------------------------------------------


def test_one_client_serves_two_loops_one_after_another() -> None:
    """After disconnect() nothing ties it to a loop; it starts without subscriptions (design.md 2)."""
    handled: list[Any] = []
    client: PusherClient | None = None

    async def once(number: int) -> str | None:
        nonlocal client
        async with scripted() as peer:
            if client is None:
                client = peer.client()
                client.channel("orders").bind("e", lambda event: handled.append(event.data))
            client._life.address = peer.client()._life.address  # the port is another one
            async with client:
                orders = client.channel("orders")
                assert orders.state is SubscriptionState.UNSUBSCRIBED
                await orders.subscribe()
                arrived = asyncio.ensure_future(orders.wait_for("e"))
                await asyncio.sleep(0)
                await peer.publish("e", "orders", number)
                await arrived
                return client.socket_id

    assert [asyncio.run(once(1)), asyncio.run(once(2))] == ["1.1", "1.1"]
    assert handled == [1, 2]


async def test_client_events_over_the_limit_are_not_sent() -> None:
    """They raise at the call with how long to wait, and nothing is queued (protocol-notes 12)."""
    async with scripted() as peer, peer.client(authorizer=authorize, client_events_per_second=2) as client:
        channel = await client.subscribe("private-a")
        for number in range(2):
            await channel.trigger("client-x", number)
        with pytest.raises(RateLimitError) as caught:
            await channel.trigger("client-x", 2)
        assert caught.value.channel == "private-a"
        assert 0 < caught.value.retry_after <= 1
        await channel.unsubscribe()
        await settled(peer, "pusher:unsubscribe")
    assert [frame["data"] for frame in peer.received if frame["event"] == "client-x"] == [0, 1]


async def test_a_rejected_client_event_reaches_the_channel_s_handlers() -> None:
    """As pusher:error with a ServerError, on the channel and on the connection, counted nowhere (protocol-notes 12)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        errors: list[Any] = []
        client.connection.bind("error", errors.append)
        told = channel.events("pusher:error")
        await channel.trigger("client-x", None)
        await settled(peer, "client-x")
        rejected = {"event": "pusher:error", "data": {"code": 4301, "message": "not so fast"}}
        await peer.sockets[0].send(json.dumps(rejected))
        event = await anext(told)
        assert event == Event("pusher:error", "private-a", ServerError(4301, "not so fast"))
        assert errors == [event.data]
        assert channel.stats.received == 0
        assert client.state is ConnectionState.CONNECTED


@pytest.mark.parametrize(
    "call",
    [
        *("connect", "disconnect", "wait_closed", "subscribe", "unsubscribe", "trigger"),
        *("wait_for", "wait_for of a channel", "a stream", "a channel's own stream"),
    ],
)
async def test_every_call_from_another_loop_is_refused(call: str) -> None:
    """RuntimeError, and the connection goes on (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        channel, stream = client.channel("private-a"), client.events()

        async def there() -> None:
            calls: dict[str, Any] = {
                "connect": client.connect,
                "disconnect": client.disconnect,
                "wait_closed": client.wait_closed,
                "subscribe": lambda: client.subscribe("orders"),
                "unsubscribe": lambda: client.unsubscribe("orders"),
                "trigger": lambda: channel.trigger("client-x", 1),
                "wait_for": client.wait_for,
                "wait_for of a channel": channel.wait_for,
                "a stream": lambda: anext(stream),
                "a channel's own stream": lambda: anext(aiter(channel)),
            }
            async with asyncio.timeout(5):
                await calls[call]()

        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(there()))
        await client.subscribe("orders")


@pytest.mark.parametrize("call", ["channel", "presence", "events", "bind", "unbind_global", "events of a channel"])
async def test_every_call_from_another_thread_is_refused(call: str) -> None:
    """The plain calls too, where no event loop runs; before and after the connection they are free (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        channel = client.channel("orders")
        calls: dict[str, Callable[[], object]] = {
            "channel": lambda: client.channel("orders"),
            "presence": lambda: client.presence("presence-room"),
            "events": client.events,
            "bind": lambda: channel.bind("e", print),
            "unbind_global": client.unbind_global,
            "events of a channel": channel.events,
        }
        await asyncio.to_thread(calls[call])
        async with client:
            calls[call]()
            with pytest.raises(RuntimeError, match="another event loop"):
                await asyncio.to_thread(calls[call])
        await asyncio.to_thread(calls[call])


async def test_callers_of_connect_wait_together() -> None:
    """Cancelling one of them leaves the others; all are done at once (design.md 2)."""
    gate = asyncio.Event()

    async def wait(_connection: ServerConnection, _request: Request) -> None:
        await gate.wait()

    async with scripted(process_request=wait) as peer:
        client = peer.client()
        first, second, third = (asyncio.ensure_future(client.connect()) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert client.state is ConnectionState.CONNECTING
        gate.set()
        await asyncio.gather(second, third)
        assert peer.connects == 1
        await client.disconnect()


async def test_disconnecting_releases_who_waits_for_connect() -> None:
    """It raises NotConnectedError, for nothing was refused (design.md 2)."""
    gate = asyncio.Event()

    async def wait(_connection: ServerConnection, _request: Request) -> None:
        await gate.wait()

    async with scripted(process_request=wait) as peer:
        client = peer.client()
        connecting = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0)
        await client.disconnect()
        with pytest.raises(NotConnectedError, match="before the connection stood"):
            await connecting
        gate.set()


async def test_cancelling_the_last_connect_in_the_middle_of_the_upgrade_tears_down() -> None:
    """No task and no socket is left (design.md 2, R6)."""
    asked, gate = asyncio.Event(), asyncio.Event()

    async def wait(_connection: ServerConnection, _request: Request) -> None:
        asked.set()
        await gate.wait()

    async with scripted(process_request=wait) as peer:
        before = asyncio.all_tasks()
        client = peer.client()
        connecting = asyncio.ensure_future(client.connect())
        await asked.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert client.state is ConnectionState.DISCONNECTED
        await asyncio.sleep(0)
        ours = [task.get_name() for task in asyncio.all_tasks() - before if "pusher_client" in task.get_name()]
        assert ours == []
        gate.set()
        assert peer.connects == 0


async def test_cancelling_a_later_connect_only_stops_waiting() -> None:
    """After the first connection a caller of connect() waits for the link to be back, and may leave (design.md 2)."""
    refused = True

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "") if refused else None

    async with scripted(process_request=refuse) as peer:
        refused = False
        async with peer.client() as client:
            refused = True
            peer.sockets[0].transport.abort()
            while client.state is ConnectionState.CONNECTED:
                await asyncio.sleep(0)
            waiting = asyncio.ensure_future(client.connect())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert client.state is ConnectionState.CONNECTING
            refused = False
            await client.connect()
            assert client.state.value == "connected"


@pytest.mark.parametrize(("code", "words"), [(4000, "requires TLS: connect with tls=True"), (4001, "no such app")])
async def test_a_fatal_close_before_the_handshake(code: int, words: str) -> None:
    """connect() raises it with its code; 4000 on ws names the cure and never downgrades or upgrades (R2, C5)."""
    connects = 0

    async def close(socket: ServerConnection) -> None:
        nonlocal connects
        connects += 1
        await socket.close(code, "no such app")

    async with serve(close, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
        with pytest.raises(ConnectError, match=words) as caught:
            await client.connect()
        assert (caught.value.code, connects, client.state) == (code, 1, ConnectionState.FAILED)


async def test_refusals_after_the_first_connection_are_tried_again() -> None:
    """What worked once may work again: 401 is final only at first (R2)."""
    status: int | None = None

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        nonlocal status
        answer = None if status is None else connection.respond(http.HTTPStatus(status), "")
        status = None
        return answer

    async with scripted(process_request=refuse) as peer, peer.client() as client:
        status = 401
        peer.sockets[0].transport.abort()
        await peer.connected(2)
        assert client.state in {ConnectionState.CONNECTING, ConnectionState.CONNECTED}


async def test_a_refused_port_is_tried_again_until_it_serves(caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt that failed is a WARNING; connect() returns when the server is there (design.md 2)."""
    async with scripted() as peer:
        port = peer.port
        client = peer.client()
    connecting = asyncio.ensure_future(client.connect())
    while "could not connect" not in caplog.text:
        await asyncio.sleep(0.001)
    late = Scripted()
    async with asyncio.timeout(20), serve(late.talk, "127.0.0.1", port):
        await connecting
        await client.disconnect()
    assert all(record.levelno >= logging.WARNING for record in caplog.records if "could not" in record.getMessage())


# -- ending ---------------------------------------------------------------------------------------------------------


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
    """For everybody, before and after; the error gathers no frames of earlier callers (design.md 2, C3)."""
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
    """It tells of the connection that it waited for, not of the next one (design.md 2)."""
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
    """Whoever waits in a handler for a link that fails is told so, and not cancelled (R7)."""
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


# -- subscribing ----------------------------------------------------------------------------------------------------


async def test_subscribing_together_is_one_subscription() -> None:
    """All callers get the one handle after the one acknowledgement; twice is harmless (design.md 2, R3)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channels = await asyncio.gather(*(client.subscribe("private-a") for _ in range(5)))
        assert len(set(map(id, channels))) == 1
        assert await client.subscribe("private-a") is channels[0]
        assert [frame["event"] for frame in peer.received] == ["pusher:subscribe"]


async def test_cancelling_one_of_several_callers_withdraws_nothing() -> None:
    """Only the last one takes the wish with it (design.md 2, R3)."""
    async with scripted() as peer, peer.client() as client:
        acknowledgement = {"event": "pusher_internal:subscription_succeeded", "channel": "orders", "data": "{}"}
        peer.answers["orders"] = []
        first, second = (asyncio.ensure_future(client.subscribe("orders")) for _ in range(2))
        await peer.heard("pusher:subscribe")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await peer.sockets[0].send(json.dumps(acknowledgement))
        assert (await second).state is SubscriptionState.SUBSCRIBED
        peer.answers["lonely"] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.subscribe("lonely"), 0.02)
        await peer.heard("pusher:unsubscribe")
        assert client.channel("lonely").state is SubscriptionState.UNSUBSCRIBED


@pytest.mark.parametrize("status", [401, 403, 4009])
async def test_a_refusal_of_the_server_is_final(status: int) -> None:
    """401, 403 and 4009 are raised with their status; handlers hear of it, and others go on (R3, R7)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        errors: list[Any] = []
        client.bind("pusher:subscription_error", errors.append)
        data = {"type": "AuthError", "error": "no", "status": status}
        peer.answers["private-a"] = [{"event": "pusher:subscription_error", "channel": "private-a", "data": data}]
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe("private-a")
        assert (caught.value.status, caught.value.channel) == (status, "private-a")
        assert [event.data for event in errors] == [data]
        await client.subscribe("orders")


async def test_an_acknowledgement_that_does_not_come_is_an_error() -> None:
    """subscribe_timeout bounds the call and withdraws the wish (design.md 2, R3, R6)."""
    async with scripted() as peer, peer.client(subscribe_timeout=0.05) as client:
        peer.answers["orders"] = []
        with pytest.raises(SubscriptionError, match=r"within 0\.05 s"):
            await client.subscribe("orders")
        await peer.heard("pusher:unsubscribe")
        assert client.channel("orders").state is SubscriptionState.UNSUBSCRIBED
        del peer.answers["orders"]


async def test_subscribing_waits_through_an_outage() -> None:
    """Without a link the call waits for the next one, and is signed for it (design.md 2, R3)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        peer.sockets[0].transport.abort()
        while client.state is ConnectionState.CONNECTED:
            await asyncio.sleep(0)
        await client.subscribe("private-a")
        assert peer.received[0]["data"]["auth"] == "key:canary-1.2"


async def test_everything_wanted_comes_back_and_nothing_else() -> None:
    """After a cut the server has the wanted set, each frame signed for the new socket (R3)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        for name in ("orders", "private-a", "private-b"):
            await client.subscribe(name)
        await client.unsubscribe("private-b")
        await peer.heard("pusher:unsubscribe")
        peer.received.clear()
        peer.sockets[0].transport.abort()
        await peer.heard("pusher:subscribe", 2)
        sent = {frame["data"]["channel"]: frame["data"].get("auth") for frame in peer.received}
        assert sent == {"orders": None, "private-a": "key:canary-1.2"}


async def test_nothing_arrives_after_unsubscribing() -> None:
    """Neither handlers nor streams, the client's own included, hear of that subscription again (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        seen: list[Event] = []
        orders = await client.subscribe("orders")
        await client.subscribe("other")
        orders.bind_global(seen.append)
        everything = client.events()
        await orders.unsubscribe()
        await peer.publish("late", "orders", "1")
        await peer.publish("e", "other", "2")
        assert (await anext(everything)).channel == "other"
        assert seen == []


async def test_gaps_reach_streams_and_handlers_everywhere() -> None:
    """The channel's and the client's, in the same place of the order (R5)."""
    async with scripted() as peer, peer.client() as client:
        seen: dict[str, list[str]] = {"channel": [], "client": []}
        orders = client.channel("orders")
        orders.bind_global(lambda event: seen["channel"].append(event.name))
        client.bind_global(lambda event: seen["client"].append(event.name))
        streams = orders.events("*"), client.events("*")
        await orders.subscribe()
        peer.behind_acknowledgement = [{"event": "e", "channel": "orders", "data": 1}]
        peer.sockets[0].transport.abort()
        expected = ["pusher:subscription_succeeded", "pusher:subscription_succeeded", "pusher:gap", "e"]
        for stream in streams:
            assert [(await anext(stream)).name for _ in range(4)] == expected
        assert seen == {"channel": expected, "client": expected}


# -- a whole server -------------------------------------------------------------------------------------------------


async def test_a_whole_server_with_an_endpoint_and_a_rotation() -> None:
    """HTTPAuthorizer asks, the key rotates, a cut mends itself, and every event comes in order (R3, R5, 3.4)."""
    async with LocalServer() as server:
        authorizer = HTTPAuthorizer(server.auth_url)
        policy = ReconnectPolicy(base=0.01, cap=0.05)
        client = PusherClient(
            server.key, host=server.host, port=server.port, tls=False, authorizer=authorizer, reconnect=policy
        )

        async def publish(number: int) -> None:
            publisher = pusher.Pusher(
                app_id=server.app_id,
                key=server.key,
                secret=server.secret,
                host=server.host,
                port=server.port,
                ssl=False,
                encryption_master_key_base64=server.encryption_master_key_base64,
            )
            await asyncio.to_thread(publisher.trigger, CHANNEL, "e", {"n": number})

        async with asyncio.timeout(20), client:
            orders = await client.subscribe(CHANNEL)
            events = orders.events("e", "pusher:gap", "pusher:decryption_failure")
            await publish(1)
            assert (await anext(events)).data == {"n": 1}
            server.rotate_key()
            await publish(2)
            assert (await anext(events)).data == {"n": 2}
            server.drop()
            assert (await anext(events)).name == "pusher:gap"
            await publish(3)
            assert (await anext(events)).data == {"n": 3}
            assert orders.stats.key_refreshes == 1


# -- secrets --------------------------------------------------------------------------------------------------------


async def test_no_log_of_anybody_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """At level 1 of every logger: no signature, key, header, frame or payload, through failures too (C3)."""
    secret = base64.b64encode(OLD).decode()
    canaries = ("canary", secret, OLD.decode(), NEW.decode())
    answers = [json_answer({"auth": "key:canary", "shared_secret": secret})]

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        await (answers[0] if len(answers) == 1 else answers.pop(0))(request, writer)

    names = [name for name in logging.root.manager.loggerDict if not name.startswith("tests.")]
    for name in ["", "httpcore.connection", "httpcore.http11", "httpx", "websockets.client", *names]:
        caplog.set_level(1, logger=name)
    async with scripted() as peer, serve_endpoint(script) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, headers={"Authorization": "canary"}, params={"token": "canary"})
        async with peer.client(authorizer=authorizer) as client:
            orders = await client.subscribe(CHANNEL)
            events = orders.events("*")
            await peer.publish("e", CHANNEL, sealed(NEW, "canary-unopened"))
            await peer.publish("e", CHANNEL, "canary-malformed")
            await peer.publish("e", CHANNEL, sealed(OLD, "canary-opened"))
            await peer.sockets[0].send("canary-nonsense")
            await peer.publish("canary-event", "canary-channel", "canary")
            names_seen = [(await anext(events)).name for _ in range(3)]
            assert names_seen == ["pusher:decryption_failure", "pusher:decryption_failure", "e"]
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 2)
            answers.append(json_answer({"auth": "key:canary", "shared_secret": "canary"}))
            answers.pop(0)
            with pytest.raises(AuthorizationError) as caught:
                await client.subscribe("private-encrypted-other")
            shown = texts_of_error(caught.value, __file__)
            shown += repr(client) + repr(orders) + repr(orders.stats) + repr(authorizer) + repr(events)
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert any(record.name.startswith("pusher_client") for record in caplog.records)
    for canary in canaries:
        assert canary not in shown
        assert canary not in "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
        assert canary not in caplog.text


async def test_a_refusal_of_the_endpoint_carries_no_secret() -> None:
    """Nor do the captured variables of the library's frames (C3)."""
    async with scripted() as peer, serve_endpoint(json_answer({"why": "canary"}, "403 Forbidden")) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, headers={"Authorization": "canary"}, params={"token": "canary"})
        async with peer.client(authorizer=authorizer) as client:
            with pytest.raises(AuthorizationError) as caught:
                await client.subscribe("private-a")
    assert caught.value.status == 403
    assert "canary" not in texts_of_error(caught.value, __file__)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (copy.status, str(copy)) == (403, str(caught.value))


def test_what_holds_a_secret_is_not_pickled() -> None:
    """A pickle would carry it to places that nobody watches (C3)."""
    authorization = ChannelAuthorization("key:canary", shared_secret=OLD)
    assert "canary" not in repr(authorization)
    assert "1111" not in repr(authorization)
    with pytest.raises(TypeError):
        pickle.dumps(authorization)
    client = PusherClient("KEY", cluster="eu", authorizer=authorize)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="PusherClient"):
            take(client)


async def test_a_handler_s_error_while_connecting_fails_has_no_password_behind_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The failure to connect, whose frames know the proxy, is not what the handler's error happened in (C3)."""

    def raising(_event: object) -> None:
        raise LookupError

    def ours() -> list[BaseException | None]:
        # asyncio tells of a bug that websockets 15 has with proxies.
        return [record.exc_info[1] for record in caplog.records if record.exc_info and record.name != "asyncio"]

    async with scripted() as peer:
        client = peer.client(proxy=f"http://user:canary@127.0.0.1:{peer.port}")
        for name in ("connecting_in", "state_change", "connected"):
            client.connection.bind(name, raising)
        attempt = asyncio.ensure_future(client.connect())
        while len(ours()) < 3:
            await asyncio.sleep(0.001)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
    for error in ours():
        assert isinstance(error, LookupError)
        assert "canary" not in texts_of_chain(error, __file__)


def make_from_env(**options: Any) -> PusherClient:
    return PusherClient.from_env(**options)


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (functools.partial(PusherClient, "KEY"), {}),
        (functools.partial(PusherClient, "KEY", cluster="eu"), {"queue_size": 0}),
        (functools.partial(PusherClient, "KEY", cluster="eu"), {"on_decryption_failure": 1}),
        (functools.partial(PusherClient.from_url, "ws://KEY@host"), {"pong_timeout": "1"}),
        (functools.partial(PusherClient.from_url, "ws://KEY:canary@host"), {}),
        (functools.partial(PusherClient.from_url, "canary://KEY:canary@host"), {}),
        (make_from_env, {"queue_size": 0}),
        (make_from_env, {"authorizer": None, "auth_url": "https://user:canary@host/"}),
    ],
)
def test_a_mistake_shows_no_other_option(make: Any, mistake: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The captured variables of the library's frames have no password of a proxy or a URL in them (C3)."""
    monkeypatch.setenv("PUSHER_KEY", "KEY")
    monkeypatch.setenv("PUSHER_CLUSTER", "eu")
    options = {"proxy": "http://user:canary@proxy:3128", "authorizer": functools.partial(authorize, "canary")}
    auth_url = mistake.pop("auth_url", None)
    if auth_url is not None:
        monkeypatch.setenv("PUSHER_AUTH_URL", auth_url)
        options, mistake = {"proxy": options["proxy"]}, {}
    with pytest.raises((TypeError, ValueError)) as caught:
        make(**options, **mistake)
    assert "canary" not in texts_of_error(caught.value, __file__)


# -- making one -----------------------------------------------------------------------------------------------------


async def test_from_url_and_from_env_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both make a client that reaches the server; options given win (design.md 2)."""
    async with scripted() as peer:
        async with PusherClient.from_url(f"ws://KEY@127.0.0.1:{peer.port}", proxy=None) as client:
            assert client.socket_id == "1.1"
        monkeypatch.setenv("PUSHER_KEY", "KEY")
        monkeypatch.setenv("PUSHER_CLUSTER", "eu")
        monkeypatch.setenv("PUSHER_HOST", "127.0.0.1")
        monkeypatch.setenv("PUSHER_PORT", str(peer.port))
        monkeypatch.setenv("PUSHER_TLS", "false")
        monkeypatch.setenv("PUSHER_AUTH_URL", "")
        async with PusherClient.from_env(proxy=None, authorizer=authorize) as client:
            await client.subscribe("private-a")
        monkeypatch.setenv("PUSHER_AUTH_URL", "http://127.0.0.1:1/auth")
        assert isinstance(PusherClient.from_env()._life._authority._authorizer, HTTPAuthorizer)
        assert PusherClient.from_env(authorizer=authorize)._life._authority._authorizer is authorize


async def test_switching_keeps_what_is_wanted_and_bound() -> None:
    """Handlers, streams and subscriptions go along to another server and key, with a gap for the way (design.md 2)."""
    heard: list[Any] = []
    async with scripted() as first, scripted() as second, first.client() as client:
        orders = client.channel("orders")
        orders.bind("e", lambda event: heard.append(event.data))
        stream = orders.events("*")
        await orders.subscribe()
        await client.switch_cluster(host="127.0.0.1", port=second.port, key="OTHER")
        assert second.sockets[0].request is not None
        assert second.sockets[0].request.path.startswith("/app/OTHER?")
        await second.heard("pusher:subscribe")
        await second.publish("e", "orders", "2")
        names = [(await anext(stream)).name for _ in range(4)]
        assert names == ["pusher:subscription_succeeded", "pusher:subscription_succeeded", "pusher:gap", "e"]
        assert heard == [2]
        while first.sockets:
            await asyncio.sleep(0.001)


async def test_switching_to_a_server_that_refuses() -> None:
    """The call raises why, and the connection is over (R2)."""
    async with scripted() as first, scripted() as second, first.client() as client:
        second.first = '{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}'
        with pytest.raises(ConnectError) as caught:
            await client.switch_cluster(host="127.0.0.1", port=second.port)
        assert caught.value.code == 4001
        with pytest.raises(ConnectError):
            await client.wait_closed()


async def test_switching_before_connecting_to_a_server_that_requires_tls() -> None:
    """The error says what is required of the new address, not of the one that the client was made with (R2)."""
    async with scripted() as peer:
        peer.first = '{"event":"pusher:error","data":{"code":4000,"message":"TLS"}}'
        client = PusherClient("KEY", cluster="eu")
        await client.switch_cluster(host="127.0.0.1", port=peer.port, tls=False)
        with pytest.raises(ConnectError, match="tls=True"):
            await client.connect()


async def test_switching_in_another_loop_changes_nothing() -> None:
    """What raises has no effect: the connection returns to where it was (design.md 2)."""
    async with scripted() as first, scripted() as second, first.client() as client:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, client.switch_cluster(host="127.0.0.1", port=second.port))
        await first.sockets[0].close()
        await first.connected(2)
        assert second.connects == 0


@pytest.mark.parametrize("outcome", ["open", "refused"])
async def test_switching_when_the_old_address_answers(monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
    """What the old server answers in that very moment is not taken for the new one's (R3, R7)."""
    asked, answered = asyncio.Event(), asyncio.Event()
    open_websocket = WebSocket.open

    async with scripted() as first, scripted() as second:

        async def open_or_not(url: str, **options: Any) -> WebSocket:
            if str(second.port) in url:
                return await open_websocket(url, **options)
            websocket = await open_websocket(url, **options) if outcome == "open" else None
            asked.set()
            try:
                await answered.wait()
            except asyncio.CancelledError:
                if websocket is not None:
                    await websocket.close()
                raise
            if websocket is None:
                raise OpenError(OpenFailure.HTTP, 403, "forbidden")
            return websocket

        monkeypatch.setattr(WebSocket, "open", open_or_not)
        client = first.client()
        connecting = asyncio.create_task(client.connect())
        await asked.wait()
        answered.set()
        await client.switch_cluster(host="127.0.0.1", port=second.port)
        await connecting
        assert second.connects == 1
        await client.subscribe("orders")
        assert [frame["event"] for frame in second.received] == ["pusher:subscribe"]
        await client.disconnect()


async def test_switching_before_connecting() -> None:
    """The next connect() goes to the new place; a place that cannot be is refused and changes nothing."""
    async with scripted() as first, scripted() as second:
        client = first.client()
        await client.switch_cluster(host="127.0.0.1", port=second.port)
        with pytest.raises(ValueError, match="either cluster"):
            await client.switch_cluster()
        async with client:
            assert (first.connects, second.connects) == (0, 1)
