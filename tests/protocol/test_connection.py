"""The connection as a whole: what is delivered, what is sent, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pusher_client.events import MARKERS, ConnectionState, Member, ServerError, SubscriptionState
from pusher_client.exceptions import AuthorizationError, NotConnectedError, SubscriptionError
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import (
    Authorize,
    Cancel,
    CloseWebSocket,
    ConnectFailed,
    Deliver,
    ErrorRaised,
    FrameIgnored,
    GapFound,
    OpenWebSocket,
    Result,
    SubscriptionEnded,
)
from pusher_client.protocol.signatures import ChannelAuthorization
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, UNKNOWN, Core, frame, sealed
from tests.support.example_counts import examples

SHAPES: list[Any] = [None, "{}", "words", "", {"a": 1}, [1], 7, True, '{"nonce":"x","ciphertext":"y"}']


@pytest.mark.parametrize("name", ["order", "client-order", "pusherx", "", "pusher_internal", *MARKERS, "x" * 500])
@pytest.mark.parametrize("data", SHAPES)
def test_nothing_unauthenticated_is_delivered(name: str, data: Any) -> None:
    """On an encrypted channel every name and shape without a seal ends as a failure, or nowhere (C1, design.md 3.1)."""
    core = Core()
    core.up()
    core.subscribed()
    core.events.clear()
    core.receive(frame(name, CHANNEL, data))
    expected = [] if name in MARKERS else ["pusher:decryption_failure"]
    assert core.names() == expected
    assert all(event.raw == "" for event in core.events)


@pytest.mark.parametrize("data", SHAPES)
@pytest.mark.parametrize(
    "name", ["pusher:x", "pusher_internal:member_added", "pusher:subscription_succeeded", "pusher:signin_success"]
)
def test_other_protocol_names_reach_nobody(name: str, data: Any) -> None:
    """Names of the protocol that a channel does not have are dropped and counted (design.md 3.1)."""
    core = Core()
    core.up()
    core.subscribed()
    core.events.clear()
    before = core.connection.ignored_frames
    core.receive(frame(name, CHANNEL, data))
    assert core.events == []
    assert core.connection.ignored_frames == before + 1


def test_protocol_events_are_rebuilt() -> None:
    """Of a protocol event's data only what is known of it is passed on (design.md 3.1)."""
    core = Core()
    core.up()
    core.subscribed()
    core.events.clear()
    core.receive(frame("pusher_internal:subscription_count", CHANNEL, {"subscription_count": 3, "x": "forged"}))
    core.receive(frame("pusher_internal:subscription_count", CHANNEL, {"subscription_count": -1}))
    core.receive(frame("pusher_internal:subscription_count", CHANNEL, {"subscription_count": True}))
    core.receive(frame("pusher:cache_miss", CHANNEL, "forged"))
    core.receive(frame("pusher_internal:subscription_succeeded", CHANNEL, "forged"))
    error = {"type": "A\n" * 200, "error": "b", "status": "401", "x": "forged"}
    core.receive(frame("pusher:subscription_error", CHANNEL, error))
    assert [(event.name, event.data) for event in core.events] == [
        ("pusher:subscription_count", {"subscription_count": 3}),
        ("pusher:cache_miss", None),
        ("pusher:subscription_error", {"type": "A " * 100, "error": "b", "status": None}),
    ]
    events = core.connection.channel_events(CHANNEL)
    assert events is not None
    assert events.subscription_count == 3


@pytest.mark.parametrize("channel", [None, 5, "other"])
def test_events_of_channels_that_are_not_subscribed_reach_nobody(channel: Any) -> None:
    """A missing, ill-typed or unknown channel (design.md 3.1)."""
    core = Core()
    core.up()
    core.subscribe("orders")
    core.receive(json.dumps({"event": "a", "channel": channel, "data": "x"}))
    assert core.events == []
    assert any(isinstance(output, FrameIgnored) for output in core.outputs)


