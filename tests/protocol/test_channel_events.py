"""The protocol's own events on a channel."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.events import Event, Member
from pusher_client.protocol.channel_events import (
    ChannelEvents,
    is_refusal,
    read_subscription_count,
    read_subscription_error,
)
from pusher_client.protocol.frames import Frame
from pusher_client.protocol.names import channel_kind

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SUCCEEDED = "pusher_internal:subscription_succeeded"
PRESENT = json.dumps({"presence": {"ids": ["1"], "hash": {"1": {"n": "a"}}, "count": 1}})


def events_of(channel: str) -> ChannelEvents:
    """Return what a channel remembers, to begin with."""
    return ChannelEvents(channel, channel_kind(channel), 1000)


def read(events: ChannelEvents, name: str, data: Any = None) -> Event | None:
    """Let a protocol event be read; its data is an object here."""
    return events.read(Frame(name, None if data is None else json.dumps(data), "ignored"))


@pytest.mark.parametrize("data", [None, "", "forged", "{}", PRESENT])
@pytest.mark.parametrize("channel", ["private-encrypted-a", "private-encrypted-cache-a"])
def test_an_encrypted_acknowledgement_says_nothing(channel: str, data: str | None) -> None:
    """Whatever the server put in it, its data is rebuilt as nothing (C1, design.md 3.1)."""
    event, changes = events_of(channel).succeeded(Frame(SUCCEEDED, data, channel))
    assert event == Event("pusher:subscription_succeeded", channel)
    assert changes is None


def test_a_public_acknowledgement_keeps_its_data() -> None:
    """Elsewhere the data is decoded, and the text kept (design.md 2)."""
    event, changes = events_of("orders").succeeded(Frame(SUCCEEDED, '{"a":1}', "orders"))
    assert event == Event("pusher:subscription_succeeded", "orders", {"a": 1}, None, '{"a":1}')
    assert changes is None


def test_a_presence_acknowledgement_carries_the_members() -> None:
    """The event has the members by id, and the changes since the last list follow it (R5)."""
    events = events_of("presence-a")
    event, changes = events.succeeded(Frame(SUCCEEDED, PRESENT, "presence-a"))
    assert event.data == {"1": {"n": "a"}}
    assert changes is not None
    assert changes.next_event() == Event("pusher:member_added", "presence-a", Member("1", {"n": "a"}))
    assert changes.next_event() is None
    other = json.dumps({"presence": {"ids": ["2"]}})
    later, changes = events.succeeded(Frame(SUCCEEDED, other, "presence-a"))
    assert changes is not None
    assert [change.name for change in iter(changes.next_event, None)] == [
        "pusher:member_removed",
        "pusher:member_added",
    ]
    assert (event.data, later.data) == ({"1": {"n": "a"}}, {"2": None})


@pytest.mark.parametrize("channel", ["orders", "private-a", "presence-a", "private-encrypted-a", "cache-a"])
def test_the_count_and_the_cache_miss_are_rebuilt(channel: str) -> None:
    """One whole number, and nothing, on every kind of channel (design.md 3.1)."""
    events = events_of(channel)
    assert events.subscription_count is None
    counted = read(events, "pusher_internal:subscription_count", {"subscription_count": 4, "extra": "forged"})
    assert counted == Event("pusher:subscription_count", channel, {"subscription_count": 4})
    assert read(events, "pusher_internal:subscription_count", {"subscription_count": "5"}) is None
    assert events.subscription_count == 4
    assert read(events, "pusher:cache_miss", "forged") == Event("pusher:cache_miss", channel)


def test_members_come_and_go_on_presence_channels_only() -> None:
    """On other channels these events do not exist; nonsense and repetitions are nothing (design.md 3.1, R8)."""
    events = events_of("presence-a")
    added, removed = "pusher_internal:member_added", "pusher_internal:member_removed"
    person = {"user_id": "1", "user_info": {"n": "a"}}
    assert read(events, added, person) == Event("pusher:member_added", "presence-a", Member("1", {"n": "a"}))
    assert read(events, added, person) is None
    gone = Event("pusher:member_removed", "presence-a", Member("1", {"n": "a"}))
    assert read(events, removed, person) == gone
    assert read(events, removed, person) is None
    for channel in ("orders", "private-a", "private-encrypted-presence-a"):
        others = events_of(channel)
        assert others.members is None
        assert read(others, added, person) is None
        assert read(others, removed, person) is None


def test_what_the_protocol_does_not_have_is_nothing() -> None:
    """An unknown name changes no members, on presence channels either (design.md 3.1, R8)."""
    for channel in ("presence-a", "orders"):
        events = events_of(channel)
        assert read(events, "pusher_internal:member_promoted", {"user_id": "1"}) is None
        assert not events.members or not events.members.mapping


def test_an_update_is_that_of_a_known_member() -> None:
    """An unknown one has joined, the same info again is nothing, and nonsense neither (protocol-notes 5.6)."""
    events = events_of("presence-a")
    updated = "pusher_internal:member_updated"
    joined = Event("pusher:member_added", "presence-a", Member("1", "a"))
    assert read(events, updated, {"user_id": 1, "user_info": "a"}) == joined
    assert read(events, updated, {"user_id": "1", "user_info": "a"}) is None
    changed = Event("pusher:member_updated", "presence-a", Member("1", "b"))
    assert read(events, updated, {"user_id": "1", "user_info": "b"}) == changed
    assert read(events, updated, {"user_id": None, "user_info": "b"}) is None
    assert read(events, updated) is None
    assert events.members is not None
    assert dict(events.members.mapping) == {"1": "b"}
    for channel in ("orders", "private-a", "private-encrypted-presence-a"):
        assert read(events_of(channel), updated, {"user_id": "1"}) is None


def test_a_known_member_that_is_added_again_with_other_info_is_told() -> None:
    """As pusher-js does it (protocol-notes 5.6)."""
    events = events_of("presence-a")
    added = "pusher_internal:member_added"
    read(events, added, {"user_id": "1", "user_info": "a"})
    changed = Event("pusher:member_added", "presence-a", Member("1", None))
    assert read(events, added, {"user_id": "1", "user_info": None}) == changed


@given(name=st.sampled_from(["pusher:", "pusher_internal:"]).flatmap(lambda p: st.text(max_size=20).map(p.__add__)))
def test_no_other_protocol_name_says_anything(name: str) -> None:
    """The list of names that are read is closed (design.md 3.1)."""
    known = {"pusher_internal:subscription_count", "pusher:cache_miss"}
    members = {f"pusher_internal:member_{change}" for change in ("added", "updated", "removed")}
    if name not in known | members:
        assert read(events_of("presence-a"), name, {"subscription_count": 1, "user_id": "1"}) is None
    if name not in known:
        assert read(events_of("private-encrypted-a"), name, {"subscription_count": 1, "user_id": "1"}) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (2**53, 2**53), (2**53 + 1, None), (-1, None), (True, None), (1.0, None), ("1", None), (None, None)],
)
def test_a_count_is_a_whole_number(value: Any, expected: int | None) -> None:
    """From 0 to 2^53, and nothing else (design.md 3.1)."""
    assert read_subscription_count(json.dumps({"subscription_count": value})) == expected


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", "{}", '"x"'])
def test_what_is_no_count_is_none(text: str | None) -> None:
    """A text of another shape is not a count (R8)."""
    assert read_subscription_count(text) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, {"type": "", "error": "", "status": None}),
        ("no", {"type": "", "error": "no", "status": None}),
        ('"no"', {"type": "", "error": "no", "status": None}),
        ('{"error": "no"}', {"type": "", "error": "no", "status": None}),
        ("{", {"type": "", "error": "{", "status": None}),
        ({"type": "LimitReached", "status": 4100}, {"type": "LimitReached", "error": "", "status": 4100}),
        ([], {"type": "", "error": "", "status": None}),
        ({"type": "AuthError", "error": "no", "status": 403}, {"type": "AuthError", "error": "no", "status": 403}),
        ({"type": 1, "error": None, "status": "403"}, {"type": "", "error": "", "status": None}),
        ({"type": "a", "error": "b\r\nc", "status": True}, {"type": "a", "error": "b  c", "status": None}),
        ({"error": "x" * 300, "status": 1.5, "extra": 1}, {"type": "", "error": "x" * 200, "status": None}),
    ],
)
def test_a_refusal_in_every_shape(data: Any, expected: dict[str, Any]) -> None:
    """Text, object or nonsense: type and error cleaned and cut, status whole or None (design.md 3.1)."""
    text = data if data is None or isinstance(data, str) else json.dumps(data)
    assert read_subscription_error(text) == expected


@given(st.none() | st.text() | JSON.map(json.dumps))
def test_nothing_a_server_says_breaks_the_reading(text: str | None) -> None:
    """Any text gives a count in range or None, and a refusal of three clean fields (R8, design.md 3.1)."""
    count = read_subscription_count(text)
    assert count is None or 0 <= count <= 2**53
    refusal = read_subscription_error(text)
    assert set(refusal) == {"type", "error", "status"}
    assert all(len(refusal[name]) <= 200 for name in ("type", "error"))
    assert all(refusal[name] == "" or refusal[name].isprintable() for name in ("type", "error"))
    assert refusal["status"] is None or type(refusal["status"]) is int


@pytest.mark.parametrize(
    ("event", "channel", "refused"),
    [
        ("pusher:subscription_error", "orders", True),
        ("pusher:subscription_error", "private-encrypted-a", True),
        ("pusher_internal:subscription_error", "orders", True),
        ("pusher_internal:subscription_error", "presence-a", True),
        ("pusher_internal:subscription_error", "private-encrypted-a", False),
        ("pusher_internal:subscription_error", "private-encrypted-cache-a", False),
        ("pusher:error", "orders", False),
        ("subscription_error", "orders", False),
    ],
)
def test_refusals_have_two_names(event: str, channel: str, *, refused: bool) -> None:
    """The second is none of the four that an encrypted channel has (design.md 3.1)."""
    assert is_refusal(Frame(event, None, channel)) is refused
