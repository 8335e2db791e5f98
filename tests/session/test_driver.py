"""What drives the core: the socket, the timer and the authorization requests, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    ConnectionState,
    Event,
    NotConnectedError,
    PusherClient,
    StateChange,
    SubscriptionError,
    SubscriptionState,
)
from pusher_client.authorization.service import AuthorizationService
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.outputs import Cancel
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.session.driver import Driver
from tests.support.canaries import texts_of_error
from tests.support.core.scripted_core import CHANNEL, OLD, sealed
from tests.support.eager_tasks import task_factory
from tests.support.listening_port import listening
from tests.support.scripted_server import scripted

CANARY = "canary-signature"
KEY_BASE64 = "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=OLD)


class Hanging:
    """An authorizer that never answers, and knows whether it runs and how often it was cancelled."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, _channel: str, _socket_id: str) -> ChannelAuthorization:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


async def connected(client: PusherClient) -> None:
    while client.state is not ConnectionState.CONNECTED:
        await asyncio.sleep(0.001)


# -- authorizers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["authorization", "mapping", "ascii bytes"])
async def test_what_an_authorizer_may_return(kind: str) -> None:
    """A ChannelAuthorization, or a mapping of the endpoint's shape; the key opens what comes (design.md 2)."""

    async def answer(channel: str, socket_id: str) -> Any:
        if kind == "authorization":
            return await authorize(channel, socket_id)
        return {"auth": f"KEY:{socket_id}", "shared_secret": KEY_BASE64 if kind == "mapping" else KEY_BASE64.encode()}

    async with scripted() as peer, peer.client(authorizer=answer) as client:
        orders = await client.subscribe(CHANNEL)
        await peer.publish("e", CHANNEL, sealed(OLD, '{"a":1}'))
        assert (await anext(aiter(orders))).data == {"a": 1}
        assert peer.received[0]["data"] == {"channel": CHANNEL, "auth": "KEY:1.1"}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        [],
        {},
        {"auth": ""},
        {"auth": 7},
        {"auth": CANARY, "channel_data": 7},
        {"auth": CANARY, "shared_secret": "canary"},
        {"auth": CANARY, "shared_secret": KEY_BASE64[:-4]},
        {"auth": f"KEY:{CANARY}"},
    ],
)
async def test_an_answer_that_cannot_be_used_is_final(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The error names no value, nor does any frame of its traceback, and nothing is sent (R3, C3, design.md 3.2)."""
    caplog.set_level(1)

    async def nonsense(_channel: str, _socket_id: str) -> Any:
        return answer

    async with scripted() as peer, peer.client(authorizer=nonsense) as client:
        with pytest.raises(AuthorizationError, match="authorization answer") as caught:
            await client.subscribe(CHANNEL)
        assert caught.value.channel == CHANNEL
        assert caught.value.status is None
        assert client.channel(CHANNEL).state is SubscriptionState.FAILED
        assert peer.received == []
    assert "canary" not in texts_of_error(caught.value, __file__) + caplog.text


@pytest.mark.parametrize("status", [None, 300, 302, 400, 401, 403, 404, 410])
async def test_a_refusal_is_final(status: int | None) -> None:
    """An AuthorizationError of the authorizer is raised as it is, once and for the channel asked for (R3)."""
    asked = 0
    refusal = AuthorizationError(None, "no", status=status)

    async def refuse(_channel: str, _socket_id: str) -> ChannelAuthorization:
        nonlocal asked
        asked += 1
        raise refusal

    async with scripted() as peer, peer.client(authorizer=refuse) as client:
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe("private-a")
        assert caught.value is refusal
        assert (caught.value.channel, caught.value.status, asked) == ("private-a", status, 1)


@pytest.mark.parametrize(
    "trouble",
    [
        OSError("canary"),
        ConnectionResetError("canary"),
        TimeoutError("canary"),
        httpx.ConnectError("canary"),
        httpx.ReadTimeout("canary"),
        AuthorizationError("private-a", "busy", status=408),
        AuthorizationError("private-a", "busy", status=429),
        AuthorizationError("private-a", "busy", status=500),
        AuthorizationError("private-a", "busy", status=503),
    ],
)
async def test_a_passing_trouble_is_tried_again(trouble: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Network errors and 408, 425, 429 and 5xx are retried: a warning, then a count, without its words (R3, C3)."""
    asked = 0

    async def flaky(channel: str, socket_id: str) -> ChannelAuthorization:
        nonlocal asked
        asked += 1
        if asked <= 2:
            raise trouble
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=flaky) as client:
        await client.subscribe("private-a")
    assert asked == 3
    assert sum("next attempt in" in record.getMessage() for record in caplog.records) == 1
    assert "1 more failed attempts to subscribe in" in caplog.text
    assert "canary" not in caplog.text


