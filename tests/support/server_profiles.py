"""Servers that speak the protocol each in its own way, as scripted peers: text in, text out, time an argument.

What a server is known to do is in protocol-notes 10. Where nothing was established a profile does what the protocol
says. The same peer serves a real socket (``serving``) and the virtual clock of a test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pusher_client import PusherClient, ReconnectPolicy, SecretAuthorizer
from tests.support.core.scripted_core import sealed
from tests.support.scripted_server import SILENT

__all__ = [
    "LARAVEL_WEBSOCKETS",
    "PROFILES",
    "PUSHER",
    "REVERB",
    "SOCKUDO",
    "SOKETI",
    "Admission",
    "Application",
    "Peer",
    "Profile",
    "Refusal",
    "Served",
    "serving",
]

KEY, SECRET, MASTER_KEY = "KEY", "app-secret", b"m" * 32

ABSENT = object()
"""Represents a frame without ``data``."""

_CACHED = ("cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-")


class Admission(Enum):
    """How a server takes a new connection."""

    WELCOME = "welcome"
    UNKNOWN_APPLICATION = "unknown application"
    OVER_QUOTA = "over quota"
    FOREIGN_ORIGIN = "foreign origin"


class Refusal(Enum):
    """How a server says that a signature is wrong."""

    CODE_NULL = "pusher:error with the code null"
    UNNAMED = "pusher:error 4009 without a channel"
    NAMED = "pusher:error 4009 with the channel"
    SUBSCRIPTION_ERROR = "pusher:subscription_error with status 401"


@dataclass(frozen=True, slots=True)
class Rejection:
    """How a connection is not established: what is said first, and with what code it is closed, if it is."""

    said: int | None
    close: int | None


@dataclass(frozen=True, slots=True)
class IdleRule:
    """When a server gives a silent connection up.

    Attributes:
        counts_sent: Whether its own messages count, in place of those that it receives.
        ping_after: Seconds of silence until it sends ``pusher:ping``, if it ever does.
        close_after: Seconds of silence, after the ping if there is one, until it closes with 4201.
        says_so: Whether a ``pusher:error`` 4201 stands before a plain close.
    """

    counts_sent: bool
    ping_after: float | None
    close_after: float
    says_so: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The ways of one server."""

    name: str
    activity_timeout: int = 120
    errors_as_text: bool = False
    succeeded: Any = "{}"
    pong: Any = ABSENT
    ping: Any = "{}"
    cache_miss: Any = ABSENT
    caches: tuple[str, ...] = _CACHED
    numbers_users: bool = False
    refusal: Refusal
    unknown_application: Rejection
    over_quota: Rejection
    foreign_origin: Rejection = Rejection(None, 4009)
    unknown_frame: int | None = None
    names_refused_client_events: bool = False
    idle: IdleRule

    def __str__(self) -> str:
        return self.name


PUSHER = Profile(
    name="Pusher",
    pong="{}",
    refusal=Refusal.CODE_NULL,
    unknown_application=Rejection(None, 4001),
    over_quota=Rejection(None, 4004),
    idle=IdleRule(counts_sent=False, ping_after=150, close_after=30),
)
REVERB = Profile(
    name="Reverb",
    activity_timeout=30,
    errors_as_text=True,
    ping=ABSENT,
    caches=("cache-", "private-cache-", "presence-cache-"),
    numbers_users=True,
    refusal=Refusal.UNNAMED,
    unknown_application=Rejection(4001, 1000),
    over_quota=Rejection(4004, None),
    foreign_origin=Rejection(4009, None),
    unknown_frame=4200,
    idle=IdleRule(counts_sent=False, ping_after=60, close_after=60, says_so=True),
)
SOKETI = Profile(
    name="soketi",
    activity_timeout=30,
    succeeded=ABSENT,
    pong={},
    refusal=Refusal.SUBSCRIPTION_ERROR,
    unknown_application=Rejection(4001, 4001),
    over_quota=Rejection(4100, 4100),
    names_refused_client_events=True,
    idle=IdleRule(counts_sent=True, ping_after=None, close_after=120),
)
SOCKUDO = Profile(
    name="Sockudo",
    cache_miss="{}",
    refusal=Refusal.NAMED,
    unknown_application=Rejection(4001, 4001),
    over_quota=Rejection(4004, 4004),
    idle=IdleRule(counts_sent=False, ping_after=120, close_after=30),
)
LARAVEL_WEBSOCKETS = Profile(
    name="laravel-websockets",
    activity_timeout=30,
    succeeded=ABSENT,
    caches=(),
    numbers_users=True,
    refusal=Refusal.UNNAMED,
    unknown_application=Rejection(4001, 4001),
    over_quota=Rejection(4100, 4100),
    idle=IdleRule(counts_sent=False, ping_after=None, close_after=120),
)
PROFILES = (PUSHER, REVERB, SOKETI, SOCKUDO, LARAVEL_WEBSOCKETS)


