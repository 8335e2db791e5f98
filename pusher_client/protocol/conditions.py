"""The conditions that end a connection attempt, a connection or an authorization: final or retried, and how soon.

This is the one table of R2 and R3. `docs/design.md` has it as `conditions_table` renders it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from pusher_client.protocol.codes import OVER_QUOTA, UNAUTHORIZED

__all__ = [
    "AUTHORIZATIONS",
    "CHANNEL_ERRORS",
    "CLOSES",
    "OPENINGS",
    "REFUSED_SUBSCRIPTIONS",
    "Condition",
    "OpenFailure",
    "Retry",
    "authorization_condition",
    "channel_error_condition",
    "close_condition",
    "conditions_table",
    "open_condition",
    "refused_subscription_condition",
]


class Retry(Enum):
    """What to do after a failure; the value is what the table says."""

    NEVER = "final"
    AT_ONCE = "at once, then backoff"
    BACKOFF = "backoff"
    SLOW_BACKOFF = "one second, then backoff"
    AT_CAP = "at the cap of the backoff"
    ONCE_MORE = "once more after a second, then final"


class OpenFailure(Enum):
    """Why a WebSocket could not be opened."""

    NETWORK = "network"
    CERTIFICATE = "certificate"
    NOT_YET_VALID = "certificate not yet valid"
    TLS = "tls"
    HTTP = "http"
    UNUSABLE = "unusable proxy"
    OPTION = "unusable option"


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table.

    Attributes:
        name: The condition in words.
        keys: The failures, statuses or codes that it stands for; None for all others.
        first: What to do before the first success.
        later: What to do after it; with ``retry_initial=True`` also before it.
    """

    name: str
    keys: Collection[object] | None
    first: Retry
    later: Retry


OPENINGS = (
    Condition("certificate not yet valid (a wrong clock)", {OpenFailure.NOT_YET_VALID}, Retry.BACKOFF, Retry.BACKOFF),
    Condition("other certificate failure", {OpenFailure.CERTIFICATE}, Retry.NEVER, Retry.AT_CAP),
    Condition(
        "TLS alert for a client certificate or the versions, unusable proxy or option",
        {OpenFailure.TLS, OpenFailure.UNUSABLE, OpenFailure.OPTION},
        Retry.NEVER,
        Retry.AT_CAP,
    ),
    Condition("HTTP 300 to 399", range(300, 400), Retry.NEVER, Retry.AT_CAP),
    Condition("HTTP 401, 403, 404, 407", {401, 403, 404, 407}, Retry.NEVER, Retry.AT_CAP),
    Condition(
        "HTTP 429, 500 and above, `Retry-After` honoured up to the cap",
        {429, *range(500, 600)},
        Retry.BACKOFF,
        Retry.BACKOFF,
    ),
    Condition("DNS, refused, reset, no answer in time, other HTTP statuses", None, Retry.BACKOFF, Retry.BACKOFF),
)
"""While the connection is opened."""

CLOSES = (
    Condition("4004 (over quota)", {OVER_QUOTA}, Retry.NEVER, Retry.AT_CAP),
    Condition("4000 to 4099", range(4000, 4100), Retry.NEVER, Retry.NEVER),
    Condition("4100 to 4199", range(4100, 4200), Retry.SLOW_BACKOFF, Retry.SLOW_BACKOFF),
    Condition("4200 to 4299", range(4200, 4300), Retry.AT_ONCE, Retry.AT_ONCE),
    Condition("any other code, or none", None, Retry.BACKOFF, Retry.BACKOFF),
)
"""By the code of the close, or of a `pusher:error` in place of the first message."""

UNAUTHORIZED_WHILE_PENDING = Condition(
    "4009 while an authorization or authentication is pending or to be repeated",
    {UNAUTHORIZED},
    Retry.SLOW_BACKOFF,
    Retry.SLOW_BACKOFF,
)

AUTHORIZATIONS = (
    Condition("401, 403", {401, 403}, Retry.NEVER, Retry.ONCE_MORE),
    Condition(
        "408, 425, 429, 500 and above, `Retry-After` honoured up to the cap",
        {408, 425, 429, *range(500, 1000)},
        Retry.BACKOFF,
        Retry.BACKOFF,
    ),
    Condition("any other status, or an answer that cannot be used", None, Retry.NEVER, Retry.BACKOFF),
)
"""By the status of the endpoint's answer, for a subscription or a sign-in."""

REFUSED_SUBSCRIPTIONS = (
    Condition("401, 403, 4009", {401, 403, UNAUTHORIZED}, Retry.NEVER, Retry.BACKOFF),
    Condition("any other status, or none", None, Retry.BACKOFF, Retry.BACKOFF),
)
"""By the status of a `pusher:subscription_error`."""

CHANNEL_ERRORS = (
    Condition(
        "401, 403, 4000 to 4099, 4300 and above",
        {401, 403, *range(4000, 4100), *range(4300, 5000)},
        Retry.NEVER,
        Retry.BACKOFF,
    ),
    Condition("any other code, or none", None, Retry.BACKOFF, Retry.BACKOFF),
)
"""By the code of a `pusher:error` that names a channel whose subscription is pending."""

NO_ANSWER = Condition("no connection to the endpoint, or no answer in time", None, Retry.BACKOFF, Retry.BACKOFF)


def open_condition(failure: OpenFailure, status: int | None) -> Condition:
    """Return the condition of a WebSocket that could not be opened."""
    return _find(OPENINGS, failure, status)


def close_condition(code: int | None, *, authorizing: bool = False) -> Condition:
    """Return the condition of a close code.

    Args:
        code: The code; None for a connection that broke without one.
        authorizing: Whether an authorization or a sign-in is pending or to be repeated.
    """
    return UNAUTHORIZED_WHILE_PENDING if authorizing and code == UNAUTHORIZED else _find(CLOSES, code)


def authorization_condition(status: int | None) -> Condition:
    """Return the condition of an authorization that was refused with a status; None for an unusable answer."""
    return _find(AUTHORIZATIONS, status)


def refused_subscription_condition(status: object) -> Condition:
    """Return the condition of a subscription that the server refused, by the status in its event."""
    return _find(REFUSED_SUBSCRIPTIONS, status)


def channel_error_condition(code: int | None) -> Condition:
    """Return the condition of an error that names a channel whose subscription is pending."""
    return _find(CHANNEL_ERRORS, code)


def _find(conditions: tuple[Condition, ...], *keys: object) -> Condition:
    return next(
        condition for condition in conditions if condition.keys is None or any(key in condition.keys for key in keys)
    )


def conditions_table() -> str:
    """Return all conditions as a table in Markdown."""
    lines = ["| where | condition | before the first success | after it |", "|---|---|---|---|"]
    parts = (
        ("opening", OPENINGS),
        ("close code", (UNAUTHORIZED_WHILE_PENDING, *CLOSES)),
        ("authorization, sign-in", (*AUTHORIZATIONS[:2], NO_ANSWER, AUTHORIZATIONS[2])),
        ("status of `pusher:subscription_error`", REFUSED_SUBSCRIPTIONS),
        ("code of a `pusher:error` that names the channel", CHANNEL_ERRORS),
    )
    for place, conditions in parts:
        lines += [f"| {place} | {each.name} | {each.first.value} | {each.later.value} |" for each in conditions]
    return "\n".join(lines)
