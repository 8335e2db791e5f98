"""One link after another."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from pusher_client.events import ConnectionState, ServerError
from pusher_client.exceptions import ConnectError
from pusher_client.protocol.cures import open_cure
from pusher_client.protocol.outputs import (
    CloseWebSocket,
    ConnectFailed,
    ConnectingIn,
    ErrorRaised,
    GapFound,
    OpenWebSocket,
    StateChanged,
)
from pusher_client.protocol.reconnect import OpenFailure, ReconnectPolicy
from pusher_client.protocol.states import CONNECTION_TRANSITIONS, check_transition
from tests.support.core.scripted_core import Core, frame


def opened(core: Core) -> None:
    """Connect up to the handshake."""
    core.connection.connect(core.now)
    core.drain()
    core.connection.websocket_opened(core.now)


def failure(core: Core) -> ConnectError:
    """Return why the link is over."""
    error = next(output.error for output in core.outputs if isinstance(output, ConnectFailed))
    assert isinstance(error, ConnectError)
    return error


@pytest.mark.parametrize("data", ['{"socket_id":"1.2"}', {"socket_id": "1.2", "activity_timeout": "x"}])
def test_the_handshake_in_every_shape(data: Any) -> None:
    """The data may be a string or an object, with or without a timeout (protocol-notes 1.2)."""
    core = Core()
    opened(core)
    core.receive(frame("pusher:connection_established", data=data))
    assert core.connection.state.value == ConnectionState.CONNECTED
    assert core.connection.socket_id == "1.2"


@pytest.mark.parametrize(
    "text",
    ["", "{", frame("pusher:connection_established"), frame("pusher:ping"), frame("x", "c", "d")]
    + [frame("pusher:connection_established", data={"socket_id": one}) for one in (1.2, "1", "a.b", "1.2\n", None)],
)
def test_a_nonsensical_first_message_is_tried_again(text: str) -> None:
    """The socket is closed and another opened after a delay (R2)."""
    core = Core()
    opened(core)
    core.receive(text)
    assert CloseWebSocket() in core.outputs
    assert core.connection.state.value == ConnectionState.CONNECTING
    assert OpenWebSocket() in core.wait(5.0)


def test_a_binary_first_message_is_nonsense_too() -> None:
    """The protocol has no binary frames (R2)."""
    core = Core()
    opened(core)
    core.connection.receive_binary(core.now)
    core.drain()
    assert CloseWebSocket() in core.outputs


@pytest.mark.parametrize("data", [{"code": 4001, "message": "no"}, json.dumps({"code": 4001, "message": "no"})])
def test_an_error_as_first_message_counts_as_the_close_code(data: Any) -> None:
    """Whether the server then closes or not (R2)."""
    core = Core()
    opened(core)
    core.receive(frame("pusher:error", data=data))
    assert failure(core).code == 4001
    assert CloseWebSocket() in core.outputs
    assert core.connection.state.value == ConnectionState.FAILED


@pytest.mark.parametrize("code", [4000, 4001, 4003, 4004, 4009, 4099])
def test_fatal_codes_end_it(code: int) -> None:
    """4000 to 4099 are final and typed (R2)."""
    core = Core()
    opened(core)
    core.lose(code)
    assert failure(core).code == code
    assert core.wait(600.0) == []


def test_code_4000_says_that_tls_is_required() -> None:
    """On a plain connection the cure is in the message, and nothing is downgraded or upgraded (R2, C5)."""
    core = Core(tls=False)
    opened(core)
    core.lose(4000)
    assert "tls=True" in str(failure(core))


FATAL, AT_ONCE, SLOW, DRAWN = None, (0.0, 0.0), (1.0, 2.0), (0.0, 1.0)
CODES: list[tuple[int, tuple[float, float] | None]] = [
    *[(code, DRAWN) for code in (1000, 1001, 1002, 1003, 1004, 1005, 1006, 1011, 3999)],
    *[(code, FATAL) for code in (*range(4000, 4011), 4099)],
    *[(code, SLOW) for code in (4100, 4101, 4199)],
    *[(code, AT_ONCE) for code in (4200, 4201, 4202, 4203, 4299)],
    *[(code, DRAWN) for code in (4300, 4301, 4302, 4399, 4999)],
]
"""Close codes and what they call for; None is the end, else the least and the longest delay before the next connect.