async def test_retry_after_is_honoured(caplog: pytest.LogCaptureFixture) -> None:
    """What the endpoint asked to wait is the least delay (R3)."""
    asked = 0

    async def busy(channel: str, socket_id: str) -> ChannelAuthorization:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise AuthorizationError(channel, "busy", status=503, retry_after=0.3)
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=busy) as client:
        await client.subscribe("private-a")
    assert "next attempt in 0.3 s" in caplog.text


async def test_any_other_exception_is_final_and_kept_as_the_cause() -> None:
    """A mistake in the caller's authorizer is found where it was made (design.md 2)."""
    mistake = ValueError("broken")

    async def broken(_channel: str, _socket_id: str) -> ChannelAuthorization:
        raise mistake

    async with scripted() as peer, peer.client(authorizer=broken) as client:
        with pytest.raises(AuthorizationError, match="the authorizer raised ValueError") as caught:
            await client.subscribe("private-a")
        assert caught.value.__cause__ is mistake
        assert "broken" not in str(caught.value)


async def test_an_authorizer_that_is_not_async_is_final() -> None:
    """A callable whose result cannot be awaited is named with the cure, where construction could not know (C3)."""
    async with scripted() as peer, peer.client(authorizer=lambda _channel, _socket_id: {"auth": "KEY:x"}) as client:
        with pytest.raises(AuthorizationError, match="returned dict, not an awaitable: define it with 'async def'"):
            await client.subscribe("private-a")


@pytest.mark.parametrize("end", ["unsubscribe", "disconnect", "cut", "timeout"])
async def test_a_hung_authorizer_is_cancelled_when_it_is_no_longer_wanted(end: str) -> None:
    """Because of the caller, the link or authorization_timeout (R3, R6)."""
    hanging = Hanging()
    timeout = 0.02 if end == "timeout" else 10
    async with scripted() as peer:
        client = peer.client(authorizer=hanging, authorization_timeout=timeout)
        await client.connect()
        pending = asyncio.ensure_future(client.subscribe("private-a"))
        await hanging.asked.wait()
        hanging.asked.clear()
        if end == "unsubscribe":
            await client.unsubscribe("private-a")
        elif end == "disconnect":
            await client.disconnect()
        else:
            if end == "cut":
                peer.sockets[0].transport.abort()
            await hanging.asked.wait()  # asked anew
            assert hanging.cancelled == 1
            await client.disconnect()
        with pytest.raises(SubscriptionError):
            await pending
        await client.disconnect()
        assert hanging.cancelled in {1, 2}


@pytest.mark.parametrize("call", ["disconnect", "unsubscribe"])
async def test_an_authorizer_may_end_what_it_is_asked_for(call: str) -> None:
    """disconnect() and unsubscribe() inside an authorizer finish, and do not cancel it (R7)."""
    reached: list[str] = []

    async def ending(channel: str, socket_id: str) -> ChannelAuthorization:
        if call == "disconnect":
            await client.disconnect()
        else:
            await client.unsubscribe(channel)
        await asyncio.sleep(0)
        reached.append(call)
        return await authorize(channel, socket_id)

    async with scripted() as peer:
        client = peer.client(authorizer=ending)
        async with client:
            with pytest.raises(SubscriptionError):
                await client.subscribe("private-a")
            while not reached:
                await asyncio.sleep(0)
            assert client.channel("private-a").state is SubscriptionState.UNSUBSCRIBED
        assert peer.received == []