def test_public_and_presence_events() -> None:
    """Data decoded, raw kept, the sender on presence channels; members by string ids (design.md 2)."""
    core = Core()
    core.up()
    core.subscribed("presence-room")
    members = {"presence": {"ids": [1, "2"], "hash": {"1": {"n": "a"}}, "count": 2}}
    core.lose(4200)
    core.wait(0.0)
    core.up()
    core.answer(None)
    core.acknowledge("presence-room", json.dumps(members))
    core.receive(json.dumps({"event": "client-x", "channel": "presence-room", "data": "7", "user_id": "2"}))
    core.receive(frame("pusher_internal:member_added", "presence-room", {"user_id": 3, "user_info": {"n": "c"}}))
    core.receive(frame("pusher_internal:member_removed", "presence-room", '{"user_id": "1"}'))
    core.receive(frame("pusher_internal:member_removed", "presence-room", '{"user_id": "9"}'))
    events = core.connection.channel_events("presence-room")
    assert events is not None
    assert events.members is not None
    assert dict(events.members.mapping) == {"2": None, "3": {"n": "c"}}
    client = next(event for event in core.events if event.name == "client-x")
    assert (client.data, client.raw, client.user_id) == (7, "7", "2")
    assert [event.data.id for event in core.events if event.name.startswith("pusher:member")] == ["1", "2", "3", "1"]


def present(**infos: Any) -> str:
    """Return the data of a presence channel's acknowledgement."""
    return json.dumps({"presence": {"ids": list(infos), "hash": infos, "count": len(infos)}})


def test_what_changed_in_a_room_while_away_follows_the_gap() -> None:
    """Who left, then who joined or changed, so that the events add up to the members (R5, protocol-notes 5.6)."""
    core = Core(shortcut=False)
    core.up()
    core.subscribe("presence-a")
    core.answer(None)
    core.acknowledge("presence-a", present(a=1, b=2, c=3))
    assert core.names() == ["pusher:subscription_succeeded"]
    core.receive(frame("pusher_internal:member_updated", "presence-a", {"user_id": "a", "user_info": 4}))
    core.lose(4200)
    core.back()
    core.answer(None)
    before = len(core.outputs)
    core.acknowledge("presence-a", present(d=5, c=6, a=4))
    core.receive(frame("e", "presence-a", "1"))
    told = [output for output in core.outputs[before:] if isinstance(output, Deliver | GapFound)]
    assert isinstance(told[1], GapFound)
    events = [(output.event.name, output.event.data) for output in told if isinstance(output, Deliver)]
    assert events == [
        ("pusher:subscription_succeeded", {"d": 5, "c": 6, "a": 4}),
        ("pusher:member_removed", Member("b", 2)),
        ("pusher:member_added", Member("d", 5)),
        ("pusher:member_added", Member("c", 6)),
        ("e", 1),
    ]


MEMBERS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4)


@given(MEMBERS, st.lists(MEMBERS | st.tuples(st.sampled_from(["added", "updated", "removed"]), MEMBERS), max_size=8))
def test_member_events_add_up_to_the_members(
    first: dict[str, int], steps: list[dict[str, int] | tuple[str, dict[str, int]]]
) -> None:
    """Applying the changes to the first list gives the members, over every reconnect (R5, protocol-notes 5.6)."""
    core = Core()
    core.up()
    core.subscribe("presence-a")
    core.answer(None)
    core.acknowledge("presence-a", present(**first))
    followed, core.events = dict(first), []
    for step in steps:
        if isinstance(step, dict):
            core.lose(4200)
            core.back()
            core.answer(None)
            core.acknowledge("presence-a", present(**step))
        else:
            for name, info in step[1].items():
                data = {"user_id": name, "user_info": info}
                core.receive(frame(f"pusher_internal:member_{step[0]}", "presence-a", data))
        for event in core.events:
            if event.name == "pusher:member_removed":
                del followed[event.data.id]
            elif event.name in ("pusher:member_added", "pusher:member_updated"):
                assert (event.data.id in followed) or event.name == "pusher:member_added"
                followed[event.data.id] = event.data.info
        core.events = []
        events = core.connection.channel_events("presence-a")
        assert events is not None
        assert events.members is not None
        assert dict(events.members.mapping) == followed