The table of protocol-notes 4.1, and the vectors of pusher-js's own tests. Where that one stays away after 4300 to 4399
and goes from ws to wss after 4000, this client differs on purpose (R2, C5).
"""


def judge(core: Core, code: int, calls_for: tuple[float, float] | None) -> None:
    """Check what became of a link that ended with a code."""
    core.drain()
    if calls_for is None:
        assert core.connection.state is ConnectionState.FAILED
        assert failure(core).code == code
        assert core.wait(600.0) == []
        return
    assert core.connection.state is ConnectionState.CONNECTING
    plans = [output for output in core.outputs if isinstance(output, ConnectingIn)]
    assert len(plans) == 1
    assert calls_for[0] <= plans[0].delay <= calls_for[1]
    assert f"({code})" in plans[0].cause
    assert OpenWebSocket() in core.wait(calls_for[1])


@pytest.mark.parametrize(("code", "calls_for"), CODES)
@pytest.mark.parametrize("lots", [0.0, 1.0])
def test_close_codes_of_a_link_that_stands(code: int, calls_for: tuple[float, float] | None, lots: float) -> None:
    """What each code means, whatever lot is drawn; over the quota is retried then (R2)."""
    core = Core(lots=lots)
    core.up()
    core.lose(code)
    judge(core, code, (30.0, 60.0) if code == 4004 else calls_for)


@pytest.mark.parametrize(("code", "calls_for"), CODES)
def test_close_codes_before_the_first_message(code: int, calls_for: tuple[float, float] | None) -> None:
    """They mean the same when the server closes without a word (R2)."""
    core = Core()
    opened(core)
    core.lose(code)
    judge(core, code, calls_for)


@pytest.mark.parametrize(("code", "calls_for"), CODES)
@pytest.mark.parametrize("encode", [dict, json.dumps])
@pytest.mark.parametrize("closes", [False, True])
def test_an_error_as_first_message_means_what_the_close_code_would(
    code: int, calls_for: tuple[float, float] | None, encode: Callable[[Any], Any], *, closes: bool
) -> None:
    """As an object or, as Reverb sends it, as text; the socket may stay open or be closed otherwise (R2)."""
    core = Core()
    opened(core)
    core.receive(frame("pusher:error", data=encode({"code": code, "message": "no"})))
    assert CloseWebSocket() in core.outputs
    told = next(output.error for output in core.outputs if isinstance(output, ErrorRaised))
    assert told == ServerError(code, "no")
    if closes:
        core.lose(1000)
    judge(core, code, calls_for)


def test_an_error_as_first_message_on_a_plain_socket_says_that_tls_is_required() -> None:
    """4000 names the cure in the handshake too (R2, C5)."""
    core = Core(tls=False)
    opened(core)
    core.receive(frame("pusher:error", data='{"code":4000,"message":"SSL only"}'))
    assert "tls=True" in str(failure(core))


def test_a_clean_close_is_no_end() -> None:
    """1000 and 1001 lose the subscriptions for a while only, and the hole is marked (R2, R5)."""
    for code in (1000, 1001):
        core = Core()
        core.up()
        core.subscribed("orders")
        core.lose(code)
        core.back()
        core.acknowledge("orders")
        assert any(isinstance(output, GapFound) for output in core.outputs)
        assert core.connection.state is ConnectionState.CONNECTED


@pytest.mark.parametrize("chatter", ["pusher:pong", None])
def test_a_handshake_that_never_completes_is_tried_again_for_ever(chatter: str | None) -> None:
    """Silence, or a first message that establishes nothing: every attempt ends, and the next one comes later (R2)."""
    core = Core(connect_timeout=15.0, lots=1.0)
    core.connection.connect(core.now)
    attempts = list[float]()
    while len(attempts) < 8:
        if OpenWebSocket() in core.drain():
            attempts.append(core.now)
            core.connection.websocket_opened(core.now)
            if chatter is not None:
                core.connection.receive_text(frame(chatter), core.now)
        due = core.connection.deadline()
        assert due is not None
        core.now = max(core.now, due)
        core.connection.handle_deadline(core.now)
    spent = 15.0 if chatter is None else 0.0
    waits = [later - earlier - spent for earlier, later in itertools.pairwise(attempts)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert core.connection.state is ConnectionState.UNAVAILABLE
    assert core.sent == []


@pytest.mark.parametrize(
    ("code", "least", "most"), [(4200, 0, 0), (4100, 1, 2), (1000, 0, 1), (None, 0, 1), (4300, 0, 1)]
)
def test_other_codes_connect_again(code: int | None, least: float, most: float) -> None:
    """At once for 42xx, after a second at least for 41xx, after a drawn delay for others (R2)."""
    core = Core()
    core.up()
    core.lose(code)
    delay = next(output.delay for output in core.outputs if isinstance(output, ConnectingIn))
    assert least <= delay <= most
    assert OpenWebSocket() in core.wait(most)


def test_over_quota_is_final_only_before_the_first_connection() -> None:
    """4004 after a connection is retried at the cap (R2)."""
    core = Core(lots=1.0)
    core.up()
    core.lose(4004)
    assert core.connection.state.value == ConnectionState.CONNECTING
    delay = next(output.delay for output in core.outputs if isinstance(output, ConnectingIn))
    assert delay == 60.0


@pytest.mark.parametrize("code", [4200, 4100, 1006])
def test_the_worst_server_gets_twelve_connects_a_minute(code: int) -> None:
    """Whatever was drawn, no 60 seconds see more than max_per_minute connects (R2)."""
    core = Core(lots=0.0, reconnect=ReconnectPolicy(stable_after=0.0))
    times: list[float] = []
    core.connection.connect(core.now)
    while core.now < 400.0:
        new = core.drain()
        if OpenWebSocket() in new:
            times.append(core.now)
            core.connection.websocket_opened(core.now)
            core.receive(frame("pusher:connection_established", data={"socket_id": "1.1"}))
            core.lose(code)
        due = core.connection.deadline()
        assert due is not None
        core.now = max(core.now, due)
        core.connection.handle_deadline(core.now)
    assert len(times) > 30
    assert all(later - earlier >= 60.0 for earlier, later in zip(times, times[12:], strict=False))


def test_pings_keep_an_idle_link_and_a_dead_one_is_noticed() -> None:
    """A ping after the activity timeout, the end after the pong timeout, any frame being a pong (R1)."""
    core = Core(activity_timeout=30.0, pong_timeout=10.0)
    core.up()
    core.wait(29.9)
    assert core.sent == []
    core.wait(0.1)
    assert core.sent == [{"event": "pusher:ping", "data": {}}]
    core.receive(frame("anything", "c", "x"))
    core.wait(30.0)
    assert len(core.sent) == 2
    core.wait(9.9)
    assert core.connection.state.value == ConnectionState.CONNECTED
    core.wait(0.1)
    assert core.connection.state.value == ConnectionState.CONNECTING
    assert CloseWebSocket() in core.outputs


def test_a_busy_link_is_pinged_when_nothing_goes_out() -> None:
    """Some servers count only what clients send (R1)."""
    core = Core(activity_timeout=30.0)
    core.up()
    for _ in range(10):
        core.wait(9.0)
        core.receive(frame("a", "c", "x"))
    assert [one["event"] for one in core.sent] == ["pusher:ping"] * 3


def test_a_ping_is_answered() -> None:
    """pusher:ping gets pusher:pong (R1)."""
    core = Core()
    core.up()
    core.receive(frame("pusher:ping", data={}))
    core.receive(frame("pusher:pong"))
    assert core.sent == [{"event": "pusher:pong", "data": {}}]


def test_connecting_for_long_is_unavailable() -> None:
    """After unavailable_timeout the state is unavailable, and attempts continue (design.md 2)."""
    core = Core(unavailable_timeout=10.0, connect_timeout=15.0)
    core.connection.connect(core.now)
    core.connection.connect(core.now)
    core.wait(10.0)
    assert core.connection.state.value == ConnectionState.UNAVAILABLE
    core.wait(5.0)
    assert CloseWebSocket() in core.outputs
    assert OpenWebSocket() in core.wait(5.0)
    core.up()
    changes = [output.current for output in core.outputs if isinstance(output, StateChanged)]
    assert changes == [ConnectionState.CONNECTING, ConnectionState.UNAVAILABLE, ConnectionState.CONNECTED]


@pytest.mark.parametrize(
    ("kind", "status"),
    [(OpenFailure.HTTP, one) for one in (301, 401, 403, 404, 407)] + [(OpenFailure.CERTIFICATE, None)],
)
def test_refusals_at_the_door(kind: OpenFailure, status: int | None) -> None:
    """Final before the first connection, retried at the cap after it (R2)."""
    core = Core(lots=1.0)
    core.connection.connect(core.now)
    core.connection.open_failed(kind, status, "refused", core.now)
    core.drain()
    assert failure(core).code == status
    later = Core(lots=1.0)
    later.up()
    later.lose(4200)
    later.wait(0.0)
    later.connection.open_failed(kind, status, "refused", later.now)
    later.drain()
    assert [output.delay for output in later.outputs if isinstance(output, ConnectingIn)][-1] == 60.0


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_what_may_mend_itself_at_the_door(status: int | None) -> None:
    """Network failures, 429 and 5xx are tried again (design.md 2)."""
    core = Core()
    core.connection.connect(core.now)
    kind = OpenFailure.NETWORK if status is None else OpenFailure.HTTP
    core.connection.open_failed(kind, status, "x", core.now)
    assert OpenWebSocket() in core.wait(5.0)


def test_reports_of_a_socket_that_was_given_up_are_ignored() -> None:
    """What a driver still reports after a close changes nothing (R3)."""
    core = Core()
    core.connection.websocket_opened(core.now)
    core.connection.websocket_closed(4001, "", core.now)
    core.connection.open_failed(OpenFailure.NETWORK, None, "", core.now)
    assert core.drain() == []
    core.up()
    core.connection.disconnect(core.now)
    core.drain()
    core.receive(frame("pusher:ping"))
    assert core.sent == []
    assert core.connection.state.value == ConnectionState.DISCONNECTED
    core.up()
    assert core.connection.state.value == ConnectionState.CONNECTED


def test_the_table_of_states_is_held() -> None:
    """A transition that the table does not have is a mistake of this library (design.md 5)."""
    with pytest.raises(RuntimeError, match="no way"):
        check_transition(CONNECTION_TRANSITIONS, ConnectionState.CONNECTED, ConnectionState.UNAVAILABLE)


@pytest.mark.parametrize(
    ("offered", "seconds"),
    [
        *[(nonsense, 120.0) for nonsense in (None, 0, -1, True, "30")],
        ([30], 120.0),
        (600, 120.0),
        (10**400, 120.0),
        (0.2, 1.0),
        (1, 1.0),
        (30, 30.0),
        (29.5, 29.5),
    ],
)
def test_the_smaller_activity_timeout_holds(offered: Any, seconds: float) -> None:
    """The server's number counts where it is smaller, from a second on; nonsense is replaced by ours (R1)."""
    core = Core(activity_timeout=120.0)
    opened(core)
    core.receive(frame("pusher:connection_established", data={"socket_id": "1.2", "activity_timeout": offered}))
    core.wait(seconds - 0.001)
    assert core.sent == []
    core.wait(0.001)
    assert [one["event"] for one in core.sent] == ["pusher:ping"]


