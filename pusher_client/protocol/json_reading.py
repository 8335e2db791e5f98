"""Reading JSON that other readers accept and strict ones refuse (design.md 10, promise R8).

JavaScript's and Python's readers accept lone surrogates and numbers out of range, and Python's also ``NaN`` and
``Infinity``. They are read here too: a lone surrogate as U+FFFD, and a number out of range as infinity.
"""

from __future__ import annotations

import gc
import json
import math
import re
import sys
from typing import Any

import msgspec

__all__ = ["UNREADABLE", "read_json", "replace_lone_surrogates"]

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeError)
"""Everything that msgspec raises when it reads hostile JSON: also for too deep nesting and lone surrogates."""

_LONG = 64 * 1024
"""Characters from which on many values may be decoded at once."""

_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""One half of a pair without the other, where every backslash starts an escape sequence."""
_NUMBER_OR_CONTAINER = re.compile(r"\s*(?:[\[{]|-?[0-9])")

_decode = msgspec.json.Decoder().decode
_decode_any_number = msgspec.json.Decoder(float_hook=float).decode


def read_json(text: str) -> Any:
    """Return the value that JSON text stands for.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    if len(text) < _LONG or not gc.isenabled():
        return _read(text)
    # Each of 350,000 new objects counts for the garbage collector, which would look at all of them again and again.
    gc.disable()
    try:
        return _read(text)
    finally:
        gc.enable()


def replace_lone_surrogates(text: str) -> str:
    """Return JSON text with an escaped U+FFFD for each escaped lone surrogate.

    JavaScript writes lone surrogates for a text that was cut within a character.
    """
    if "\\u" not in text:
        return text
    return _LONE_SURROGATE.sub(r"\\ufffd", text.replace("\\\\", r"\u005c"))


def _read(text: str) -> Any:
    try:
        return _decode(text)
    except UNREADABLE:
        pass
    text = replace_lone_surrogates(text)
    try:
        return _decode_any_number(text)
    except UNREADABLE:
        pass
    # A bare word such as NaN is more likely a string that a publisher did not encode.
    if _NUMBER_OR_CONTAINER.match(text):
        try:
            return json.loads(text, parse_int=_read_int)
        except (ValueError, RecursionError):
            pass
    raise ValueError("not JSON")


def _read_int(digits: str) -> int | float:
    """Return an integer, or infinity for one that has more digits than Python reads."""
    limit = sys.get_int_max_str_digits()
    if limit and len(digits.lstrip("-")) > limit:
        return -math.inf if digits.startswith("-") else math.inf
    return int(digits)
