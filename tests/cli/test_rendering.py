"""Events as lines."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from pusher_client import DecryptionFailure, DecryptionFailureReason, Event, Gap, Member, Overflow
from pusher_client.cli.rendering import Moment, json_line, pretty_line, value_text

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
GAP = Event("pusher:gap", "a", Gap("a", AT, AT + timedelta(seconds=1), AT + timedelta(seconds=2.5)))
OVERFLOW = Event("pusher:overflow", None, Overflow(None, 7))
FAILURE = Event(
    "pusher:decryption_failure", "a", DecryptionFailure("a", "b\x1b", DecryptionFailureReason.WRONG_KEY, "CANARY")
)


def deep(depth: int) -> Any:
    """Nest lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def pretty(event: Event, **options: bool) -> str:
    """Render for people, without colours."""
    return pretty_line(event, Moment(AT, 1.5), Console(file=io.StringIO(), highlight=False), **options)


def test_json_has_the_fields_of_the_contract() -> None:
    """``time`` in UTC, ``channel``, ``event``, ``data``, and ``user_id`` where there is one (design.md 6)."""
    line = json_line(Event("e", "c", {"n": 1}, "42", '{"n": 1}'), Moment(AT))
    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.678901Z",
        "channel": "c",
        "event": "e",
        "data": {"n": 1},
        "user_id": "42",
    }
    assert list(json.loads(json_line(Event("e", "c"), Moment(AT, 0.1234567)))) == ["time", "channel", "event", "data"]
    assert json.loads(json_line(Event("e", "c"), Moment(AT, 0.1234567)))["time"] == 0.123457


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (
            GAP,
            {
                "last_received_at": "2026-01-02T03:04:05.678901Z",
                "disconnected_at": "2026-01-02T03:04:06.678901Z",
                "resubscribed_at": "2026-01-02T03:04:08.178901Z",
            },
        ),
        (OVERFLOW, {"dropped": 7}),
        (FAILURE, {"event": "b\x1b", "reason": "wrong_key"}),
        (
            Event("pusher:member_added", "presence-a", Member("7", {"name": "Ada"})),
            {"id": "7", "info": {"name": "Ada"}},
        ),
    ],
)
def test_values_of_the_library_are_objects(event: Event, data: Any) -> None:
    """Under the markers' own names, and nothing of what was not authenticated (C1)."""
    line = json_line(event, Moment(AT))
    assert json.loads(line)["data"] == data
    assert json.loads(line)["event"] == event.name
    assert "CANARY" not in line


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x7f", "\x9b2J", "\u202egnirts", "\ud800", "a\nb", "\u2028", "\U000e0001"]
)
def test_nothing_that_a_terminal_obeys_is_written(text: str) -> None:
    """A publisher cannot move the cursor, reverse text or add lines."""
    event = Event(text, "c", {"k": text}, text)
    for line in (json_line(event, Moment(AT)), pretty(event)):
        assert line.isprintable()
        line.encode()
    found = json.loads(json_line(event, Moment(AT)))
    assert (found["event"], found["data"], found["user_id"]) == (text, {"k": text}, text)


def test_other_characters_are_written_as_they_are_where_that_is_possible() -> None:
    """For readers of other languages."""
    assert value_text("grüße 👋") == '"grüße 👋"'
    assert value_text("ü", ascii_only=True) == r'"\u00fc"'


def test_data_that_is_nested_too_deeply_is_shown_as_it_came() -> None:
    """No event ends the command (R8)."""
    event = Event("e", "c", deep(100_000), None, "[[[1]]]")
    assert json.loads(json_line(event, Moment(AT)))["data"] == "[[[1]]]"
    assert pretty(event).endswith('"[[[1]]]"')


def test_people_see_losses_in_words() -> None:
    """In their place, with the interval or number that is missing."""
    assert pretty(Event("e", "c", {"n": 1}, "42")) == '     +1.500  c  e from 42  {"n": 1}'
    assert re.fullmatch(
        r" +\+1\.500  a  GAP: events from \d\d:04:05\.678 to \d\d:04:08\.178 may be missing \(2\.5 s\)", pretty(GAP)
    )
    assert pretty(OVERFLOW) == "     +1.500  OVERFLOW: 7 events were dropped here"
    assert pretty(FAILURE) == r"     +1.500  a  NOT DECRYPTED: b\u001b (wrong_key)"


def test_channels_and_failures_have_colours_on_a_terminal() -> None:
    """A channel keeps its colour; losses are red."""
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system="standard", highlight=False)
    first, second = (pretty_line(Event("e", "c"), Moment(AT), terminal) for _ in range(2))
    assert first == second
    assert "\x1b[" in first
    assert "\x1b[1;31mGAP" in pretty_line(GAP, Moment(AT), terminal)
    error = Event("pusher:subscription_error", "c", {"status": 403})
    assert "\x1b[1;31mpusher:subscription_error" in pretty_line(error, Moment(AT), terminal)