@pytest.mark.parametrize(
    ("sender", "known"), [("u", "u"), (7, "7"), (None, None), (True, None), (["u"], None), ({"id": "u"}, None)]
)
def test_the_sender_of_a_client_event_is_known_on_presence_channels(sender: Any, known: str | None) -> None:
    """A string is kept, anything else means no user (design.md 2, R8)."""
    core = Core()
    core.up()
    core.subscribed("presence-a")
    core.receive(json.dumps({"event": "client-x", "channel": "presence-a", "data": "{}", "user_id": sender}))
    assert (core.events[-1].name, core.events[-1].user_id) == ("client-x", known)


@pytest.mark.parametrize("name", ["client-x", "order"])
def test_an_encrypted_event_has_no_sender(name: str) -> None:
    """The server's word for who sent it is not authenticated (design.md 3.1, C1)."""
    core = Core()
    core.up()
    core.subscribed()
    text = {"event": name, "channel": CHANNEL, "data": sealed(OLD, "1"), "user_id": "forged"}
    core.receive(json.dumps(text))
    core.receive(json.dumps({**text, "data": "forged"}))
    assert [(event.name, event.user_id) for event in core.events[1:]] == [
        (name, None),
        ("pusher:decryption_failure", None),
    ]
    assert core.events[1].data == 1


@pytest.mark.parametrize("name", MARKERS)
def test_markers_are_never_accepted_from_a_server(name: str) -> None:
    """A frame under one of the library's own names is dropped, with a channel or without (design.md 2)."""
    core = Core()
    core.up()
    core.subscribed("orders")
    core.events.clear()
    core.receive(frame(name, "orders", "x"))
    core.receive(frame(name))
    assert core.events == []


def test_hostile_frames_change_nothing() -> None:
    """Broken text and binary frames are counted, and the link stays up (R7, R8)."""
    core = Core()
    core.up()
    for text in ("", "[]", "{" * 100_000, '{"event":null}'):
        core.receive(text)
    core.connection.receive_binary(core.now)
    core.drain()
    assert core.connection.ignored_frames == 5
    assert core.connection.state is ConnectionState.CONNECTED


def test_errors_inside_the_link_close_nothing() -> None:
    """A pusher:error is reported and affects nothing, in whatever shape (R2)."""
    core = Core()
    core.up()
    for data in ({"code": 4200, "message": "a"}, '{"code":"4301","message":"b"}', "c", None, {"code": None}):
        core.receive(frame("pusher:error", data=data))
    told = [output.error for output in core.outputs if isinstance(output, ErrorRaised)]
    assert told == [
        ServerError(4200, "a"),
        ServerError(4301, "b"),
        ServerError(None, "c"),
        ServerError(None, ""),
        ServerError(None, ""),
    ]
    assert core.connection.state is ConnectionState.CONNECTED


def test_one_gap_for_a_hole_however_many_reconnects() -> None:
    """The gap follows the acknowledgement; there is none after the caller's own unsubscribe (R5)."""
    core = Core()
    core.up()
    core.subscribed("orders")
    core.wait(5.0)
    core.receive(frame("pusher:pong"))
    core.wait(1.0)
    core.lose()
    lost = core.now
    core.back()
    core.lose()
    core.back()
    core.acknowledge("orders")
    gaps = [output for output in core.outputs if isinstance(output, GapFound)]
    assert gaps == [GapFound("orders", lost - 1.0, lost, core.now)]
    core.connection.unsubscribe("orders", core.now)
    core.subscribed("orders")
    assert len([output for output in core.outputs if isinstance(output, GapFound)]) == 1


