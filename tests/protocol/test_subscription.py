"""One channel: authorized, subscribed, refused, tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pusher_client.events import SubscriptionState
from pusher_client.exceptions import AuthorizationError, SubscriptionError
from pusher_client.protocol.outputs import (
    Authorize,
    Cancel,
    GapFound,
    Purpose,
    Result,
    SubscriptionEnded,
    SubscriptionRetried,
)
from pusher_client.protocol.reconnect import ReconnectPolicy
from pusher_client.protocol.signatures import ChannelAuthorization
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, Core, frame, sealed


def refuse(core: Core, status: int | None, *, retryable: bool = False, retry_after: float | None = None) -> None:
    """Refuse the latest authorization request."""
    request = core.requests()[-1]
    error = AuthorizationError(request.channel, status=status)
    core.connection.authorization_failed(
        request.request_id, error, retryable=retryable, retry_after=retry_after, now=core.now
    )
    core.drain()


def result(core: Core, call: int) -> Any:
    """Return the error of a call's result, None for success; fails when there is no result."""
    return next(output.error for output in core.outputs if isinstance(output, Result) and output.call_id == call)


def test_twice_is_harmless() -> None:
    """Further calls share the subscription, and succeed at once when there is one (design.md 2)."""
    core = Core()
    core.up()
    calls = [core.subscribe(), core.subscribe()]
    core.answer()
    core.acknowledge()
    calls.append(core.subscribe())
    assert [result(core, call) for call in calls] == [None, None, None]
    assert len(core.sent) == 1


@pytest.mark.parametrize("status", [401, 403, 302, 404, None])
def test_a_first_refusal_is_final(status: int | None) -> None:
    """What is not worth another try is raised with its status, and a new call tries anew (R3)."""
    core = Core()
    core.up()
    call = core.subscribe()
    refuse(core, status)
    assert result(core, call).status == status
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.FAILED
    (told,) = core.events
    assert (told.name, told.channel) == ("pusher:subscription_error", CHANNEL)
    assert told.data == {"type": "AuthError", "error": str(result(core, call)), "status": status}
    assert core.outputs[-1] == SubscriptionEnded(CHANNEL, result(core, call))
    again = core.subscribe()
    core.answer()
    core.acknowledge()
    assert result(core, again) is None


def test_what_may_mend_itself_is_tried_again() -> None:
    """Retry-After is honoured and capped, and an answer that never comes is a failure too (R3)."""
    core = Core(subscribe_timeout=1000.0)
    core.up()
    core.subscribe()
    refuse(core, 503, retryable=True, retry_after=7.0)
    assert core.wait(6.9) == []
    assert any(isinstance(output, Authorize) for output in core.wait(0.2))
    refuse(core, 429, retryable=True, retry_after=9999.0)
    assert any(isinstance(output, Authorize) for output in core.wait(60.0))
    core.wait(10.0)
    assert isinstance(core.outputs[-1], SubscriptionRetried)


def test_a_resubscription_gives_up_only_after_a_second_refusal() -> None:
    """401 and 403 are final at the second attempt, at least a second later; others never (R3)."""
    core = Core()
    core.up()
    core.subscribed()
    core.lose(4200)
    core.wait(0.0)
    core.up()
    assert core.requests()[-1].purpose is Purpose.RESUBSCRIBE
    refuse(core, 404)
    core.until(Authorize)
    refuse(core, 403)
    asked = len(core.requests())
    core.wait(0.9)
    assert len(core.requests()) == asked
    core.until(Authorize)
    refuse(core, 403)
    ended = [output for output in core.outputs if isinstance(output, SubscriptionEnded)]
    assert [type(output.error) for output in ended] == [AuthorizationError]
    assert core.names()[-1] == "pusher:subscription_error"
    core.lose()
    core.back()
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.FAILED
    core.connection.disconnect(core.now)


