"""Whom an error inside the link concerns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pusher_client.events import ConnectionState, Event, ServerError, SubscriptionState
from pusher_client.exceptions import AuthorizationError, SubscriptionError
from pusher_client.protocol.outputs import Deliver, ErrorRaised, Result
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, Core, frame, sealed

REJECTED = {"code": 4301, "message": "The client event was rejected"}
PRIVATE, PRESENCE = "private-a", "presence-b"


def talking() -> Core:
    """Return a core with a private, a presence, a public and an encrypted channel."""
    core = Core()
    core.up()
    for name in (PRIVATE, PRESENCE, "orders", CHANNEL):
        core.subscribed(name)
    core.events.clear()
    return core


def trigger(core: Core, channel: str) -> None:
    """Send a client event."""
    core.connection.trigger(channel, "client-a", None, core.now)
    core.drain()


def rejected(core: Core, channel: str | None = None, data: Any = None) -> list[Event]:
    """Receive the refusal of a client event; return what reached a channel."""
    before = len(core.events)
    told = core.receive(frame("pusher:error", channel, data if data is not None else REJECTED))
    assert isinstance(told[0], ErrorRaised)
    assert core.connection.state is ConnectionState.CONNECTED
    return core.events[before:]


@pytest.mark.parametrize("data", [REJECTED, json.dumps(REJECTED), {**REJECTED, "code": "4301"}])
@pytest.mark.parametrize("named", [PRIVATE, None])
def test_a_rejected_client_event_is_told_on_its_channel(named: str | None, data: Any) -> None:
    """As pusher:error with the server's error, besides the connection's own event, in no count (protocol-notes 12)."""
    core = talking()
    trigger(core, PRIVATE)
    expected = ServerError(4301, "The client event was rejected")
    assert rejected(core, named, data) == [Event("pusher:error", PRIVATE, expected)]
    assert ErrorRaised(expected) in core.outputs
    assert core.counts[PRIVATE].snapshot().received == 0
    assert core.connection.subscription_state(PRIVATE) is SubscriptionState.SUBSCRIBED


def test_it_stands_in_its_place() -> None:
    """Between the events before and after it (R4)."""
    core = talking()
    trigger(core, PRIVATE)
    core.receive(frame("a", PRIVATE, "1"))
    rejected(core)
    core.receive(frame("b", PRIVATE, "1"))
    assert core.names() == ["a", "pusher:error", "b"]


def test_a_named_channel_is_the_one_that_is_meant() -> None:
    """Whatever else was sent, also when nothing was; a channel that is not subscribed gets nothing (R7)."""
    core = talking()
    trigger(core, PRIVATE)
    assert [event.channel for event in rejected(core, PRESENCE)] == [PRESENCE]
    assert [event.channel for event in rejected(core, "orders")] == ["orders"]
    assert rejected(core, "private-unknown") == []
    core.subscribe("private-c")
    assert rejected(core, "private-c") == []


@pytest.mark.parametrize("sent", [(), (PRIVATE, PRESENCE), (PRIVATE, PRESENCE, PRIVATE)])
def test_without_a_name_it_is_told_only_where_it_is_certain(sent: tuple[str, ...]) -> None:
    """Where nothing was sent, or to more than one channel, only the connection gets the error (protocol-notes 12)."""
    core = talking()
    for name in sent:
        trigger(core, name)
    assert rejected(core) == []


@pytest.mark.parametrize(("seconds", "told"), [(5.0, True), (5.001, False)])
def test_what_was_sent_long_ago_is_not_meant(seconds: float, *, told: bool) -> None:
    """Five seconds are long for an answer (protocol-notes 12)."""
    core = talking()
    trigger(core, PRIVATE)
    core.wait(seconds)
    assert bool(rejected(core)) is told


def test_what_was_sent_on_an_earlier_link_is_not_meant() -> None:
    """An error is about its own link (protocol-notes 12)."""
    core = talking()
    trigger(core, PRIVATE)
    core.lose(4200)
    core.back()
    for request in core.requests()[-3:]:
        core.answer(None, request)
    core.acknowledge(PRIVATE)
    assert core.connection.subscription_state(PRIVATE) is SubscriptionState.SUBSCRIBED
    assert rejected(core) == []


@pytest.mark.parametrize("waited", [0.0, 1.0])
def test_nobody_hears_of_it_after_unsubscribing(waited: float) -> None:
    """Not even what was on its way (R4, design.md 2)."""
    core = talking()
    trigger(core, PRIVATE)
    if not waited:
        core.connection.receive_text(frame("pusher:error", None, REJECTED), core.now)
    core.connection.unsubscribe(PRIVATE, core.now)
    core.wait(waited)
    core.drain()
    if waited:
        rejected(core)
    assert core.events == []
    assert not any(isinstance(output, Deliver) and output.event.name == "pusher:error" for output in core.outputs)


@pytest.mark.parametrize("event", ["pusher:error", "pusher_internal:error"])
@pytest.mark.parametrize("code", [4301, 4009, 4200, None])
def test_an_encrypted_channel_never_hears_of_it(event: str, code: int | None) -> None:
    """Its protocol events are four, and this is none of them (C1, design.md 3.1)."""
    core = talking()
    trigger(core, PRIVATE)
    core.receive(frame(event, CHANNEL, {"code": code, "message": "forged"}))
    assert core.events == []
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.SUBSCRIBED


@pytest.mark.parametrize(
    ("named", "code"),
    [(PRIVATE, code) for code in (4009, 4100, 4200, 4300, 4302, 1, None)]
    + [(None, code) for code in (4100, 4300, 4302, 1, None)],
)
def test_other_errors_are_no_channels_events(named: str | None, code: int | None) -> None:
    """Only the connection reports them, and subscriptions are kept (R2, R7)."""
    core = talking()
    trigger(core, PRIVATE)
    assert rejected(core, named, {"code": code, "message": "x"}) == []
    core.wait(2.0)
    assert core.connection.subscription_state(PRIVATE) is SubscriptionState.SUBSCRIBED


def pending() -> Core:
    """Return a core whose subscriptions wait: an encrypted, a private and a public one."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribe(CHANNEL)
    core.answer()
    core.subscribe(PRIVATE)
    core.answer(None)
    core.subscribe("orders")
    return core