def test_without_an_activity_timeout_ours_holds() -> None:
    """A server that offers nothing leaves it to us (R1)."""
    core = Core(activity_timeout=50.0)
    opened(core)
    core.receive(frame("pusher:connection_established", data='{"socket_id":"1.2"}'))
    assert core.connection.deadline() is not None
    core.wait(49.999)
    assert core.sent == []
    core.wait(0.001)
    assert len(core.sent) == 1


def test_looking_too_early_does_nothing() -> None:
    """A timer that fires before anything is due changes nothing in any phase (R1)."""
    core = Core()
    link = core.connection._link
    core.connection.connect(core.now)
    core.drain()
    for step in (lambda: core.connection.websocket_opened(core.now), core.up, core.lose):
        link.handle_deadline(core.now)
        assert core.drain() == []
        step()
    link.handle_deadline(core.now)
    assert core.drain() == []
    assert core.sent == []


def test_a_binary_frame_is_a_sign_of_life() -> None:
    """Any received frame satisfies the pong (R1)."""
    core = Core(activity_timeout=30.0, pong_timeout=10.0)
    core.up()
    core.wait(39.0)
    core.connection.receive_binary(core.now)
    core.wait(5.0)
    assert core.connection.state is ConnectionState.CONNECTED


@pytest.mark.parametrize("shaken", [False, True])
def test_a_connection_must_stand_in_time(*, shaken: bool) -> None:
    """From the start of the attempt to the handshake's end, connect_timeout bounds it (R6, R2)."""
    core = Core(connect_timeout=15.0, unavailable_timeout=100.0)
    core.connection.connect(core.now)
    if shaken:
        core.wait(14.0)
        core.connection.websocket_opened(core.now)
        core.wait(0.999)
    else:
        core.wait(14.999)
    assert CloseWebSocket() not in core.outputs
    core.wait(0.001)
    assert core.outputs[-2:] == [
        CloseWebSocket(),
        ConnectingIn(0.5, "the connection was not established within 15 s", open_cure(OpenFailure.NETWORK, None)),
    ]


