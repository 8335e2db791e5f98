"""The check that an authorization was signed for this client's application."""

from __future__ import annotations

import pytest

from pusher_client.authorization.signed_key import signed_key_problem

CANARY = "canary-4711"
LONG = "b3ba1b3c0d2e4f5a6b7c"


@pytest.mark.parametrize(
    ("auth", "key", "words"),
    [
        ("app-key:s", "app-key", None),
        ("app-key:s:t", "app-key", None),
        (f"staging-key:{CANARY}", "app-key", "signed for `staging-key`, this client uses `app-key`"),
        (f"{CANARY * 2}x:s", "app-key", "signed for `canary-4…`, this client uses `app-key`"),
        (f"{LONG}1:s", f"{LONG}2", "signed for another key with the same beginning, this client uses `b3ba1b3c…`"),
        (f"App-Key:{CANARY}", "app-key", "signed for `App-Key`"),
        (f" app-key:{CANARY}", "app-key", "signed for ` app-key`"),
        (f"\n:{CANARY}", "app-key", "signed for a malformed key"),
        (f"{CANARY}é:{CANARY}", "app-key", "signed for a malformed key"),
        (f":{CANARY}", "app-key", "signed for a malformed key"),
        (f"{CANARY}", "app-key", "not KEY:SIGNATURE"),
        ("app-key:", "app-key", "not KEY:SIGNATURE"),
        (f"{CANARY}:app-key", "app-key", "SIGNATURE:KEY"),
    ],
)
def test_the_key_of_a_signature(auth: str, key: str, words: str | None) -> None:
    """Another application's key is named with this client's, and no signature is shown (protocol-notes 6.1, C3)."""
    problem = signed_key_problem(auth, key)
    if words is None:
        assert problem is None
    else:
        assert words in str(problem)
        assert CANARY not in str(problem)