def retried(core: Core) -> set[str]:
    """Return the channels that were given back to the server."""
    return {one["data"]["channel"] for one in core.sent if one["event"] == "pusher:unsubscribe"}


SIGNATURE = "0123456789abcdef" * 4
SAID = {"code": None, "message": f"Invalid signature:\n got {SIGNATURE}"}


@pytest.mark.parametrize(
    "data",
    [
        *(SAID, json.dumps(SAID), {"message": "x"}, "words", "", None, []),
        *({"code": True}, {"code": "x"}, {"code": 4009.5}, {"code": "1" * 5000}),
    ],
)
def test_an_error_without_code_and_channel_makes_what_is_authorized_doubtful(data: Any) -> None:
    """One second more, then another attempt; a public channel has no signature to refuse (protocol-notes 5.4)."""
    core = pending()
    core.receive(frame("pusher:error", None, data))
    core.wait(0.999)
    assert retried(core) == set()
    core.wait(0.001)
    assert retried(core) == {CHANNEL, PRIVATE}
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    assert core.connection.wanted(CHANNEL)


def test_what_is_acknowledged_within_the_second_was_not_meant() -> None:
    """It stays subscribed (R7)."""
    core = pending()
    core.receive(frame("pusher:error", None, SAID))
    core.acknowledge(PRIVATE)
    core.wait(5.0)
    assert retried(core) == {CHANNEL}
    assert core.connection.subscription_state(PRIVATE) is SubscriptionState.SUBSCRIBED


@pytest.mark.parametrize("named", [CHANNEL, PRIVATE, "orders"])
def test_an_error_without_code_that_names_a_channel_concerns_that_alone(named: str) -> None:
    """A public one as well (R7)."""
    core = pending()
    core.receive(frame("pusher:error", named, SAID))
    core.receive(frame("pusher:error", "private-unknown", SAID))
    assert retried(core) == {named}
    core.wait(0.4)
    assert core.connection.wanted(named)


@pytest.mark.parametrize(
    ("data", "words", "final"),
    [
        ({"type": "ServerError", "error": "too large", "code": 4302}, "too large (4302)", True),
        ({"message": "not you", "code": 4009}, "not you", True),
        ({"message": "gone", "code": 4001}, "gone (4001)", True),
        ({"message": "busy", "code": 4100}, "busy (4100)", False),
        ({"message": "again", "code": "4200"}, "again (4200)", False),
        ("plain words", "plain words", False),
        ('"quoted words"', "quoted words", False),
        (None, "without a reason", False),
    ],
)
@pytest.mark.parametrize("channel", [CHANNEL, PRIVATE, "orders", "presence-a"])
def test_an_error_settles_the_pending_subscription_that_it_names_at_once(
    channel: str, data: Any, words: str, *, final: bool
) -> None:
    """Its words are in the exception; a code that does not pass ends a first subscription (R3, R7)."""
    core = Core(subscribe_timeout=5.0)
    core.up()
    call = core.subscribe(channel)
    if channel != "orders":
        core.answer(OLD if channel == CHANNEL else None)
    core.receive(frame("pusher:error", channel, data))
    assert core.names() == ["pusher:subscription_error"]
    assert (core.connection.subscription_state(channel) is SubscriptionState.FAILED) is final
    core.wait(0.0 if final else 5.0)
    error = next(output.error for output in core.outputs if isinstance(output, Result) and output.call_id == call)
    assert words in str(error)


