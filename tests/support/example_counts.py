"""The number of examples of a test that needs more or fewer than the usual."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]

_USUAL = 100
"""What the quick profile of conftest.py takes, which is also Hypothesis's own number."""


def examples(usual: int) -> int:
    """Return how many examples are meant by ``usual`` under the profile in use, which may multiply them."""
    return usual * settings().max_examples // _USUAL
