"""Reading what a server says of the watched users."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.protocol.frames import decode_frame
from pusher_client.protocol.watchlist import read_watchlist
from tests.support.core.scripted_core import frame


def read(event: str, data: Any) -> list[tuple[str, Any]] | None:
    """Read a frame without a channel."""
    events = read_watchlist(decode_frame(frame(event, data=data)))
    return None if events is None else [(one.name, one.data["user_ids"]) for one in events]


def test_events_of_a_list() -> None:
    """Each comes under its own name, in order, its ids as strings; what is no event is left out (R8)."""
    told: list[Any] = [{"name": "online", "user_ids": ["1", 2, None]}, 5, {"name": "offline", "user_ids": []}]
    assert read("pusher_internal:watchlist_events", {"events": told}) == [("online", ["1", "2"]), ("offline", [])]


def test_events_on_their_own() -> None:
    """Sockudo sends a frame for each (protocol-notes 13.3)."""
    assert read("offline", '{"user_ids":["1"]}') == [("offline", ["1"])]


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"events": {}}, {"events": []}, {"events": [{"name": "online"}]}]
    + [{"events": [{"name": name, "user_ids": []}]} for name in (None, "x" * 201)],
)
def test_nonsense_is_none(data: Any) -> None:
    """What cannot be read says nothing (R8)."""
    assert read("pusher_internal:watchlist_events", data) is None


def test_other_frames_are_none() -> None:
    """Only these names speak of the watchlist."""
    assert read("pusher_internal:else", {"events": [{"name": "online", "user_ids": []}]}) is None