async def test_the_answer_of_an_authorizer_that_cannot_be_cancelled_is_ignored() -> None:
    """disconnect() does not wait for it, and what it answers later moves nothing (R3, R6)."""
    release, asked = asyncio.Event(), asyncio.Event()

    async def stubborn(channel: str, socket_id: str) -> ChannelAuthorization:
        asked.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return await authorize(channel, socket_id)

    async with scripted() as peer:
        client = peer.client(authorizer=stubborn)
        await client.connect()
        pending = asyncio.ensure_future(client.subscribe("private-a"))
        await asked.wait()
        async with asyncio.timeout(5):
            await client.disconnect()
        with pytest.raises(SubscriptionError):
            await pending
        await client.connect()
        release.set()
        for _ in range(10):
            await asyncio.sleep(0)
        await client.subscribe("orders")
        assert [frame["data"]["channel"] for frame in peer.received] == ["orders"]
        assert client.channel("private-a").state is SubscriptionState.UNSUBSCRIBED
        await client.disconnect()


async def test_no_more_than_eight_requests_run_at_a_time() -> None:
    """All authorization requests of a client share one limit (R3)."""
    running, most = 0, 0

    async def counted(channel: str, socket_id: str) -> ChannelAuthorization:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return await authorize(channel, socket_id)

    async with scripted() as peer, peer.client(authorizer=counted) as client:
        await asyncio.gather(*(client.subscribe(f"private-{number}") for number in range(30)))
    assert most == 8


# -- the socket -----------------------------------------------------------------------------------------------------


async def test_a_server_that_stops_answering_is_left() -> None:
    """A black hole is noticed by the missing pong, and another link opened; it closes nothing in time (R1)."""
    async with scripted() as peer:
        client = peer.client(activity_timeout=0.05, pong_timeout=0.05)
        async with client:
            changes: list[StateChange] = []
            client.connection.bind("state_change", changes.append)
            hole = peer.sockets[0]
            hole.transport.pause_reading()
            await peer.connected(2)
            await connected(client)
            assert changes == [
                StateChange(ConnectionState.CONNECTED, ConnectionState.CONNECTING),
                StateChange(ConnectionState.CONNECTING, ConnectionState.CONNECTED),
            ]
            hole.transport.resume_reading()
            await hole.wait_closed()


async def test_a_server_that_answers_pings_is_kept() -> None:
    """Silence alone ends nothing (R1)."""
    async with scripted() as peer, peer.client(activity_timeout=0.02, pong_timeout=5):
        await peer.heard("pusher:ping", 3)
        assert peer.connects == 1


async def test_a_timer_need_not_tell_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """What uvloop returns for a moment that has come can be cancelled and nothing else (R1)."""

    class OnlyCancelled:
        def __init__(self, handle: asyncio.TimerHandle) -> None:
            self.cancel = handle.cancel

    loop = asyncio.get_running_loop()
    call_at = loop.call_at
    monkeypatch.setattr(loop, "call_at", lambda *arguments: OnlyCancelled(call_at(*arguments)))
    async with scripted() as peer:
        client = peer.client(activity_timeout=0.02, pong_timeout=5)
        await client.connect()
        monkeypatch.undo()
        await peer.heard("pusher:ping", 3)
        await client.disconnect()


async def test_a_server_that_never_establishes_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """connect_timeout bounds an attempt, before and after the upgrade (R1, R6)."""
    connects = 0

    async def mute(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connects
        connects += 1
        await reader.read()

    async with scripted() as peer:
        options: dict[str, Any] = {"connect_timeout": 0.05}
        client = peer.client(**options)
        policy = client._core.settings.reconnect
        async with listening(mute) as port:
            client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False, reconnect=policy, **options)
            connecting = asyncio.ensure_future(client.connect())
            while connects < 3:
                await asyncio.sleep(0.001)
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
    assert "the connection was not established within" in caplog.text


