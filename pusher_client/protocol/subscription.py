"""One channel: authorized, subscribed, lost and subscribed again (protocol-notes 5)."""

from __future__ import annotations

from pusher_client.events import Event, ServerError, SubscriptionState
from pusher_client.exceptions import AuthorizationError, PusherError, SubscriptionError
from pusher_client.protocol.acknowledgement import Acknowledgement, OwedAnswers
from pusher_client.protocol.channel_events import cached_event, is_refusal, read_subscription_error
from pusher_client.protocol.channel_frames import ChannelFrames, SubscriptionContext
from pusher_client.protocol.codes import SUBSCRIPTION_SUCCEEDED
from pusher_client.protocol.early_events import EarlyEvents
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, subscribe_frame, unsubscribe_frame
from pusher_client.protocol.outputs import (
    Deliver,
    GapFound,
    Purpose,
    Result,
    SubscriptionEnded,
    SubscriptionRetried,
)
from pusher_client.protocol.pending_calls import Calls
from pusher_client.protocol.refusals import Refusal, error_words, failure_event, refusal_by_error, refusal_by_event
from pusher_client.protocol.retry_delays import Attempts
from pusher_client.protocol.signatures import ChannelAuthorization
from pusher_client.protocol.states import SUBSCRIPTION_TRANSITIONS, check_transition
from pusher_client.protocol.timers import Entry

__all__ = ["Subscription"]


