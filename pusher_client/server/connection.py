"""One connection's side of the protocol: a client's frames in, frames and a close out; no I/O."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pusher_client.protocol.names import CLIENT_PREFIX, check_client_event_name
from pusher_client.server import frames
from pusher_client.server.application import Application
from pusher_client.server.channel import SERVER_TO_USER, Channel, Member, Send, check_destination, check_user_id
from pusher_client.server.rate_limit import RateLimit
from pusher_client.server.users import WATCHLIST_LIMIT

__all__ = ["CLIENT_EVENT_REFUSED", "PONG_NOT_RECEIVED", "UNAUTHORIZED", "UNKNOWN_APPLICATION", "Connection", "Refusal"]

UNKNOWN_APPLICATION = 4001
UNAUTHORIZED = 4009
PONG_NOT_RECEIVED = 4201
CLIENT_EVENT_REFUSED = 4301
WATCHLIST_TOO_LONG = 4302

_SOCKET_ID_PART = 10**10
_Data = TypeVar("_Data")


class Refusal(Exception):  # noqa: N818 -- an answer of the protocol, not an error of this server
    """A refused subscription; ``str()`` is the text for the client."""

    def __init__(self, kind: str, message: str, status: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


class _SubscribeData(msgspec.Struct):
    channel: str
    auth: str | None = None
    channel_data: str | None = None


class _UnsubscribeData(msgspec.Struct):
    channel: str


class _SignInData(msgspec.Struct):
    auth: str
    user_data: str


class _ChannelData(msgspec.Struct):
    user_id: str | int
    user_info: Any = None


class _UserData(msgspec.Struct):
    id: str
    user_info: Any = None
    watchlist: list[str] = msgspec.field(default_factory=list[str])


class Connection:
    """A connection after its handshake.

    Args:
        application: The application.
        send: Sends a frame to the client, without waiting.
        close: Closes with a code and a reason, without waiting.
        clock: Returns seconds, for the limit of client events.

    Attributes:
        socket_id: Digits, a dot, digits.
        user: The user who signed in on it.
    """

    def __init__(
        self,
        application: Application,
        send: Send,
        close: Callable[[int, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.socket_id: str = f"{secrets.randbelow(_SOCKET_ID_PART)}.{secrets.randbelow(_SOCKET_ID_PART)}"
        self.user: Member | None = None
        self._application = application
        self._send = send
        self._close = close
        self._clock = clock
        self._client_events = RateLimit(application.settings.client_event_rate)

    def close(self, code: int, reason: str) -> None:
        """Close the connection, without waiting for it."""
        self._close(code, reason)

    def receive_text(self, text: str) -> None:
        """Handle a client's frame; answer anything else with ``pusher:error``."""
        try:
            frame = frames.read_frame(text)
            match frame.event:
                case "pusher:ping":
                    self._send(frames.PONG)
                case "pusher:pong":
                    pass
                case "pusher:subscribe":
                    self._subscribe(_converted(frame.data, _SubscribeData))
                case "pusher:unsubscribe":
                    self._application.unsubscribe(self.socket_id, _converted(frame.data, _UnsubscribeData).channel)
                case "pusher:signin":
                    self._sign_in(_converted(frame.data, _SignInData))
                case event if event.startswith(CLIENT_PREFIX):
                    self._client_event(frame)
                case _:
                    self._send(frames.error(None, "clients do not send events with this name"))
        except ValueError as error:
            self._send(frames.error(None, str(error)))

    def receive_binary(self) -> None:
        """Answer a binary frame, which is not part of the protocol."""
        self._send(frames.error(None, "frames are text"))

    def _subscribe(self, data: _SubscribeData) -> None:
        if self.socket_id in self._application.channel(data.channel):
            self._send(frames.error(None, "this connection is subscribed to the channel already", data.channel))
            return
        try:
            member = self._authorized_member(data)
        except Refusal as refusal:
            self._send(frames.subscription_error(data.channel, refusal.kind, str(refusal), refusal.status))
        else:
            self._application.subscribe(self.socket_id, self._send, data.channel, member)

    def _authorized_member(self, data: _SubscribeData) -> Member | None:
        """Check a subscription, and return its member on a presence channel."""
        try:
            check_destination(data.channel)
        except ValueError as error:
            raise Refusal("InvalidChannel", str(error), 400) from None
        if data.channel.startswith(SERVER_TO_USER):
            if self.user is None or data.channel != f"{SERVER_TO_USER}{self.user.user_id}":
                raise Refusal("AuthError", "this channel is for the user who is signed in under its id", 401)
            return None
        kind = self._application.channel(data.channel).kind
        if not kind.authorized:
            return None
        expected = self._application.sign_channel(self.socket_id, data.channel, data.channel_data)
        if data.auth is None or not hmac.compare_digest(expected.encode(), data.auth.encode()):
            raise Refusal("AuthError", "the signature does not fit this socket id, channel and channel_data", 401)
        return self._member(data.channel_data) if kind.presence else None

    def _member(self, channel_data: str | None) -> Member:
        if channel_data is None:
            if self.user is None:
                raise Refusal("AuthError", "a presence channel needs channel_data or a user who is signed in", 401)
            return self.user
        try:
            data = msgspec.json.decode(channel_data, type=_ChannelData)
            check_user_id(str(data.user_id))
        except (ValueError, msgspec.DecodeError, RecursionError):
            raise Refusal("AuthError", "channel_data is not a JSON object with a valid user_id", 401) from None
        return Member(str(data.user_id), data.user_info)

    def _sign_in(self, data: _SignInData) -> None:
        expected = self._application.sign_user(self.socket_id, data.user_data)
        try:
            user = msgspec.json.decode(data.user_data, type=_UserData)
            check_user_id(user.id)
        except (ValueError, msgspec.DecodeError, RecursionError):
            user = None
        if user is None or not hmac.compare_digest(expected.encode(), data.auth.encode()):
            message = "the signature does not fit this socket id, or user_data has no valid id"
            self._send(frames.error(UNAUTHORIZED, message))
            self._close(UNAUTHORIZED, message)
            return
        if self.user is not None and self.user.user_id != user.id:
            self._send(frames.error(None, "another user is signed in on this connection"))
            return
        self.user = Member(user.id, user.user_info)
        self._send(frames.signin_success(data.user_data))
        if len(user.watchlist) > WATCHLIST_LIMIT:
            self._send(frames.error(WATCHLIST_TOO_LONG, f"the watchlist is cut to its first {WATCHLIST_LIMIT} users"))
        self._application.users.sign_in(self.socket_id, self._send, user.id, user.watchlist[:WATCHLIST_LIMIT])

    def _client_event(self, frame: frames.Incoming) -> None:
        channel = self._application.channel(frame.channel or "")
        data = frame.data if isinstance(frame.data, str) else frames.json_text(frame.data)
        try:
            self._check_client_event(frame.event, channel, data)
        except ValueError as error:
            self._send(frames.error(CLIENT_EVENT_REFUSED, str(error), frame.channel))
            return
        self._application.relay(channel, frame.event, data, self.socket_id)

    def _check_client_event(self, name: str, channel: Channel, data: str) -> None:
        settings = self._application.settings
        if not settings.client_events:
            raise ValueError("the application does not allow client events")
        if channel.kind.encrypted or not channel.kind.authorized or self.socket_id not in channel:
            raise ValueError("client events are for private and presence channels that the client is subscribed to")
        check_client_event_name(name)
        if len(data.encode()) > settings.event_limit:
            raise ValueError(f"the event's data has more than {settings.event_limit} bytes")
        if not self._client_events.allows(self._clock()):
            raise ValueError("this connection sends too many client events a second")


def _converted(data: object, kind: type[_Data]) -> _Data:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        message = str(error)
    raise ValueError(f"the frame's data: {message}")
