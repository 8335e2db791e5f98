"""The notices of the core: for waiting calls, for handlers, and for the log."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    ConnectError,
    ConnectionState,
    Event,
    Gap,
    ProtocolError,
    PusherError,
    ReconnectPolicy,
    ServerError,
    StateChange,
    SubscriptionError,
)
from pusher_client.protocol.cures import close_cure, open_cure
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.protocol.repeated_conditions import Repetition
from pusher_client.session.notices import _describe_retries, _without_channel
from tests.support.fast_forward import skipping
from tests.support.scripted_server import Scripted, scripted

STATES = [state.value for state in ConnectionState]


def listen(client: Any) -> list[tuple[str, Any]]:
    """Write down every event of a connection, with its name."""
    heard: list[tuple[str, Any]] = []
    for name in ("state_change", "connecting_in", "error", *STATES):
        client.connection.bind(name, lambda value, name=name: heard.append((name, value)))
    return heard


async def back(peer: Scripted, client: Any, connects: int) -> None:
    """Wait until the client is connected again."""
    while peer.connects < connects or client.state is not ConnectionState.CONNECTED:
        await asyncio.sleep(0.001)


async def test_states_are_told_in_order() -> None:
    """state_change comes before the state's own name, and connected bears the socket id (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        heard = listen(client)
        async with client:
            pass
    state = ConnectionState
    assert heard == [
        ("state_change", StateChange(state.INITIALIZED, state.CONNECTING)),
        ("connecting", None),
        ("state_change", StateChange(state.CONNECTING, state.CONNECTED)),
        ("connected", {"socket_id": "1.1"}),
        ("state_change", StateChange(state.CONNECTED, state.DISCONNECTED)),
        ("disconnected", None),
    ]


async def test_a_delay_is_told_in_seconds_and_none_is_not() -> None:
    """4200 reconnects at once without connecting_in; what follows backs off (design.md 2, R2)."""
    async with scripted() as peer, peer.client() as client:
        heard = listen(client)
        await peer.sockets[0].close(4200)
        await back(peer, client, 2)
        assert "connecting_in" not in [name for name, _ in heard]
        await peer.sockets[0].close(1000)
        await back(peer, client, 3)
        delays = [value for name, value in heard if name == "connecting_in"]
        assert len(delays) == 1
        assert 0 < delays[0] <= 0.05


async def test_a_service_that_stays_away_is_unavailable() -> None:
    """After unavailable_timeout of connecting the state is unavailable, and connecting continues (design.md 2)."""
    async with scripted() as peer:
        port = peer.port
        client = peer.client(unavailable_timeout=0.02)
    unavailable = asyncio.Event()
    client.connection.bind("unavailable", lambda _: unavailable.set())
    connecting = asyncio.ensure_future(client.connect())
    async with asyncio.timeout(20):
        await unavailable.wait()
    assert client.state is ConnectionState.UNAVAILABLE
    assert port
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    assert client.state.value == "disconnected"


