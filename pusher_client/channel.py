"""The handles of channels that users hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pusher_client.delivery.bindings import Bindable, Bindings
from pusher_client.delivery.channel_dispatcher import ChannelDispatcher
from pusher_client.delivery.event_stream import EventStream
from pusher_client.events import ChannelStats, Event, Member, SubscriptionState

__all__ = ["Channel", "ChannelOperations", "PresenceChannel"]


@dataclass(frozen=True, slots=True)
class ChannelOperations:
    """What a handle asks of its client; every callable takes the channel's name first.

    Attributes:
        subscribe: Subscribes, and returns after the acknowledgement.
        unsubscribe: Unsubscribes.
        trigger: Sends a client event: its name, its data.
        state: The state of the subscription.
        subscription_count: Number of subscribed connections, as the server last reported it.
        members: Gives the members of a presence channel.
        me: Gives the member that this client is.
    """

    subscribe: Callable[[str], Awaitable[object]]
    unsubscribe: Callable[[str], Awaitable[object]]
    trigger: Callable[[str, str, Any], Awaitable[object]]
    state: Callable[[str], SubscriptionState]
    subscription_count: Callable[[str], int | None]
    members: Callable[[str], Mapping[str, Any]]
    me: Callable[[str], Member | None]


class Channel(Bindable[Event]):
    """One channel of one client, subscribed or not: ``client.channel(name)``.

    Handlers stay bound through reconnects, and through ``unsubscribe()`` and ``subscribe()``. Iterating over the
    channel reads its application events from its one own stream, which ``subscribe()`` opens when no handler for
    application events is bound; to stop and to go on later loses nothing.

    Args:
        name: The channel's name.
        dispatcher: Where its handlers and streams are.
        operations: What the client does for it.
    """

    __slots__ = ("__weakref__", "_dispatcher", "_name", "_operations")

    def __init__(self, name: str, dispatcher: ChannelDispatcher, operations: ChannelOperations) -> None:
        self._name = name
        self._dispatcher = dispatcher
        self._operations = operations

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._name

    @property
    def state(self) -> SubscriptionState:
        """The state of the subscription."""
        return self._operations.state(self._name)

    @property
    def stats(self) -> ChannelStats:
        """What became of the channel's application events, over all its subscriptions, up to this moment."""
        return self._dispatcher.counts.snapshot()

    @property
    def subscription_count(self) -> int | None:
        """How many connections are subscribed, as the server last said; None where it has not said."""
        return self._operations.subscription_count(self._name)

    @property
    def in_use(self) -> bool:
        """Whether a handler is bound, a stream is open or a handler is running."""
        return self._dispatcher.in_use

    async def subscribe(self) -> Self:
        """Subscribe, and return the channel itself once the server has acknowledged; harmless when repeated.

        Raises:
            AuthorizationError: The endpoint or the server refused.
            SubscriptionError: It was not acknowledged in time, or ``unsubscribe()`` was called meanwhile.
            NotConnectedError: There is no connection, and none is being opened.
        """
        await self._operations.subscribe(self._name)
        return self

    async def unsubscribe(self) -> None:
        """Unsubscribe; afterwards no handler is called for that subscription, and its streams have ended.

        What the streams had queued before can still be read.
        """
        await self._operations.unsubscribe(self._name)

    def unbind_all(self) -> None:
        """Unbind all callbacks of this channel, those of ``bind`` and those of ``bind_global``.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self.unbind()
        self.unbind_global()

    async def trigger(self, event: str, data: Any) -> None:
        """Send a client event to the other subscribers of a private or presence channel.

        Returns once the event is handed to the transport. Until then it waits: for earlier calls, which are sent in
        order and one at a time, and while the transport's buffer is full. If this call is cancelled meanwhile, or the
        connection is lost, the event is not sent, on a later connection neither. A server that reads nothing for
        ``pong_timeout`` seconds is disconnected.

        Args:
            event: The event's name, starting with ``client-``.
            data: What JSON can express.

        Raises:
            TypeError: ``data`` is nothing that JSON can express.
            ValueError: The name does not start with ``client-``, ``data`` takes more than 10 kB as JSON, or the frame
                takes more bytes than the client's ``client_event_limit``, which replaces that rule.
            NotConnectedError: There is no connection, or it was lost before the event was sent.
            UnsupportedError: The channel is encrypted, which leaves no place for client events.
            SubscriptionError: The channel is not subscribed.
            RateLimitError: The client's ``client_events_per_second`` were sent in the last second.

        What the server refuses all the same comes as ``pusher:error`` with a `ServerError`: on ``client.connection`` as
        ``error``, and on this channel where it is certain that this one is meant.
        """
        await self._operations.trigger(self._name, event, data)

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of this channel's events, which takes them in from now on.

        Args:
            *names: Globs, matched with case against the names of all events, those of the protocol and the markers of
                losses included, so that ``"*"`` is everything. Without any: the application's events.
            queue_size: How many events wait to be read before the newest are refused; the client's by default.

        Raises:
            TypeError: A name is not a string, or ``queue_size`` is not an integer.
            ValueError: ``queue_size`` is smaller than 1.
        """
        return self._dispatcher.events(*names, queue_size=queue_size)

    async def wait_for(self, *names: str, timeout: float | None = None) -> Event:  # noqa: ASYNC109 - its error has names
        """Return the next event whose name matches one of these globs; the next application event without names.

        Args:
            *names: Globs, as in `events`.
            timeout: Seconds to wait; None for no limit.

        Raises:
            TimeoutError: The timeout has expired; the message has the names, the channel and the seconds.
            SubscriptionError: The channel was unsubscribed meanwhile, or has failed.
            ConnectError: The connection has failed and is not retried.
            TypeError: A name is not a string, or the timeout is not a number.
            ValueError: The timeout is not positive.
        """
        return await self._dispatcher.wait_for(*names, timeout=timeout)

    def __aiter__(self) -> EventStream:
        return self._dispatcher.own_stream()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r} {self.state}>"

    @property
    def _handlers(self) -> Bindings:
        return self._dispatcher


class PresenceChannel(Channel):
    """A channel that knows who is there: ``client.presence(name)``."""

    __slots__ = ()

    @property
    def members(self) -> Mapping[str, Any]:
        """What is known of each member by its id, a string; read only, and empty while not subscribed."""
        return self._operations.members(self._name)

    @property
    def me(self) -> Member | None:
        """The member that this client is; None while not subscribed."""
        return self._operations.me(self._name)
