"""Refusals of a subscription, without a connection."""

from __future__ import annotations

import pytest

from pusher_client.events import ServerError
from pusher_client.exceptions import AuthorizationError, ConnectError, SubscriptionError
from pusher_client.protocol.conditions import (
    CHANNEL_ERRORS,
    REFUSED_SUBSCRIPTIONS,
    Retry,
    channel_error_condition,
    refused_subscription_condition,
)
from pusher_client.protocol.refusals import error_words, failure_event, refusal_by_error, refusal_by_event


@pytest.mark.parametrize(
    ("status", "final"),
    [(401, True), (403, True), (4009, True), (404, False), (503, False), (4001, False), (None, False)],
)
def test_the_status_of_the_event_decides(status: int | None, *, final: bool) -> None:
    """A clear refusal is final for the first subscription and an authorization error; others are retried (R3)."""
    refusal = refusal_by_event("a", {"type": "AuthError", "error": "no", "status": status})
    assert (refusal.final, isinstance(refusal.error, AuthorizationError)) == (final, final)
    assert str(refusal.error).startswith("a: the server refused the subscription: no")
    assert refusal.event.data == {"type": "AuthError", "error": "no", "status": status}


def test_a_refusal_without_a_reason_says_so() -> None:
    """An empty text leaves no empty quotation in the message (R7)."""
    refusal = refusal_by_event("a", {"type": "", "error": "", "status": None})
    assert str(refusal.error) == "a: the server refused the subscription without a reason"


@pytest.mark.parametrize(
    ("code", "final", "kind"),
    [
        (4001, True, SubscriptionError),
        (4009, True, AuthorizationError),
        (4100, False, SubscriptionError),
        (4200, False, SubscriptionError),
        (4301, True, SubscriptionError),
        (None, False, SubscriptionError),
    ],
)
def test_the_code_of_an_error_that_names_the_channel_decides(
    code: int | None, *, final: bool, kind: type[SubscriptionError]
) -> None:
    """What repeats with every attempt is final for the first subscription; a load that passes is retried (R2, R3)."""
    refusal = refusal_by_error("a", ServerError(code, "no"))
    assert (refusal.final, type(refusal.error)) == (final, kind)


def test_every_condition_of_the_table_is_one_that_the_code_asks() -> None:
    """The first row that fits is taken, and the last fits all (R3)."""
    assert [refused_subscription_condition(status) for status in (401, 500)] == list(REFUSED_SUBSCRIPTIONS)
    assert [channel_error_condition(code) for code in (4300, 4299)] == list(CHANNEL_ERRORS)
    assert all(condition.later is Retry.BACKOFF for condition in (*REFUSED_SUBSCRIPTIONS, *CHANNEL_ERRORS))


def test_a_failure_is_reported_with_its_status() -> None:
    """Handlers get the event also when no server has sent one (design.md 2.4)."""
    refused = failure_event("a", AuthorizationError("a", "no", status=403))
    assert (refused.name, refused.channel) == ("pusher:subscription_error", "a")
    assert refused.data == {"type": "AuthError", "error": "a: no (status 403)", "status": 403}
    assert failure_event("a", ConnectError(4001, "over")).data["status"] is None


@pytest.mark.parametrize(
    ("error", "words"),
    [(ServerError(4200, "no"), "no (4200)"), (ServerError(None, "no"), "no"), (ServerError(4200, ""), "(4200)")],
)
def test_the_words_of_an_error(error: ServerError, words: str) -> None:
    """Text and code, as far as there are any."""
    assert error_words(error) == words
