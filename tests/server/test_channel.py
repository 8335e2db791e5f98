"""A channel of the local server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pusher_client.server.channel import Channel, Member, check_destination, check_user_id


def told(frames: list[str]) -> list[tuple[str, Any]]:
    """Return names and data of frames."""
    return [(frame["event"], json.loads(frame["data"])) for frame in map(json.loads, frames)]


def test_a_frame_reaches_every_subscriber_but_the_excluded_one() -> None:
    """``socket_id`` of the HTTP API keeps an event from the connection that caused it."""
    channel, first, second = Channel("a"), list[str](), list[str]()
    channel.add("1.1", first.append)
    channel.add("2.2", second.append)
    channel.send("one")
    channel.send("two", but="1.1")
    assert first == ["one"]
    assert second == ["one", "two"]


def test_subscribers_are_counted_until_they_leave() -> None:
    """A channel without subscribers and cached event is unused."""
    channel = Channel("a")
    assert channel.is_unused
    channel.add("1.1", print)
    assert "1.1" in channel
    assert channel.subscription_count == 1
    assert not channel.is_unused
    channel.remove("1.1")
    channel.remove("1.1")
    assert channel.subscription_count == 0
    assert channel.is_unused


def test_a_channel_with_a_kept_event_is_not_is_unused() -> None:
    """The next subscriber of a cache channel receives it."""
    channel = Channel("cache-a")
    channel.last_event = ("e", "1")
    assert not channel.is_unused


def test_a_user_comes_and_goes_once_however_many_connections_it_has() -> None:
    """Only a user's first and last connection are announced (protocol-notes 5.6)."""
    channel, other = Channel("presence-a"), list[str]()
    channel.add("1.1", other.append, Member("watcher"))
    channel.add("2.2", lambda _: None, Member("u", {"name": "Ann"}))
    channel.add("3.3", lambda _: None, Member("u", {"name": "Ann"}))
    channel.remove("2.2")
    assert [name for name, _ in told(other)] == ["pusher_internal:member_added"]
    channel.remove("3.3")
    assert told(other) == [
        ("pusher_internal:member_added", {"user_id": "u", "user_info": {"name": "Ann"}}),
        ("pusher_internal:member_removed", {"user_id": "u"}),
    ]


def test_the_members_are_listed_for_who_subscribes() -> None:
    """Ids, user infos and count; empty on other channels."""
    channel = Channel("presence-a")
    channel.add("1.1", print, Member("u", {"name": "Ann"}))
    assert channel.member_of("1.1") == Member("u", {"name": "Ann"})
    assert channel.member_of("2.2") is None
    assert channel.presence_data() == {"presence": {"ids": ["u"], "hash": {"u": {"name": "Ann"}}, "count": 1}}
    assert Channel("private-a").presence_data() == {}


@pytest.mark.parametrize("name", ["a", "a" * 200, "private-encrypted-a", "#server-to-user-u.1"])
def test_events_may_be_published_to_channels_and_users(name: str) -> None:
    """A user's channel starts with a character that other channel names must not have."""
    check_destination(name)


@pytest.mark.parametrize("name", ["", "#a", "#server-to-user-", "#server-to-user-a b", "a b", "a" * 201])
def test_other_names_are_refused(name: str) -> None:
    """The error says which names are valid."""
    with pytest.raises(ValueError, match=r"name|user id"):
        check_destination(name)


@pytest.mark.parametrize("user_id", ["", "a b", "u" * 201, "ü"])
def test_a_users_id_has_the_characters_of_a_channels_name(user_id: str) -> None:
    """As the official server libraries require."""
    with pytest.raises(ValueError, match="a user id has 1 to 200"):
        check_user_id(user_id)
