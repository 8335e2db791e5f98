"""Texts that are almost another one."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["edits"]

_STRANGE = [chr(code) for code in range(0x100)] + list("\u2028\ufeff\uff21\u0430\u017f\ud800\U0001d400")
"""Every byte, and what looks like a letter or like nothing."""


def edits(text: str) -> Iterator[str]:
    """Yield every text that differs by one character changed, added or left out, or by two neighbours swapped."""
    for index in range(len(text) + 1):
        before, after = text[:index], text[index:]
        for character in _STRANGE:
            yield before + character + after
            if after and character != after[0]:
                yield before + character + after[1:]
        if after:
            yield before + after[1:]
        if len(after) > 1 and after[0] != after[1]:
            yield before + after[1] + after[0] + after[2:]