@pytest.mark.parametrize("breaking", ["binary", "no JSON", "too long", "no UTF-8", "clean close"])
async def test_what_breaks_a_frame_breaks_nothing_else(breaking: str) -> None:
    """Frames that are not the protocol are ignored; what breaks WebSocket itself costs one reconnect (R7, R8)."""
    async with scripted() as peer, peer.client(max_message_size=1000) as client:
        events = client.channel("orders").events("pusher:gap", "e")
        await client.subscribe("orders")
        socket = peer.sockets[0]
        match breaking:
            case "binary":
                await socket.send(b"\x00\xff")
            case "no JSON":
                for text in ("", "{", "[" * 900, "1e999", '{"event":7}', '{"event":"\\ud800","channel":"orders"}'):
                    await socket.send(text)
            case "too long":
                await socket.send("x" * 1001)
            case "no UTF-8":
                await socket.send(b"\xff", text=True)
            case _:
                await socket.close(1000)
        survives = breaking in {"binary", "no JSON"}
        if not survives:
            assert (await anext(events)).name == "pusher:gap"
        await peer.publish("e", "orders", "1")
        assert (await anext(events)).data == 1
        assert peer.connects == (1 if survives else 2)


async def test_ending_while_a_link_is_being_opened_leaves_nothing() -> None:
    """Neither during the upgrade nor between attempts (R6)."""

    async def mute(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()
        hung_up.set()

    accepted, hung_up = asyncio.Event(), asyncio.Event()
    before = asyncio.all_tasks()
    async with listening(mute) as port:
        client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
        connecting = asyncio.ensure_future(client.connect())
        await accepted.wait()
        await client.disconnect()
        with pytest.raises(NotConnectedError):
            await connecting
        await hung_up.wait()
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:  # the server's own task ends last
            await asyncio.sleep(0.001)


async def test_a_client_whose_tasks_were_cancelled_can_still_disconnect() -> None:
    """As a program does that cancels everything it finds: there is no socket left to close (R6)."""
    async with scripted() as peer, peer.client() as client:
        await client.subscribe("orders")
        (socket,) = (task for task in asyncio.all_tasks() if task.get_name() == "pusher_client socket")
        socket.cancel()
        await asyncio.wait((socket,))
        await client.disconnect()
        assert client.state is ConnectionState.DISCONNECTED
        await client.connect()
        assert (client.state, peer.connects) == (ConnectionState.CONNECTED, 2)


async def test_calls_made_while_the_core_is_drained_are_carried_out() -> None:
    """A task that starts in a plain handler triggers while the outputs of the core are carried out (R7)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = client.channel("private-a")

        started: list[asyncio.Task[None]] = []

        @channel.bind("pusher:subscription_succeeded")
        def at_once(_event: Event) -> None:
            with task_factory(eager=True):
                started.append(asyncio.get_running_loop().create_task(channel.trigger("client-hello", {"a": 1})))

        await channel.subscribe()
        await started[0]
        await peer.heard("client-hello")
        assert peer.received[-1] == {"event": "client-hello", "channel": "private-a", "data": {"a": 1}}


async def test_texts_leave_in_the_order_of_the_calls() -> None:
    """One writer sends one after another (R4)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        for number in range(100):
            await channel.trigger("client-n", number)
        await peer.heard("client-n", 100)
        assert [frame["data"] for frame in peer.received[1:]] == list(range(100))


@pytest.mark.parametrize("consumer", ["own stream", "stream", "client's stream", "async handler"])
async def test_a_burst_in_one_piece_does_not_overrun_who_keeps_up(consumer: str) -> None:
    """Frames that arrive together, more than a queue holds, are lost to no consumer that reads at once (R5, R7)."""
    count, seen, done = 3000, 0, asyncio.Event()

    def see() -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            done.set()

    async def handle(_event: Event) -> None:
        see()

    async def read(stream: AsyncIterator[Event]) -> None:
        async for _ in stream:
            see()

    async with scripted() as peer, peer.client() as client:
        orders = client.channel("orders")
        if consumer == "async handler":
            orders.bind("e", handle)
        await orders.subscribe()
        streams = {"own stream": lambda: aiter(orders), "stream": orders.events, "client's stream": client.events}
        reader = asyncio.ensure_future(read(streams[consumer]())) if consumer in streams else None
        await asyncio.sleep(0)
        text = b'{"event":"e","channel":"orders","data":"1"}'
        peer.sockets[0].transport.write((bytes([0x81, len(text)]) + text) * count)
        async with asyncio.timeout(10):
            await done.wait()
        assert orders.stats.dropped == 0
        await client.disconnect()
        if reader is not None:
            await reader


async def test_a_request_that_ended_already_need_not_be_cancelled() -> None:
    """The order to cancel may cross the end of what it is for (R3)."""

    def unused(*_arguments: object) -> Any:
        raise AssertionError

    core = Connection(ConnectionSettings(), lambda: 0.5)
    service = AuthorizationService("KEY", None, None, None)
    driver = Driver(core, unused, service, send_queue_bytes=1000, deliver=unused, notify=unused, cancelled=unused)
    driver._carry_out(Cancel(7))
    driver._resume_soon()
    await driver.stop(())
    assert driver._resuming is not None
    assert driver._resuming.cancelled()
    assert core.state is ConnectionState.INITIALIZED


async def test_nothing_is_left_when_the_server_resets_while_closing() -> None:
    """A cut in the very moment of disconnect() is as good as a close (R6)."""
    before = asyncio.all_tasks()
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        peer.sockets[0].transport.abort()
        await client.disconnect()
        while peer.sockets:
            await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_a_cancellation_that_the_authorizer_raises_itself_is_its_mistake() -> None:
    """It was not cancelled by a caller, so the call fails with this as the cause (design.md 2, R6)."""

    async def cancelled(_channel: str, _socket_id: str) -> ChannelAuthorization:
        raise asyncio.CancelledError

    async with scripted() as peer, peer.client(authorizer=cancelled) as client:
        with pytest.raises(AuthorizationError, match="CancelledError") as caught:
            await client.subscribe("private-a")
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)


