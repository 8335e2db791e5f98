"""The client over real sockets: connecting, subscribing, losing, ending."""

from __future__ import annotations

import asyncio
import gc
import http
import json
import logging
import ssl
import weakref
from datetime import UTC
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

import pusher_client
from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    ConnectError,
    ConnectionState,
    Event,
    Gap,
    KeyRotationPolicy,
    NotConnectedError,
    PusherClient,
    StateChange,
    SubscriptionError,
    SubscriptionState,
)
from tests.protocol.scripted import CHANNEL, NEW, OLD, sealed
from tests.scripted_channels import Scripted, scripted


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    """Authorize everything, with the old key."""
    return ChannelAuthorization(f"key:canary-{socket_id}", shared_secret=OLD)


async def settled(peer: Scripted, event: str) -> None:
    """Wait until the server has received a frame."""
    while not any(frame["event"] == event for frame in peer.received):
        await asyncio.sleep(0.001)


async def test_connecting_and_disconnecting() -> None:
    """Both are idempotent, and the client can be used again, in another loop too (design 2)."""
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
    """A connected client used from another loop is a RuntimeError (design 2)."""
    async with scripted() as peer, peer.client() as client:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.disconnect()))


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404])
async def test_refusals_at_the_upgrade_are_final(status: int) -> None:
    """They raise ConnectError with the status, and a redirect is never followed (design 2, C5)."""
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
    """A 503 is retried, each failure a WARNING with its cause (design 2)."""
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
    """A refused port is retried until the caller's own timeout, and then nothing is left (design 2)."""
    async with scripted() as peer:
        port = peer.port
    client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.connect()
    assert client.state is ConnectionState.DISCONNECTED


async def test_a_fatal_close_code_ends_everything() -> None:
    """wait_closed raises it, streams raise it after their queue, later calls are refused (design 2, R2)."""
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
    """An SSLContext that knows the authority connects; without it the certificate is a final error (design 2)."""
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
    """Leaving the block never replaces it (design 2)."""
    async with scripted() as peer:
        with pytest.raises(KeyError):
            async with peer.client():
                raise KeyError


async def test_events_right_behind_the_acknowledgement_are_not_missed() -> None:
    """Neither by the channel's own stream nor by a handler that was bound first (design 2)."""
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
        import base64  # noqa: PLC0415 - only here

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
    """A private channel needs one (design 2)."""
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
    """Pending calls raise, hung requests are cancelled, streams end after their queue (design 2, R3)."""
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
    """It is legal in an async handler, which is not cancelled by it (design 2, R7)."""
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
    """A subscribed private channel sends them; without a connection nothing does (design 2)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        await channel.trigger("client-x", {"a": 1})
        await settled(peer, "client-x")
        assert peer.received[-1]["data"] == {"a": 1}
    with pytest.raises(NotConnectedError):
        await channel.trigger("client-x", None)


async def test_the_handle_is_the_same_while_of_use() -> None:
    """While referenced, wanted or bound; then it is gone (design 2)."""
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
    """Every wrong option is told at once (design 2)."""
    for option, value in {
        "activity_timeout": 0,
        "pong_timeout": float("nan"),
        "buffer_bytes": 0,
        "max_message_size": 0,
        "queue_size": 0,
    }.items():
        with pytest.raises(ValueError, match=option):
            PusherClient("KEY", cluster="eu", **{option: value})  # type: ignore[arg-type]  # the mistake that is tested
    for option in ("activity_timeout", "buffer_bytes", "reconnect", "key_rotation", "proxy", "authorizer"):
        with pytest.raises(TypeError, match=option):
            PusherClient("KEY", cluster="eu", **{option: object()})  # type: ignore[arg-type]  # the same
    client = PusherClient(
        "KEY", cluster="eu", proxy=None, key_rotation=KeyRotationPolicy(grace=0), on_decryption_failure=print
    )
    assert client.socket_id is None
    assert PusherClient("KEY", cluster="eu", proxy="http://127.0.0.1:1").state is ConnectionState.INITIALIZED


async def test_a_proxy_that_cannot_be_used_is_final() -> None:
    """A malformed proxy will not mend itself (design 2)."""
    async with scripted() as peer:
        with pytest.raises(ConnectError, match="proxy"):
            await peer.client(proxy="nonsense://x").connect()


def test_errors_say_what_they_know() -> None:
    """The tree of exceptions, its attributes and words (design 2)."""
    error = pusher_client.DecryptionFailure("c", "e", pusher_client.DecryptionFailureReason.MALFORMED, "raw").error
    assert (error.channel, error.event_name, error.reason) == ("c", "e", "malformed")
    assert "raw" not in str(error)
    assert str(ConnectError(4001, "no")) == "no (4001)"
    assert str(ConnectError(None, "no")) == "no"
    assert str(AuthorizationError("c", "no", status=403)) == "c: no (status 403)"
    assert json.dumps(pusher_client.MARKERS) == '["pusher:decryption_failure", "pusher:gap", "pusher:overflow"]'