def test_an_outage_becomes_unavailable_and_mends() -> None:
    """The time starts anew with each outage, and ends with the link (design.md 2)."""
    core = Core(unavailable_timeout=10.0, connect_timeout=60.0)
    core.up()
    core.wait(100.0)
    assert core.connection.state is ConnectionState.CONNECTED
    core.lose()
    core.wait(9.999)
    assert core.connection.state.value == ConnectionState.CONNECTING
    core.wait(0.001)
    assert core.connection.state.value == ConnectionState.UNAVAILABLE
    core.up()
    assert core.connection.state.value == ConnectionState.CONNECTED
    core.wait(100.0)
    assert core.connection.state.value == ConnectionState.CONNECTED


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({"code": 4200, "message": "a"}, ConnectionState.CONNECTING),
        ({"code": "4001", "message": "a"}, ConnectionState.FAILED),
        ({"code": "4001x", "message": "a"}, ConnectionState.CONNECTING),
        ({"code": True}, ConnectionState.CONNECTING),
        ({"code": None}, ConnectionState.CONNECTING),
        ("words", ConnectionState.CONNECTING),
        (None, ConnectionState.CONNECTING),
        ([4001], ConnectionState.CONNECTING),
    ],
)
def test_a_first_error_in_every_shape(data: Any, state: ConnectionState) -> None:
    """The code decides as a close code would, and an error without one is retried (R2)."""
    core = Core()
    opened(core)
    core.receive(frame("pusher:error", data=data))
    assert core.connection.state is state
    assert CloseWebSocket() in core.outputs
    core.lose(4001)
    assert core.connection.state is state