def test_an_answer_without_a_key_is_no_authorization() -> None:
    """An encrypted channel needs shared_secret: without it an error and no subscribe frame (design.md 3.2, C5)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.answer(None)
    assert "shared_secret" in str(result(core, call))
    assert core.sent == []


@pytest.mark.parametrize(("status", "final"), [(401, True), (403, True), (4009, True), (4301, False), (None, False)])
def test_a_server_refuses_the_first_subscription(status: int | None, *, final: bool) -> None:
    """401, 403 and 4009 are final and raised with their status, others are tried again (R3)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.answer()
    core.receive(frame("pusher:subscription_error", CHANNEL, {"type": "AuthError", "error": "no", "status": status}))
    assert core.names() == ["pusher:subscription_error"]
    if final:
        error = result(core, call)
        assert isinstance(error, AuthorizationError)
        assert error.status == status
    else:
        core.wait(5.0)
        core.answer()
        core.acknowledge()
        assert result(core, call) is None


def test_a_server_refuses_what_was_subscribed() -> None:
    """A subscribed channel is authorized anew, and the hole is marked (R3, R5)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("pusher:subscription_error", CHANNEL, {"type": "x", "error": "no", "status": 401}))
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.AUTHORIZING
    core.wait(5.0)
    core.answer()
    core.acknowledge()
    assert type(core.outputs[-1]).__name__ == "GapFound"
    core.receive(frame("pusher:subscription_error", "unknown", "x"))


def test_an_unnamed_refusal_is_that_of_what_is_pending() -> None:
    """After an unnamed 4009 an acknowledgement has one second to come (R3)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.subscribed("orders")
    core.answer(OLD, core.requests()[-1])
    core.receive(frame("pusher:error", data='{"code":4009,"message":"Connection not authorized"}'))
    core.wait(1.0)
    assert result(core, call).status == 4009
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


def test_an_unnamed_refusal_of_a_resubscription_is_tried_again() -> None:
    """It is authorized anew, with backoff (R3)."""
    core = Core()
    core.up()
    core.subscribed()
    core.lose(4200)
    core.wait(0.0)
    core.up()
    core.answer()
    core.receive(frame("pusher:error", data={"code": 4009}))
    core.wait(5.0)
    core.answer()
    core.acknowledge()
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.SUBSCRIBED


def test_a_resubscription_that_is_not_acknowledged_is_tried_again() -> None:
    """Every subscribe frame has a deadline, with or without a caller (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribed("orders")
    core.lose(4200)
    core.wait(0.0)
    core.up()
    core.wait(35.0)
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED
    assert [one["event"] for one in core.sent][-3:] == ["pusher:subscribe", "pusher:unsubscribe", "pusher:subscribe"]


def test_unsubscribing_ends_pending_calls() -> None:
    """A pending call raises when unsubscribe strikes, and its request is cancelled (design.md 2)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    assert isinstance(result(core, call), SubscriptionError)
    core.answer()
    assert core.sent == []


def test_the_last_caller_takes_the_wish_along() -> None:
    """A first subscription without waiting callers is withdrawn; an existing subscription stays (design.md 2)."""
    core = Core()
    core.up()
    calls = [core.subscribe(), core.subscribe()]
    core.connection.abandon(CHANNEL, calls[0], core.now)
    assert core.connection.wanted(CHANNEL)
    core.connection.abandon(CHANNEL, calls[1], core.now)
    assert not core.connection.wanted(CHANNEL)
    core.connection.abandon(CHANNEL, calls[1], core.now)
    core.subscribed()
    core.lose()
    waiting = core.subscribe()
    core.connection.abandon(CHANNEL, waiting, core.now)
    assert core.connection.wanted(CHANNEL)


def test_a_call_during_an_outage_waits() -> None:
    """A channel subscribed without a link is authorized when the link is back (design.md 2)."""
    core = Core()
    core.up()
    core.lose(4200)
    call = core.subscribe()
    core.wait(0.0)
    core.up()
    core.answer()
    core.acknowledge()
    assert result(core, call) is None


def again(core: Core) -> None:
    """Lose the link of what is subscribed, and get the next one."""
    core.lose(4200)
    core.back()


def events_sent(core: Core) -> list[str]:
    """Return the names of what was sent."""
    return [one["event"] for one in core.sent]