def test_every_frame_is_signed_for_its_socket() -> None:
    """After a drop an answer for the old socket id is ignored, and the new one is asked for (R3)."""
    core = Core()
    core.up()
    core.subscribe()
    late = core.requests()[-1]
    core.lose(4200)
    assert Cancel(late.request_id) in core.outputs
    core.wait(0.0)
    core.up()
    core.answer(OLD, late)
    assert not any(one["event"] == "pusher:subscribe" for one in core.sent)
    core.answer(OLD)
    assert [one["data"]["auth"] for one in core.sent if one["event"] == "pusher:subscribe"] == ["key:1.2"]


def test_a_late_acknowledgement_is_not_taken_for_the_next() -> None:
    """Subscribe, unsubscribe, subscribe: the first answer belongs to the first frame (R3, R4)."""
    core = Core()
    core.up()
    core.subscribe("orders")
    core.connection.unsubscribe("orders", core.now)
    core.drain()
    core.subscribe("orders")
    core.acknowledge("orders")
    core.receive(frame("old", "orders", "x"))
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    core.acknowledge("orders")
    core.receive(frame("new", "orders", "x"))
    assert core.names() == ["pusher:subscription_succeeded", "new"]
    frames = [one["event"] for one in core.sent]
    assert frames == ["pusher:subscribe", "pusher:unsubscribe", "pusher:subscribe"]


def test_a_server_that_answers_only_once_is_asked_again() -> None:
    """Where no second answer comes within a second, the subscription is tried anew (R3)."""
    core = Core()
    core.up()
    core.subscribe("orders")
    core.connection.unsubscribe("orders", core.now)
    core.subscribe("orders")
    core.acknowledge("orders")
    core.wait(5.0)
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


def test_nothing_of_an_ended_subscription_is_delivered() -> None:
    """Events that were on their way when the caller unsubscribed are dropped and counted (R3, R5)."""
    core = Core(shortcut=False)
    core.up()
    core.subscribed("orders")
    core.subscribed("others")
    core.events.clear()
    for name in ("orders", "others"):
        core.connection.receive_text(frame("a", name, "x"), core.now)
    core.connection.unsubscribe("orders", core.now)
    core.drain()
    assert [event.channel for event in core.events] == ["others"]
    assert core.counts["orders"].snapshot().dropped == 1
    core.connection.unsubscribe("orders", core.now)


def test_subscribing_needs_a_connection_and_a_name() -> None:
    """Outside of connect and disconnect it is refused; a bad name always (design.md 2)."""
    core = Core()
    with pytest.raises(NotConnectedError):
        core.connection.subscribe("orders", 1, EventCounts(), core.now)
    with pytest.raises(ValueError, match="channel name"):
        core.connection.subscribe("a b", 1, EventCounts(), core.now)
    with pytest.raises(ValueError, match="channel_name_limit"):
        core.connection.subscribe("a" * 165, 1, EventCounts(), core.now)
    patient = Core(channel_name_limit=165)
    patient.up()
    patient.subscribed("a" * 165)
    with pytest.raises(ValueError, match="at most 165"):
        patient.connection.subscribe("a" * 166, 1, EventCounts(), patient.now)


def test_client_events_are_sent() -> None:
    """A subscribed private channel sends them; nothing is sent without a link (design.md 2)."""
    core = Core()
    with pytest.raises(NotConnectedError):
        core.connection.trigger("private-a", "client-x", 1, core.now)
    core.up()
    core.subscribed("private-a")
    sent = core.connection.trigger("private-a", "client-x", {"b": 1}, core.now)
    assert json.loads(sent) == {"event": "client-x", "channel": "private-a", "data": {"b": 1}}


