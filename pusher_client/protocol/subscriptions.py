"""The channels that the caller wants, whatever becomes of links (protocol-notes 5, promise R3)."""

from __future__ import annotations

from pusher_client.events import SubscriptionState
from pusher_client.exceptions import PusherError
from pusher_client.protocol.acknowledgement import OwedAnswers
from pusher_client.protocol.channel_frames import SubscriptionContext
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame
from pusher_client.protocol.output_queue import OutputQueue
from pusher_client.protocol.subscription import Subscription
from pusher_client.protocol.timers import Timers

__all__ = ["WantedChannels"]

_UNSUBSCRIBED_KEPT = 1024


class WantedChannels:
    """The wanted set: each channel with its subscription, those that failed included.

    Args:
        context: What all subscriptions share.
        outputs: What is still to be carried out.
        timers: Where subscriptions have their deadlines.

    Attributes:
        subscriptions: By the channel's name; to be read by others.
    """

    def __init__(self, context: SubscriptionContext, outputs: OutputQueue, timers: Timers) -> None:
        self._context = context
        self._outputs = outputs
        self._timers = timers
        self._owed = OwedAnswers()
        self._unsubscribed: dict[str, EventCounts] = {}
        self._ended: dict[str, Subscription] = {}
        self.subscriptions: dict[str, Subscription] = {}

    def get(self, channel: str) -> Subscription | None:
        """Return a channel's subscription."""
        return self.subscriptions.get(channel)

    def wanted(self, channel: str) -> bool:
        """Return whether the channel is wanted, and has not failed."""
        subscription = self.subscriptions.get(channel)
        return subscription is not None and subscription.state is not SubscriptionState.FAILED

    def state(self, channel: str) -> SubscriptionState:
        """Return where a channel stands."""
        subscription = self.subscriptions.get(channel)
        return subscription.state if subscription is not None else SubscriptionState.UNSUBSCRIBED

    def subscribe(self, channel: str, call_id: int, counts: EventCounts, now: float, *, link_up: bool) -> Subscription:
        """Want a channel, and let a call wait for it."""
        subscription = self.subscriptions.get(channel)
        if subscription is None:
            subscription = self.subscriptions[channel] = Subscription(channel, self._context, self._owed, counts)
        subscription.subscribe(call_id, now, link_up=link_up)
        return subscription

    def unsubscribe(self, channel: str, now: float, *, link_up: bool) -> None:
        """Want a channel no longer; nothing of its subscription is delivered after this."""
        subscription = self.subscriptions.pop(channel, None)
        if subscription is None:
            if (ended := self._ended.pop(channel, None)) is not None:
                ended.frames.counts.dropped += self._outputs.discard(channel)
            return
        if subscription.state is SubscriptionState.SUBSCRIBING:
            self._owed.owe(channel, now)
        if link_up and subscription.state in (SubscriptionState.SUBSCRIBING, SubscriptionState.SUBSCRIBED):
            self._note_unsubscribed(channel, subscription.frames.counts)
        subscription.frames.counts.dropped += self._outputs.discard(channel)
        subscription.unsubscribe(now, link_up=link_up)
        self._timers.discard(subscription)

    def settle_owed(self, frame: Frame, now: float) -> bool:
        """Return whether a frame answers a subscription that was given up before; a second one must be waited for."""
        return self._owed.receive(frame, now) and self._settled(frame.channel or "", now)

    def may_be_owed(self, channel: str, now: float) -> bool:
        """Return whether an error that names a channel may be about a subscription that was given up before.

        Such an error does not always stand in place of the answer, so the answer stays owed; the current subscription
        is waited for a second longer.
        """
        return self._owed.owes(channel) and self._settled(channel, now)

    @property
    def pending(self) -> bool:
        """Whether a subscription waits for its acknowledgement."""
        return any(each.state is SubscriptionState.SUBSCRIBING for each in self.subscriptions.values())

    @property
    def authorizing(self) -> bool:
        """Whether an authorization is pending, or is to be requested again."""
        return any(each.state is SubscriptionState.AUTHORIZING for each in self.subscriptions.values())

    def _settled(self, channel: str, now: float) -> bool:
        subscription = self.subscriptions.get(channel)
        if subscription is not None:
            subscription.doubt(now)
            self._timers.arm(subscription)
        return True

    def receive_early(self, frame: Frame) -> bool:
        """Take an application event of a channel that is not subscribed, or not yet acknowledged (protocol-notes 5.5).

        Behind an ``unsubscribe()`` on the same link it may belong to the old subscription, and counts as dropped.
        """
        channel = frame.channel or ""
        subscription, counts = self.subscriptions.get(channel), self._unsubscribed.get(channel)
        if counts is None:
            return subscription is not None and subscription.receive_early(frame)
        answers_owed = (
            self._owed.owes(channel) if subscription is None else subscription.state is SubscriptionState.SUBSCRIBING
        )
        if answers_owed:
            counts.received += 1
            counts.dropped += 1
        return answers_owed

    def _note_unsubscribed(self, channel: str, counts: EventCounts) -> None:
        self._unsubscribed.pop(channel, None)
        if len(self._unsubscribed) >= _UNSUBSCRIBED_KEPT:
            del self._unsubscribed[next(iter(self._unsubscribed))]
        self._unsubscribed[channel] = counts

    def link_up(self, now: float) -> None:
        """Subscribe everything on a new link."""
        for subscription in self.subscriptions.values():
            if subscription.state is not SubscriptionState.FAILED:
                subscription.begin(now)
                self._timers.arm(subscription)

    def link_lost(self, last_received: float, now: float) -> None:
        """Nothing is subscribed any more."""
        self._owed.clear()
        self._unsubscribed.clear()
        for subscription in self.subscriptions.values():
            subscription.link_lost(last_received, now)
            self._timers.arm(subscription)

    def end(self, error: PusherError | None, now: float) -> None:
        """Want nothing any more: the caller disconnected (None), or the connection failed."""
        self._owed.clear()
        self._unsubscribed.clear()
        # What they held is among the outputs now, and a handler of the first may yet unsubscribe from the rest.
        self._ended = self.subscriptions.copy()
        self.subscriptions.clear()
        for subscription in self._ended.values():
            subscription.close(error, now)
            self._timers.discard(subscription)

    def user_settled(self, now: float) -> None:
        """Let those go on that waited for the sign-in."""
        for subscription in list(self.subscriptions.values()):
            subscription.user_settled(now)
            self._timers.arm(subscription)
