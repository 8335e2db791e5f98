"""Frames of the local server, and how it reads a client's."""

from __future__ import annotations

import json

import pytest

from pusher_client.server import frames


def test_the_first_frame_encodes_its_data_twice() -> None:
    """``connection_established`` carries a JSON string of the socket id and the seconds (protocol-notes 1.2)."""
    frame = json.loads(frames.connection_established("1.2", 120))
    assert frame["event"] == "pusher:connection_established"
    assert json.loads(frame["data"]) == {"socket_id": "1.2", "activity_timeout": 120}


def test_an_acknowledgement_without_members_carries_an_empty_object_as_text() -> None:
    """Pusher's servers send ``"{}"`` without presence (protocol-notes 2.1)."""
    assert json.loads(frames.subscription_succeeded("private-a", {})) == {
        "event": "pusher_internal:subscription_succeeded",
        "channel": "private-a",
        "data": "{}",
    }


def test_an_error_carries_an_object_and_a_channel_only_where_there_is_one() -> None:
    """``pusher:error`` is the one event whose data is an object; its code may be null."""
    assert json.loads(frames.error(None, "why")) == {"event": "pusher:error", "data": {"code": None, "message": "why"}}
    assert json.loads(frames.error(4301, "why", "private-a"))["channel"] == "private-a"


def test_a_refused_subscription_names_its_channel_and_status() -> None:
    """The client learns which subscription failed, and whether to retry (R3)."""
    assert json.loads(frames.subscription_error("private-a", "AuthError", "why", 401)) == {
        "event": "pusher:subscription_error",
        "channel": "private-a",
        "data": {"type": "AuthError", "error": "why", "status": 401},
    }


def test_a_cache_miss_has_no_data() -> None:
    """The frame contains only the channel."""
    assert json.loads(frames.cache_miss("cache-a")) == {"event": "pusher:cache_miss", "channel": "cache-a"}


def test_who_sent_an_event_is_told_only_of_a_client_on_a_presence_channel() -> None:
    """``user_id`` is at the top level, or absent."""
    assert json.loads(frames.event_frame("e", "a", "1")) == {"event": "e", "channel": "a", "data": "1"}
    assert json.loads(frames.event_frame("e", "a", "1", "u"))["user_id"] == "u"


def test_members_are_told_of_in_encoded_data() -> None:
    """Both have the user id, ``member_added`` also the user info."""
    added = json.loads(frames.member_added("presence-a", "u", {"name": "Ann"}))
    removed = json.loads(frames.member_removed("presence-a", "u"))
    assert json.loads(added["data"]) == {"user_id": "u", "user_info": {"name": "Ann"}}
    assert json.loads(removed["data"]) == {"user_id": "u"}
    assert [added["event"], removed["event"]] == ["pusher_internal:member_added", "pusher_internal:member_removed"]


def test_a_sign_in_is_acknowledged_with_the_text_that_was_signed() -> None:
    """The client reads its user from there."""
    assert json.loads(frames.signin_success('{"id": "u"}'))["data"] == {"user_data": '{"id": "u"}'}


def test_a_clients_frame_is_read() -> None:
    """Only the event's name is required."""
    assert frames.read_frame('{"event": "a"}') == frames.Incoming("a")
    assert frames.read_frame('{"event": "a", "channel": "c", "data": [1], "x": 2}') == frames.Incoming("a", [1], "c")


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "1", "{}", '{"event": 1}', '{"event": "a", "channel": 1}', "[" * 10_000],
)
def test_what_is_no_frame_is_a_value_error_that_does_not_repeat_it(text: str) -> None:
    """No frame of a client stops the server (R8)."""
    with pytest.raises(ValueError, match=r"^a frame is a JSON object with a string 'event'$"):
        frames.read_frame(text)


def test_a_count_of_subscriptions_is_encoded_data() -> None:
    """One whole number."""
    frame = json.loads(frames.subscription_count("a", 3))
    assert (frame["event"], frame["channel"]) == ("pusher_internal:subscription_count", "a")
    assert json.loads(frame["data"]) == {"subscription_count": 3}


def test_watchlist_events_name_no_channel_and_leave_out_what_is_empty() -> None:
    """One event for online users, one for offline users."""
    frame = json.loads(frames.watchlist_events({"online": ["u"], "offline": []}))
    assert "channel" not in frame
    assert frame["event"] == "pusher_internal:watchlist_events"
    assert json.loads(frame["data"]) == {"events": [{"name": "online", "user_ids": ["u"]}]}


def test_text_that_was_cut_within_a_character_is_read() -> None:
    """A client event with half a surrogate pair is relayed with U+FFFD in its place (R8)."""
    assert frames.read_frame(
        '{"event": "client-typing", "channel": "private-x", "data": {"text": "a\\ud83d"}}'
    ).data == {"text": "a�"}
