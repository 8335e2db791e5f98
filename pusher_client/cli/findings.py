"""What became of a step of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "NotNeeded", "Outcome", "TroubleError"]


class Outcome(StrEnum):
    """What became of a step."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """A step that was tried, or not.

    Attributes:
        step: Its name.
        outcome: What became of it.
        detail: What was found, without anything secret.
        seconds: How long it took; None if it was not tried.
        cure: What is likely to help; None where nothing has to.
    """

    step: str
    outcome: Outcome
    detail: str
    seconds: float | None = None
    cure: str | None = None


class TroubleError(Exception):
    """A step failed.

    Args:
        detail: What was found.
        cure: What is likely to help.
    """

    def __init__(self, detail: str, cure: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cure = cure


class NotNeeded(Exception):  # noqa: N818 - nothing is wrong
    """A step has nothing to try here."""
