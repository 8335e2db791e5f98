"""The application that the server serves: its keys, channels and connections; no I/O."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from pusher_client.protocol.signatures import SECRET_BYTES, derive_shared_secret, sign_channel, sign_user
from pusher_client.server import frames
from pusher_client.server.channel import Channel, Member, Send
from pusher_client.server.faults import mangled
from pusher_client.server.settings import Settings
from pusher_client.server.users import Users

__all__ = ["Application", "Passed", "Peer", "Watcher"]

TERMINATED = 4009
"""Close code of connections that the publisher terminates."""


class Peer(Protocol):
    """A connection, as the application uses it."""

    @property
    def socket_id(self) -> str:
        """Digits, a dot, digits."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close the connection, without waiting for it."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """An event that was sent to a channel's subscribers.

    Attributes:
        channel: The channel's name.
        event: The event's name.
        data: The published text; ciphertext on an encrypted channel.
        sealed: Whether the channel is encrypted.
        user_id: The sender of a client event on a presence channel.
    """

    channel: str
    event: str
    data: str
    sealed: bool
    user_id: str | None = None


Watcher = Callable[[Passed | None], None]
"""Called with each event, and with None after each change of connections or subscriptions."""


class Application:
    """Keys, channels and connections of one Channels application.

    Args:
        app_id: The id in the paths of the HTTP API; digits only, as the official libraries require.
        key: The key in the path of the WebSocket.
        secret: Signs authorizations and HTTP API requests.
        master_key: 32 bytes from which the channels' shared secrets are derived.
        settings: Features and limits.

    Attributes:
        settings: Features and limits.
        users: The users who are signed in.
        mangle: Whether encrypted events are sent with one bit of the ciphertext flipped.

    Raises:
        ValueError: An argument is not valid.
    """

    def __init__(
        self, *, app_id: str, key: str, secret: str, master_key: bytes, settings: Settings | None = None
    ) -> None:
        if not (app_id.isascii() and app_id.isdigit()):
            raise ValueError("app_id must consist of digits: the official libraries accept nothing else")
        if not key or not secret:
            raise ValueError("key and secret must not be empty")
        self.app_id = app_id
        self.key = key
        self.settings: Settings = settings or Settings()
        self.users: Users = Users()
        self.mangle = False
        self._secret = secret
        self._master_key = _checked_master_key(master_key)
        self._channels: dict[str, Channel] = {}
        self._connections: dict[str, Peer] = {}
        self._watchers: list[Watcher] = []

    @property
    def secret(self) -> str:
        """The application's secret."""
        return self._secret

    @property
    def master_key(self) -> bytes:
        """The current master key."""
        return self._master_key

    def rotate_key(self, master_key: bytes | None = None) -> None:
        """Replace the master key, by a random one if None."""
        self._master_key = _checked_master_key(secrets.token_bytes(SECRET_BYTES) if master_key is None else master_key)

    def sign_channel(self, socket_id: str, channel: str, channel_data: str | None = None) -> str:
        """Sign a subscription (protocol-notes 6.2)."""
        return sign_channel(self.key, self._secret, socket_id, channel, channel_data)

    def sign_user(self, socket_id: str, user_data: str) -> str:
        """Sign a user's sign-in (protocol-notes 6.4)."""
        return sign_user(self.key, self._secret, socket_id, user_data)

    def shared_secret(self, channel: str) -> bytes:
        """Derive the secret of an encrypted channel (protocol-notes 7.2)."""
        return derive_shared_secret(channel, self._master_key)

    def connect(self, connection: Peer) -> None:
        """Add a connection."""
        self._connections[connection.socket_id] = connection
        self._notify_watchers()

    def disconnect(self, connection: Peer) -> None:
        """Remove a connection and all its subscriptions."""
        self._connections.pop(connection.socket_id, None)
        self.users.sign_out(connection.socket_id)
        for channel in list(self._channels.values()):
            if connection.socket_id in channel:
                self.unsubscribe(connection.socket_id, channel.name)
        self._notify_watchers()

    def connections(self) -> list[Peer]:
        """Return the current connections."""
        return list(self._connections.values())

    def subscribe(self, socket_id: str, send: Send, name: str, member: Member | None) -> None:
        """Subscribe a connection: acknowledge, then send the cached event of a cache channel."""
        channel = self._channels.setdefault(name, Channel(name))
        channel.add(socket_id, send, member)
        send(frames.subscription_succeeded(name, channel.presence_data()))
        if channel.last_event is not None:
            event, data = channel.last_event
            send(self._event(channel, event, data))
        elif channel.kind.cache:
            send(frames.cache_miss(name))
        self._send_count(channel)
        self._notify_watchers()

    def unsubscribe(self, socket_id: str, name: str) -> None:
        """End a connection's subscription; no effect without one."""
        channel = self.channel(name)
        if socket_id in channel:
            channel.remove(socket_id)
            self._send_count(channel)
            self._notify_watchers()
        if channel.is_unused:
            self._channels.pop(name, None)

    def terminate(self, user_id: str) -> None:
        """Close every connection of a signed-in user."""
        for socket_id in self.users.sockets(user_id):
            self._connections[socket_id].close(TERMINATED, "the application ended this user's connections")

    def publish(self, name: str, event: str, data: str, *, but: str | None = None) -> None:
        """Send an event to a channel's subscribers, except to the connection with the socket id ``but``."""
        channel = self.channel(name)
        channel.send(self._event(channel, event, data), but=but)
        if channel.kind.cache:
            channel.last_event = (event, data)
            self._channels[name] = channel
        self._notify_watchers(Passed(name, event, data, channel.kind.encrypted))

    def relay(self, channel: Channel, event: str, data: str, sender: str) -> None:
        """Send a client event to the channel's other subscribers."""
        member = channel.member_of(sender)
        user_id = None if member is None else member.user_id
        channel.send(frames.event_frame(event, channel.name, data, user_id), but=sender)
        self._notify_watchers(Passed(channel.name, event, data, sealed=False, user_id=user_id))

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call a watcher for each event and change, until the returned function is called."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def channel(self, name: str) -> Channel:
        """Return a channel; a new one, which is not stored, if it does not exist."""
        return self._channels.get(name) or Channel(name)

    def occupied(self) -> Iterable[Channel]:
        """Return the channels that have subscribers."""
        return [channel for channel in self._channels.values() if channel.subscription_count]

    def _send_count(self, channel: Channel) -> None:
        if self.settings.subscription_counts and not channel.kind.presence:
            channel.send(frames.subscription_count(channel.name, channel.subscription_count))

    def _notify_watchers(self, passed: Passed | None = None) -> None:
        for watcher in self._watchers:
            watcher(passed)

    def _event(self, channel: Channel, event: str, data: str) -> str:
        spoiled = self.mangle and channel.kind.encrypted
        return frames.event_frame(event, channel.name, mangled(data) if spoiled else data)


def _checked_master_key(master_key: bytes) -> bytes:
    if len(master_key) != SECRET_BYTES:
        raise ValueError(f"master_key must be {SECRET_BYTES} bytes long, not {len(master_key)}")
    return master_key