def test_a_fatal_code_is_fatal_after_the_first_connection_too() -> None:
    """4001 ends it, and the error is reported once as a failure (R2)."""
    core = Core()
    core.up()
    core.lose(4001)
    assert core.connection.state is ConnectionState.FAILED
    assert len([output for output in core.outputs if isinstance(output, ConnectFailed)]) == 1
    assert core.connection.socket_id is None


def test_disconnecting_in_every_phase() -> None:
    """The socket is closed where there is one, and no other is opened (R6)."""
    core = Core()
    core.connection.disconnect(core.now)
    assert core.drain() == [StateChanged(ConnectionState.INITIALIZED, ConnectionState.DISCONNECTED)]
    core.connection.disconnect(core.now)
    assert core.drain() == []
    for step, closes in ((core.drain, True), (lambda: opened(core), True), (core.up, True), (core.lose, False)):
        core.connection.connect(core.now)
        core.drain()
        if step == core.lose:
            core.up()
        step()
        core.connection.disconnect(core.now)
        assert (CloseWebSocket() in core.drain()) is closes
        assert core.wait(1000.0) == []


def test_what_comes_after_the_link_was_given_up_is_ignored() -> None:
    """A frame of a dead socket establishes nothing while the next connect is waited for (R3)."""
    core = Core()
    opened(core)
    core.receive("nonsense")
    core.receive(frame("pusher:connection_established", data={"socket_id": "1.2"}))
    assert core.connection.socket_id is None
    core.connection.receive_binary(core.now)
    assert core.connection.state is ConnectionState.CONNECTING


