"""Looking for secrets wherever an error or a log could carry them (C3)."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

__all__ = ["texts_of_error"]

MUTATION_TOOL = "mutmut/mutation/trampoline.py"
"""Stands between the test and a mutant, with the arguments of the call: its frames are not ours."""


def texts_of_error(error: BaseException, caller: str) -> str:
    """Return everything that an error and its report with captured variables show.

    Args:
        error: The error that was caught.
        caller: The file of the test, whose own frames are excepted.
    """
    assert error.__cause__ is None
    assert error.__context__ is None
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in report.stack if frame.filename != caller and not frame.filename.endswith(MUTATION_TOOL)]
    return "\n".join([repr(error), str(error), repr(error.args), repr(vars(error)), *map(_text, ours)])


def _text(frame: traceback.FrameSummary) -> str:
    variables: Iterable[tuple[str, str]] = (frame.locals or {}).items()
    return "\n".join([f"{frame.filename} {frame.name} {frame.line}", *(f"{name}={value}" for name, value in variables)])
