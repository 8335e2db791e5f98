"""What a relay may send on an encrypted channel, and in which states that may find it (promise C1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from pusher_client.events import DECRYPTION_FAILURE, MARKERS, Event
from pusher_client.exceptions import AuthorizationError
from tests.support.core.scripted_core import NEW, OLD, UNKNOWN, Core, frame, sealed

__all__ = ["CACHE", "FORGED", "ORDERS", "STATES", "check", "names", "shapes"]

FORGED = "forged-by-the-relay"
ORDERS, CACHE = "private-encrypted-orders", "private-encrypted-cache-orders"

PROTOCOL = [
    "pusher:connection_established",
    "pusher:error",
    "pusher:ping",
    "pusher:pong",
    "pusher:cache_miss",
    "pusher:subscription_count",
    "pusher:subscription_error",
    "pusher:subscription_succeeded",
    "pusher:member_added",
    "pusher:member_removed",
    "pusher:signin_success",
    "pusher_internal:subscription_succeeded",
    "pusher_internal:subscription_count",
    "pusher_internal:member_added",
    "pusher_internal:member_removed",
    "pusher_internal:watchlist_events",
]
names = st.one_of(
    st.sampled_from(PROTOCOL),
    st.sampled_from(sorted(MARKERS)),
    st.sampled_from(["order", "client-order", "Pusher:error", "pusher", "pusher_internal", "*", ""]),
    st.builds(str.__add__, st.sampled_from(["pusher:", "pusher_internal:", "client-", ""]), st.text(max_size=8)),
)


def envelopes() -> st.SearchStrategy[Any]:
    """Envelopes that no key opens, whole and broken, as text and as objects."""
    whole = st.just(json.loads(sealed(UNKNOWN, FORGED)))
    broken = st.fixed_dictionaries(
        {}, optional={"nonce": st.just(FORGED), "ciphertext": st.just(FORGED), "data": st.just(FORGED)}
    )
    return st.one_of(whole, broken, st.builds(lambda one, more: {**one, **more}, whole, broken))


objects = st.one_of(
    envelopes(),
    st.just(FORGED),
    st.just({"presence": {"ids": [FORGED], "hash": {FORGED: FORGED}, "count": 1}}),
    st.just({"user_id": FORGED, "user_info": FORGED}),
    st.just({"subscription_count": FORGED}),
    st.just({"code": 4009, "message": FORGED}),
)
shapes = st.one_of(
    objects,
    objects.map(json.dumps),
    objects.map(json.dumps).map(json.dumps),
    st.lists(objects, max_size=2),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
)


def subscribing(core: Core, channel: str) -> None:
    """The key is there, the acknowledgement is not."""
    core.subscribe(channel)
    core.answer(OLD)


def subscribed(core: Core, channel: str) -> None:
    """All is well."""
    core.subscribed(channel)


def refreshing(core: Core, channel: str) -> None:
    """A request for a key runs, and everything waits for it."""
    core.subscribed(channel)
    core.receive(frame("e", channel, sealed(NEW, "1")))


def rotated(core: Core, channel: str) -> None:
    """Two keys open."""
    refreshing(core, channel)
    core.answer(NEW)


def refused(core: Core, channel: str) -> None:
    """The last request for a key has failed."""
    refreshing(core, channel)
    error = AuthorizationError(channel, "no", status=500)
    core.connection.authorization_failed(
        core.requests()[-1].request_id, error, retryable=True, retry_after=None, now=core.now
    )
    core.drain()


def suspended(core: Core, channel: str) -> None:
    """Requests for keys are spaced."""
    core.subscribed(channel)
    for _ in range(2):
        core.receive(frame("e", channel, sealed(UNKNOWN, "1")))
        core.answer(OLD)


def authorizing_again(core: Core, channel: str) -> None:
    """The link is a new one, and the key is that of the last."""
    core.subscribed(channel)
    core.lose(1006)
    core.back()


def subscribing_again(core: Core, channel: str) -> None:
    """The same, a step later."""
    authorizing_again(core, channel)
    core.answer(OLD)


def unsubscribed(core: Core, channel: str) -> None:
    """It is not wanted any more."""
    core.subscribed(channel)
    core.connection.unsubscribe(channel, core.now)
    core.drain()


def subscribed_again(core: Core, channel: str) -> None:
    """It was unsubscribed a moment ago, and is wanted again with another key."""
    unsubscribed(core, channel)
    core.subscribed(channel, NEW)


STATES: list[Callable[[Core, str], None]] = [
    subscribing,
    subscribed,
    refreshing,
    rotated,
    refused,
    suspended,
    authorizing_again,
    subscribing_again,
    unsubscribed,
    subscribed_again,
]


def check(event: Event) -> None:
    """Check an event against what may be delivered."""
    assert event.user_id is None
    if event.name == "pusher:subscription_error":  # the server's words, cleaned and cut, and nothing else of it
        assert set(event.data) == {"type", "error", "status"}
    else:
        assert FORGED not in f"{event!r} {event.data!r} {event.raw}"
    if event.name == DECRYPTION_FAILURE:
        assert event.raw == ""
