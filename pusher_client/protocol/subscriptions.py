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


class WantedChannels:
    """The wanted set: each channel with its subscription, those that failed for good included.

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
        self._ended: dict[str, Subscription] = {}
        self.subscriptions: dict[str, Subscription] = {}

    def get(self, channel: str) -> Subscription | None:
        """Return a channel's subscription."""
        return self.subscriptions.get(channel)

    def wanted(self, channel: str) -> bool:
        """Tell whether the channel is wanted, and has not failed."""
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
        subscription.frames.counts.dropped += self._outputs.discard(channel)
        subscription.unsubscribe(now, link_up=link_up)

    def settle_owed(self, frame: Frame, now: float) -> bool:
        """Tell whether a frame answers a subscription that was given up before; a second one must be waited for."""
        if not self._owed.receive(frame, now):
            return False
        subscription = self.subscriptions.get(frame.channel or "")
        if subscription is not None:
            subscription.doubt(now)
            self._timers.arm(subscription)
        return True

    def link_up(self, now: float) -> None:
        """Subscribe everything on a new link."""
        for subscription in self.subscriptions.values():
            if subscription.state is not SubscriptionState.FAILED:
                subscription.begin(now)
                self._timers.arm(subscription)

    def link_lost(self, last_received: float, now: float) -> None:
        """Nothing is subscribed any more."""
        self._owed.clear()
        for subscription in self.subscriptions.values():
            subscription.link_lost(last_received, now)
            self._timers.arm(subscription)

    def end(self, error: PusherError | None, now: float) -> None:
        """Want nothing any more: the caller disconnected (None), or the link is over for good."""
        self._owed.clear()
        # What they held is among the outputs now, and a handler of the first may yet unsubscribe from the rest.
        self._ended = self.subscriptions.copy()
        self.subscriptions.clear()
        for subscription in self._ended.values():
            subscription.close(error, now)

    def user_settled(self, now: float) -> None:
        """Let those go on that waited for the sign-in."""
        for subscription in list(self.subscriptions.values()):
            subscription.user_settled(now)
            self._timers.arm(subscription)
