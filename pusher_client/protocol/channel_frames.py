"""The frames of one channel while it is subscribed (protocol-notes 5.6, 5.7 and 7.1).

The name of a channel decides whether its events are encrypted, before any data is read (promise C1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pusher_client.events import Event
from pusher_client.exceptions import PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.channel_events import ChannelEvents
from pusher_client.protocol.early_events import EarlyEvents
from pusher_client.protocol.encrypted_events import EncryptedEvents
from pusher_client.protocol.encryption import OpenSecretbox
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, decode_data
from pusher_client.protocol.key_refresh import RefreshGuard
from pusher_client.protocol.names import ChannelKind, channel_kind
from pusher_client.protocol.output_queue import Emitted, EventSource
from pusher_client.protocol.outputs import Deliver, Purpose
from pusher_client.protocol.requests import Requests
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.signatures import ChannelAuthorization

__all__ = ["ChannelFrames", "SignedInUser", "SubscriptionContext"]


class SignedInUser(Protocol):
    """What subscriptions need of the sign-in (protocol-notes 13.4)."""

    @property
    def user_id(self) -> str | None:
        """The id of the user who is signed in on this link; None without one."""
        ...

    @property
    def expected(self) -> bool:
        """Whether a sign-in is under way."""
        ...


class Receiver(Protocol):
    """Takes a channel's application events while it is subscribed."""

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what is to be delivered at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionContext:
    """What all subscriptions of a connection share; ``receivers`` has an entry for each subscribed channel."""

    settings: ConnectionSettings
    random: Callable[[], float]
    emit: Callable[[Emitted], None]
    send: Callable[[str], None]
    requests: Requests
    budget: ByteBudget
    guard: RefreshGuard
    withdraw: Callable[[str, float], None]
    user: SignedInUser
    open_box: OpenSecretbox
    receivers: dict[str, Receiver] = field(default_factory=dict[str, Receiver])


