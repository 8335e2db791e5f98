"""Outcomes of the steps of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Outcome", "StepError", "StepSkipped"]


class Outcome(StrEnum):
    """The outcome of a step."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one step.

    Attributes:
        step: The name of the step.
        outcome: Whether it succeeded.
        detail: What was found, without secrets.
        seconds: Duration; None if the step was not tried.
        cure: The likely cure; None unless the step failed.
    """

    step: str
    outcome: Outcome
    detail: str
    seconds: float | None = None
    cure: str | None = None


class StepError(Exception):
    """A step failed.

    Args:
        detail: What was found.
        cure: The likely cure.
    """

    def __init__(self, detail: str, cure: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cure = cure


class StepSkipped(Exception):  # noqa: N818 - not an error
    """A step does not apply."""
