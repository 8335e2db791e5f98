"""A channel of a relay: its handle, its rules, and what wakes the task that writes."""

from __future__ import annotations

import asyncio

from pusher_client.channel import Channel
from pusher_client.events import Event, SubscriptionState
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.relay.channel_relay import ChannelRelay
from pusher_client.relay.envelope import Origin, entry_of, gap_envelope
from pusher_client.relay.values import RelaySettings

__all__ = ["RelayedChannel"]


class RelayedChannel:
    """One channel of a relay.

    Args:
        channel: Its handle.
        origin: What envelopes say about where events are received.
        settings: The times and bounds.
        budget: Characters of envelopes that may wait, for all channels of the relay.
        instance: A random text for this start of the relay.

    Attributes:
        channel: As above.
        origin: As above.
        relay: The rules.
        wake: Set when there may be something to write.
    """

    def __init__(
        self, channel: Channel, origin: Origin, settings: RelaySettings, budget: ByteBudget, instance: str
    ) -> None:
        self.channel = channel
        self.origin = origin
        self.wake: asyncio.Event = asyncio.Event()
        self.relay: ChannelRelay = ChannelRelay(
            origin.relay,
            origin.channel,
            settings,
            lambda id_, hole: gap_envelope(id_, hole, origin),
            take=budget.take,
            give=budget.give,
            instance=instance,
        )
        self._instance = instance
        self._number = 0

    def received(self, event: Event, now: float) -> None:
        """Take an event."""
        self._number += 1
        self.relay.received(entry_of(event, self.origin, now, f"{self._instance}-{self._number}"))
        self.wake.set()

    def checkpoint(self, now: float, silence: float) -> None:
        """Note that everything until the last frame was received, unless some of it waits for a key."""
        if self.channel.state is SubscriptionState.SUBSCRIBED and not self.channel.stats.waiting:
            self.relay.heard(now - silence)
