"""The README shows code that runs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_quickstart_is_the_example() -> None:
    """The README's first Python code is ``examples/quickstart.py``, verbatim; test_examples.py runs it (design 2)."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert blocks, "the README shows no Python code"
    assert blocks[0] == (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
