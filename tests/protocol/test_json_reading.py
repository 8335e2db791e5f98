"""JSON that JavaScript and Python read, and strict readers refuse."""

from __future__ import annotations

import gc
import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.frames import decode_frame
from pusher_client.protocol.json_reading import read_json, replace_lone_surrogates

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


def with_surrogates_replaced(value: Any) -> Any:
    """Return a value with U+FFFD for each lone surrogate in its strings and keys."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [with_surrogates_replaced(item) for item in value]
    if isinstance(value, dict):
        return {with_surrogates_replaced(key): with_surrogates_replaced(item) for key, item in value.items()}
    return value


@given(VALUES.filter(lambda value: not isinstance(value, float) or math.isfinite(value)))
def test_what_python_writes_is_read(value: Any) -> None:
    """Lone surrogates are replaced in every position, and everything else is read as Python reads it (R8).

    ``NaN`` and ``Infinity`` are read inside a list or an object; alone they are words.
    """
    text = json.dumps(value)
    assert read_json(text) == with_surrogates_replaced(json.loads(text))


@given(st.lists(st.sampled_from(["\\", "\\ud83d", "\\ude00", "\\uDBFF", "d", "\\n", '\\"', "\\\\", "u", "dead"])))
def test_only_surrogates_without_their_half_are_replaced(parts: list[str]) -> None:
    """Pairs stay, and so does text that only looks like an escape sequence behind an escaped backslash (R8)."""
    text = '"' + "".join(part if part != "\\" else "\\\\" for part in parts) + '"'
    assert json.loads(replace_lone_surrogates(text)) == with_surrogates_replaced(json.loads(text))
    msgspec.json.decode(replace_lone_surrogates(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"x": 1e400, "y": 1}', {"x": math.inf, "y": 1}),
        ("[-1E999, 1e-999]", [-math.inf, 0.0]),
        ("1e400", math.inf),
        (f"[{'1' * 400}.5]", [math.inf]),
        (f"[{'9' * 5000}, -{'9' * 5000}, 7]", [math.inf, -math.inf, 7]),
        ('{"x": Infinity, "y": [-Infinity]}', {"x": math.inf, "y": [-math.inf]}),
        ('{"x": 1e400, "\\ud800": "\\udc00"}', {"x": math.inf, "�": "�"}),
        ('{"x": Infinity, "y": "\\ud83d\\ude00 \\ud83d"}', {"x": math.inf, "y": "😀 �"}),
    ],
)
def test_numbers_out_of_range_are_infinite(text: str, expected: Any) -> None:
    """One such number does not make a string of the whole payload (R8)."""
    assert read_json(text) == expected


def test_a_nan_of_python_is_read() -> None:
    """Publishers in Python write it; it is a number that is not equal to itself (R8)."""
    (value,) = read_json("[NaN]")
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "", "{", "[1,]", '"\\ud800', "[" * 100_000, "[1e400" + "]" * 2])
def test_what_nobody_reads_is_not_json(text: str) -> None:
    """A bare word is not JSON, nor is text that is truncated or nested too deeply (R8)."""
    with pytest.raises(ValueError, match="not JSON"):
        read_json(text)


@pytest.mark.parametrize("position", ["event", "channel", "data", "user_id"])
def test_a_frame_may_have_half_a_pair_in_every_position(position: str) -> None:
    """A lone surrogate costs one character, and not the frame (R8)."""
    frame = decode_frame(
        json.dumps({"event": "e", "channel": "c", "data": "d", "user_id": "u"} | {position: "a\ud800"})
    )
    assert getattr(frame, position) == "a�"


def test_a_frame_may_have_numbers_out_of_range_in_its_data() -> None:
    """Data that the server sends as an object is kept as text, and read like any other (R8)."""
    assert decode_frame('{"event":"e","data":{"x":1e400}}').data == '{"x":1e400}'
    assert decode_frame('{"event":"e","data":"d","user_id":1e400}').user_id is None


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("text", ["[" + "{}," * 30_000 + "0]", "[" + "{}," * 30_000])
def test_the_garbage_collector_is_as_it_was_after_a_long_text(text: str, enabled: bool) -> None:
    """It pauses while a long text is read, readable or not, and goes on only where it ran before (R1)."""
    if not enabled:
        gc.disable()
    try:
        if text.endswith("]"):
            assert len(read_json(text)) == 30_001
        else:
            with pytest.raises(ValueError, match="not JSON"):
                read_json(text)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
