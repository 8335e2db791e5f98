"""Subscriptions that the server refuses: by an event, or by an error that names the channel (protocol-notes 5.4)."""

from __future__ import annotations

from typing import NamedTuple

from pusher_client.events import Event, ServerError
from pusher_client.exceptions import AuthorizationError, PusherError, SubscriptionError
from pusher_client.protocol.conditions import Retry, channel_error_condition, refused_subscription_condition

__all__ = ["Refusal", "error_words", "failure_event", "refusal_by_error", "refusal_by_event"]


class Refusal(NamedTuple):
    """A subscription that the server has refused.

    Attributes:
        event: The ``pusher:subscription_error`` for the handlers.
        error: What the calls of ``subscribe()`` raise.
        final: Whether the first subscription fails; later ones are retried.
    """

    event: Event
    error: SubscriptionError
    final: bool


def refusal_by_event(channel: str, why: dict[str, object]) -> Refusal:
    """Return the refusal of a ``pusher:subscription_error``.

    Args:
        channel: The channel's name.
        why: Its type, its text and its status, as `read_subscription_error` returns them.
    """
    status = why["status"]
    words = f": {why['error']}" if why["error"] else " without a reason"
    message = f"the server refused the subscription{words}"
    final = refused_subscription_condition(status).first is Retry.NEVER
    error = SubscriptionError(channel, message)
    if final and isinstance(status, int):
        error = AuthorizationError(channel, message, status=status)
    return Refusal(Event("pusher:subscription_error", channel, why), error, final)


def refusal_by_error(channel: str, error: ServerError) -> Refusal:
    """Return the refusal of a ``pusher:error`` that names the channel."""
    is_authorization = refused_subscription_condition(error.code).first is Retry.NEVER
    words = error.message if is_authorization else error_words(error)
    refusal = refusal_by_event(channel, {"type": "", "error": words, "status": error.code})
    return refusal._replace(final=channel_error_condition(error.code).first is Retry.NEVER)


def failure_event(channel: str, error: PusherError) -> Event:
    """Return the event that reports a failed channel to handlers when the server has sent none."""
    status = error.status if isinstance(error, AuthorizationError) else None
    return Event("pusher:subscription_error", channel, {"type": "AuthError", "error": str(error), "status": status})


def error_words(error: ServerError) -> str:
    """Return the text and the code of an error, as far as there are any."""
    code = "" if error.code is None else f"({error.code})"
    return " ".join(filter(None, (error.message, code)))
