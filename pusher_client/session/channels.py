"""The channels of one client: their handles, and which of them are wanted."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from pusher_client.channel import Channel, ChannelOperations, PresenceChannel
from pusher_client.delivery.bind_windows import BindWindows
from pusher_client.delivery.channel_dispatcher import ChannelDispatcher
from pusher_client.delivery.client_dispatcher import ClientDispatcher
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.totals import Totals
from pusher_client.events import DECRYPTION_FAILURE, ChannelStats, Event, Member, SubscriptionState
from pusher_client.exceptions import PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.names import channel_kind, check_channel_name, is_application_event

if TYPE_CHECKING:
    import asyncio

__all__ = ["Channels"]

_NAME_LIMIT = 200

_logger = logging.getLogger("pusher_client")


class Channels:
    """Makes handles, keeps those that are of use to somebody, and hands events to the wanted ones.

    Args:
        core: The rules.
        subscribe: The client's, for handles.
        unsubscribe: The client's, for handles.
        trigger: The client's, for handles.
        queue_size: How many events a queue holds.
        budget: The client's allowance of bytes.
        on_handler_error: Called when a handler raises.

    Raises:
        TypeError: ``on_handler_error`` cannot be called, or ``queue_size`` is not an integer.
        ValueError: ``queue_size`` is smaller than 1.

    Attributes:
        dispatcher: The client's own handlers and streams.
    """

    def __init__(
        self,
        core: Connection,
        *,
        subscribe: Callable[[str], Awaitable[object]],
        unsubscribe: Callable[[str], Awaitable[object]],
        trigger: Callable[[str, str, Any], Awaitable[object]],
        queue_size: int,
        budget: ByteBudget,
        on_handler_error: ErrorHandler | None,
    ) -> None:
        if on_handler_error is not None and not callable(on_handler_error):
            raise TypeError("on_handler_error is a function of the exception and the event, plain or async")
        self.dispatcher: ClientDispatcher = ClientDispatcher(
            queue_size=queue_size, budget=budget, on_handler_error=on_handler_error
        )
        self._core = core
        self._new_dispatcher = functools.partial(
            ChannelDispatcher, queue_size=queue_size, budget=budget, on_handler_error=on_handler_error
        )
        self._operations = ChannelOperations(
            subscribe=subscribe,
            unsubscribe=unsubscribe,
            trigger=trigger,
            state=core.subscription_state,
            subscription_count=self._subscription_count,
            members=self._members,
            me=self._me,
        )
        self._handles: WeakValueDictionary[str, Channel] = WeakValueDictionary()
        self._dispatchers: WeakValueDictionary[str, ChannelDispatcher] = WeakValueDictionary()
        self._kept: dict[str, Channel] = {}
        self._wanted: dict[str | None, ChannelDispatcher] = {}
        self._ended: dict[str | None, EventCounts] = {}
        self._totals = Totals()
        self._windows = BindWindows()

    # -- handles --------------------------------------------------------------------------------------------------

    def channel(self, name: str) -> Channel:
        """Return the handle of a channel, the same one while somebody has a use for it.

        Raises:
            TypeError: The name is not a string.
            ValueError: The name is not one that a server accepts.
            RuntimeError: The client is connected in another event loop or thread.
        """
        self.dispatcher.pool.check_caller()
        check_channel_name(name, self._core.settings.channel_name_limit)
        handle = self._handles.get(name)
        if handle is None:
            on_use = functools.partial(self._update_kept, name)
            dispatcher = self._new_dispatcher(name, self.dispatcher, EventCounts(), on_use=on_use)
            kind = PresenceChannel if channel_kind(name).presence else Channel
            handle = self._handles[name] = kind(name, dispatcher, self._operations)
            self._dispatchers[name] = dispatcher
            self._totals.watch(dispatcher, dispatcher.counts)
        return handle

    def presence(self, name: str) -> PresenceChannel:
        """Return the handle of a presence channel.

        Raises:
            TypeError: The name is not a string.
            ValueError: The name does not start with ``presence-``, or is not one that a server accepts.
        """
        handle = self.channel(name)
        if not isinstance(handle, PresenceChannel):
            problem = f"{name!r} is not a presence channel: its name would start with 'presence-'"
            raise ValueError(problem)  # noqa: TRY004 - it is the name that is wrong, and the type follows from it
        return handle

    def all_channels(self) -> list[Channel]:
        """Return the channels that are to be subscribed, in the order in which they were first subscribed."""
        return [self._kept[name] for name in self._wanted if name is not None]

    @contextlib.contextmanager
    def subscribing(self, handle: Channel) -> Generator[None]:
        """Let the handlers that are bound right after this call of ``subscribe()`` get the events that they missed."""
        dispatcher = self._dispatchers[handle.name]
        number = self._windows.start_call(dispatcher)
        try:
            yield
        finally:
            self._windows.finish_call(number, dispatcher)

    def add_wanted(self, handle: Channel) -> EventCounts:
        """Keep a channel that is being subscribed, open its own stream, and return its counts."""
        dispatcher = self._dispatchers[handle.name]
        self._wanted[handle.name] = dispatcher
        self._update_kept(handle.name)
        dispatcher.open_own_stream()
        return dispatcher.counts

    def _update_kept(self, name: str) -> None:
        handle = self._handles.get(name)
        if handle is None:
            return
        if name in self._wanted or handle.in_use:
            self._kept[name] = handle
        else:
            self._kept.pop(name, None)

    # -- figures --------------------------------------------------------------------------------------------------

    def total(self) -> ChannelStats:
        """Sum the counts of all channels that there ever were."""
        return self._totals.sum().snapshot()

    def wanted(self) -> list[SubscriptionState]:
        """Return where each channel stands that is to be subscribed."""
        return [self._core.subscription_state(name) for name in tuple(self._wanted) if name is not None]

    # -- events ---------------------------------------------------------------------------------------------------

    def deliver(self, event: Event) -> None:
        """Hand an event to its channel."""
        dispatcher = self._wanted.get(event.channel)
        if dispatcher is None:
            # A handler unsubscribed while the connection ends, when the core has let go of the channel already.
            counts = self._ended.get(event.channel, EventCounts())
            counts.dropped += event.name == DECRYPTION_FAILURE or is_application_event(event.name)
            return
        if event.name == DECRYPTION_FAILURE:
            failure = event.data
            name = failure.event_name[:_NAME_LIMIT]
            _logger.warning("%s: an event %r could not be opened: %s", failure.channel, name, failure.reason)
        dispatcher.deliver(event)

    def end_at_once(self, name: str) -> None:
        """The caller unsubscribes: end the streams now; the core's word may come after the next subscribe."""
        dispatcher = self._wanted.pop(name, None)
        if dispatcher is not None:
            self._ended[name] = dispatcher.counts
            dispatcher.end(None)
            self._update_kept(name)

    def end(self, name: str, error: PusherError | None) -> None:
        """A subscription is over: its streams end, and raise the error if there is one."""
        if error is None and name in self._ended:
            del self._ended[name]
            return
        dispatcher = self._wanted.get(name)
        if dispatcher is None:
            return
        if not self._core.wanted(name):
            del self._wanted[name]
        dispatcher.end(error, drain=not self._core.active)
        self._update_kept(name)

    def end_all(self, error: PusherError | None) -> None:
        """The connection is over: the client's own streams end too, and those of channels that were not subscribed."""
        self._ended.clear()
        self.dispatcher.end(error)
        for dispatcher in list(self._dispatchers.values()):
            dispatcher.end(error, drain=True)

    def open(self) -> None:
        """Belong to the running event loop until `close`."""
        self.dispatcher.pool.enter()

    async def close(self, grace: float, callers: Collection[asyncio.Task[Any]]) -> None:
        """Give running handlers ``grace`` seconds, then cancel them, but never the callers."""
        try:
            await self.dispatcher.close(grace, callers)
        finally:
            self._windows.close_all()
            self.dispatcher.pool.leave()

    def end_without_loop(self) -> None:
        """Belong to no event loop any more, since it is gone, and drop what its tasks have left."""
        for dispatcher in list(self._dispatchers.values()):
            dispatcher.end(None)
        self.dispatcher.end(None)
        self._windows.close_all()
        self.dispatcher.pool.end_without_loop()

    # -- what handles ask -----------------------------------------------------------------------------------------

    def _subscription_count(self, name: str) -> int | None:
        events = self._core.channel_events(name)
        return None if events is None else events.subscription_count

    def _members(self, name: str) -> Mapping[str, Any]:
        events = self._core.channel_events(name)
        return events.members.mapping if events is not None and events.members is not None else {}

    def _me(self, name: str) -> Member | None:
        events = self._core.channel_events(name)
        return events.members.me if events is not None and events.members is not None else None