def test_no_secret_is_sent() -> None:
    """The shared secret is in no frame, and not in an authorization's repr (C3)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    core.answer(NEW)
    everything = "".join(core.texts) + repr(core.outputs)
    assert "111111" not in everything
    assert "222222" not in everything


def test_at_most_eight_requests_run() -> None:
    """Refreshes included; those that wait start as others end, and none is lost over a drop (R3)."""
    core = Core()
    core.up()
    names = [f"private-encrypted-{number}" for number in range(20)]
    for name in names:
        core.subscribe(name)
    assert len(core.requests()) == 8
    core.lose(4200)
    core.wait(0.0)
    core.up()
    running = core.requests()[8:]
    assert len(running) == 8
    done: set[str] = set()
    while running:
        asked = running.pop(0)
        before = len(core.requests())
        core.answer(OLD, asked)
        core.acknowledge(asked.channel)
        done.add(asked.channel)
        running += core.requests()[before:]
        assert len(running) <= 8
    assert done == set(names)


def test_a_fatal_close_ends_everything() -> None:
    """Calls fail, held events are settled, streams end with the error, nothing is wanted (R2, design.md 3.8)."""
    core = Core()
    core.up()
    core.subscribed()
    call = core.subscribe("private-b")
    core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    core.lose(4001)
    assert core.connection.state is ConnectionState.FAILED
    failed = next(output.error for output in core.outputs if isinstance(output, ConnectFailed))
    assert Result(call, failed) in core.outputs
    assert SubscriptionEnded(CHANNEL, failed) in core.outputs
    assert core.failures() == ["authorization_failed"]
    assert not core.connection.wanted(CHANNEL)
    assert not core.connection.active


@given(st.lists(st.sampled_from(["old", "new", "unknown", "plain", "answer", "lose", "count", "wait"]), max_size=25))
@settings(max_examples=examples(150))
def test_the_short_cut_changes_nothing(steps: list[str]) -> None:
    """With and without it the same events come out in the same order (design.md 5)."""
    transcripts = []
    seals = {"old": sealed(OLD, "1"), "new": sealed(NEW, "2"), "unknown": sealed(UNKNOWN, "3"), "plain": "{}"}
    for shortcut in (True, False):
        core = Core(shortcut=shortcut)
        core.up()
        core.subscribed()
        for step in steps:
            if step in seals:
                core.receive(frame(step, CHANNEL, seals[step]))
            elif step == "answer":
                core.answer(NEW)
            elif step == "count":
                core.receive(frame("pusher_internal:subscription_count", CHANNEL, '{"subscription_count":1}'))
            elif step == "wait":
                core.wait(4.0)
            else:
                core.lose()
                core.back()
                core.answer(NEW)
                core.acknowledge()
        transcripts.append((core.events, core.texts, core.counts[CHANNEL].snapshot()))
    assert transcripts[0] == transcripts[1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["subscribe", "unsubscribe", "lose", "answer", "refuse", "ack", "wait", "event", "4009", "null"]
            ),
            st.sampled_from(["orders", "private-a", CHANNEL]),
            st.integers(0, 40),
        ),
        max_size=40,
    )
)
@settings(max_examples=examples(200))
def test_desired_is_actual_in_the_end(steps: list[tuple[str, str, int]]) -> None:
    """Whatever happened, a patient server ends with the wanted set, signed for its socket (R3, R5)."""
    core = Core(subscribe_timeout=20.0)
    core.up()
    wanted: set[str] = set()
    for step, channel, number in steps:
        if step == "subscribe" and core.connection.active:
            core.subscribe(channel)
        elif step == "unsubscribe":
            core.connection.unsubscribe(channel, core.now)
            core.drain()
        elif step == "lose":
            core.lose()
            core.back()
        elif step in ("answer", "refuse") and core.requests():
            asked = core.requests()[-1 - number % len(core.requests())]
            if step == "answer":
                core.answer(OLD if number % 2 else NEW, asked)
            else:
                error = AuthorizationError(asked.channel, status=503)
                core.connection.authorization_failed(
                    asked.request_id, error, retryable=True, retry_after=None, now=core.now
                )
                core.drain()
        elif step == "ack":
            core.acknowledge(channel)
        elif step == "wait":
            core.wait(number)
        elif step == "event":
            core.receive(frame("e", channel, sealed(NEW, "x")))
        else:
            code = 4009 if step == "4009" else None
            core.receive(frame("pusher:error", channel if number % 2 else None, {"code": code, "message": "x"}))
        due = core.connection.deadline()
        core.connection.handle_deadline(core.now)
        core.drain()
        due = core.connection.deadline()
        assert due is None or due > core.now
        for counts in core.counts.values():
            assert counts.received == counts.delivered + counts.undecryptable + counts.dropped + counts.waiting
    wanted = {name for name in ("orders", "private-a", CHANNEL) if core.connection.wanted(name)}
    core.lose()
    core.back()
    start = len(core.sent)
    for _ in range(3):
        for asked in core.requests()[-3:]:
            core.answer(OLD, asked)
    for name in wanted:
        core.acknowledge(name)
    still = {name for name in wanted if core.connection.wanted(name)}
    assert all(core.connection.subscription_state(name) is SubscriptionState.SUBSCRIBED for name in still)
    for one in core.sent[start:]:
        auth = one["data"].get("auth")
        assert auth is None or auth == f"key:{core.connection.socket_id}"


def test_calls_without_a_result_have_an_error_that_says_why() -> None:
    """subscribe_timeout bounds a call, and the error repeats the last cause (design.md 2, R6)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    call = core.subscribe()
    asked = core.requests()[-1]
    error = AuthorizationError(CHANNEL, "busy", status=503)
    core.connection.authorization_failed(asked.request_id, error, retryable=True, retry_after=60.0, now=core.now)
    core.drain()
    core.wait(30.0)
    result = next(output for output in core.outputs if isinstance(output, Result) and output.call_id == call)
    assert isinstance(result.error, SubscriptionError)
    assert "busy" in str(result.error)
    assert not core.connection.wanted(CHANNEL)
    assert all(isinstance(request, Authorize) for request in core.requests())


