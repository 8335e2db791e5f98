"""Making a client: its options, URLs and the environment."""

from __future__ import annotations

import json

import pytest

import pusher_client
from pusher_client import (
    AuthorizationError,
    ConnectError,
    ConnectionState,
    HTTPAuthorizer,
    KeyRotationPolicy,
    PusherClient,
)
from tests.support.plain_authorizer import authorize
from tests.support.scripted_server import scripted


def test_options_are_checked() -> None:
    """Every wrong option is refused at once (design.md 2)."""
    for option, value in {
        "activity_timeout": 0,
        "pong_timeout": float("nan"),
        "buffer_bytes": 0,
        "max_message_size": 0,
        "queue_size": 0,
        "channel_name_limit": 163,
        "client_events_per_second": 0,
        "client_event_limit": 0,
    }.items():
        with pytest.raises(ValueError, match=option):
            PusherClient("KEY", cluster="eu", **{option: value})  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(ValueError, match="client_events_per_second must be 1 to 1000000"):
        PusherClient("KEY", cluster="eu", client_events_per_second=10**30)
    with pytest.raises(ValueError, match="channel_name_limit must be 164 to 200"):
        PusherClient("KEY", cluster="eu", channel_name_limit=201)
    numbers = ("activity_timeout", "buffer_bytes", "queue_size", "channel_name_limit", "client_events_per_second")
    for option in (
        *numbers,
        "client_event_limit",
        "reconnect",
        "key_rotation",
        "proxy",
        "authorizer",
        "on_handler_error",
    ):
        with pytest.raises(TypeError, match=option):
            PusherClient("KEY", cluster="eu", **{option: object()})  # type: ignore[arg-type]  # the same
    client = PusherClient(
        "KEY", cluster="eu", proxy=None, key_rotation=KeyRotationPolicy(grace=0), on_decryption_failure=print
    )
    assert client.socket_id is None
    assert PusherClient("KEY", cluster="eu", proxy="http://127.0.0.1:1").state is ConnectionState.INITIALIZED


async def test_from_url_and_from_env_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both make a client that reaches the server; options given win (design.md 2)."""
    async with scripted() as peer:
        async with PusherClient.from_url(f"ws://KEY@127.0.0.1:{peer.port}", proxy=None) as client:
            assert client.socket_id == "1.1"
        monkeypatch.setenv("PUSHER_KEY", "KEY")
        monkeypatch.setenv("PUSHER_CLUSTER", "eu")
        monkeypatch.setenv("PUSHER_HOST", "127.0.0.1")
        monkeypatch.setenv("PUSHER_PORT", str(peer.port))
        monkeypatch.setenv("PUSHER_TLS", "false")
        monkeypatch.setenv("PUSHER_AUTH_URL", "")
        async with PusherClient.from_env(proxy=None, authorizer=authorize) as client:
            await client.subscribe("private-a")
        monkeypatch.setenv("PUSHER_AUTH_URL", "http://127.0.0.1:1/auth")
        assert isinstance(PusherClient.from_env()._life._authorization._authorizer, HTTPAuthorizer)
        assert PusherClient.from_env(authorizer=authorize)._life._authorization._authorizer is authorize


def test_errors_say_what_they_know() -> None:
    """The tree of exceptions, its attributes and words (design.md 2)."""
    error = pusher_client.DecryptionFailure("c", "e", pusher_client.DecryptionFailureReason.MALFORMED, "raw").error
    assert (error.channel, error.event_name, error.reason) == ("c", "e", "malformed")
    assert "raw" not in str(error)
    assert str(ConnectError(4001, "no")) == "no (4001)"
    assert str(ConnectError(None, "no")) == "no"
    assert str(AuthorizationError("c", "no", status=403)) == "c: no (status 403)"
    assert str(AuthorizationError("c", "HTTP 403", status=403)) == "c: HTTP 403"
    assert str(ConnectError(403, "refused with HTTP 403")) == "refused with HTTP 403"
    assert str(ConnectError(403, "refused after 4030 ms")) == "refused after 4030 ms (403)"
    assert json.dumps(pusher_client.MARKERS) == '["pusher:decryption_failure", "pusher:gap", "pusher:overflow"]'