def test_an_error_that_names_a_channel_is_retried_after_a_lost_link() -> None:
    """For a channel that was subscribed before, no such error is final (R3)."""
    core = Core()
    core.up()
    core.subscribed("orders", None)
    core.lose()
    core.back()
    core.receive(frame("pusher:error", "orders", {"code": 4302, "message": "x"}))
    assert core.connection.subscription_state("orders") is SubscriptionState.AUTHORIZING
    core.wait(1.0)
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING


def test_an_error_that_names_a_channel_may_answer_a_subscription_that_was_given_up() -> None:
    """Then the answers are still owed, and the current one gets one second more (protocol-notes 5.5)."""
    core = Core()
    core.up()
    core.subscribe("orders")
    core.connection.unsubscribe("orders", core.now)
    core.subscribe("orders")
    core.receive(frame("pusher:error", "orders", {"code": 4302, "message": "x"}))
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    core.wait(2.0)
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"code": 4100, "message": "over quota"}, "over quota (4100)"),
        ({"code": 4200, "message": "Invalid message format"}, "Invalid message format (4200)"),
        ('{"code":4301,"error":"not here"}', "not here (4301)"),
        ({"code": None, "message": "Invalid signature"}, "Invalid signature"),
        ("words alone", "words alone"),
        ({"code": 4999}, "(4999)"),
    ],
)
def test_an_error_without_a_channel_is_quoted_when_a_subscription_times_out(data: Any, words: str) -> None:
    """The caller of subscribe() learns what the server said meanwhile (R3)."""
    core = Core(subscribe_timeout=0.8)
    core.up()
    call = core.subscribe(PRIVATE)
    core.answer(None)
    core.receive(frame("pusher:error", None, data))
    core.wait(0.8)
    error = next(output.error for output in core.outputs if isinstance(output, Result) and output.call_id == call)
    assert f"not subscribed within 0.8 s; the last error was: {words}" in str(error)


@pytest.mark.parametrize("code", [4200, 4009])
def test_reverbs_errors_for_a_client_event_are_the_channels_when_nothing_else_can_be_meant(code: int) -> None:
    """Data that is not an object, and a client event of a non-member (protocol-notes 12)."""
    core = talking()
    trigger(core, PRIVATE)
    assert [event.channel for event in rejected(core, None, {"code": code, "message": "x"})] == [PRIVATE]
    core.subscribe("fresh")
    trigger(core, PRIVATE)
    assert rejected(core, None, {"code": code, "message": "x"}) == []


@pytest.mark.parametrize(
    ("channel", "sent"),
    [
        ("cache-a", {"event": "e", "data": '{"n":1}'}),
        ("cache-a", {"event": "e", "data": {"n": 1}, "channel": "cache-a"}),
        ("private-cache-a", {"event": "e", "data": '{"n":1}', "channel": None}),
    ],
)
def test_a_cache_miss_with_data_is_the_cached_event(channel: str, sent: dict[str, Any]) -> None:
    """As soketi up to 1.6.0 sends it, as text or as an object (protocol-notes 5.7)."""
    for data in (sent, json.dumps(sent)):
        core = Core()
        core.up()
        core.subscribed(channel, None)
        core.receive(frame("pusher:cache_miss", channel, data))
        assert (core.events[-1].name, core.events[-1].data) == ("e", {"n": 1})
        assert core.counts[channel].received == 1


@pytest.mark.parametrize(
    "data",
    [
        *(None, "{}", "words", [], {"event": 5}, {"event": "pusher:gap"}),
        *({"event": "pusher_internal:x", "data": "1"}, {"event": "e", "channel": "cache-b", "data": "1"}),
    ],
)
def test_any_other_data_of_a_cache_miss_is_ignored(data: Any) -> None:
    """A cache miss stays one (R8)."""
    core = Core()
    core.up()
    core.subscribed("cache-a", None)
    core.receive(frame("pusher:cache_miss", "cache-a", data))
    assert (core.events[-1].name, core.events[-1].data) == ("pusher:cache_miss", None)


