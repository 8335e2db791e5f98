"""Looking for secrets wherever an error or a log could carry them (C3)."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

__all__ = ["texts_of_chain", "texts_of_error"]


def texts_of_error(error: BaseException, caller: str) -> str:
    """Return everything that an error and its report with captured variables show.

    Args:
        error: The error that was caught.
        caller: The file of the test, whose own frames are excepted.
    """
    assert error.__cause__ is None
    assert error.__context__ is None
    return _texts(error, caller)


def texts_of_chain(error: BaseException, caller: str) -> str:
    """Return the same for an error with causes and contexts, all of them included."""
    shown: list[str] = []
    rest: list[BaseException | None] = [error]
    seen: set[int] = set()
    while rest:
        one = rest.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            shown.append(_texts(one, caller))
            rest += [one.__cause__, one.__context__]
    return "\n".join(shown)


def _texts(error: BaseException, caller: str) -> str:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in report.stack if frame.filename != caller]
    return "\n".join([repr(error), str(error), repr(error.args), repr(vars(error)), *map(_text, ours)])


def _text(frame: traceback.FrameSummary) -> str:
    variables: Iterable[tuple[str, str]] = (frame.locals or {}).items()
    return "\n".join([f"{frame.filename} {frame.name} {frame.line}", *(f"{name}={value}" for name, value in variables)])
