"""Channels whose calls block."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Self

import pusher_client
from pusher_client.events import ChannelStats, Event, Member, SubscriptionState
from pusher_client.sync.bindings import Bindable
from pusher_client.sync.stream import EventStream
from pusher_client.sync.thread import ClientThread

__all__ = ["Channel", "PresenceChannel"]


class Channel(Bindable):
    """One channel of one client, subscribed or not; `pusher_client.Channel`, blocking.

    Iterating over it reads its application events. To stop and to go on later loses nothing.

    Args:
        thread: The client's threads.
        channel: The channel of the asyncio client.
        register: Called with each stream that is opened.
    """

    def __init__(self, thread: ClientThread, channel: pusher_client.Channel, register: Any) -> None:
        super().__init__(thread, channel)
        self._channel = channel
        self._register = register
        self._unread: deque[Event] = deque()

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._channel.name

    @property
    def state(self) -> SubscriptionState:
        """The state of the subscription."""
        return self._thread.call(lambda: self._channel.state)

    @property
    def stats(self) -> ChannelStats:
        """Counts of the channel's application events, over all its subscriptions."""
        return self._thread.call(lambda: self._channel.stats)

    @property
    def subscription_count(self) -> int | None:
        """How many connections are subscribed, as the server last said; None where it has not said."""
        return self._thread.call(lambda: self._channel.subscription_count)

    def subscribe(self) -> Self:
        """Subscribe, and return the channel once the server has acknowledged; raises as the asyncio client does."""
        self._thread.wait(self._channel.subscribe)
        return self

    def unsubscribe(self) -> None:
        """Unsubscribe. What the streams had queued before can still be read."""
        self._thread.wait(self._channel.unsubscribe)

    def unbind_all(self) -> None:
        """Unbind all callbacks of this channel, those of ``bind`` and those of ``bind_global``."""
        self._thread.call(self._channel.unbind_all)

    def trigger(self, event: str, data: Any) -> None:
        """Send a client event; raises as `pusher_client.Channel.trigger` does."""
        self._thread.wait(self._channel.trigger, event, data)

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of this channel's events; arguments and errors as `pusher_client.Channel.events`."""
        stream = self._thread.call(lambda: self._channel.events(*names, queue_size=queue_size))
        return self._opened(stream, deque())

    def wait_for(self, *names: str, timeout: float | None = None) -> Event:
        """Wait for the next event whose name matches one of these globs; without names, an application event.

        Args:
            *names: Globs, as in `events`.
            timeout: Seconds to wait; None waits for as long as it takes.

        Raises:
            TimeoutError: No such event came in time.
            SubscriptionError: The channel was unsubscribed meanwhile, or failed.
            ConnectError: The connection failed.
        """
        return self._thread.wait(self._channel.wait_for, *names, timeout=timeout)

    def __iter__(self) -> EventStream:
        return self._opened(self._thread.call(self._channel.__aiter__), self._unread)

    def __repr__(self) -> str:
        return repr(self._channel)

    def _opened(self, stream: pusher_client.EventStream, unread: deque[Event]) -> EventStream:
        opened = EventStream(self._thread, stream, unread)
        self._register(opened)
        return opened


class PresenceChannel(Channel):
    """A presence channel; `pusher_client.PresenceChannel`, blocking."""

    def __init__(self, thread: ClientThread, channel: pusher_client.PresenceChannel, register: Any) -> None:
        super().__init__(thread, channel, register)
        self._presence = channel

    @property
    def members(self) -> Mapping[str, Any]:
        """What is known of each member by its id; a copy, and empty while not subscribed."""
        return self._thread.call(lambda: dict(self._presence.members))

    @property
    def me(self) -> Member | None:
        """The member that this client is; None while not subscribed."""
        return self._thread.call(lambda: self._presence.me)
