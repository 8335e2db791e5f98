"""One channel: authorized, subscribed, refused, tried again."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.events import SubscriptionState
from pusher_client.exceptions import AuthorizationError, SubscriptionError
from pusher_client.protocol.outputs import Authorize, Purpose, Result, SubscriptionEnded, SubscriptionRetried
from tests.protocol.scripted import CHANNEL, OLD, Core, frame


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
    """Further calls share the subscription, and succeed at once when there is one (design 2)."""
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
    assert core.names() == ["pusher:subscription_error"]
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
    """An encrypted channel needs shared_secret: without it no subscribe frame, an error that says so (3.2, C5)."""
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
    """A pending call raises when unsubscribe strikes, and its request is cancelled (design 2)."""
    core = Core()
    core.up()
    call = core.subscribe()
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    assert isinstance(result(core, call), SubscriptionError)
    core.answer()
    assert core.sent == []


def test_the_last_caller_takes_the_wish_along() -> None:
    """A first subscription nobody waits for is withdrawn; one that stood before stays (design 2)."""
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
    """A channel subscribed without a link is authorized when the link is back (design 2)."""
    core = Core()
    core.up()
    core.lose(4200)
    call = core.subscribe()
    core.wait(0.0)
    core.up()
    core.answer()
    core.acknowledge()
    assert result(core, call) is None
