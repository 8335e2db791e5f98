"""A subscriber for Pusher Channels that keeps end-to-end encrypted channels through key rotation."""

from __future__ import annotations

from pusher_client.authorization.authorizers import (
    Authorizer,
    BatchAuthorizer,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    UserAuthenticator,
)
from pusher_client.authorization.batch_authorizer import HTTPBatchAuthorizer
from pusher_client.authorization.credentials import Credentials
from pusher_client.authorization.secret_authorizer import SecretAuthorizer
from pusher_client.channel import Channel, PresenceChannel
from pusher_client.client import PusherClient
from pusher_client.delivery.event_stream import EventStream
from pusher_client.events import (
    MARKERS,
    ChannelStats,
    ClientStats,
    ConnectionState,
    DecryptionFailure,
    DecryptionFailureReason,
    Event,
    Gap,
    Member,
    Overflow,
    ServerError,
    StateChange,
    SubscriptionState,
)
from pusher_client.exceptions import (
    AuthorizationError,
    ConnectError,
    DecryptionError,
    NotConnectedError,
    ProtocolError,
    PusherError,
    RateLimitError,
    SubscriptionError,
    UnsupportedError,
)
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.reconnect import ReconnectPolicy
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication
from pusher_client.user import User

__all__ = [
    "MARKERS",
    "AuthorizationError",
    "Authorizer",
    "BatchAuthorizer",
    "Channel",
    "ChannelAuthorization",
    "ChannelStats",
    "ClientStats",
    "ConnectError",
    "ConnectionState",
    "Credentials",
    "DecryptionError",
    "DecryptionFailure",
    "DecryptionFailureReason",
    "Event",
    "EventStream",
    "Gap",
    "HTTPAuthorizer",
    "HTTPBatchAuthorizer",
    "HTTPUserAuthenticator",
    "KeyRotationPolicy",
    "Member",
    "NotConnectedError",
    "Overflow",
    "PresenceChannel",
    "ProtocolError",
    "PusherClient",
    "PusherError",
    "RateLimitError",
    "ReconnectPolicy",
    "SecretAuthorizer",
    "ServerError",
    "StateChange",
    "SubscriptionError",
    "SubscriptionState",
    "UnsupportedError",
    "User",
    "UserAuthentication",
    "UserAuthenticator",
]