def test_a_refusal_on_an_earlier_link_is_not_the_first_of_two() -> None:
    """A drop between two refusals that are less than a second apart makes neither of them final (R3)."""
    core = Core(lots=0.1)
    core.up()
    core.subscribed()
    again(core)
    refuse(core, 403)
    core.lose()
    core.back()
    assert core.now < 101.0
    refuse(core, 403)
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.AUTHORIZING
    core.until(Authorize)
    refuse(core, 403)
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.FAILED


def test_between_two_refusals_something_else_may_fail() -> None:
    """A busy endpoint between them makes the second refusal no less final; an accepted answer does (R3)."""
    core = Core()
    core.up()
    core.subscribed()
    again(core)
    refuse(core, 401)
    core.until(Authorize)
    refuse(core, 503, retryable=True)
    core.until(Authorize)
    refuse(core, 403)
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.FAILED
    core.subscribed()
    again(core)
    refuse(core, 401)
    core.until(Authorize)
    core.answer()
    core.receive(frame("pusher:subscription_error", CHANNEL, {"status": 500}))
    core.until(Authorize)
    refuse(core, 401)
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.AUTHORIZING


def test_delays_grow_to_the_cap_and_start_anew() -> None:
    """With backoff, never below half of the longest delay, and from the base after a stable minute (R3)."""
    core = Core(lots=0.0, subscribe_timeout=1e6)
    core.up()
    core.subscribe()
    for _ in range(9):
        refuse(core, 503, retryable=True)
        core.until(Authorize)
    delays = [output.delay for output in core.outputs if isinstance(output, SubscriptionRetried)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    core.answer()
    core.acknowledge()
    core.wait(60.0)
    again(core)
    refuse(core, 503, retryable=True)
    assert [output.delay for output in core.outputs if isinstance(output, SubscriptionRetried)][-1] == 0.5


@pytest.mark.parametrize(("retry_after", "delay"), [(None, 0.75), (0.1, 0.75), (7.0, 7.0), (1e9, 60.0)])
def test_retry_after_is_honoured_and_capped(retry_after: float | None, delay: float) -> None:
    """At least the drawn delay, at most the cap (R3)."""
    core = Core(lots=0.5, subscribe_timeout=1000.0)
    core.up()
    core.subscribe()
    refuse(core, 429, retryable=True, retry_after=retry_after)
    assert isinstance(core.outputs[-1], SubscriptionRetried)
    assert core.outputs[-1].delay == delay
    asked = len(core.requests())
    core.wait(delay - 0.001)
    assert len(core.requests()) == asked
    core.wait(0.002)
    assert len(core.requests()) == asked + 1


def test_a_planned_attempt_goes_with_the_link() -> None:
    """After a drop the next link asks at once, and only once (R3)."""
    core = Core(subscribe_timeout=1000.0)
    core.up()
    core.subscribe()
    refuse(core, 503, retryable=True, retry_after=30.0)
    again(core)
    assert len(core.requests()) == 2
    core.answer()
    core.acknowledge()
    core.wait(60.0)
    assert len(core.requests()) == 2


def test_a_later_answer_without_a_key_is_tried_again() -> None:
    """On a re-subscription nothing but 401 and 403 is final, a missing secret not either (R3, design.md 3.2)."""
    core = Core()
    core.up()
    core.subscribed()
    again(core)
    sent = len(core.sent)
    core.answer(None)
    assert len(core.sent) == sent
    core.until(Authorize)
    core.answer()
    core.acknowledge()
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.SUBSCRIBED


def test_unsubscribe_while_authorizing_then_subscribe() -> None:
    """The first request is cancelled and its answer ignored; the second is independent (R3)."""
    core = Core()
    core.up()
    first = core.subscribe()
    late = core.requests()[-1]
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    second = core.subscribe()
    assert Cancel(late.request_id) in core.outputs
    core.answer(OLD, late)
    assert core.sent == []
    core.answer()
    core.acknowledge()
    assert isinstance(result(core, first), SubscriptionError)
    assert result(core, second) is None
    assert events_sent(core) == ["pusher:subscribe"]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_unsubscribe_says_so_to_the_server_where_it_may_know(steps: int) -> None:
    """A frame goes out once a subscribe frame has, and none before (R3)."""
    core = Core()
    core.up()
    core.subscribe()
    for step in (core.answer, core.acknowledge)[:steps]:
        step()
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    assert events_sent(core) == ["pusher:subscribe", "pusher:unsubscribe"][: 2 * bool(steps)]
    assert core.outputs[-1] == SubscriptionEnded(CHANNEL, None)
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.UNSUBSCRIBED


def test_unsubscribe_without_a_link_sends_nothing() -> None:
    """The next link does not subscribe it, and that is all (R3)."""
    core = Core()
    core.up()
    core.subscribed()
    core.lose(4200)
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    core.wait(0.0)
    core.up()
    assert events_sent(core) == ["pusher:subscribe"]
    assert len(core.requests()) == 1


def test_an_unacknowledged_first_subscription_fails_in_time() -> None:
    """At subscribe_timeout the call raises, the channel is not wanted any more, and an unsubscribe is sent (R3, R6)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    call = core.subscribe("orders")
    core.wait(29.999)
    assert not any(isinstance(output, Result) for output in core.outputs)
    core.wait(0.001)
    assert isinstance(result(core, call), SubscriptionError)
    assert events_sent(core) == ["pusher:subscribe", "pusher:unsubscribe"]
    assert not core.connection.wanted("orders")
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.UNSUBSCRIBED


def test_a_later_call_waits_its_own_time() -> None:
    """The first call fails while the second still waits for the same subscription (R6)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    first = core.subscribe()
    core.wait(8.0)
    second = core.subscribe()
    refuse(core, 503, retryable=True, retry_after=25.0)
    core.wait(22.0)
    assert isinstance(result(core, first), SubscriptionError)
    assert core.connection.wanted(CHANNEL)
    core.until(Authorize)
    core.answer()
    core.acknowledge()
    assert result(core, second) is None


def test_an_abandoned_call_withdraws_what_was_sent() -> None:
    """A subscribe frame without a waiting caller is withdrawn, and its acknowledgement answers no later one (R3)."""
    core = Core()
    core.up()
    call = core.subscribe("orders")
    core.connection.abandon("orders", call, core.now)
    core.connection.abandon("nothing", 99, core.now)
    core.drain()
    assert events_sent(core) == ["pusher:subscribe", "pusher:unsubscribe"]
    core.subscribe("orders")
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    core.acknowledge("orders")
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


REFUSALS = ["pusher:subscription_error", "pusher_internal:subscription_error"]


@pytest.mark.parametrize("event", REFUSALS)
@pytest.mark.parametrize(
    "data",
    [None, "words", '"words"', '{"error":"no"}', [], 7, {}, {"status": "401"}, {"status": True}, {"status": 401.0}],
)
def test_a_refusal_that_is_not_clear_is_tried_again(event: str, data: Any) -> None:
    """Only a whole 401, 403 or 4009 is clear; every other shape is reported and retried (R3, R8)."""
    core = Core()
    core.up()
    core.subscribe("orders")
    core.receive(frame(event, "orders", data))
    assert core.names() == ["pusher:subscription_error"]
    assert set(core.events[-1].data) == {"type", "error", "status"}
    core.wait(5.0)
    assert events_sent(core) == ["pusher:subscribe", "pusher:subscribe"]


@pytest.mark.parametrize("event", REFUSALS)
@pytest.mark.parametrize("data", [{"error": "no", "status": 401}, '{"error":"no","status":401}'])
def test_a_clear_refusal_is_final_under_either_name_and_in_either_shape(event: str, data: Any) -> None:
    """An object as soketi sends it, or JSON text; users know it by one name (R3)."""
    core = Core()
    core.up()
    call = core.subscribe("private-a")
    core.answer(None)
    core.receive(frame(event, "private-a", data))
    assert core.names() == ["pusher:subscription_error"]
    assert core.events[-1].data == {"type": "", "error": "no", "status": 401}
    assert result(core, call).status == 401


def test_the_second_name_of_a_refusal_is_unknown_on_an_encrypted_channel() -> None:
    """It is dropped, before and after the acknowledgement (C1, design.md 3.1)."""
    core = Core()
    core.up()
    core.subscribe()
    core.answer()
    core.receive(frame(REFUSALS[1], CHANNEL, {"status": 401}))
    core.acknowledge()
    core.receive(frame(REFUSALS[1], CHANNEL, {"status": 401}))
    assert core.names() == ["pusher:subscription_succeeded"]
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.SUBSCRIBED
    assert core.connection.ignored_frames == 2


def test_a_refusal_where_none_can_be_meant_is_ignored() -> None:
    """While authorizing, after it failed, and for unknown channels an error means nothing (R7)."""
    core = Core()
    core.up()
    core.subscribe()
    core.receive(frame("pusher:subscription_error", CHANNEL, {"status": 401}))
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.AUTHORIZING
    refuse(core, 403)
    told = len(core.events)
    core.receive(frame("pusher:subscription_error", CHANNEL, {"status": 401}))
    core.acknowledge()
    assert len(core.events) == told
    assert core.connection.ignored_frames == 3


def test_a_refusal_stands_behind_what_is_held() -> None:
    """The error is delivered in its place, after the events that waited for a key (R4, design.md 3.4)."""
    core = Core()
    core.up()
    core.subscribed()
    core.events.clear()
    core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    core.receive(frame("pusher:subscription_error", CHANNEL, {"type": "x", "error": "no", "status": 500}))
    assert core.events == []
    core.until(Authorize)
    core.answer(NEW)
    assert core.names() == ["e", "pusher:subscription_error"]


def test_a_second_acknowledgement_means_nothing() -> None:
    """It is ignored and counted, and delivers nothing (R4)."""
    core = Core()
    core.up()
    core.subscribed()
    core.acknowledge()
    assert core.names() == ["pusher:subscription_succeeded"]
    assert core.connection.ignored_frames == 1


def test_a_final_refusal_settles_what_is_held_and_drops_the_keys() -> None:
    """The held events come before the error, and afterwards no key remains (design.md 3.8, C7)."""
    core = Core()
    core.up()
    core.subscribed()
    frames = core.connection._channels.subscriptions[CHANNEL].frames
    core.events.clear()
    core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    again(core)
    refuse(core, 403)
    core.until(Authorize)
    refuse(core, 403)
    assert core.names() == ["pusher:decryption_failure", "pusher:subscription_error"]
    assert core.failures() == ["authorization_failed"]
    assert core.events[-1].data["status"] == 403
    assert frames._encrypted is not None
    assert len(frames._encrypted._ring) == 0
    assert core.counts[CHANNEL].waiting == 0


@pytest.mark.parametrize("named", [None, CHANNEL])
def test_a_refusal_inside_the_link_ends_a_late_subscription_on_both_sides(named: str | None) -> None:
    """When the second is over, an unsubscribe is sent as well, for the server may acknowledge late (R3)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.answer()
    core.receive(frame("pusher:error", named, {"code": 4009, "message": "no"}))
    if named is None:
        core.wait(0.999)
        assert events_sent(core) == ["pusher:subscribe"]
        core.wait(0.001)
    assert result(core, call).status == 4009
    assert events_sent(core) == ["pusher:subscribe", "pusher:unsubscribe"]
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.FAILED


@pytest.mark.parametrize(("named", "final"), [(None, False), ("orders", True)])
def test_a_public_channel_is_refused_by_name_only(named: str | None, *, final: bool) -> None:
    """It has no authorization, so an unnamed refusal is another's; then it is only tried again (R3, R7)."""
    core = Core()
    core.up()
    core.subscribe("orders")
    core.receive(frame("pusher:error", named, {"code": 4009, "message": "no"}))
    core.wait(1.0)
    assert (core.connection.subscription_state("orders") is SubscriptionState.FAILED) is final
    if not final:
        core.wait(2.0)
        core.acknowledge("orders")
        assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


def test_a_refusal_that_names_another_channel_concerns_only_that() -> None:
    """So does one that comes while the authorization still runs (R3, R7)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribe("orders")
    core.subscribe()
    core.receive(frame("pusher:error", "others", {"code": 4009, "message": "no"}))
    core.receive(frame("pusher:error", CHANNEL, {"code": 4009, "message": "no"}))
    core.answer()
    core.wait(5.0)
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    assert core.connection.subscription_state(CHANNEL) is SubscriptionState.SUBSCRIBING


def test_disconnecting_ends_calls_and_channels_once() -> None:
    """Pending calls raise, a channel that failed before is not ended twice, and nothing is wanted (R6)."""
    core = Core()
    core.up()
    core.subscribe("private-a")
    refuse(core, 403)
    call = core.subscribe("orders")
    before = len(core.outputs)
    core.connection.disconnect(core.now)
    core.drain()
    ended = [output for output in core.outputs[before:] if isinstance(output, SubscriptionEnded)]
    assert ended == [SubscriptionEnded("orders", None)]
    assert isinstance(result(core, call), SubscriptionError)
    assert not core.connection.wanted("orders")


def test_a_presence_channel_sends_the_signed_data_to_the_byte() -> None:
    """channel_data is in the frame as it was signed, on presence channels only; the secret nowhere (C3)."""
    core = Core()
    core.up()
    signed = '{"user_id": "1",  "user_info": null}'
    for channel in ("presence-a", "private-a"):
        core.subscribe(channel)
        authorization = ChannelAuthorization("key:sig", channel_data=signed, shared_secret=OLD)
        core.connection.authorized(core.requests()[-1].request_id, authorization, core.now)
    core.drain()
    assert [one["data"] for one in core.sent] == [
        {"channel": "presence-a", "auth": "key:sig", "channel_data": signed},
        {"channel": "private-a", "auth": "key:sig"},
    ]


def test_a_late_refusal_after_a_lost_acknowledgement_is_the_older_frames() -> None:
    """The frame that was not acknowledged in time is owed its answer, which ends nothing newer (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribed("orders")
    core.lose(4200)
    core.back()
    core.wait(31.5)
    assert [one["event"] for one in core.sent][-2:] == ["pusher:unsubscribe", "pusher:subscribe"]
    core.receive(frame("pusher:subscription_error", "orders", {"status": 500, "error": "late"}))
    assert core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBING
    core.connection.unsubscribe("orders", core.now)
    core.drain()
    assert core.sent[-1]["event"] == "pusher:unsubscribe"


def test_a_refusal_is_not_taken_for_an_older_frames_for_ever() -> None:
    """A server that never answered the abandoned frame can still refuse the next one finally (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribe("private-a")
    core.answer(None)
    core.connection.unsubscribe("private-a", core.now)
    call = core.subscribe("private-a")
    for _ in range(2):
        core.answer(None)
        core.receive(frame("pusher:subscription_error", "private-a", {"status": 403, "error": "no"}))
        core.wait(3.0)
    error = result(core, call)
    assert isinstance(error, AuthorizationError)
    assert error.status == 403


@pytest.mark.parametrize("refused", [False, True])
def test_the_acknowledgement_of_the_next_frame_counts_at_once(*, refused: bool) -> None:
    """A frame that was not acknowledged in time does not take the next one's acknowledgement (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribed("private-a")
    core.lose(4200)
    core.back()
    core.answer(None)
    if refused:
        core.receive(frame("pusher:error", data={"code": 4009}))
    core.until(Authorize)
    core.answer(None)
    core.acknowledge("private-a")
    assert core.connection.subscription_state("private-a") is SubscriptionState.SUBSCRIBED


def test_retries_have_a_least_delay() -> None:
    """A policy without delays does not make a storm of authorization requests (R2)."""
    core = Core(reconnect=ReconnectPolicy(base=0.0), subscribe_timeout=1000.0)
    core.up()
    core.subscribe()
    start = core.now
    for _ in range(50):
        refuse(core, 503, retryable=True)
        core.until(Authorize)
    assert core.now - start >= 4.9


def ways_to_fail() -> dict[str, Callable[[Core], None]]:
    """Return what can become of a first call, by what its error says after the channel's name."""

    def unsubscribe(core: Core) -> None:
        core.connection.unsubscribe(CHANNEL, core.now)

    def disconnect(core: Core) -> None:
        core.connection.disconnect(core.now)

    def answer_without_key(core: Core) -> None:
        core.answer(None)

    def never_answer(core: Core) -> None:
        core.wait(30.0)

    def never_acknowledge(core: Core) -> None:
        core.answer()
        core.wait(30.0)

    def refuse_clearly(core: Core) -> None:
        core.answer()
        core.receive(frame("pusher:subscription_error", CHANNEL, {"status": 403, "error": "no"}))

    def refuse_unclearly(core: Core) -> None:
        core.answer()
        core.wait(29.0)
        core.receive(frame("pusher:subscription_error", CHANNEL, {"status": 500, "error": "no"}))
        core.wait(1.0)

    slow = f"not subscribed within 30 s; the last error was: {CHANNEL}: "
    return {
        "unsubscribed before the subscription succeeded": unsubscribe,
        "disconnected before the subscription succeeded": disconnect,
        "the authorization answer has no 'shared_secret', which an encrypted channel needs": answer_without_key,
        f"{slow}the authorization request was not answered in time": never_answer,
        "not subscribed within 30 s": never_acknowledge,
        "the server refused the subscription: no (status 403)": refuse_clearly,
        f"{slow}the server refused the subscription: no": refuse_unclearly,
    }


@pytest.mark.parametrize("words", ways_to_fail())
def test_a_call_that_fails_says_why(words: str) -> None:
    """The error names the channel and the reason, the last one where several attempts failed (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    call = core.subscribe()
    ways_to_fail()[words](core)
    core.drain()
    assert result(core, call).channel == CHANNEL
    assert str(result(core, call)) == f"{CHANNEL}: {words}"


@pytest.mark.parametrize("owed", [False, True])
def test_an_acknowledgement_that_does_not_come_is_told_as_such(*, owed: bool) -> None:
    """An answer to an earlier frame shortens the wait, and is not the reason of the failure (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribed("orders")
    core.lose()
    core.back()
    if owed:
        core.connection.unsubscribe("orders", core.now)
        core.subscribe("orders")
        core.acknowledge("orders")
    core.until(SubscriptionRetried)
    (retried,) = [output for output in core.outputs if isinstance(output, SubscriptionRetried)]
    assert isinstance(retried.error, SubscriptionError)
    assert (retried.channel, retried.error.channel) == ("orders", "orders")
    assert str(retried.error) == "orders: the server did not acknowledge in time"


def test_the_server_is_told_which_channel_is_unsubscribed() -> None:
    """Each unsubscribe frame names its channel: the caller's, and that of an acknowledgement that is missing (R3)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribed("orders")
    core.connection.unsubscribe("orders", core.now)
    core.subscribe("others")
    core.wait(30.0)
    assert [one["data"] for one in core.sent if one["event"] == "pusher:unsubscribe"] == [
        {"channel": "orders"},
        {"channel": "others"},
    ]


def test_a_call_after_the_end_is_a_first_subscription_again() -> None:
    """The state before a failure does not affect a new subscription, but the counts continue (R3, R5)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("e", CHANNEL, sealed(OLD, "x")))
    again(core)
    refuse(core, 403)
    core.until(Authorize)
    refuse(core, 403)
    call = core.subscribe()
    assert core.requests()[-1].purpose is Purpose.SUBSCRIBE
    refuse(core, 404)
    assert result(core, call).status == 404
    call = core.subscribe()
    core.answer()
    core.acknowledge()
    assert result(core, call) is None
    core.receive(frame("e", CHANNEL, sealed(OLD, "x")))
    assert (core.counts[CHANNEL].received, core.counts[CHANNEL].delivered) == (2, 2)
    assert not any(isinstance(output, GapFound) for output in core.outputs)


@pytest.mark.parametrize(("refreshing", "refused"), [(False, False), (True, False), (True, True)])
def test_a_place_that_is_given_up_goes_to_the_next_request(*, refreshing: bool, refused: bool) -> None:
    """Whatever ends a channel's request, the request that replaces it has its whole time (R3, R6)."""
    core = Core(authorization_timeout=10.0, subscribe_timeout=1000.0)
    core.up()
    if refreshing:
        core.subscribed()
        core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    else:
        core.subscribe()
    for number in range(8):
        core.subscribe(f"private-{number}")
    assert core.requests()[-1].channel == "private-6"
    core.wait(5.0)
    if refused:
        core.receive(frame("pusher:subscription_error", CHANNEL, {"status": 500, "error": "no"}))
    else:
        core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    last = core.requests()[-1]
    assert last.channel == "private-7"
    core.wait(9.999)
    assert Cancel(last.request_id) not in core.outputs
    core.wait(0.001)
    assert Cancel(last.request_id) in core.outputs


@pytest.mark.parametrize("event", ["pusher_internal:subscription_count", "pusher:cache_miss"])
def test_what_comes_before_the_acknowledgement_means_nothing(event: str) -> None:
    """Protocol events belong to an acknowledged subscription (design.md 3.1)."""
    core = Core()
    core.up()
    core.subscribe("cache-a")
    core.receive(frame(event, "cache-a", {"subscription_count": 1}))
    assert core.events == []
    assert core.connection.ignored_frames == 1


@pytest.mark.parametrize("status", [401, 500])
def test_the_hole_of_a_refusal_begins_with_the_last_frame_before_it(status: int) -> None:
    """Its three times are the last frame, the refusal, and the next acknowledgement (R5)."""
    core = Core(subscribe_timeout=30.0)
    core.up()
    core.subscribed("orders")
    core.wait(1.0)
    core.receive(frame("e", "orders"))
    core.wait(2.0)
    core.receive(frame("pusher:subscription_error", "orders", {"status": status, "error": "no"}))
    assert core.events[-1].channel == "orders"
    assert core.connection.ignored_frames == 0
    core.wait(3.0)
    core.acknowledge("orders")
    assert core.outputs[-1] == GapFound("orders", 101.0, 103.0, 106.0)


def test_an_authorizer_may_fail_with_another_error() -> None:
    """An error without a status is reported without one (R3)."""
    core = Core()
    core.up()
    call = core.subscribe()
    error = SubscriptionError(CHANNEL, "no such authorizer")
    request = core.requests()[-1].request_id
    core.connection.authorization_failed(request, error, retryable=False, retry_after=None, now=core.now)
    core.drain()
    assert result(core, call) is error
    assert core.events[-1].data == {"type": "AuthError", "error": f"{CHANNEL}: no such authorizer", "status": None}


def test_a_refusal_inside_the_link_is_told_once() -> None:
    """Handlers get it like any other refusal, with the status that it counts as (R3)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.answer()
    core.receive(frame("pusher:error", data={"code": 4009, "message": "no"}))
    core.wait(1.0)
    (told,) = core.events
    message = "the server refused an authorization and did not name the channel: no (status 4009)"
    assert told.data == {"type": "AuthError", "error": f"{CHANNEL}: {message}", "status": 4009}
    assert str(result(core, call)) == f"{CHANNEL}: {message}"


@pytest.mark.parametrize(("stood", "delays"), [(59.0, [0.5, 1.0, 2.0]), (60.0, [0.5, 0.5, 0.5])])
def test_a_server_that_grants_and_refuses_in_turn_is_asked_less_and_less(stood: float, delays: list[float]) -> None:
    """The delays begin anew only after a subscription that lasted a stable minute (R2, R3)."""
    core = Core(lots=0.0)
    core.up()
    core.subscribe("orders")
    for _ in delays:
        core.acknowledge("orders")
        core.wait(stood)
        core.receive(frame("pusher:subscription_error", "orders", {"status": 500, "error": "no"}))
        core.wait(2.0)
    retried = [output for output in core.outputs if isinstance(output, SubscriptionRetried)]
    assert [output.delay for output in retried] == delays


@pytest.mark.parametrize("end", ["unsubscribe", "disconnect", "lose again"])
def test_a_request_is_given_up_once(end: str) -> None:
    """It goes with the link, and whatever ends the wish before the next link has nothing more to cancel (R3)."""
    core = Core()
    core.up()
    core.subscribe()
    request = core.requests()[-1]
    core.lose(4200)
    if end == "unsubscribe":
        core.connection.unsubscribe(CHANNEL, core.now)
    elif end == "disconnect":
        core.connection.disconnect(core.now)
    else:
        core.wait(0.0)
        core.connection.websocket_opened(core.now)
        core.lose(4200)
    core.drain()
    assert core.outputs.count(Cancel(request.request_id)) == 1
    assert (SubscriptionEnded(CHANNEL, None) in core.outputs) is (end != "lose again")
