"""Looking for secrets wherever an error or a log could carry them (C3)."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Iterable
from urllib.parse import quote

__all__ = ["found_in", "spellings", "texts_of_chain", "texts_of_error"]

HEAD = 15
"""How much of a secret is looked for: its beginning, so that what is cut short is found too."""


def spellings(secret: bytes) -> set[str]:
    """Return how the beginning of a secret may be written: as it is, and in every usual encoding."""
    head = secret[:HEAD]
    found = {head.decode("latin-1"), repr(head)[2:-1], quote(head), ", ".join(map(str, head))}
    for digits in (head.hex(), head.hex().upper()):
        pairs = [digits[index : index + 2] for index in range(0, len(digits), 2)]
        found |= {digits, "%" + "%".join(pairs), "\\x" + "\\x".join(pairs), ":".join(pairs)}
    for before in range(3):
        # Within a longer text it begins at one of three places of a group; the characters that it shares are left out.
        encoded = base64.b64encode(b"\0" * before + head).decode().rstrip("=")
        inner = encoded[-(-before * 4 // 3) : len(encoded) - (1 if (before + HEAD) % 3 else 0)]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


def found_in(text: str, secrets: dict[str, bytes]) -> dict[str, str]:
    """Return the names of the secrets that a text has, with the text around them."""
    shown: dict[str, str] = {}
    for name, secret in secrets.items():
        for spelling in spellings(secret):
            at = text.find(spelling)
            if at >= 0:
                shown[name] = text[max(0, at - 200) : at + 80]
    return shown


MUTATION_TOOL = "mutmut/mutation/trampoline.py"
"""Called between the test and a mutant, with the arguments of the call: its frames are not ours."""


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
    ours = [frame for frame in report.stack if frame.filename != caller and not frame.filename.endswith(MUTATION_TOOL)]
    return "\n".join([repr(error), str(error), repr(error.args), repr(vars(error)), *map(_text, ours)])


def _text(frame: traceback.FrameSummary) -> str:
    variables: Iterable[tuple[str, str]] = (frame.locals or {}).items()
    return "\n".join([f"{frame.filename} {frame.name} {frame.line}", *(f"{name}={value}" for name, value in variables)])