class ChannelFrames:
    """Turns a channel's frames into events, in order.

    Args:
        name: The channel's name.
        context: What all subscriptions of the connection share.
        counts: The channel's counts.
    """

    __slots__ = ("_context", "_encrypted", "_refresh_id", "counts", "events", "kind", "name")

    def __init__(self, name: str, context: SubscriptionContext, counts: EventCounts) -> None:
        self.name: str = name
        self.kind: ChannelKind = channel_kind(name)
        self.counts: EventCounts = counts
        self.events: ChannelEvents = ChannelEvents(name, self.kind, context.settings.buffer_bytes)
        self._context = context
        self._refresh_id: int | None = None
        self._encrypted = self._new_encrypted() if self.kind.encrypted else None

    def _new_encrypted(self) -> EncryptedEvents:
        context, policy = self._context, self._context.settings.key_rotation
        guard = RefreshGuard(policy.fruitless_limit, policy.max_delay, context.random)
        guards = (guard, context.guard)
        return EncryptedEvents(
            self.name,
            self,
            policy=policy,
            guards=guards,
            budget=context.budget,
            counts=self.counts,
            open_box=context.open_box,
        )

    # -- received frames ------------------------------------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what is to be delivered at once."""
        if self._encrypted is not None:  # registered itself, see ``set_subscribed``; this is a second lock (C1)
            return self._encrypted.receive(frame, now)
        self.counts.received += 1
        return Event(frame.event, self.name, decode_data(frame.data), frame.user_id, frame.data or "")

    def receive_cached(self, frame: Frame, now: float) -> None:
        """Take the cached event of a cache channel, which came in an unusual form, as the event that it is."""
        event = self.receive(frame, now)
        if event is not None:
            self._context.emit(Deliver(event))

    def set_subscribed(self, *, subscribed: bool) -> None:
        """Start or stop to receive application events; those of an encrypted channel go to ``EncryptedEvents`` only."""
        if subscribed:
            self._context.receivers[self.name] = self if self._encrypted is None else self._encrypted
        else:
            self._context.receivers.pop(self.name, None)

    def new_early_events(self) -> EarlyEvents:
        """Return a place for events that arrive before the acknowledgement; bounds as for a backlog (R6)."""
        context = self._context
        return EarlyEvents(self.name, context.settings.key_rotation.backlog, context.budget, self.counts)

    def release_early(self, early: EarlyEvents, now: float) -> None:
        """Deliver events that arrived before the acknowledgement, behind everything emitted before."""
        if self._encrypted is None:
            self._context.emit(early)
            return
        # At once: a later event could otherwise be held before these.
        while (frame := early.take()) is not None:
            event = self._encrypted.receive(frame, now)
            if event is not None:
                self._context.emit(Deliver(event))
        overflow = early.overflow()
        if overflow is not None:
            self.deliver(overflow)

    def deliver(self, event: Event) -> None:
        """Deliver an event of the protocol, behind the events that are held."""
        ready = event if self._encrypted is None else self._encrypted.receive_protocol_event(event)
        if ready is not None:
            self._context.emit(Deliver(ready))

    # -- changes of the subscription ------------------------------------------------------------------------------

    def lacks_key(self, authorization: ChannelAuthorization) -> bool:
        """Return whether the channel is encrypted and the authorization has no key."""
        return self._encrypted is not None and authorization.shared_secret is None

    def authorized(self, authorization: ChannelAuthorization, now: float) -> None:
        """Take the key and the member data of a subscription's authorization."""
        if self._encrypted is not None and authorization.shared_secret is not None:
            self._encrypted.subscription_authorized(authorization.shared_secret, now)
        if self.events.members is not None:
            self.events.members.authorized(authorization.channel_data, self._context.user.user_id)

    def subscription_lost(self, now: float) -> None:
        """Called when the subscription is lost; held events wait a limited time for the next authorization."""
        if self._encrypted is not None:
            self._encrypted.link_lost(now)

    def end(self, now: float) -> None:
        """Called when the subscription has ended: release the held events and drop the keys."""
        if self._encrypted is not None:
            self._encrypted.end(now)

    def discard(self, now: float) -> None:
        """Called when the caller unsubscribed: drop the held events and the keys."""
        if self._encrypted is not None:
            self._encrypted.discard(now)

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` must be called."""
        return None if self._encrypted is None else self._encrypted.deadline()

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        if self._encrypted is not None:
            self._encrypted.handle_deadline(now)

    # -- what EncryptedEvents needs -------------------------------------------------------------------------------

    def release(self, events: EventSource) -> None:
        """Deliver a burst of events, behind everything emitted before."""
        self._context.emit(events)

    def request_key(self, encrypted: EncryptedEvents, now: float) -> None:
        """Request an authorization for its key only; no subscribe frame follows."""
        self._refresh_id = self._context.requests.ask(KeyRequest(self, encrypted), Purpose.REFRESH, now)

    def cancel_key_request(self, now: float) -> bool:
        """Cancel that request; return whether it had been started, and was not waiting for its turn."""
        request_id, self._refresh_id = self._refresh_id, None
        return request_id is not None and self._context.requests.cancel(request_id, now)

    def key_request_ended(self) -> None:
        """Called when the request was answered or has failed."""
        self._refresh_id = None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A request for a key. `Requests` calls its methods with the outcome."""

    frames: ChannelFrames
    encrypted: EncryptedEvents

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.frames.name

    def authorized(self, purpose: Purpose, authorization: ChannelAuthorization, now: float) -> None:
        """Take the key; an answer without one is a failure."""
        del purpose
        key = authorization.shared_secret
        if key is None:
            self._failed(now)
        else:
            self.frames.key_request_ended()
            self.encrypted.key_received(key, now)

    def authorization_failed(
        self, purpose: Purpose, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Called on any failure: a refresh is one request without retries."""
        del purpose, error, retryable, retry_after
        self._failed(now)

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """Called when no answer came in time."""
        del purpose
        self._failed(now)

    def _failed(self, now: float) -> None:
        self.frames.key_request_ended()
        self.encrypted.key_request_failed(now)
