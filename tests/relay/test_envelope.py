"""The envelope of an entry, written and read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pusher_client import DecryptionFailure, DecryptionFailureReason, Event
from pusher_client.events import DECRYPTION_FAILURE, Gap
from pusher_client.relay.envelope import EnvelopeError, Origin, entry_of, gap_envelope, read_envelope
from pusher_client.relay.spans import Span
from pusher_client.relay.values import Entry, Kind

SEAL = bytes(range(40))
ORIGIN = Origin("KEY", "orders", "a")


def entry(event: Event, number: str = "a-1") -> Entry:
    return entry_of(event, ORIGIN, 1_700_000_000.25, number)


@pytest.mark.parametrize(
    "event",
    [
        Event("e", "orders", {"a": [1, "ü"]}, None, '{"a":[1,"ü"]}'),
        Event("e", "orders", "text", "user-7", "text"),
        Event("e", "orders", None, None, ""),
        Event("e", "orders", "", None, "", SEAL),
        Event("e", "orders", 7, None, "7", SEAL),
    ],
)
def test_the_reader_gets_an_equal_event(event: Event) -> None:
    """The id of an encrypted event is kept, and the data is decoded from the same text."""
    read = read_envelope(entry(event).body)
    assert (read, read.id) == (event, event.id)


def test_the_envelope_is_a_cloud_event() -> None:
    """Another consumer finds the attributes of CloudEvents 1.0; extensions have lower-case names."""
    written = json.loads(entry(Event("e", "orders", {"a": 1}, "u", '{"a":1}')).body)
    assert written == {
        "specversion": "1.0",
        "id": "a-1",
        "source": "pusher:KEY",
        "type": "e",
        "subject": "orders",
        "time": "2023-11-14T22:13:20.250000Z",
        "data": '{"a":1}',
        "datacontenttype": "text/plain",
        "relay": "a",
        "pusheruserid": "u",
    }


def test_two_relays_know_an_encrypted_event_by_one_id_and_a_plain_one_by_its_content() -> None:
    """The number of the relay is not part of either; the channel is part of the id."""
    sealed, plain = Event("e", "orders", 1, None, "1", SEAL), Event("e", "orders", 1, None, "1")
    assert entry(sealed).id == entry(sealed, "b-9").id == sealed.id
    assert entry(plain).id is None
    assert entry(plain).fingerprint == entry(plain, "b-9").fingerprint
    others = [Event("f", "orders", 1, None, "1"), Event("e", "orders", 1, "u", "1"), Event("e1", "orders", 1, None, "")]
    assert len({entry(other).fingerprint for other in (plain, *others)}) == 4


@pytest.mark.parametrize("id_", ["ab" * 16, None])
def test_a_decryption_failure_is_read_without_its_raw_data(id_: str | None) -> None:
    """Nothing unauthenticated but the event's name is stored."""
    failure = DecryptionFailure("orders", "e", DecryptionFailureReason.WRONG_KEY, "canary", id_)
    written = entry(Event(DECRYPTION_FAILURE, "orders", failure))
    assert (written.kind, written.id) == (Kind.DECRYPTION_FAILURE, id_)
    assert "canary" not in written.body
    read = read_envelope(written.body).data
    assert (read, read.id) == (DecryptionFailure("orders", "e", DecryptionFailureReason.WRONG_KEY, "", id_), id_)


def test_a_gap_is_read_with_its_span() -> None:
    """It begins where the last relay's span ended."""
    start, end = (datetime(2026, 11, 30, 7, minute, tzinfo=UTC) for minute in (0, 1))
    event = read_envelope(gap_envelope("id", Span(start.timestamp(), end.timestamp()), ORIGIN))
    assert event == Event("pusher:gap", "orders", Gap("orders", start, start, end))


@pytest.mark.parametrize(
    "change",
    [
        {"subject": 1},
        {"data": 7},
        {"pusherkind": "gap", "data": {"start": 1}},
        {"pusherkind": "gap", "data": "text"},
        {"pusherkind": "gap", "data": {"start": 1e300, "end": 1}},
        {"pusherkind": "decryption_failure", "data": {"event_name": "e", "reason": "unknown"}},
        {"pusherkind": "other"},
    ],
)
def test_a_foreign_entry_is_an_error_that_does_not_repeat_it(change: dict[str, object]) -> None:
    """Another program wrote to the stream (C3)."""
    text = json.dumps(json.loads(entry(Event("e", "orders", 1, None, "1")).body) | change)
    with pytest.raises(EnvelopeError, match=r"something else writes to it$"):
        read_envelope(text)
    with pytest.raises(EnvelopeError):
        read_envelope("[" * 100_000)
