"""The package, its tests and its documents are written in plain English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.rooms import ROOT

PHRASES = (
    *("for good", "whoever", "the one that", "of one's own", "what is wrong", "heard of"),
    *("hears? (?:of|that)", "c[oa]mes? to stand", "leave to (?:subscribe|sign)", "g[ai]ves? up on"),
    *("tells? (?:of|whether)", "is no (?:string|integer|JSON)", "(?:is|are|was) told (?:of|that|to)"),
)
BANNED = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b", re.IGNORECASE)
FOLDERS = ("pusher_client", "docs", "tests", "benchmarks", "examples", ".github")
FILES = [
    path
    for found in (ROOT.glob("*.md"), *((ROOT / folder).rglob("*") for folder in FOLDERS))
    for path in found
    if path.suffix in {".py", ".md"} and path != Path(__file__) and "node_modules" not in path.parts
]


def banned(text: str) -> list[str]:
    """Return the banned phrases in a text, also those broken over two lines."""
    return BANNED.findall(re.sub(r"\s+(?:# )?", " ", text))


def test_banned_phrases_are_absent() -> None:
    """Mannered phrases, which read as translated, are in no docstring, comment, message or page."""
    found = {str(path.relative_to(ROOT)): banned(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: phrases for path, phrases in found.items() if phrases} == {}


@pytest.mark.parametrize("text", ["it is lost for good", "it Hears of\n    it", "Tell whether it is", "whoever asks"])
def test_the_rule_can_fail(text: str) -> None:
    """Each phrase is found, whatever its case and wherever the line ends."""
    assert len(banned(text)) == 1
