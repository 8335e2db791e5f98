"""The rules of events that a client sends."""

from __future__ import annotations

import json

import pytest

from pusher_client import NotConnectedError, SubscriptionError, SubscriptionState, UnsupportedError
from pusher_client.protocol.client_events import client_event_text

SUBSCRIBED = SubscriptionState.SUBSCRIBED


@pytest.mark.parametrize("channel", ["private-a", "presence-a"])
def test_a_client_event_is_written_with_its_data_as_it_is(channel: str) -> None:
    """The data stands in the frame as JSON, not as a string of it (protocol-notes 12)."""
    text = client_event_text(channel, "client-typing", {"who": 1}, linked=True, state=SUBSCRIBED)
    assert json.loads(text) == {"event": "client-typing", "channel": channel, "data": {"who": 1}}


def test_a_wrong_name_is_the_callers_mistake_even_without_a_link() -> None:
    """A name that does not start with client- is a ValueError before anything else (design 9)."""
    with pytest.raises(ValueError, match="client-"):
        client_event_text("private-a", "typing", None, linked=False, state=SUBSCRIBED)


def test_without_a_link_nothing_is_queued() -> None:
    """No link comes before every other error that is not the caller's (design 9)."""
    with pytest.raises(NotConnectedError):
        client_event_text("private-encrypted-a", "client-a", None, linked=False, state=SUBSCRIBED)


@pytest.mark.parametrize("channel", ["private-encrypted-a", "private-encrypted-cache-a", "orders", "cache-orders"])
def test_encrypted_and_public_channels_have_no_client_events(channel: str) -> None:
    """There is no such thing in the protocol, subscribed or not (design 2)."""
    with pytest.raises(UnsupportedError):
        client_event_text(channel, "client-a", None, linked=True, state=SUBSCRIBED)


def test_a_channel_has_to_be_subscribed() -> None:
    """A client event on a channel that is not subscribed is a SubscriptionError naming it (design 2)."""
    with pytest.raises(SubscriptionError) as caught:
        client_event_text("private-a", "client-a", None, linked=True, state=SubscriptionState.SUBSCRIBING)
    assert caught.value.channel == "private-a"


def test_data_that_is_no_json_is_the_callers_mistake() -> None:
    """What JSON cannot express is a TypeError at the call (R7)."""
    with pytest.raises(TypeError):
        client_event_text("private-a", "client-a", object(), linked=True, state=SUBSCRIBED)
