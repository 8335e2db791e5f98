"""What the core asks of its driver, and what it reports to it: small frozen values to be matched exhaustively."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from pusher_client.events import ConnectionState, Event, ServerError
from pusher_client.exceptions import PusherError

__all__ = [
    "AuthenticateUser",
    "Authorize",
    "AuthorizeBatch",
    "Cancel",
    "CloseWebSocket",
    "Command",
    "ConnectFailed",
    "ConnectingIn",
    "Deliver",
    "ErrorRaised",
    "FrameIgnored",
    "GapFound",
    "Notice",
    "OpenWebSocket",
    "Output",
    "Purpose",
    "Result",
    "StateChanged",
    "SubscriptionEnded",
    "SubscriptionRetried",
    "UserEvent",
    "WatchlistEvent",
]


class Purpose(Enum):
    """What an authorization is for."""

    SUBSCRIBE = "subscribe"
    RESUBSCRIBE = "resubscribe"
    REFRESH = "refresh"
    SIGN_IN = "sign in"


@dataclass(frozen=True, slots=True)
class OpenWebSocket:
    """Open a WebSocket; answer with ``websocket_opened`` or ``open_failed``."""


@dataclass(frozen=True, slots=True)
class CloseWebSocket:
    """Close the WebSocket, or stop opening it, and report nothing more of it."""


@dataclass(frozen=True, slots=True)
class Authorize:
    """Ask for an authorization; answer with ``authorized`` or ``authorization_failed``."""

    request_id: int
    channel: str
    socket_id: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class AuthenticateUser:
    """Ask for a user's authentication; answer with ``authorized`` or ``authorization_failed``."""

    request_id: int
    socket_id: str


@dataclass(frozen=True, slots=True)
class AuthorizeBatch:
    """Ask for several authorizations in one call; answer each of the requests on its own.

    ``batch_id`` is a number like those of requests, none of which has the same. All requests are for one socket.
    """

    batch_id: int
    requests: tuple[Authorize, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The answer to this request, or to all that is left of this batch, is no longer wanted."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand this event to the handlers and streams of its channel."""

    event: Event


@dataclass(frozen=True, slots=True)
class UserEvent:
    """Hand this event to the handlers of the signed-in user."""

    event: Event


@dataclass(frozen=True, slots=True)
class WatchlistEvent:
    """Hand this event to the handlers of the user's watchlist."""

    event: Event


@dataclass(frozen=True, slots=True)
class GapFound:
    """A channel is subscribed again after a hole; the three times are those of the core's clock, in seconds."""

    channel: str
    last_received_at: float
    disconnected_at: float
    resubscribed_at: float


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The connection went from one state to another."""

    previous: ConnectionState
    current: ConnectionState


@dataclass(frozen=True, slots=True)
class ConnectingIn:
    """The next attempt to connect starts after a delay.

    Attributes:
        delay: Seconds until then.
        cause: Why the last attempt failed, or the connection was lost.
        cure: What is likely to help; empty if that is not known.
        established: Whether a connection was lost, rather than not established.
    """

    delay: float
    cause: str
    cure: str = ""
    established: bool = False


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """The connection failed and is not retried; ``cure`` is what is likely to help."""

    error: PusherError
    cure: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRaised:
    """Something for those who listen to the connection's ``error``."""

    error: PusherError | ServerError


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a call that was given this number: None for success."""

    call_id: int
    error: PusherError | None


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """Nothing more comes for this channel: None after the caller ended it, else the error with which it failed."""

    channel: str
    error: PusherError | None


@dataclass(frozen=True, slots=True)
class SubscriptionRetried:
    """A subscription did not succeed and is tried again after ``delay`` seconds."""

    channel: str
    error: PusherError
    delay: float


@dataclass(frozen=True, slots=True)
class FrameIgnored:
    """A frame that is not the protocol, or not ours; it was counted, and affects nothing else."""

    cause: str


Command: TypeAlias = OpenWebSocket | CloseWebSocket | Authorize | AuthenticateUser | AuthorizeBatch | Cancel
"""What the driver carries out."""

Notice: TypeAlias = (
    GapFound
    | StateChanged
    | ConnectingIn
    | ConnectFailed
    | ErrorRaised
    | Result
    | SubscriptionEnded
    | SubscriptionRetried
    | FrameIgnored
    | UserEvent
    | WatchlistEvent
)
"""What the driver passes on to callers, handlers and the log."""

Output: TypeAlias = Command | Deliver | Notice
