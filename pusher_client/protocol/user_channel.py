"""What a server sends to a signed-in user: events of the user's own channel, and of the watchlist (13.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from pusher_client.events import Event
from pusher_client.exceptions import SubscriptionError
from pusher_client.protocol.channel_events import read_subscription_error
from pusher_client.protocol.codes import SUBSCRIPTION_SUCCEEDED
from pusher_client.protocol.frames import (
    Frame,
    decode_data,
    json_object,
    subscribe_frame,
    unsubscribe_frame,
    user_id_text,
)
from pusher_client.protocol.names import USER_CHANNEL_PREFIX
from pusher_client.protocol.outputs import ErrorRaised, GapFound, Output, UserEvent

__all__ = ["UserChannel", "read_watchlist"]

_REFUSED = "pusher:subscription_error"
_WATCHLIST = "pusher_internal:watchlist_events"
_NAMES = ("online", "offline")
_NAME_LIMIT = 200


class UserChannel:
    """Subscribed without an authorization: being signed in is what allows it.

    Args:
        timeout: Seconds until an unacknowledged subscription is sent again.
        emit: Takes the outputs.
        send: Takes the texts to be sent.
    """

    def __init__(self, timeout: float, emit: Callable[[Output], None], send: Callable[[str], None]) -> None:
        self._timeout = timeout
        self._emit = emit
        self._send = send
        self._name = ""
        self._subscribed = False
        self._ack_due: float | None = None
        self._hole: tuple[float, float] | None = None

    def subscribe(self, user_id: str, now: float) -> None:
        """Subscribe the channel of a user who was just signed in."""
        name = USER_CHANNEL_PREFIX + user_id
        if name != self._name:
            self._hole = None
        self._name = name
        self._ask(now)

    def lost(self, last_received: float, now: float) -> None:
        """The link broke; there will be a gap."""
        if self._subscribed:
            self._hole = self._hole or (last_received, now)
        self._subscribed = False
        self._ack_due = None

    def forget(self) -> None:
        """Nobody is signed in, nor to be."""
        self._name = ""
        self._subscribed = False
        self._ack_due = self._hole = None

    def receive(self, frame: Frame, now: float) -> bool:
        """Take one of the protocol's own events; False when it is another channel's, or has no meaning here."""
        if frame.channel != self._name or self._ack_due is None:
            return False
        if frame.event == SUBSCRIPTION_SUCCEEDED:
            self._ack_due = None
            self._subscribed = True
            self._tell_gap(now)
            return True
        if frame.event == _REFUSED:
            why = read_subscription_error(frame.data)["error"]
            self._emit(ErrorRaised(SubscriptionError(self._name, f"the server refused the user's own channel: {why}")))
            return True
        return False

    def receive_event(self, frame: Frame, now: float) -> bool:
        """Take an application event; False when it is another channel's."""
        if frame.channel != self._name:
            return False
        self._tell_gap(now)  # some servers do not wait for the subscription
        self._emit(UserEvent(Event(frame.event, self._name, decode_data(frame.data), None, frame.data or "")))
        return True

    def deadline(self) -> float | None:
        """Return when the acknowledgement is overdue."""
        return self._ack_due

    def handle_deadline(self, now: float) -> None:
        """Ask again for what was not acknowledged."""
        if self._ack_due is not None and now >= self._ack_due:
            # Some servers refuse a second subscription to the same channel.
            self._send(unsubscribe_frame(self._name))
            self._ask(now)

    def _tell_gap(self, now: float) -> None:
        if self._hole is not None:
            self._emit(GapFound(self._name, *self._hole, now))
            self._hole = None

    def _ask(self, now: float) -> None:
        self._send(subscribe_frame(self._name))
        self._ack_due = now + self._timeout


def read_watchlist(frame: Frame) -> list[Event] | None:
    """Read the events of a watchlist; None for another frame, or for nonsense. Ids are strings here."""
    data = json_object(decode_data(frame.data))
    if frame.event in _NAMES:  # Sockudo gives each of them a frame of its own
        listed: object = [{"name": frame.event, **data}]
    else:
        listed = data.get("events") if frame.event == _WATCHLIST else None
    if not isinstance(listed, list):
        return None
    events = [event for event in map(_read_watched, cast("list[object]", listed)) if event is not None]
    return events or None


def _read_watched(entry: object) -> Event | None:
    known = json_object(entry)
    name, ids = known.get("name"), known.get("user_ids")
    if not isinstance(name, str) or len(name) > _NAME_LIMIT or not isinstance(ids, list):
        return None
    users = [user for user in map(user_id_text, cast("list[object]", ids)) if user is not None]
    return Event(name, None, {"name": name, "user_ids": users})
