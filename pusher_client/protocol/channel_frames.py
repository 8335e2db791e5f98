"""What arrives on one channel while it is subscribed (protocol-notes 5.6, 5.7 and 7.1).

An encrypted channel's frames has a hold, and asks for keys on its behalf. Whether there is one is decided by the
channel's name, before any data is looked at (promise C1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pusher_client.events import DECRYPTION_FAILURE, Event
from pusher_client.exceptions import PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.channel_events import ChannelEvents
from pusher_client.protocol.encrypted_events import EncryptedEvents
from pusher_client.protocol.encryption import OpenSecretbox
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, decode_data
from pusher_client.protocol.keyring import RefreshGuard
from pusher_client.protocol.names import ChannelKind, channel_kind, is_application_event
from pusher_client.protocol.outputs import Deliver, Output, Purpose
from pusher_client.protocol.requests import Requests
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.signatures import ChannelAuthorization

__all__ = ["ChannelFrames", "SignedInUser", "SubscriptionContext"]


class SignedInUser(Protocol):
    """What subscriptions ask of the sign-in (protocol-notes 13.4)."""

    @property
    def user_id(self) -> str | None:
        """Who is signed in on this link."""
        ...

    @property
    def expected(self) -> bool:
        """Whether somebody is going to be."""
        ...


class Receiver(Protocol):
    """What takes a channel's application events while it is subscribed."""

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what may be delivered at once."""
        ...


@dataclass(frozen=True, slots=True)
class SubscriptionContext:
    """What all subscriptions of a connection share; ``receivers`` are those of the channels that are subscribed now."""

    settings: ConnectionSettings
    random: Callable[[], float]
    emit: Callable[[Output], None]
    send: Callable[[str], None]
    requests: Requests
    budget: ByteBudget
    guard: RefreshGuard
    withdraw: Callable[[str, float], None]
    user: SignedInUser
    open_box: OpenSecretbox
    receivers: dict[str, Receiver] = field(default_factory=dict[str, Receiver])


class ChannelFrames:
    """Turns a channel's frames into events, in their order.

    Args:
        name: The channel's name.
        context: What the connection's subscriptions share.
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

    # -- what arrives ---------------------------------------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what may be delivered at once."""
        if self._encrypted is not None:  # registered itself, see ``set_subscribed``; this is a second lock (C1)
            return self._encrypted.receive(frame, now)
        self.counts.received += 1
        return Event(frame.event, self.name, decode_data(frame.data), frame.user_id, frame.data or "")

    def set_subscribed(self, *, subscribed: bool) -> None:
        """Take application events from now on, or no more; those of an encrypted channel go to its hold alone."""
        if subscribed:
            self._context.receivers[self.name] = self if self._encrypted is None else self._encrypted
        else:
            self._context.receivers.pop(self.name, None)

    def deliver(self, event: Event) -> None:
        """Deliver a protocol event, behind what is held."""
        ready = event if self._encrypted is None else self._encrypted.receive_protocol_event(event)
        if ready is not None:
            self.release(ready)

    def count_undelivered(self, event: Event) -> None:
        """Count what was on its way to dispatch when the caller unsubscribed."""
        self.counts.dropped += event.name == DECRYPTION_FAILURE or is_application_event(event.name)

    # -- what happens to the subscription -------------------------------------------------------------------------

    def lacks_key(self, authorization: ChannelAuthorization) -> bool:
        """Tell whether an authorization cannot serve because the channel is encrypted and no key came with it."""
        return self._encrypted is not None and authorization.shared_secret is None

    def authorized(self, authorization: ChannelAuthorization, now: float) -> None:
        """Take what a subscription's authorization brings besides the signature."""
        if self._encrypted is not None and authorization.shared_secret is not None:
            self._encrypted.subscription_authorized(authorization.shared_secret, now)
        if self.events.members is not None:
            self.events.members.authorized(authorization.channel_data, self._context.user.user_id)

    def subscription_lost(self, now: float) -> None:
        """The subscription is lost for now; what is held waits a little for the next authorization."""
        if self._encrypted is not None:
            self._encrypted.link_lost(now)

    def end(self, now: float) -> None:
        """The subscription is over: hand on what is held, drop the keys."""
        if self._encrypted is not None:
            self._encrypted.end(now)

    def discard(self, now: float) -> None:
        """The caller unsubscribed: drop what is held, and the keys."""
        if self._encrypted is not None:
            self._encrypted.discard(now)

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""
        return None if self._encrypted is None else self._encrypted.deadline()

    def handle_deadline(self, now: float) -> None:
        """Let the hold do what is due."""
        if self._encrypted is not None:
            self._encrypted.handle_deadline(now)

    # -- what the hold needs --------------------------------------------------------------------------------------

    def release(self, event: Event) -> None:
        """Hand an event on."""
        self._context.emit(Deliver(event))

    def request_key(self, encrypted: EncryptedEvents, now: float) -> None:
        """Ask for an authorization only for the key it brings; no second subscribe follows."""
        self._refresh_id = self._context.requests.ask(KeyRequest(self, encrypted), Purpose.REFRESH, now)

    def cancel_key_request(self, now: float) -> bool:
        """Give up that request, and tell whether it was running or still waited for its turn."""
        request_id, self._refresh_id = self._refresh_id, None
        return request_id is not None and self._context.requests.cancel(request_id, now)

    def key_request_ended(self) -> None:
        """Hear that there is an answer, or none to come."""
        self._refresh_id = None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A request for a key, in the form in which requests are answered."""

    frames: ChannelFrames
    encrypted: EncryptedEvents

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.frames.name

    def authorized(self, purpose: Purpose, authorization: ChannelAuthorization, now: float) -> None:
        """Take the key; an answer without one brought nothing."""
        del purpose
        key = authorization.shared_secret
        if key is None:
            self._brought_nothing(now)
        else:
            self.frames.key_request_ended()
            self.encrypted.key_received(key, now)

    def authorization_failed(
        self, purpose: Purpose, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Nothing was brought, whatever the reason: a refresh is one request without retries."""
        del purpose, error, retryable, retry_after
        self._brought_nothing(now)

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """No answer is no key."""
        del purpose
        self._brought_nothing(now)

    def _brought_nothing(self, now: float) -> None:
        self.frames.key_request_ended()
        self.encrypted.key_request_failed(now)
