"""The public names are these, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pusher_client
from pusher_client import exceptions

NAMES = {
    "MARKERS",
    "Authorizer",
    "BatchAuthorizer",
    "Channel",
    "ChannelAuthorization",
    "ChannelStats",
    "ClientStats",
    "ConnectionState",
    "Credentials",
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
    "Overflow",
    "PresenceChannel",
    "PusherClient",
    "ReconnectPolicy",
    "SecretAuthorizer",
    "ServerError",
    "StateChange",
    "SubscriptionState",
    "User",
    "UserAuthentication",
    "UserAuthenticator",
}


def test_the_names_are_these() -> None:
    """Every public name is pinned, so that none comes or goes unnoticed (design.md 2)."""
    assert set(pusher_client.__all__) == NAMES | set(exceptions.__all__)
    assert all(hasattr(pusher_client, name) for name in pusher_client.__all__)


def test_the_package_only_passes_names_on() -> None:
    """``__init__`` holds imports and ``__all__``, nothing else (design.md 5)."""
    tree = ast.parse(Path(pusher_client.__file__).read_text(encoding="utf-8"))
    rest = [node for node in tree.body[1:] if not isinstance(node, ast.ImportFrom | ast.Assign)]
    assert rest == []
