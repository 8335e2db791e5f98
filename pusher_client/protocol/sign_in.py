"""Signing a user in, again on every link, and what comes for that user alone (protocol-notes 13)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from pusher_client.events import Event
from pusher_client.exceptions import AuthorizationError, PusherError, SubscriptionError
from pusher_client.protocol.codes import CLIENT_EVENT_REJECTED, UNAUTHORIZED
from pusher_client.protocol.frames import Frame, decode_data, json_object, sign_in_frame, user_id_text
from pusher_client.protocol.outputs import Output, Purpose, SubscriptionRetried, UserEvent, WatchlistEvent
from pusher_client.protocol.pending_calls import Calls
from pusher_client.protocol.requests import Requests
from pusher_client.protocol.retry_delays import Attempts
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.signatures import UserAuthentication
from pusher_client.protocol.timers import Entry
from pusher_client.protocol.user_channel import UserChannel, read_watchlist

__all__ = ["SignIn", "SignInState"]

_SUSPECT_AFTER = 1.0
_WHO = "user sign-in"


class SignInState(Enum):
    """Where the sign-in stands on the present link; the wish for it outlives links."""

    SIGNED_OUT = "signed out"
    AUTHENTICATING = "authenticating"
    SIGNING_IN = "signing in"
    SIGNED_IN = "signed in"


class SignIn:
    """The wish to be signed in, and what has become of it.

    Args:
        settings: Timeouts, and the policy of delays.
        random: Returns a number from 0 to 1, evenly.
        emit: Takes the outputs.
        send: Takes the texts to be sent.
        requests: Where authentications are asked for.

    Attributes:
        settled: Called when there is an outcome for those who wait for the sign-in.
        state: Where it stands on the present link.
        user: What the server said of the user who is signed in.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        random: Callable[[], float],
        emit: Callable[[Output], None],
        send: Callable[[str], None],
        requests: Requests,
    ) -> None:
        self._timeout = settings.subscribe_timeout
        self._emit = emit
        self._send = send
        self._requests = requests
        self.settled: Callable[[float], None] = lambda _now: None
        self._attempts = Attempts(settings.reconnect, random)
        self._calls = Calls(self._timeout, emit)
        self._user_channel = UserChannel(self._timeout, emit, send)
        self._wanted = self._ever_signed_in = False
        self._request_id: int | None = None
        self._retry_at: float | None = None
        self._ack_due: float | None = None
        self._suspicion: AuthorizationError | None = None
        self._last_error: PusherError | None = None
        self._linked = self._unanswered = False
        self._asked_for: str | None = None
        self.armed: Entry | None = None
        self.state: SignInState = SignInState.SIGNED_OUT
        self.user: dict[str, Any] | None = None

    # -- what can be asked ----------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What stands where requests name a channel."""
        return _WHO

    @property
    def signed_in(self) -> bool:
        """Whether the server knows the user on the present link."""
        return self.state is SignInState.SIGNED_IN

    @property
    def expected(self) -> bool:
        """Whether the outcome is still open, on this link or the next."""
        return self._wanted and not self.signed_in

    @property
    def user_id(self) -> str | None:
        """The id of the user who is signed in."""
        return None if self.user is None else self.user["id"]

    @property
    def answer_pending(self) -> bool:
        """Whether a sign-in waits for the server's answer."""
        return self.state is SignInState.SIGNING_IN

    @property
    def authenticating(self) -> bool:
        """Whether an authentication is pending, or is to be requested again."""
        return self.state is SignInState.AUTHENTICATING

    @property
    def answers_for_close(self) -> bool:
        """Whether a close with 4009 is the answer to a sign-in, and no reason to stay away."""
        return self._unanswered or self.state is SignInState.SIGNING_IN

    # -- what the caller wants ------------------------------------------------------------------------------------

    def sign_in(self, call_id: int, now: float) -> None:
        """Let a call wait until the user is signed in, and start that unless it is under way."""
        self._calls.add(call_id, now)
        if self.signed_in:
            self._calls.finish(None)
            return
        if not self._wanted:
            self._wanted = True
            self._ever_signed_in = False
            self._attempts.start_anew()
            if self._linked:
                self._begin(now)

    def abandon(self, call_id: int, now: float) -> None:
        """Forget a call; the wish goes with the last one where the user was never signed in."""
        self._calls.abandon(call_id)
        self._withdraw_if_unwanted(now)

    def end(self, error: PusherError | None, now: float) -> None:
        """End with the link: closed by the caller (None), or failed."""
        self._withdraw(now)
        self._linked = self._unanswered = False
        self._calls.finish(error or SubscriptionError(None, "disconnected before the user was signed in"))

    # -- the link -------------------------------------------------------------------------------------------------

    def link_up(self, now: float) -> None:
        """Sign in on a new link, if that is wanted."""
        self._linked, self._unanswered = True, False
        if self._wanted:
            self._begin(now)

    def link_lost(self, last_received: float, now: float) -> None:
        """Nobody is signed in any more."""
        self._linked = False
        self._stop(now)
        self._attempts.start_anew()
        self._user_channel.lost(last_received, now)

    def refused_by_close(self, reason: str, now: float) -> None:
        """Take the close of the link with 4009 for the answer to the sign-in; the link returns without it."""
        if self.state is SignInState.SIGNING_IN:
            self._fail(_refusal(reason), now)

    # -- the authentication ---------------------------------------------------------------------------------------

    def authorized(self, purpose: Purpose, authorization: UserAuthentication, now: float) -> None:
        """Take an authentication and sign in with it."""
        del purpose
        self._request_id = None
        self._attempts.authorized()
        self._send(sign_in_frame(authorization.auth, authorization.user_data))
        self._asked_for = user_id_text(json_object(decode_data(authorization.user_data)).get("id"))
        self._ack_due = now + self._timeout
        self.state = SignInState.SIGNING_IN

    def authorization_failed(
        self, purpose: Purpose, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Take a refusal or a failure: give up, or try again later, by the same rules as for channels."""
        del purpose
        self._request_id = None
        delay = self._attempts.next_after(
            error, established=self._ever_signed_in, retryable=retryable, retry_after=retry_after
        )
        if delay is None:
            self._fail(error, now)
        else:
            self._retry(error, delay, now)

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """No answer came in time, which may mend itself."""
        error = AuthorizationError(None, "the authentication request was not answered in time")
        self.authorization_failed(purpose, error, retryable=True, retry_after=None, now=now)

    # -- what the server says -------------------------------------------------------------------------------------

    def receive_protocol(self, frame: Frame, now: float) -> bool:
        """Take what belongs to the user and to no channel, or to the user's own; False for anything else."""
        if frame.channel is not None:
            return self.signed_in and self._user_channel.receive(frame, now)
        if frame.event == "pusher:signin_success":
            return self._acknowledged(frame, now)
        events = read_watchlist(frame) if self.signed_in else None
        for event in events or ():
            self._emit(WatchlistEvent(event))
        return events is not None

    def receive_event(self, frame: Frame, now: float) -> bool:
        """Take an application event of the user's own channel; False for any other."""
        return self.signed_in and self._user_channel.receive_event(frame, now)

    def doubt(self, code: int | None, message: str, now: float) -> None:
        """An error came that names no channel: the sign-in may be what it refuses (protocol-notes 13.2)."""
        if self._ack_due is not None and self.state is SignInState.SIGNING_IN and code != CLIENT_EVENT_REJECTED:
            status = code if code == UNAUTHORIZED else None
            self._suspicion = _refusal(message, status)
            self._ack_due = min(self._ack_due, now + _SUSPECT_AFTER)

    def _acknowledged(self, frame: Frame, now: float) -> bool:
        if self.state is not SignInState.SIGNING_IN:
            return False
        answer = json_object(decode_data(frame.data)).get("user_data")
        user = json_object(decode_data(answer) if isinstance(answer, str) else answer)
        user_id = user.get("id")
        if not isinstance(user_id, str) or not user_id:
            self._fail(AuthorizationError(None, "the server signed in a user without an id"), now)
            return True
        if self._unanswered and user_id != self._asked_for:
            return False  # the answer to a frame for another user, which was given up
        self._stop(now)
        self._ever_signed_in, self._unanswered = True, False
        self.state = SignInState.SIGNED_IN
        self.user = user
        self._emit(UserEvent(Event("pusher:signin_success", None, user)))
        self._user_channel.subscribe(user_id, now)
        self._calls.finish(None)
        self.settled(now)
        return True

    # -- time -----------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""
        due = (self._ack_due, self._retry_at, self._calls.deadline(), self._user_channel.deadline())
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Fail calls, give up waiting for an answer, or ask again."""
        last = f"; the last error was: {self._last_error}" if self._last_error is not None else ""
        self._calls.expire(now, AuthorizationError(None, f"not signed in within {self._timeout:g} s{last}"))
        self._user_channel.handle_deadline(now)
        if self._withdraw_if_unwanted(now):
            return
        if self._ack_due is not None and now >= self._ack_due:
            self._unacknowledged(now)
        if self._retry_at is not None and now >= self._retry_at:
            self._begin(now)

    def _unacknowledged(self, now: float) -> None:
        self._unanswered = True
        if self._suspicion is not None:
            self._fail(self._suspicion, now)
        else:
            error = AuthorizationError(None, "the server did not acknowledge the sign-in in time")
            self._stop(now)
            self._retry(error, self._attempts.delay(), now)

    # -- the steps ------------------------------------------------------------------------------------------------

    def _begin(self, now: float) -> None:
        self._retry_at = None
        self.state = SignInState.AUTHENTICATING
        self._request_id = self._requests.ask(self, Purpose.SIGN_IN, now)

    def _retry(self, error: PusherError, delay: float, now: float) -> None:
        self._last_error = error
        self._retry_at = now + delay
        self.state = SignInState.AUTHENTICATING
        self._emit(SubscriptionRetried(_WHO, error, delay))

    def _fail(self, error: PusherError, now: float) -> None:
        self._withdraw(now)
        status = error.status if isinstance(error, AuthorizationError) else None
        data = {"type": "AuthError", "error": str(error), "status": status}
        self._emit(UserEvent(Event("pusher:signin_error", None, data)))
        self._calls.finish(error)
        self.settled(now)

    def _withdraw_if_unwanted(self, now: float) -> bool:
        unwanted = self._wanted and not self._calls and not self._ever_signed_in
        if unwanted:
            self._unanswered = self._unanswered or self.state is SignInState.SIGNING_IN
            self._withdraw(now)
            self.settled(now)
        return unwanted

    def _withdraw(self, now: float) -> None:
        self._stop(now)
        self._wanted = False
        self._user_channel.forget()

    def _stop(self, now: float) -> None:
        self._ack_due = self._retry_at = self._suspicion = self._last_error = None
        self.state = SignInState.SIGNED_OUT
        self.user = None
        if self._request_id is not None:
            self._requests.cancel(self._request_id, now)
            self._request_id = None


def _refusal(reason: str, status: int | None = UNAUTHORIZED) -> AuthorizationError:
    message = "the server refused the sign-in"
    return AuthorizationError(None, f"{message}: {reason}" if reason else message, status=status)
