"""The connection: text in; text, outputs and the next deadline out (protocol-notes 1 to 8).

Feed it one input at a time, each with the time of a monotonic clock in seconds, and after each send what
``text_to_send()`` returns, carry out what ``outputs()`` yields, and call ``handle_deadline`` no later than
``deadline()``. It reads no clock, draws no lots, opens no socket and logs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pusher_client.events import DECRYPTION_FAILURE, ConnectionState, Event, SubscriptionState
from pusher_client.exceptions import NotConnectedError, ProtocolError, PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.channel_events import ChannelEvents
from pusher_client.protocol.channel_frames import SubscriptionContext
from pusher_client.protocol.client_events import ClientEvents
from pusher_client.protocol.codes import UNAUTHORIZED
from pusher_client.protocol.encryption import secretbox_opener
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, decode_frame
from pusher_client.protocol.key_refresh import RefreshGuard
from pusher_client.protocol.link import Link, LinkPhase
from pusher_client.protocol.names import PROTOCOL_PREFIXES, check_channel_name
from pusher_client.protocol.output_queue import OutputQueue
from pusher_client.protocol.outputs import Deliver, Output
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.protocol.requests import Requests
from pusher_client.protocol.server_frames import ServerFrames
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.sign_in import SignIn
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication
from pusher_client.protocol.subscription import Subscription
from pusher_client.protocol.subscriptions import WantedChannels
from pusher_client.protocol.timers import Timers

__all__ = ["Connection"]

_CLIENT_GUARD_FACTOR = 4


class Connection:
    """All rules of one client's connection, its subscriptions included.

    Args:
        settings: Timeouts, policies and limits.
        random: Returns a number from 0 to 1, evenly.
        budget: The client's allowance of bytes, shared with its queues; one of its own by default.
        shortcut: Whether ``receive_text`` may hand back an event instead of putting it among the outputs.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        random: Callable[[], float],
        budget: ByteBudget | None = None,
        *,
        shortcut: bool = True,
    ) -> None:
        self.settings = settings
        self._outputs = OutputQueue()
        self._texts: list[str] = []
        self._client_events = ClientEvents(settings.client_events_per_second, settings.client_event_limit)
        self._timers = Timers()
        self._shortcut = shortcut
        self._now = 0.0
        emit, rotation, opener = self._outputs.append, settings.key_rotation, secretbox_opener()
        self._link = Link(settings, random, emit, self._send, self)
        self._requests = Requests(settings.authorization_timeout, emit, settings.batch_size)
        self.sign_in: SignIn = SignIn(settings, random, emit, self._send, self._requests)
        guard = RefreshGuard(_CLIENT_GUARD_FACTOR * rotation.fruitless_limit, rotation.max_delay, random)
        self.budget: ByteBudget = ByteBudget(settings.buffer_bytes) if budget is None else budget
        context = SubscriptionContext(
            settings=settings,
            random=random,
            emit=emit,
            send=self._send,
            requests=self._requests,
            budget=self.budget,
            guard=guard,
            withdraw=self.unsubscribe,
            user=self.sign_in,
            open_box=opener,
        )
        self._receivers = context.receivers
        self._channels = WantedChannels(context, self._outputs, self._timers)
        self.sign_in.settled = self._channels.user_settled
        self._frames = ServerFrames(
            self._channels, self.sign_in, self._client_events, self._timers, emit=emit, send=self._send
        )

    # -- what can be asked ----------------------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """The state of the connection."""
        return self._link.state

    @property
    def socket_id(self) -> str | None:
        """The server's name for the link; None without one."""
        return self._link.socket_id

    @property
    def lost_cause(self) -> str:
        """Why the last link was lost."""
        return self._link.lost_cause

    @property
    def last_received(self) -> float:
        """When the server last sent anything; minus infinity before it ever did."""
        return self._link.liveness.last_in

    @property
    def active(self) -> bool:
        """True from ``connect`` until ``disconnect`` or a final failure."""
        return self._link.phase is not LinkPhase.IDLE

    @property
    def ignored_frames(self) -> int:
        """How many frames meant nothing here."""
        return self._frames.ignored

    def wanted(self, channel: str) -> bool:
        """Return whether the channel is in the wanted set."""
        return self._channels.wanted(channel)

    def subscription_state(self, channel: str) -> SubscriptionState:
        """Return where a channel stands."""
        return self._channels.state(channel)

    def channel_events(self, channel: str) -> ChannelEvents | None:
        """Return what is remembered of a wanted channel: its count of subscribers and its members."""
        subscription = self._channels.get(channel)
        return None if subscription is None else subscription.frames.events

    # -- what to carry out ----------------------------------------------------------------------------------------

    def text_to_send(self) -> list[str]:
        """Return the texts to be sent, in order, and forget them."""
        texts, self._texts = self._texts, []
        return texts

    def outputs(self) -> Iterator[Output]:
        """Yield the outputs in order, also those added meanwhile; what is not taken is yielded by the next call."""
        return self._outputs.drain()

    @property
    def has_outputs(self) -> bool:
        """Whether there may be outputs."""
        return bool(self._outputs)

    @property
    def pausable(self) -> bool:
        """Whether the event loop should run before the next output is taken (design.md 10).

        That lets a reader that keeps up read each event of a burst, so that no queue overflows.
        """
        return self.active and self._outputs.pausable

    def deadline(self) -> float | None:
        """Return when to call ``handle_deadline``; None while nothing is waited for."""
        return self._timers.deadline()

    def handle_deadline(self, now: float) -> None:
        """Do everything that is due by now."""
        self._now = now
        unanswered = self._requests.overdue(now)
        self._timers.fire(now)
        self._rearm()
        for name in unanswered:
            self._rearm(self._channels.get(name))

    # -- what the caller wants ------------------------------------------------------------------------------------

    def connect(self, now: float) -> None:
        """Open a link, unless that is under way."""
        self._now = now
        self._link.connect(now)
        self._rearm()

    def reconnect(self, now: float, *, tls: bool) -> None:
        """Leave the link for one to another address, which is as new as the first; the wanted set stays."""
        self._now = now
        self._link.switch(now, tls=tls)
        self._rearm()

    def disconnect(self, now: float) -> None:
        """Close the link and want nothing any more."""
        self._now = now
        self.link_over(None, now)
        self._link.disconnect()

    def subscribe(self, channel: str, call_id: int, counts: EventCounts, now: float) -> None:
        """Want a channel; the call's ``Result`` follows.

        Raises:
            ValueError: The name is not one that a server accepts.
            NotConnectedError: There is no link, and none is being opened.
        """
        check_channel_name(channel, self.settings.channel_name_limit)
        if not self.active:
            raise NotConnectedError("not connected; call connect() first")
        self._now = now
        self._rearm(self._channels.subscribe(channel, call_id, counts, now, link_up=self.socket_id is not None))

    def abandon(self, channel: str, call_id: int, now: float) -> None:
        """Forget a call of ``subscribe`` whose caller no longer waits."""
        self._now = now
        subscription = self._channels.get(channel)
        if subscription is not None:
            subscription.abandon(call_id, now)
            self._rearm(subscription)

    def unsubscribe(self, channel: str, now: float) -> None:
        """Want a channel no longer; nothing of its subscription is delivered after this."""
        self._now = now
        self._channels.unsubscribe(channel, now, link_up=self.socket_id is not None)
        self._rearm()

    def trigger(self, channel: str, event: str, data: Any, now: float) -> str:
        """Return the text that sends a client event, to be sent at once. `ClientEvents.text` says what it raises."""
        linked, state = self.socket_id is not None, self.subscription_state(channel)
        text = self._client_events.text(channel, event, data, linked=linked, state=state, now=now)
        self._link.liveness.last_out = now
        return text

    def start_sign_in(self, call_id: int, now: float) -> None:
        """Want the user signed in, on this link and every later one; the call's ``Result`` follows.

        Raises:
            NotConnectedError: There is no link, and none is being opened.
        """
        if not self.active:
            raise NotConnectedError("not connected; call connect() first")
        self._now = now
        self.sign_in.sign_in(call_id, now)
        self._rearm()

    def abandon_sign_in(self, call_id: int, now: float) -> None:
        """Forget a call of ``start_sign_in`` whose caller no longer waits."""
        self._now = now
        self.sign_in.abandon(call_id, now)
        self._rearm()

    # -- authorizations -------------------------------------------------------------------------------------------

    def authorized(self, request_id: int, authorization: ChannelAuthorization | UserAuthentication, now: float) -> None:
        """Take an authorization, or a user's authentication; one that is no longer wanted is ignored."""
        self._now = now
        taken = self._requests.take(request_id, now)
        if taken is not None:
            requester, purpose = taken
            requester.authorized(purpose, authorization, now)
            self._rearm(self._channels.get(requester.name))

    def authorization_failed(
        self, request_id: int, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Take a refusal or a failure; one that is no longer wanted is ignored."""
        self._now = now
        taken = self._requests.take(request_id, now)
        if taken is not None:
            requester, purpose = taken
            requester.authorization_failed(purpose, error, retryable=retryable, retry_after=retry_after, now=now)
            self._rearm(self._channels.get(requester.name))

    def batch_refused(self, batch_id: int, now: float) -> None:
        """Ask again, in halves, for a batch of authorizations that was refused as a whole (protocol-notes 6.6)."""
        self._now = now
        self._requests.split(batch_id, now)
        self._rearm()

    # -- the WebSocket --------------------------------------------------------------------------------------------

    def websocket_opened(self, now: float) -> None:
        """The WebSocket is open."""
        self._now = now
        self._link.opened(now)
        self._rearm()

    def open_failed(
        self, failure: OpenFailure, status: int | None, reason: str, now: float, *, retry_after: float | None = None
    ) -> None:
        """The WebSocket could not be opened; ``status`` and ``retry_after`` are those of the HTTP answer, if any."""
        self._now = now
        self._link.open_failed(failure, status, reason, now, retry_after=retry_after)
        self._rearm()

    def websocket_closed(self, code: int | None, reason: str, now: float) -> None:
        """The WebSocket was closed with a code, or broke without one."""
        self._now = now
        answered = code == UNAUTHORIZED and self.sign_in.answers_for_close
        if answered:
            self.sign_in.refused_by_close(reason, now)
        # Servers close a link on which nothing was authorized in time (design.md R2).
        authorizing = code == UNAUTHORIZED and (self._channels.authorizing or self.sign_in.authenticating)
        self._link.closed(code, reason, now, authorizing=answered or authorizing)
        self._rearm()

    def websocket_broken(self, cause: str, now: float) -> None:
        """This side closed the WebSocket because of what the server sent; pending subscriptions may be why."""
        self._now = now
        self._link.broken(cause, now)
        for subscription in self._channels.subscriptions.values():
            subscription.link_broken(cause)
        self._rearm()

    def receive_text(self, text: str, now: float) -> Event | None:
        """Take a text frame; return its event where that is all there is to it (see ``shortcut``)."""
        link = self._link
        liveness = link.liveness
        awaited = liveness.pong_due is not None
        last_received, liveness.last_in, liveness.pong_due = liveness.last_in, now, None
        try:
            frame = decode_frame(text)
        except ProtocolError as error:
            self._useless(str(error), now)
            return None
        if frame.channel is not None and not frame.event.startswith(PROTOCOL_PREFIXES):
            receiver = self._receivers.get(frame.channel)
            if receiver is None:
                self._receive_unsubscribed(frame, now)
                return None
            event = receiver.receive(frame, now)
            if event is None or awaited or event.name == DECRYPTION_FAILURE:
                # It is held, it was the pong, or it planned a request for a key: the deadline may be an earlier one.
                self._rearm(self._channels.get(frame.channel))
            elif self._shortcut and not self._outputs:
                # The short cut of the hot path: the event is what an output would carry, decided on the same way.
                return event
            if event is not None:
                self._outputs.append(Deliver(event))
            return None
        self._now = now
        if link.phase is LinkPhase.HANDSHAKE:
            link.receive_first(frame, now)
        elif link.phase is LinkPhase.UP:
            self._frames.receive(frame, last_received, now)
        self._rearm()
        return None

    def _receive_unsubscribed(self, frame: Frame, now: float) -> None:
        """Take an application event of a channel that is not subscribed, or not acknowledged yet."""
        unknown = frame.channel not in self._channels.subscriptions
        if self._channels.receive_early(frame) or (unknown and self.sign_in.receive_event(frame, now)):
            self._rearm()
        else:
            self._useless("an event of a channel that is not subscribed", now)

    def receive_binary(self, now: float) -> None:
        """Take a binary frame, which the protocol does not have."""
        self._link.liveness.last_in, self._link.liveness.pong_due = now, None
        self._useless("a binary frame", now)

    def _useless(self, cause: str, now: float) -> None:
        self._now = now
        self._frames.ignore(cause)
        if self._link.phase is LinkPhase.HANDSHAKE:
            self._link.receive_first(None, now)
        self._rearm()

    # -- what the link says ---------------------------------------------------------------------------------------

    def link_up(self, socket_id: str, now: float) -> None:
        """Subscribe everything that is wanted, under the new socket id."""
        self._requests.link_up(socket_id)
        self.sign_in.link_up(now)
        self._channels.link_up(now)

    def link_lost(self, now: float) -> None:
        """Nothing is subscribed any more; every authorization was for a socket that is gone."""
        self._forget_link()
        self._texts.clear()  # what was not sent yet was for a socket that is gone, signatures included
        self.sign_in.link_lost(self._link.liveness.last_in, now)
        self._channels.link_lost(self._link.liveness.last_in, now)

    def link_over(self, error: PusherError | None, now: float) -> None:
        """Everything ends: with this error, or because the caller disconnects."""
        self._forget_link()
        self.sign_in.end(error, now)
        self._channels.end(error, now)

    def _forget_link(self) -> None:
        self._requests.link_lost()
        self._client_events.clear()

    # -- the steps ------------------------------------------------------------------------------------------------

    def _send(self, text: str) -> None:
        self._link.liveness.last_out = self._now
        self._texts.append(text)

    def _rearm(self, subscription: Subscription | None = None) -> None:
        self._timers.arm(self._link)
        self._timers.arm(self._requests)
        self._timers.arm(self.sign_in)
        if subscription is not None:
            self._timers.arm(subscription)