class Subscription:
    """The wish to be subscribed to one channel, and what has become of it.

    Args:
        name: The channel's name.
        context: What the connection's subscriptions share.
        owed: The answers that are owed to frames given up.
        counts: The channel's counts.
    """

    __slots__ = (
        "_ack",
        "_attempts",
        "_calls",
        "_context",
        "_early",
        "_ever_subscribed",
        "_hole",
        "_last_error",
        "_owed",
        "_parked",
        "_request_id",
        "_retry_at",
        "_subscribed_at",
        "armed",
        "frames",
        "name",
        "state",
    )

    def __init__(self, name: str, context: SubscriptionContext, owed: OwedAnswers, counts: EventCounts) -> None:
        self.name: str = name
        self.frames: ChannelFrames = ChannelFrames(name, context, counts)
        self.state: SubscriptionState = SubscriptionState.UNSUBSCRIBED
        self.armed: Entry | None = None
        self._context = context
        self._owed = owed
        self._calls = Calls(context.settings.subscribe_timeout, context.emit)
        self._ever_subscribed = False
        self._attempts = Attempts(context.settings.reconnect, context.random)
        self._subscribed_at = 0.0
        self._last_error: PusherError | None = None
        self._request_id: int | None = None
        self._retry_at: float | None = None
        self._ack = Acknowledgement()
        self._hole: tuple[float, float] | None = None
        self._parked: ChannelAuthorization | None = None
        self._early: EarlyEvents | None = None

    # -- what the caller wants ------------------------------------------------------------------------------------

    def subscribe(self, call_id: int, now: float, *, link_up: bool) -> None:
        """Let a call wait for the subscription, and start one unless it is under way."""
        if self.state is SubscriptionState.SUBSCRIBED:
            self._context.emit(Result(call_id, None))
            return
        self._calls.add(call_id, now)
        if self.state is SubscriptionState.FAILED:
            self._enter(SubscriptionState.UNSUBSCRIBED)
            self._ever_subscribed, self._hole = False, None
            self._attempts.start_anew()
            self.frames = ChannelFrames(self.name, self._context, self.frames.counts)
        if self.state is SubscriptionState.UNSUBSCRIBED and link_up:
            self.begin(now)

    def abandon(self, call_id: int, now: float) -> None:
        """Forget a call; the wish goes with the last one when the channel was never subscribed."""
        self._calls.abandon(call_id)
        self._withdraw_if_unwanted(now)

    def unsubscribe(self, now: float, *, link_up: bool) -> None:
        """End the subscription because the caller says so; what is held counts as dropped."""
        if link_up and self.state in (SubscriptionState.SUBSCRIBING, SubscriptionState.SUBSCRIBED):
            self._context.send(unsubscribe_frame(self.name))
        self._stop(now)
        self.frames.discard(now)
        self._enter(SubscriptionState.UNSUBSCRIBED)
        self._calls.finish(SubscriptionError(self.name, "unsubscribed before the subscription succeeded"))
        self._context.emit(SubscriptionEnded(self.name, None))

    def close(self, error: PusherError | None, now: float) -> None:
        """End with the link: closed by the caller (None), or failed."""
        self._stop(now)
        self.frames.end(now)
        failed = self.state is SubscriptionState.FAILED
        self._enter(SubscriptionState.UNSUBSCRIBED)
        self._calls.finish(error or SubscriptionError(self.name, "disconnected before the subscription succeeded"))
        if not failed:
            self._context.emit(SubscriptionEnded(self.name, error))

    # -- the link -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Start on a link: ask for an authorization, or subscribe at once where none is needed."""
        self._retry_at = None
        if self.frames.kind.authorized:
            purpose = Purpose.RESUBSCRIBE if self._ever_subscribed else Purpose.SUBSCRIBE
            self._enter(SubscriptionState.AUTHORIZING)
            self._request_id = self._context.requests.ask(self, purpose, now)
        else:
            self._send_subscribe(None, now)

    def link_lost(self, last_received: float, now: float) -> None:
        """The link broke: wait for the next one."""
        if self.state is not SubscriptionState.FAILED:
            self._lose(last_received, now)
            self._attempts.start_anew()  # the next link asks at once, which may be less than a second after a refusal
            self._enter(SubscriptionState.UNSUBSCRIBED)

    def link_broken(self, cause: str) -> None:
        """The link was closed because of what the server sent, which may have been an acknowledgement."""
        if self._calls:
            self._last_error = SubscriptionError(self.name, cause)

    # -- authorization --------------------------------------------------------------------------------------------

    def authorized(self, purpose: Purpose, authorization: ChannelAuthorization, now: float) -> None:
        """Take an authorization and subscribe with it."""
        if self.frames.lacks_key(authorization):
            message = "the authorization answer has no 'shared_secret', which an encrypted channel needs"
            error = AuthorizationError(self.name, message)
            self.authorization_failed(purpose, error, retryable=False, retry_after=None, now=now)
            return
        self._request_id = None
        self._attempts.authorized()
        if self.frames.kind.presence and authorization.channel_data is None and self._context.user.expected:
            self._parked = authorization
            self._last_error = AuthorizationError(self.name, "it has no channel_data and waits for the user to sign in")
            return
        self.frames.authorized(authorization, now)
        self._send_subscribe(authorization, now)

    def user_settled(self, now: float) -> None:
        """Go on with what waited for the sign-in: it succeeded, or never will (protocol-notes 13.4)."""
        parked, self._parked = self._parked, None
        if parked is not None:
            self.authorized(Purpose.SUBSCRIBE, parked, now)

    def authorization_failed(
        self, purpose: Purpose, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Take a refusal or a failure: give up, or try again later."""
        del purpose  # what it was for does not matter: whether it was the first is known here
        self._request_id = None
        delay = self._attempts.next_after(
            error, established=self._ever_subscribed, retryable=retryable, retry_after=retry_after
        )
        if delay is None:
            self._fail(error, now)
        else:
            self._retry(error, delay, now)

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """No answer came in time, which may mend itself."""
        error = AuthorizationError(self.name, "the authorization request was not answered in time")
        self.authorization_failed(purpose, error, retryable=True, retry_after=None, now=now)

    # -- what the server says -------------------------------------------------------------------------------------

    def receive_protocol(self, frame: Frame, last_received: float, now: float) -> bool:
        """Take one of the protocol's own events; return False when it has no meaning here."""
        if is_refusal(frame):
            return self._refused(refusal_by_event(self.name, read_subscription_error(frame.data)), last_received, now)
        if frame.event == SUBSCRIPTION_SUCCEEDED:
            return self._acknowledged(frame, now)
        cached = cached_event(frame) if self.state is SubscriptionState.SUBSCRIBED else None
        if cached is not None:
            self.frames.receive_cached(cached, now)
            return True
        event = self.frames.events.read(frame) if self.state is SubscriptionState.SUBSCRIBED else None
        if event is not None:
            self.frames.deliver(event)
        return event is not None

    def receive_early(self, frame: Frame) -> bool:
        """Hold an application event until the acknowledgement; return False when none is awaited."""
        if self.state is not SubscriptionState.SUBSCRIBING:
            return False
        if self._early is None:
            self._early = self.frames.new_early_events()
        self._early.hold(frame)
        return True

    def refused_in_band(self, error: ServerError, last_received: float, now: float) -> None:
        """Settle a pending subscription: an error names the channel (protocol-notes 5.4)."""
        if self.state is SubscriptionState.SUBSCRIBING:
            self._context.send(unsubscribe_frame(self.name))  # an acknowledgement may be on its way
            self._owed.owe(self.name, now)
            self._refused(refusal_by_error(self.name, error), last_received, now)

    def note_error(self, error: ServerError) -> None:
        """Quote an error that names no channel if the acknowledgement does not come (protocol-notes 5.4)."""
        self._ack.note(error_words(error))

    def suspect(self, error: ServerError, now: float) -> None:
        """An authorization was refused, which may be this channel's (protocol-notes 5.4)."""
        if self.frames.kind.authorized:
            self._ack.suspect()
        self.doubt(now, error.message)

    def doubt(self, now: float, words: str = "") -> None:
        """Wait for the acknowledgement no longer than a second from now; the server's words may be the reason."""
        self._ack.doubt(now, words)

    def client_event_rejected(self, error: ServerError) -> None:
        """The server refused a client event, which an encrypted channel cannot have sent (protocol-notes 12)."""
        if self.state is SubscriptionState.SUBSCRIBED and not self.frames.kind.encrypted:
            self.frames.deliver(Event("pusher:error", self.name, error))

    def _acknowledged(self, frame: Frame, now: float) -> bool:
        if self.state is not SubscriptionState.SUBSCRIBING:
            return False
        early, self._early = self._early, None
        self._stop(now)
        self._enter(SubscriptionState.SUBSCRIBED)
        self._subscribed_at = now
        event, changes = self.frames.events.succeeded(frame)
        self.frames.deliver(event)
        if self._hole is not None:
            self._context.emit(GapFound(self.name, *self._hole, now))
            self._hole = None
        if changes is not None and self._ever_subscribed:
            self._context.emit(changes)
        if early is not None:
            self.frames.release_early(early, now)
        self._ever_subscribed = True
        self._calls.finish(None)
        return True

    def _refused(self, refusal: Refusal, last_received: float, now: float) -> bool:
        if self.state not in (SubscriptionState.SUBSCRIBING, SubscriptionState.SUBSCRIBED):
            return False
        self.frames.deliver(refusal.event)
        self._give_back(refusal.error, last_received, now, reported=True, final=refusal.final)
        return True

    def _give_back(
        self, error: SubscriptionError, last_received: float, now: float, *, reported: bool, final: bool
    ) -> None:
        """The server does not grant the subscription: final for the first with a clear refusal, else tried again."""
        self._lose(last_received, now)
        if final and not self._ever_subscribed:
            self._fail(error, now, reported=reported)
        else:
            self._retry(error, self._attempts.delay(), now)

    # -- time -----------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""
        due = (self._ack.due, self._retry_at, self._calls.deadline(), self.frames.deadline())
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Fail calls, send again, or let the hold do what is due."""
        why = self._ack.words or self._last_error
        last = f"; the last error was: {why}" if why else ""
        timeout = self._context.settings.subscribe_timeout
        self._calls.expire(now, SubscriptionError(self.name, f"not subscribed within {timeout:g} s{last}"))
        self.frames.handle_deadline(now)
        if self._withdraw_if_unwanted(now):
            return
        if self._ack.due is not None and now >= self._ack.due:
            self._unacknowledged(now)
        if self._retry_at is not None and now >= self._retry_at:
            self.begin(now)

    def _unacknowledged(self, now: float) -> None:
        # The acknowledgement may be late or lost; some servers refuse a second subscription to the same channel.
        self._context.send(unsubscribe_frame(self.name))
        self._owed.lapse(self.name)
        error = self._ack.missing(self.name)
        self._give_back(error, now, now, reported=False, final=isinstance(error, AuthorizationError))

    # -- the steps ------------------------------------------------------------------------------------------------

    def _send_subscribe(self, authorization: ChannelAuthorization | None, now: float) -> None:
        auth = authorization.auth if authorization is not None else None
        channel_data = authorization.channel_data if authorization is not None else None
        self._context.send(subscribe_frame(self.name, auth, channel_data if self.frames.kind.presence else None))
        self._ack.expect(now + self._context.settings.subscribe_timeout)
        self._enter(SubscriptionState.SUBSCRIBING)

    def _retry(self, error: PusherError, delay: float, now: float) -> None:
        self._last_error = error
        self._retry_at = now + delay
        self._enter(SubscriptionState.AUTHORIZING)
        self._context.emit(SubscriptionRetried(self.name, error, delay))

    def _fail(self, error: PusherError, now: float, *, reported: bool = False) -> None:
        """Fail the channel: settle what waits, drop the keys, notify everyone."""
        self._stop(now)
        self.frames.end(now)
        self._enter(SubscriptionState.FAILED)
        if not reported:
            self._context.emit(Deliver(failure_event(self.name, error)))
        self._calls.finish(error)
        self._context.emit(SubscriptionEnded(self.name, error))

    def _lose(self, last_received: float, now: float) -> None:
        if self.state is SubscriptionState.SUBSCRIBED:
            self._hole = self._hole or (last_received, now)
            # A server that grants and refuses in turn must not be asked faster than one that only refuses.
            if now - self._subscribed_at >= self._context.settings.reconnect.stable_after:
                self._attempts.reset_delay()
        self._stop(now)
        self.frames.subscription_lost(now)

    def _stop(self, now: float) -> None:
        self._ack.stop()
        self._retry_at = self._last_error = self._parked = None
        if self._early is not None:
            self.frames.counts.dropped += self._early.discard()
            self._early = None
        if self._request_id is not None:
            self._context.requests.cancel(self._request_id, now)
            self._request_id = None

    def _withdraw_if_unwanted(self, now: float) -> bool:
        unwanted = not self._calls and not self._ever_subscribed and self.state is not SubscriptionState.FAILED
        if unwanted:
            self._context.withdraw(self.name, now)
        return unwanted

    def _enter(self, state: SubscriptionState) -> None:
        if state is not self.state:
            check_transition(SUBSCRIPTION_TRANSITIONS, self.state, state)
            self.state = state
            self.frames.set_subscribed(subscribed=state is SubscriptionState.SUBSCRIBED)
