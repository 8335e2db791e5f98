"""What the pages get from the code when they are built: diagrams of the states, and the protocol notes.

mkdocs calls `on_page_markdown`; `diagram` is also what the tests read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pusher_client.protocol.states import CONNECTION_TRANSITIONS, SUBSCRIPTION_TRANSITIONS

ROOT = Path(__file__).parent.parent


def diagram(first: StrEnum, table: Mapping[Any, Iterable[Any]]) -> str:
    """Draw a transition table as a Mermaid state diagram.

    Args:
        first: Where a machine starts.
        table: For each state those that may follow it.
    """
    arrows = [(state, following) for state, targets in table.items() for following in table if following in targets]
    lines = [f"    {state} --> {following}" for state, following in arrows if state != following]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *lines, "```"])


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the placeholders for diagrams and the protocol notes, and remove the marks of generated tables."""
    for name, table in (("connection", CONNECTION_TRANSITIONS), ("subscription", SUBSCRIPTION_TRANSITIONS)):
        markdown = markdown.replace(f"<!-- states of a {name} -->", diagram(next(iter(table)), table))
    markdown = markdown.replace("<!-- conditions -->\n", "").replace("<!-- /conditions -->\n", "")
    notes = "<!-- protocol-notes.md -->"
    if notes in markdown:
        markdown = markdown.replace(notes, (ROOT / "protocol-notes.md").read_text(encoding="utf-8"))
    # The table is in the text; a test compares it with the code.
    return markdown.replace("<!-- conditions -->\n", "").replace("<!-- /conditions -->\n", "")