def test_a_cached_event_on_an_encrypted_channel_must_open() -> None:
    """In either form it is an event like any other (C1)."""
    channel = "private-encrypted-cache-a"
    core = Core()
    core.up()
    core.subscribed(channel)
    core.receive(frame("e", None, sealed(OLD, "1")))
    core.receive(frame("pusher:cache_miss", channel, {"event": "e", "data": sealed(OLD, "2")}))
    core.receive(frame("pusher:cache_miss", channel, {"event": "e", "data": "forged"}))
    assert [event.data for event in core.events[1:3]] == [1, 2]
    assert core.names()[3:] == ["pusher:decryption_failure"]
    core.receive(frame("pusher:cache_miss", channel, {"event": "e", "data": sealed(NEW, "3")}))
    assert core.counts[channel].waiting == 1
    core.answer(NEW)
    assert core.events[-1].data == 3


def test_a_cached_event_without_a_channel_goes_to_the_one_just_acknowledged() -> None:
    """Once, as Sockudo sends it; what cannot be certain is counted (protocol-notes 5.7)."""
    core = Core()
    core.up()
    core.subscribed("cache-a", None)
    core.receive(frame("e", None, "1"))
    assert (core.events[-1].name, core.events[-1].channel, core.events[-1].data) == ("e", "cache-a", 1)
    core.receive(frame("e", None, "1"))
    assert core.connection.ignored_frames == 1


def late(core: Core) -> None:
    """The acknowledgement is long ago."""
    core.subscribed("cache-a", None)
    core.wait(1.5)


def ambiguous(core: Core) -> None:
    """Two cache channels are acknowledged at once."""
    core.subscribed("cache-a", None)
    core.subscribed("cache-b", None)


def missed(core: Core) -> None:
    """Nothing is cached."""
    core.subscribed("cache-a", None)
    core.receive(frame("pusher:cache_miss", "cache-a"))


def gone(core: Core) -> None:
    """The channel is unsubscribed."""
    core.subscribed("cache-a", None)
    core.connection.unsubscribe("cache-a", core.now)


def ordinary(core: Core) -> None:
    """The channel has no cache."""
    core.subscribed("orders", None)


@pytest.mark.parametrize("prepare", [late, ambiguous, missed, gone, ordinary])
def test_a_cached_event_without_a_certain_channel_is_counted(prepare: Any) -> None:
    """It is not delivered (R7)."""
    core = Core()
    core.up()
    prepare(core)
    core.receive(frame("e", None, "1"))
    assert "e" not in core.names()
    assert core.connection.ignored_frames == 1


@pytest.mark.parametrize("code", [4200, 4301, 4100, 4008, 401, 0, -1])
def test_errors_with_other_codes_cost_no_subscription(code: int) -> None:
    """They go to those who listen to the connection, pending subscriptions or not (R7)."""
    core = pending()
    core.receive(frame("pusher:error", None, {"code": code, "message": "x"}))
    core.wait(20.0)
    assert retried(core) == set()
    assert core.events == []


def test_a_signature_that_is_refused_again_and_again_is_raised_in_the_servers_words() -> None:
    """With growing delays until subscribe_timeout; the words are cleaned, and no signature is in them (C3, R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    call = core.subscribe(PRIVATE)
    asked = 0
    for _ in range(301):
        if len(core.requests()) > asked:
            asked = len(core.requests())
            core.answer(None)
            core.receive(frame("pusher:error", None, SAID))
        core.wait(0.1)
    error = next(output.error for output in core.outputs if isinstance(output, Result) and output.call_id == call)
    assert isinstance(error, SubscriptionError)
    assert not isinstance(error, AuthorizationError)
    assert "Invalid signature:  got …" in str(error)
    assert SIGNATURE not in str(error)
    assert 3 <= asked <= 8
    assert core.connection.subscription_state(PRIVATE) is SubscriptionState.UNSUBSCRIBED
    assert not core.connection.wanted(PRIVATE)


def test_the_servers_words_are_raised_even_if_there_was_one_attempt() -> None:
    """When subscribe_timeout ends before the attempt is abandoned (protocol-notes 5.4)."""
    core = Core(subscribe_timeout=0.5)
    core.up()
    call = core.subscribe(PRIVATE)
    core.answer(None)
    core.receive(frame("pusher:error", None, SAID))
    core.wait(0.5)
    error = next(output.error for output in core.outputs if isinstance(output, Result) and output.call_id == call)
    assert "Invalid signature:  got …" in str(error)


def test_a_refusal_by_code_weighs_more_than_one_without() -> None:
    """4009 is final for a first subscription, whatever else was said (protocol-notes 5.4)."""
    core = pending()
    core.receive(frame("pusher:error", None, {"code": 4009, "message": "no"}))
    core.receive(frame("pusher:error", None, SAID))
    core.wait(1.0)
    assert core.connection.subscription_state(PRIVATE) is SubscriptionState.FAILED