def test_connecting_again_forgets_the_past() -> None:
    """After disconnect and connect the first failure may be final again, and delays start anew (R2)."""
    core = Core(lots=1.0)
    core.up()
    core.connection.disconnect(core.now)
    core.connection.connect(core.now)
    core.connection.open_failed(OpenFailure.HTTP, 403, "no", core.now)
    core.drain()
    assert core.connection.state is ConnectionState.FAILED
    core.up()
    assert core.connection.state.value == ConnectionState.CONNECTED


def test_switching_leaves_the_link_at_once() -> None:
    """The old socket is closed, a new one opened at once, where the wanted channels are subscribed (design.md 2)."""
    core = Core()
    core.up()
    core.subscribed("orders")
    core.connection.reconnect(core.now, tls=True)
    assert [type(output) for output in core.drain()] == [CloseWebSocket, StateChanged, OpenWebSocket]
    assert core.connection.socket_id is None
    core.up()
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders").value == "subscribed"


def test_switching_while_connecting() -> None:
    """An attempt at the old address is abandoned, and the state is unchanged."""
    core = Core()
    core.connection.connect(core.now)
    core.drain()
    core.connection.reconnect(core.now, tls=True)
    assert [type(output) for output in core.drain()] == [CloseWebSocket, OpenWebSocket]
    core.wait(11)
    assert core.connection.state.value == ConnectionState.UNAVAILABLE
    core.connection.reconnect(core.now, tls=True)
    core.drain()
    assert core.connection.state.value == ConnectionState.UNAVAILABLE
    core.connection.websocket_opened(core.now)
    core.receive(frame("pusher:connection_established", data={"socket_id": "1.2"}))
    assert core.connection.state.value == ConnectionState.CONNECTED


def test_switching_keeps_the_measure_of_the_minute() -> None:
    """However often the caller switches, no minute sees more than twelve connects (R2)."""
    core = Core()
    core.up()
    for _ in range(30):
        core.connection.reconnect(core.now, tls=True)
        core.drain()
    assert sum(isinstance(output, OpenWebSocket) for output in core.outputs) == 12
    waiting = [output.delay for output in core.outputs if isinstance(output, ConnectingIn)]
    assert waiting == [60.0] * 19
    assert OpenWebSocket() in core.wait(60)


def test_the_delays_of_the_old_address_are_not_those_of_the_new() -> None:
    """What a server that is away made of the delays says nothing of another one."""
    core = Core(lots=1.0)
    core.connection.connect(core.now)
    for _ in range(6):
        core.until(OpenWebSocket)
        core.connection.open_failed(OpenFailure.NETWORK, None, "", core.now)
    core.connection.reconnect(core.now, tls=True)
    core.drain()
    core.connection.open_failed(OpenFailure.NETWORK, None, "", core.now)
    (connecting,) = core.drain()
    assert isinstance(connecting, ConnectingIn)
    assert connecting.delay == 1.0


def test_the_new_address_is_as_new_as_the_first() -> None:
    """A final refusal there is fatal, as at the first connect; and 4000 is about the new TLS option (R2)."""
    core = Core()
    core.up()
    core.connection.reconnect(core.now, tls=False)
    core.drain()
    core.connection.websocket_opened(core.now)
    core.lose(4000)
    assert "tls=True" in str(failure(core))


def test_switching_without_a_link_does_nothing() -> None:
    """Before connect() there is nothing to leave."""
    core = Core()
    core.connection.reconnect(core.now, tls=True)
    assert core.drain() == []


def test_a_websocket_that_breaks_late_changes_nothing() -> None:
    """The end of a WebSocket that was given up, or never opened, is not another loss (R2)."""
    core = Core()
    outputs = len(core.outputs)
    core.connection.websocket_broken("a frame was too long", core.now)
    assert core.drain() == []
    assert len(core.outputs) == outputs
