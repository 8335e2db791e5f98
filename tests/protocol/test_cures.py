"""Likely cures in the words of the library."""

from __future__ import annotations

import pytest

from pusher_client.protocol.cures import PYTHON_OPTIONS, close_cure, open_cure
from pusher_client.protocol.reconnect import OpenFailure

CODES = [None, 1000, *range(4000, 4011), 4050, 4100, 4200, 4300]
STATUSES = [None, 200, 301, 302, 400, 401, 403, 404, 407, 418, 429, 500, 503]


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (4000, "use tls=True"),
        (4001, "check key, and that cluster or host"),
        (4003, "enable"),
        (4004, "raise the limit"),
        (4005, "check path and port"),
        (4007, "version"),
        (4009, "secret"),
        (4050, "documentation"),
        (4100, "see its log"),
        (None, "see its log"),
    ],
)
def test_each_close_code_has_a_cure(code: int | None, cure: str) -> None:
    """With the options' names in Python (protocol-notes 4)."""
    assert cure in close_cure(code)


@pytest.mark.parametrize(
    ("failure", "status", "cure"),
    [
        (OpenFailure.NETWORK, None, "check host, port and tls"),
        (OpenFailure.CERTIFICATE, None, "SSLContext"),
        (OpenFailure.UNUSABLE, None, "no_proxy"),
        (OpenFailure.HTTP, 302, "redirects are not followed"),
        (OpenFailure.HTTP, 401, "credentials"),
        (OpenFailure.HTTP, 403, "check key"),
        (OpenFailure.HTTP, 404, "check host, port and path"),
        (OpenFailure.HTTP, 407, "user and password"),
        (OpenFailure.HTTP, 418, "check host, port and path"),
        (OpenFailure.HTTP, 429, "less often"),
        (OpenFailure.HTTP, 503, "see its log"),
    ],
)
def test_each_failure_to_open_has_a_cure(failure: OpenFailure, status: int | None, cure: str) -> None:
    """By its kind, and by the status where there was an answer."""
    assert cure in open_cure(failure, status)


def test_other_names_of_the_options_appear_in_their_places() -> None:
    """The command line gives its flags, and no cure keeps a name of Python's (design.md 6)."""
    flags = {name: f"<{name}>" for name in PYTHON_OPTIONS}
    texts = [close_cure(code, flags) for code in CODES]
    texts += [open_cure(failure, status, flags) for failure in OpenFailure for status in STATUSES]
    assert {name for name in flags if any(f"<{name}>" in text for text in texts)} == set(flags)
    assert not any("{" in text for text in texts)
