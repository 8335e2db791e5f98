"""The text of published events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pusher_client.protocol.encryption import open_secretbox, read_envelope
from pusher_client.server.application import Application
from pusher_client.server.publication import publication
from pusher_client.server.settings import Settings

APPLICATION = Application(
    app_id="1", key="key", secret="secret", master_key=b"m" * 32, settings=Settings(event_limit=100)
)


def test_data_goes_in_the_clear_where_the_channel_is_not_encrypted() -> None:
    """A string is sent unchanged; it may be JSON."""
    assert publication(APPLICATION, "orders", "made", '{"a": 1}') == '{"a": 1}'
    assert json.loads(publication(APPLICATION, "private-orders", "made", {"a": 1})) == {"a": 1}
    assert publication(APPLICATION, "#server-to-user-private-encrypted-x", "made", "text") == "text"


@pytest.mark.parametrize("channel", ["private-encrypted-orders", "private-encrypted-cache-orders"])
def test_data_is_sealed_with_the_channels_secret_and_a_nonce_of_its_own(channel: str) -> None:
    """As the official server libraries encrypt it (protocol-notes 7.2, 7.3)."""
    texts = [publication(APPLICATION, channel, "made", "text") for _ in range(2)]
    envelopes = [read_envelope(text) for text in texts]
    assert all(envelopes)
    opened = [open_secretbox(*envelope, APPLICATION.shared_secret(channel)) for envelope in envelopes if envelope]
    assert opened == [b"text", b"text"]
    assert envelopes[0] != envelopes[1]


@pytest.mark.parametrize(
    ("channel", "event", "data"),
    [("a b", "made", ""), ("orders", "", ""), ("orders", "e" * 201, ""), ("orders", "made", "x" * 101)],
)
def test_what_the_http_api_would_refuse_is_refused(channel: str, event: str, data: str) -> None:
    """Refused before anything is sent."""
    with pytest.raises(ValueError, match=r"name|letters|characters|bytes"):
        publication(APPLICATION, channel, event, data)


def test_the_limit_is_counted_in_bytes_and_in_the_envelope() -> None:
    """The limit is for the ciphertext, as on a server."""
    assert publication(APPLICATION, "orders", "made", "x" * 100)
    for channel, data in (("orders", "é" * 51), ("private-encrypted-orders", "x" * 50)):
        with pytest.raises(ValueError, match="more than 100 bytes"):
            publication(APPLICATION, channel, "made", data)


def test_an_events_name_is_a_string() -> None:
    """For callers without type checks."""
    name: Any = 7
    with pytest.raises(TypeError, match="must be a string, not int"):
        publication(APPLICATION, "orders", name, "")