def test_a_pong_that_is_an_event_leaves_no_late_deadline() -> None:
    """Whatever the pong was, the next silence is noticed in time, also with a long pong timeout (R1)."""
    core = Core(activity_timeout=10.0, pong_timeout=30.0, subscribe_timeout=5.0)
    core.up()
    core.subscribed("orders")
    core.wait(10.1)
    assert core.sent[-1]["event"] == "pusher:ping"
    core.receive(frame("a", "orders", "1"))
    last = core.now
    core.until(CloseWebSocket)
    assert core.now - last <= 10.0 + 30.0


def test_a_planned_probe_stands_among_the_deadlines() -> None:
    """The failure that plans it leaves by the ordinary way, so that a driver sets its timer (design.md 3.7)."""
    core = Core(key_rotation=KeyRotationPolicy(fruitless_limit=1, max_delay=1.0))
    core.up()
    core.subscribed()
    core.receive(frame("a", CHANNEL, sealed(UNKNOWN, "x")))
    core.answer(OLD)
    assert core.connection.receive_text(frame("b", CHANNEL, sealed(UNKNOWN, "x")), core.now) is None
    core.drain()
    due = core.connection.deadline()
    assert due is not None
    assert due <= core.now + 1.0


def test_a_server_that_was_silent_once_does_not_cost_the_next_subscription() -> None:
    """An answer that is owed for long is not waited for (R3, design.md 2)."""
    core = Core(subscribe_timeout=1.0)
    core.up()
    core.subscribe("orders")
    core.wait(1.0)
    for _ in range(3):
        core.wait(2.0)
        call = core.subscribe("orders")
        core.acknowledge("orders")
        core.receive(frame("a", "orders", "x"))
        assert Result(call, None) in core.outputs
        core.connection.unsubscribe("orders", core.now)
    assert core.names().count("a") == 3