async def test_errors_of_the_server_are_told_and_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An in-band pusher:error is a ServerError for connection handlers, whatever its shape (design.md 2, R2)."""
    caplog.set_level(logging.INFO)
    async with scripted() as peer, peer.client() as client:
        heard = listen(client)
        orders = await client.subscribe("orders")
        await peer.sockets[0].send('{"event":"pusher:error","data":{"code":4301,"message":"too fast"}}')
        await peer.sockets[0].send('{"event":"pusher:error","data":"{\\"code\\":null,\\"message\\":7}"}')
        await peer.publish("e", "orders", "1")
        await anext(aiter(orders))
        assert heard == [("error", ServerError(4301, "too fast")), ("error", ServerError(None, ""))]
        assert peer.connects == 1
    assert "4301" in caplog.text


async def test_words_of_the_server_show_no_signature(caplog: pytest.LogCaptureFixture) -> None:
    """Pusher answers a wrong signature by repeating it; no log and no exception shows it (C3)."""
    signature = "0123456789abcdef" * 4
    caplog.set_level(1, logger="pusher_client")

    async def authorize(_channel: str, _socket_id: str) -> dict[str, str]:
        return {"auth": f"KEY:{signature}"}

    words = f"Invalid signature: Expected HMAC SHA256 hex digest of 1.1:private-a, but got {signature}"
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        peer.answers["private-a"] = [
            {"event": "pusher:error", "data": {"code": None, "message": words}},
            {
                "event": "pusher:subscription_error",
                "channel": "private-a",
                "data": {"type": "AuthError", "error": words, "status": 401},
            },
        ]
        with pytest.raises(SubscriptionError, match="Invalid signature") as caught:
            await client.subscribe("private-a")
    assert signature[:32] not in str(caught.value) + repr(caught.value) + caplog.text
    assert "Invalid signature" in caplog.text


@pytest.mark.parametrize("first", ['{"event":"other"}', "no JSON", '{"event":"pusher:connection_established"}'])
async def test_a_first_message_that_is_nonsense_is_told_and_tried_again(first: str) -> None:
    """Handlers of errors get a ProtocolError without the text (R2, R8)."""
    async with scripted() as peer:
        peer.first = first
        client = peer.client()
        heard = listen(client)
        connecting = asyncio.ensure_future(client.connect())
        await peer.connected(2)
        peer.first = None
        await connecting
        await client.disconnect()
    errors = [value for name, value in heard if name == "error"]
    assert isinstance(errors[0], ProtocolError)
    assert str(errors[0]) == "the first message did not establish the connection"


@pytest.mark.parametrize("told", ["code", "message"])
async def test_a_failure_for_good_is_told_to_everybody(told: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whether by a close code or an in-band error as the first message: state, error and log (design.md 2, R2)."""
    async with scripted() as peer:
        client = peer.client()
        heard = listen(client)
        if told == "message":
            peer.first = '{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}'
            with pytest.raises(ConnectError, match="no such app"):
                await client.connect()
        else:
            await client.connect()
            await peer.sockets[0].close(4001, "no such app")
            with pytest.raises(ConnectError, match="no such app"):
                await client.wait_closed()
        assert client.state is ConnectionState.FAILED
        error = heard[-1][1]
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
            f"the connection to 127.0.0.1:{peer.port} failed and is not retried: {error}; {close_cure(4001)}"
        ]
        assert ("failed", None) in heard
        assert heard[-1][0] == "error"
        assert (error.code, error.reason) == (4001, "the server closed the connection: no such app")
        assert error.__notes__ == [close_cure(4001)]


async def test_a_handler_of_a_connection_event_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and reported to on_handler_error, and the next one runs (R7)."""
    told: list[tuple[BaseException, object]] = []
    async with scripted() as peer:
        client = peer.client(on_handler_error=lambda error, value: told.append((error, value)))
        failure, reached = KeyError("broken"), list[Any]()

        @client.connection.bind("connected")
        def broken(_value: object) -> None:
            raise failure

        client.connection.bind("connected", reached.append)
        async with client:
            pass
    assert reached == [{"socket_id": "1.1"}]
    assert told == [(failure, {"socket_id": "1.1"})]
    assert "broken" in caplog.text


async def test_a_gap_is_dated_in_utc_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Its three times are in order between the last event before and the return (R5)."""
    async with scripted() as peer, peer.client() as client:
        gaps: list[Event] = []
        client.bind("pusher:gap", gaps.append)
        orders = client.channel("orders")
        orders.bind("pusher:gap", gaps.append)
        begun = datetime.now(UTC)
        await orders.subscribe()
        returned = asyncio.ensure_future(orders.wait_for("pusher:gap"))
        await asyncio.sleep(0)
        peer.sockets[0].transport.abort()
        gap = (await returned).data
        assert isinstance(gap, Gap)
        times = [gap.last_received_at, gap.disconnected_at, gap.resubscribed_at]
        assert all(time.tzinfo is UTC for time in times)
        slack = timedelta(seconds=1)
        assert begun - slack < times[0] <= times[1] <= times[2] < datetime.now(UTC) + slack
        assert [event.data for event in gaps] == [gap, gap]
        assert sum("may be missing" in record.getMessage() for record in caplog.records) == 1


async def test_several_cuts_before_the_return_are_one_gap() -> None:
    """One hole is one Gap, however many reconnects it took (R5)."""
    async with scripted() as peer, peer.client() as client:
        events = client.channel("orders").events("pusher:gap", "e")
        await client.subscribe("orders")
        peer.answers["orders"] = []
        for connects in (2, 3, 4):
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", connects)
        del peer.answers["orders"]
        peer.sockets[0].transport.abort()
        await peer.heard("pusher:subscribe", 5)
        gap = await anext(events)
        assert gap.name == "pusher:gap"
        await peer.publish("e", "orders", "1")
        assert (await anext(events)).name == "e"


async def test_no_gap_after_the_caller_s_own_unsubscribe() -> None:
    """Events of a channel that the caller left are not a loss (R5)."""
    async with scripted() as peer, peer.client() as client:
        seen: list[Event] = []
        orders = await client.subscribe("orders")
        await orders.unsubscribe()
        orders.bind_global(seen.append)
        await orders.subscribe()
        assert [event.name for event in seen] == ["pusher:subscription_succeeded"]