def test_loggers_bear_the_name_of_the_package() -> None:
    """Configuring the logger pusher_client configures everything below it (design.md 9)."""
    assert {name.split(".")[0] for name in logging.root.manager.loggerDict if name.startswith("pusher_")} == {
        "pusher_client"
    }


async def test_a_client_whose_attempt_was_cancelled_can_still_disconnect() -> None:
    """A task that ended while it opened the socket need not be ended again (R6)."""

    async def mute(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()

    accepted, before = asyncio.Event(), asyncio.all_tasks()
    async with listening(mute) as port:
        client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
        connecting = asyncio.ensure_future(client.connect())
        await accepted.wait()
        (attempt,) = (task for task in asyncio.all_tasks() if task.get_name() == "pusher_client socket")
        attempt.cancel()
        await asyncio.wait((attempt,))
        await client.disconnect()
        assert client.state is ConnectionState.DISCONNECTED
        with pytest.raises(NotConnectedError):
            await connecting
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:  # the server's own task ends last
            await asyncio.sleep(0.001)


async def test_no_timer_is_set_once_everything_ends() -> None:
    """What a handler still asks of a connection that is being ended starts no timer that would outlive it (R6)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        driver = client._life.driver()
        assert driver is not None
        asked = asyncio.Event()

        @client.connection.bind("disconnected")
        async def on_disconnected(_nothing: object) -> None:
            while not driver._stopped:
                await asyncio.sleep(0)
            await client.unsubscribe("orders")
            asked.set()

        await client.disconnect()
        assert asked.is_set()
        assert driver._timer._timer is None
