"""What frames under the protocol's own names do, once the link stands (protocol-notes 2 and 4.3)."""

from __future__ import annotations

import math
from collections.abc import Callable

from pusher_client.events import ServerError, SubscriptionState
from pusher_client.protocol.client_events import ClientEvents
from pusher_client.protocol.codes import CLIENT_EVENT_REJECTED, NOT_UNDERSTOOD, SUBSCRIPTION_SUCCEEDED, UNAUTHORIZED
from pusher_client.protocol.frames import PONG, Frame, decode_data
from pusher_client.protocol.link import server_error
from pusher_client.protocol.names import is_application_event
from pusher_client.protocol.outputs import ErrorRaised, FrameIgnored, Output
from pusher_client.protocol.sign_in import SignIn
from pusher_client.protocol.subscription import Subscription
from pusher_client.protocol.subscriptions import WantedChannels
from pusher_client.protocol.timers import Timers

__all__ = ["ServerFrames"]

_CACHED_WITHIN = 1.0
_CLIENT_EVENT_ERRORS = (CLIENT_EVENT_REJECTED, NOT_UNDERSTOOD, UNAUTHORIZED)
"""What servers answer to a client event that they refuse; Reverb has the last two (protocol-notes 12)."""


class ServerFrames:
    """Hands each of these frames to whom it concerns, and counts those that mean nothing.

    Among the latter are frames under the names of this library's own markers, which nobody may send.

    Args:
        channels: The channels that are wanted.
        sign_in: The user that is to be signed in.
        client_events: Which client events were sent of late.
        timers: Learns of deadlines that change.
        emit: Takes the outputs.
        send: Takes the texts to be sent.

    Attributes:
        ignored: How many frames meant nothing.
    """

    def __init__(
        self,
        channels: WantedChannels,
        sign_in: SignIn,
        client_events: ClientEvents,
        timers: Timers,
        *,
        emit: Callable[[Output], None],
        send: Callable[[str], None],
    ) -> None:
        self.ignored: int = 0
        self._channels = channels
        self._sign_in = sign_in
        self._client_events = client_events
        self._timers = timers
        self._emit = emit
        self._send = send
        self._cache_channel: str | None = None
        self._cache_until = -math.inf

    def receive(self, frame: Frame, last_received: float, now: float) -> None:
        """Take a frame.

        Args:
            frame: Its name begins with one of the protocol's prefixes, or it names no channel.
            last_received: When the frame before it came.
            now: The time of a monotonic clock, in seconds.
        """
        if frame.event == "pusher:ping":
            self._send(PONG)
        elif frame.event == "pusher:error":
            self._receive_error(frame, last_received, now)
        elif frame.event != "pusher:pong":
            self._receive_of_channel(frame, last_received, now)

    def ignore(self, cause: str) -> None:
        """Count a frame that means nothing, and tell why."""
        self.ignored += 1
        self._emit(FrameIgnored(cause))

    def _receive_of_channel(self, frame: Frame, last_received: float, now: float) -> None:
        if self._channels.settle_owed(frame, now):
            return
        subscription = self._channels.get(frame.channel or "")
        if subscription is None:
            understood = self._sign_in.receive_protocol(frame, now) or self._received_cached(frame, now)
        else:
            understood = subscription.receive_protocol(frame, last_received, now)
            self._note_cache(frame, subscription, now)
            self._timers.arm(subscription)
        if not understood:
            self.ignore("a protocol event that has no meaning here")

    def _note_cache(self, frame: Frame, subscription: Subscription, now: float) -> None:
        """Note that a cache channel's event may follow without the channel's name (protocol-notes 5.7)."""
        if not subscription.frames.kind.cache or subscription.state is not SubscriptionState.SUBSCRIBED:
            return
        if frame.event == SUBSCRIPTION_SUCCEEDED:
            certain = now > self._cache_until
            self._cache_channel = subscription.name if certain else None
            self._cache_until = now + _CACHED_WITHIN
        elif subscription.name == self._cache_channel:
            self._cache_channel = None

    def _received_cached(self, frame: Frame, now: float) -> bool:
        """Take a cached event without a channel, as Sockudo sends it, where only one channel can be meant."""
        if frame.channel is not None or not is_application_event(frame.event) or now > self._cache_until:
            return False
        subscription, self._cache_channel = self._channels.get(self._cache_channel or ""), None
        if subscription is None or subscription.state is not SubscriptionState.SUBSCRIBED:
            return False
        subscription.frames.receive_cached(Frame(frame.event, frame.data, subscription.name, frame.user_id), now)
        self._timers.arm(subscription)
        return True

    # -- errors inside the link (protocol-notes 4.3, 5.4 and 12) --------------------------------------------------

    def _receive_error(self, frame: Frame, last_received: float, now: float) -> None:
        error = server_error(decode_data(frame.data))
        self._emit(ErrorRaised(error))
        if self._rejects_client_event(frame.channel, error, now):
            return
        if frame.channel is None:
            if error.code != CLIENT_EVENT_REJECTED:
                self._sign_in.doubt(error.code, error.message, now)
            for subscription in self._channels.subscriptions.values():
                _consider(subscription, error, now)
                self._timers.arm(subscription)
        elif not self._channels.may_be_owed(frame.channel, now):
            named = self._channels.get(frame.channel)
            if named is not None:
                named.refused_in_band(error, last_received, now)
                self._timers.arm(named)

    def _rejects_client_event(self, channel: str | None, error: ServerError, now: float) -> bool:
        """Report a client event that the server refused on its channel, where only one can be meant."""
        if error.code not in _CLIENT_EVENT_ERRORS:
            return False
        if error.code != CLIENT_EVENT_REJECTED and (channel or self._channels.pending or self._sign_in.answer_pending):
            return False
        sender = self._channels.get((self._client_events.only_channel(now) if channel is None else channel) or "")
        if sender is None or sender.state is not SubscriptionState.SUBSCRIBED:
            return False
        sender.client_event_rejected(error)
        return True


def _consider(subscription: Subscription, error: ServerError, now: float) -> None:
    """Apply an error that names no channel to a subscription that may be meant."""
    if error.code == UNAUTHORIZED:
        subscription.suspect(error, now)
    elif error.code is None and subscription.frames.kind.authorized:
        subscription.doubt(now, error.message)
    else:
        subscription.note_error(error)