async def test_a_retry_is_logged_with_its_cause_and_delay(caplog: pytest.LogCaptureFixture) -> None:
    """A subscription that is tried again says why and when, at WARNING (R3)."""
    async with scripted() as peer, peer.client() as client:
        refusal = {"type": "", "error": "try later", "status": 503}
        peer.answers["orders"] = [{"event": "pusher:subscription_error", "channel": "orders", "data": refusal}]
        pending = asyncio.ensure_future(client.subscribe("orders"))
        await peer.heard("pusher:subscribe")
        peer.answers.clear()
        await pending
    assert "try later; next attempt in 0.1 s" in caplog.text


def test_three_hundred_channels_behind_a_failing_endpoint_are_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """One warning, then counts that add up to the retries (design.md 10)."""
    asked = 0

    async def busy(channel: str, _socket_id: str) -> ChannelAuthorization:
        nonlocal asked
        asked += 1
        raise AuthorizationError(channel, "busy", status=503)

    options: dict[str, Any] = {"authorizer": busy, "subscribe_timeout": 12, "reconnect": ReconnectPolicy()}

    async def run() -> None:
        async with scripted() as peer, peer.client(**options) as client:
            names = [f"private-{number}" for number in range(300)]
            pending = [asyncio.ensure_future(client.subscribe(name)) for name in names]
            await asyncio.gather(*pending, return_exceptions=True)

    skipping(run())
    lines = [record.getMessage() for record in caplog.records if record.name == "pusher_client.retries"]
    assert 2 < len(lines) < 6
    assert re.fullmatch(r"private-\d+: busy \(status 503\); next attempt in [0-9.]+ s", lines[0])
    pattern = r"(\d+) more failed attempts to subscribe in [0-9.]+ s: busy \(status 503\)"
    counts = [re.fullmatch(pattern, line) for line in lines[1:]]
    assert 300 < 1 + sum(int(found[1]) for found in counts if found is not None) <= asked
    assert None not in counts


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (AuthorizationError("a", "busy", status=503), "busy (status 503)"),
        (SubscriptionError("a", "busy"), "busy"),
        (ProtocolError("busy"), "busy"),
    ],
)
def test_an_error_is_the_same_condition_for_every_channel(error: PusherError, condition: str) -> None:
    """Its words without the channel (design.md 10)."""
    assert _without_channel(error) == condition


def test_too_many_causes_are_various() -> None:
    """The summary of what is not told apart says so (design.md 10)."""
    assert _describe_retries(Repetition(None, 3, 10)) == "3 more failed attempts to subscribe in 10.0 s: various causes"


async def test_each_failed_attempt_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It names host and port, the cause, the likely cure and the next attempt (design.md 2)."""
    async with scripted() as peer:
        port = peer.port
        client = peer.client(reconnect=ReconnectPolicy(base=0.01, cap=0.01, max_per_minute=1000))
    attempts = 0

    @client.connection.bind("connecting_in")
    def count(_delay: float) -> None:
        nonlocal attempts
        attempts += 1

    connecting = asyncio.ensure_future(client.connect())
    while attempts < 3:
        await asyncio.sleep(0.001)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    assert len(warnings) == 3
    for warning in warnings:
        assert warning.startswith("could not connect")
        assert f"127.0.0.1:{port}" in warning
        assert open_cure(OpenFailure.NETWORK, None) in warning
        assert re.search(r"; next attempt in 0\.\d s$", warning)


async def test_a_lost_connection_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It names host and port, the cause and the next attempt (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        await peer.sockets[0].close(4200, "again")
        await back(peer, client, 2)
        (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        lost = f"lost the connection to 127.0.0.1:{peer.port}: the server closed the connection: again (4200)"
    assert warning == f"{lost}; next attempt in 0.0 s"


def test_a_gap_s_log_line_states_the_span_of_the_gap(caplog: pytest.LogCaptureFixture) -> None:
    """From the last frame received to the new subscription, silence before the cut included (R5)."""

    async def scenario() -> Gap:
        async with scripted() as peer, peer.client() as client:
            orders = await client.subscribe("orders")
            await asyncio.sleep(3)
            returned = asyncio.ensure_future(orders.wait_for("pusher:gap"))
            await asyncio.sleep(0)
            peer.answers["orders"] = []
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 2)
            await asyncio.sleep(2)
            answer = {"event": "pusher_internal:subscription_succeeded", "channel": "orders", "data": "{}"}
            await peer.sockets[0].send(json.dumps(answer))
            gap: Gap = (await returned).data
            return gap

    gap = skipping(scenario())
    seconds = (gap.resubscribed_at - gap.last_received_at).total_seconds()
    assert seconds >= 5
    (line,) = [record.getMessage() for record in caplog.records if "may be missing" in record.getMessage()]
    assert line == f"orders: events of {seconds:.1f} s may be missing"