def frame_text(event: str, channel: str | None = None, data: Any = ABSENT, **more: Any) -> str:
    """Write a frame; ``data`` as it is given, a string being written as one."""
    content: dict[str, Any] = {"event": event}
    if channel is not None:
        content["channel"] = channel
    if data is not ABSENT:
        content["data"] = data
    return json.dumps({**content, **more})


def signed(socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """Return the ``auth`` of a channel (protocol-notes 6.2)."""
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return f"{KEY}:{hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()}"


def shared_secret(channel: str) -> bytes:
    """Return the key of an encrypted channel (protocol-notes 7.2)."""
    return hashlib.sha256(channel.encode() + MASTER_KEY).digest()


@dataclass(eq=False)
class Application:
    """What the connections of one server share.

    Attributes:
        profile: The ways of the server.
        admission: How it takes the next connection.
        client_events: Whether clients may send events.
        peers: The connections that are open.
        accepted: How many there have been.
        cut: How many the server gave up because they were silent.
        cache: The last frame of each cache channel.
    """

    profile: Profile
    admission: Admission = Admission.WELCOME
    client_events: bool = True
    peers: list[Peer] = field(default_factory=list)
    accepted: int = 0
    cut: int = 0
    cache: dict[str, str] = field(default_factory=dict)

    def accept(self, now: float = 0.0) -> Peer:
        """Take a connection, or reject it, as the admission says."""
        self.accepted += 1
        peer = Peer(self, f"{self.accepted}.{self.accepted}", now)
        self.peers.append(peer)
        peer.open(now)
        return peer

    def publish(self, event: str, channel: str, data: str, now: float = 0.0) -> None:
        """Send an event to all who are subscribed, sealed where the channel is encrypted."""
        content = sealed(shared_secret(channel), data) if channel.startswith("private-encrypted-") else data
        text = frame_text(event, channel, content)
        if channel.startswith(self.profile.caches):
            self.cache[channel] = text
        self.tell(text, channel, now)

    def tell(self, text: str, channel: str, now: float, but: Peer | None = None) -> None:
        """Say something to all who are subscribed to a channel."""
        for peer in self.peers:
            if channel in peer.subscribed and peer is not but:
                peer.say(text, now)

    def members(self, channel: str) -> dict[str, Any]:
        """Return who is on a presence channel, by the id as a string."""
        present = [peer.subscribed[channel] for peer in self.peers if channel in peer.subscribed]
        return {str(member["user_id"]): member.get("user_info") for member in present if member is not None}


class Peer:
    """One connection, as the server sees it.

    Attributes:
        socket_id: Its name.
        subscribed: Its channels, and as whom it is on those of presence.
        received: The frames that came.
        out: What it says next.
        closed: The code with which the server has closed it; None while it is open.
    """

    def __init__(self, application: Application, socket_id: str, now: float) -> None:
        self.application = application
        self.profile = application.profile
        self.socket_id = socket_id
        self.subscribed: dict[str, dict[str, Any] | None] = {}
        self.received: list[dict[str, Any]] = []
        self.out: list[str] = []
        self.closed: int | None = None
        self._last_counted = now
        self._pinged_at: float | None = None

    # -- what it says ---------------------------------------------------------------------------------------------

    def say(self, text: str, now: float) -> None:
        """Say something."""
        self.out.append(text)
        if self.profile.idle.counts_sent:
            self._last_counted = now

    def take(self) -> list[str]:
        """Return what it says, and forget it."""
        said, self.out = self.out, []
        return said

    def error(self, code: int | None, message: str, now: float, channel: str | None = None) -> None:
        """Say that something is wrong."""
        data: Any = {"code": code, "message": message}
        self.say(frame_text("pusher:error", channel, json.dumps(data) if self.profile.errors_as_text else data), now)

    def close(self, code: int) -> None:
        """Close the connection."""
        self.closed = code

    def ping(self, now: float) -> None:
        """Ask for a sign of life."""
        self._pinged_at = now
        self.say(frame_text("pusher:ping", data=self.profile.ping), now)

    def open(self, now: float) -> None:
        """Establish the connection, or reject it."""
        match self.application.admission:
            case Admission.WELCOME:
                data = {"socket_id": self.socket_id, "activity_timeout": self.profile.activity_timeout}
                self.say(frame_text("pusher:connection_established", data=json.dumps(data)), now)
            case Admission.UNKNOWN_APPLICATION:
                self._reject(self.profile.unknown_application, now)
            case Admission.OVER_QUOTA:
                self._reject(self.profile.over_quota, now)
            case Admission.FOREIGN_ORIGIN:
                self._reject(self.profile.foreign_origin, now)

    def _reject(self, rejection: Rejection, now: float) -> None:
        if rejection.said is not None:
            self.error(rejection.said, "not here", now)
        if rejection.close is not None:
            self.close(rejection.close)

    # -- what it receives -----------------------------------------------------------------------------------------

    def receive(self, text: str, now: float) -> None:
        """React to a frame."""
        if not self.profile.idle.counts_sent:
            self._last_counted = now
        self._pinged_at = None
        try:
            frame = json.loads(text)
        except ValueError:
            self._not_understood(now)
            return
        self.received.append(frame)
        match frame["event"]:
            case "pusher:ping":
                self.say(frame_text("pusher:pong", data=self.profile.pong), now)
            case "pusher:pong":
                pass
            case "pusher:subscribe":
                self._subscribe(now, **frame["data"])
            case "pusher:unsubscribe":
                self.leave(frame["data"]["channel"], now)
            case str() as event if event.startswith("client-"):
                self._relay(frame, now)
            case _:
                self._not_understood(now)

    def _not_understood(self, now: float) -> None:
        if self.profile.unknown_frame is not None:
            self.error(self.profile.unknown_frame, "Invalid message format", now)

    def _subscribe(self, now: float, channel: str, auth: str | None = None, channel_data: str | None = None) -> None:
        guarded = channel.startswith(("private-", "presence-"))
        if guarded and auth != signed(self.socket_id, channel, channel_data):
            self._refuse(channel, now)
            return
        member = json.loads(channel_data) if channel_data is not None else None
        present = self.application.members(channel)
        self.subscribed[channel] = member
        if member is not None and str(member["user_id"]) not in present:
            added = frame_text("pusher_internal:member_added", channel, json.dumps(self._member(member)))
            self.application.tell(added, channel, now, self)
        data = self.profile.succeeded if member is None else json.dumps(self._presence(channel))
        self.say(frame_text("pusher_internal:subscription_succeeded", channel, data), now)
        if channel.startswith(self.profile.caches):
            miss = frame_text("pusher:cache_miss", channel, self.profile.cache_miss)
            self.say(self.application.cache.get(channel, miss), now)

    def _member(self, member: dict[str, Any]) -> dict[str, Any]:
        user_id = member["user_id"]
        return {**member, "user_id": int(user_id) if self.profile.numbers_users else user_id}

    def _presence(self, channel: str) -> dict[str, Any]:
        members = self.application.members(channel)
        ids = [int(user_id) if self.profile.numbers_users else user_id for user_id in members]
        return {"presence": {"count": len(ids), "ids": ids, "hash": members}}

    def _refuse(self, channel: str, now: float) -> None:
        match self.profile.refusal:
            case Refusal.CODE_NULL:
                self.error(None, "Invalid signature", now)
            case Refusal.UNNAMED:
                self.error(4009, "Connection is unauthorized", now)
            case Refusal.NAMED:
                self.error(4009, "Connection is unauthorized", now, channel)
            case Refusal.SUBSCRIPTION_ERROR:
                data = {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401}
                self.say(frame_text("pusher:subscription_error", channel, data), now)

    def _relay(self, frame: dict[str, Any], now: float) -> None:
        channel = frame["channel"]
        if not self.application.client_events:
            named = channel if self.profile.names_refused_client_events else None
            self.error(4301, "The app does not allow client messages", now, named)
            return
        member = self.subscribed.get(channel)
        sender = {} if member is None else {"user_id": self._member(member)["user_id"]}
        self.application.tell(frame_text(frame["event"], channel, frame["data"], **sender), channel, now, self)

    def leave(self, channel: str, now: float) -> None:
        """Take the connection off a channel."""
        member = self.subscribed.pop(channel, None)
        if member is not None and str(member["user_id"]) not in self.application.members(channel):
            gone = json.dumps({"user_id": self._member(member)["user_id"]})
            self.application.tell(frame_text("pusher_internal:member_removed", channel, gone), channel, now)

    def gone(self, now: float = 0.0) -> None:
        """Forget the connection: it is closed."""
        self.application.peers.remove(self)
        for channel in tuple(self.subscribed):
            self.leave(channel, now)

    # -- time -----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """Return when ``handle_deadline`` has something to do at the earliest."""
        idle = self.profile.idle
        if self._pinged_at is not None:
            return self._pinged_at + idle.close_after
        return self._last_counted + (idle.close_after if idle.ping_after is None else idle.ping_after)

    def handle_deadline(self, now: float) -> None:
        """Ask for a sign of life, or give the connection up."""
        if now < self.deadline():
            return
        if self._pinged_at is None and self.profile.idle.ping_after is not None:
            self.ping(now)
        else:
            self.give_up(now)

    def give_up(self, now: float) -> None:
        """Close a connection that was silent for too long."""
        self.application.cut += 1
        if self.profile.idle.says_so:
            self.error(4201, "Pong reply not received in time", now)
            self.close(1000)
        else:
            self.close(4201)


class Served:
    """A server of some profile on a real socket.

    Attributes:
        application: What its connections share.
        port: Where it listens.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.port = 0
        self.sockets: dict[Peer, ServerConnection] = {}

    async def talk(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        peer = self.application.accept()
        self.sockets[peer] = socket
        try:
            await self.flush()
            async for text in socket:
                assert isinstance(text, str)
                peer.receive(text, 0.0)
                await self.flush()
        except ConnectionClosed:
            pass
        finally:
            del self.sockets[peer]
            peer.gone()
            await self.flush()

    async def flush(self) -> None:
        """Send what the peers say, and close what they close."""
        for peer, socket in tuple(self.sockets.items()):
            with suppress(ConnectionClosed):
                for text in peer.take():
                    await socket.send(text)
            if peer.closed is not None:
                await socket.close(peer.closed)

    async def publish(self, event: str, channel: str, data: str) -> None:
        """Send an event to all who are subscribed."""
        self.application.publish(event, channel, data)
        await self.flush()

    def client(self, user_id: str = "7", **options: Any) -> PusherClient:
        """Return a client that signs with the application's own secret."""
        authorizer = SecretAuthorizer(
            KEY,
            SECRET,
            encryption_master_key_base64=base64.b64encode(MASTER_KEY).decode(),
            user_id=user_id,
            user_info={"name": f"user {user_id}"},
        )
        defaults: dict[str, Any] = {
            "tls": False,
            "authorizer": authorizer,
            "reconnect": ReconnectPolicy(base=0.01, cap=0.05, max_per_minute=1000),
        }
        return PusherClient(KEY, host="127.0.0.1", port=self.port, **{**defaults, **options})


@asynccontextmanager
async def serving(profile: Profile) -> AsyncGenerator[Served]:
    """Run a server of this profile."""
    served = Served(Application(profile))
    async with serve(served.talk, "127.0.0.1", 0, logger=SILENT) as server:
        served.port = next(iter(server.sockets)).getsockname()[1]
        yield served
