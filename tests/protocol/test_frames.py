"""Frames: what is read, what is refused, what is written."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.exceptions import ProtocolError
from pusher_client.protocol.frames import (
    Frame,
    clean_text,
    decode_data,
    decode_frame,
    subscribe_frame,
    unsubscribe_frame,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"event":"a"}', Frame("a")),
        ('{"event":"a","data":null,"channel":"c"}', Frame("a", None, "c")),
        ('{"event":"a","data":"{\\"b\\": 1}","user_id":"u"}', Frame("a", '{"b": 1}', None, "u")),
        ('{"event":"a","data":{"b": 1},"channel":"c"}', Frame("a", '{"b": 1}', "c")),
        ('{"event":"a","data":[1, 2],"user_id":7}', Frame("a", "[1, 2]", None, "7")),
        ('{"event":"a","data":"x","channel":5,"user_id":true}', Frame("a", "x", None, None)),
        ('{"event":"a","event":"b","extra":{"deep":[1]}}', Frame("b")),
        ('{"event":"a","data":"cut \\ud83d"}', Frame("a", "cut �")),
    ],
)
def test_what_servers_send_is_read_alike(text: str, expected: Frame) -> None:
    """Data as a string, as an object or absent comes out as the inner text (protocol-notes 2.1)."""
    assert decode_frame(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "null", "{", '{"event":1}', '{"data":"x"}', "NaN", '{"event":"a","data":NaN}', "[" * 100_000),
        '{"event":"a","data":' + '{"a":' * 5000 + "1" + "}" * 5000 + ",}",
        *('"\ud800"', '{"\\u0061":NaN}', "\\u" * 9),
    ],
)
def test_nonsense_is_a_protocol_error_without_the_text(text: str) -> None:
    """Whatever cannot be read raises ProtocolError alone (R8, C3)."""
    with pytest.raises(ProtocolError) as caught:
        decode_frame(text)
    assert caught.value.__context__ is None
    assert "event" in str(caught.value)


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists) | st.dictionaries(st.text(), st.text())
)
def test_no_json_does_more_than_be_refused(value: Any) -> None:
    """Any JSON is a frame or a ProtocolError (R8)."""
    for text in (json.dumps(value), json.dumps({"event": "a", "data": value, "channel": value})):
        with contextlib.suppress(ProtocolError):
            decode_data(decode_frame(text).data)


@given(st.text() | st.binary().map(lambda value: value.decode("latin-1")))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    """Any text is a frame or a ProtocolError, and any inner text is some data (R8)."""
    with contextlib.suppress(ProtocolError):
        decode_frame(text)
    decode_data(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("plain", "plain"),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1e400", math.inf),
        ("NaN", "NaN"),
        ('"\\ud800"', "�"),
        ('{"a": "\\ud800', '{"a": "\\ud800'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_inner_text_is_json_or_itself(text: str | None, expected: object) -> None:
    """JSON is decoded, and what is none is delivered as it is (design.md 2)."""
    assert decode_data(text) == expected


def test_words_of_servers_are_cleaned() -> None:
    """Control characters go, and 200 characters are enough (design.md 3.1)."""
    assert clean_text("a\nb\x1b[31m" + "z" * 300) == ("a b [31m" + "z" * 300)[:200]
    assert clean_text(7) == ""


def test_a_signature_in_a_servers_words_is_left_out() -> None:
    """Servers that refuse a signature repeat it, and words go into logs and errors (C3)."""
    assert clean_text(f"Invalid signature: {'a1' * 32} is wrong") == "Invalid signature: … is wrong"
    assert clean_text('no: "KEY:made-up/signature", see 1.2') == 'no: "…", see 1.2'
    assert (
        clean_text("status:401, at 10:15, see https://example.com") == "status:401, at 10:15, see https://example.com"
    )
    assert "a1" * 20 not in clean_text("x" * 190 + "a1" * 100_000)


def test_frames_that_subscribe() -> None:
    """A subscription carries auth and channel_data as they were given, and nothing else (R3, C3)."""
    assert json.loads(subscribe_frame("c")) == {"event": "pusher:subscribe", "data": {"channel": "c"}}
    written = json.loads(subscribe_frame("c", "k:s", '{"user_id": "1"}'))
    assert written["data"] == {"channel": "c", "auth": "k:s", "channel_data": '{"user_id": "1"}'}
    assert json.loads(unsubscribe_frame("c")) == {"event": "pusher:unsubscribe", "data": {"channel": "c"}}