def test_a_channel_that_failed_starts_without_a_gap() -> None:
    """Its streams have raised; what the caller subscribes anew has no past (R5)."""
    core = Core()
    core.up()
    core.subscribed("orders")
    core.lose(4200)
    core.back()
    core.receive(frame("pusher:subscription_error", "orders", {"status": 401, "error": "no"}))
    core.connection.unsubscribe("orders", core.now)
    core.subscribed("orders")
    assert not any(isinstance(output, GapFound) for output in core.outputs)


def test_a_refresh_that_never_had_its_turn_counts_for_nothing() -> None:
    """Eight hung requests ahead of it say nothing of what the endpoint would have answered (design.md 3.7)."""
    core = Core(
        authorization_timeout=60.0,
        key_rotation=KeyRotationPolicy(fruitless_limit=1, timeout=10.0),
        subscribe_timeout=90,
    )
    core.up()
    core.subscribed()
    for number in range(8):
        core.subscribe(f"private-{number}")
    core.receive(frame("a", CHANNEL, sealed(NEW, "x")))
    core.wait(10.0)
    assert core.failures() == ["authorization_failed"]
    core.receive(frame("b", CHANNEL, sealed(NEW, "x")))
    assert core.counts[CHANNEL].snapshot().waiting == 1


def test_a_gap_that_was_not_told_yet_goes_with_the_subscription() -> None:
    """After unsubscribe no marker of the old subscription is delivered either (design.md 2)."""
    core = Core()
    core.up()
    core.subscribed("orders")
    core.lose(4200)
    core.back()
    core.connection.receive_text(frame("pusher_internal:subscription_succeeded", "orders", "{}"), core.now)
    core.connection.unsubscribe("orders", core.now)
    core.drain()
    assert not any(isinstance(output, GapFound) for output in core.outputs)
    assert core.names() == ["pusher:subscription_succeeded"]


def test_what_was_not_sent_goes_with_its_link() -> None:
    """A frame that was signed for one socket never travels on another, however the inputs follow each other (R3)."""
    core = Core()
    core.up()
    core.subscribe("private-orders")
    asked = core.requests()[-1]
    core.connection.authorized(asked.request_id, ChannelAuthorization("key:1.1"), core.now)
    core.connection.websocket_closed(None, "", core.now)
    assert core.connection.text_to_send() == []


def asked(core: Core) -> None:
    """An authorization is pending."""
    core.subscribe("private-a")


def refused_for_now(core: Core) -> None:
    """An authorization is to be requested again."""
    core.subscribe("private-a")
    request = core.requests()[-1].request_id
    error = AuthorizationError("private-a", "busy", status=503)
    core.connection.authorization_failed(request, error, retryable=True, retry_after=5.0, now=core.now)
    core.drain()


def signing_in(core: Core) -> None:
    """The authentication of the user is pending."""
    core.connection.start_sign_in(77, core.now)
    core.drain()


@pytest.mark.parametrize("prepare", [asked, refused_for_now, signing_in])
def test_a_close_with_4009_while_an_authorization_is_pending_is_a_lost_link(prepare: Any) -> None:
    """Servers close a link on which nothing was authorized in time; it returns with the slow backoff (R2)."""
    core = Core()
    core.up()
    prepare(core)
    before = core.now
    core.lose(4009)
    assert core.connection.state is ConnectionState.CONNECTING
    core.until(OpenWebSocket)
    assert core.now >= before + 1.0


def test_a_close_with_4009_is_final_when_nothing_is_to_be_authorized() -> None:
    """Then the server refuses this client (R2)."""
    core = Core()
    core.up()
    core.subscribed("private-a", None)
    core.lose(4009)
    assert core.connection.state is ConnectionState.FAILED
