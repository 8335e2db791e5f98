"""Checks that an authorization was signed for this client's application, before it is sent (protocol-notes 6.1)."""

from __future__ import annotations

__all__ = ["signed_key_problem"]

_SHOWN = 8
_SHOWN_WHOLE = 12


def signed_key_problem(auth: str, key: str) -> str | None:
    """Return why an ``auth`` of ``KEY:SIGNATURE`` cannot be valid for the application with this key.

    Args:
        auth: The application key and the signature, joined by a colon. The message repeats no signature. Of a long key
            it shows the beginning only, since an endpoint may be configured with its secret in the key's place.
        key: The client's application key.

    Returns:
        The problem in words; None if the key is the client's.
    """
    signed_for, colon, signature = auth.partition(":")
    if not colon or not signature:
        return "the 'auth' of the authorization is not KEY:SIGNATURE: return what the server library computes"
    if signed_for == key:
        return None
    if signature == key:
        return "the 'auth' of the authorization is SIGNATURE:KEY, not KEY:SIGNATURE"
    other, ours = _shown(signed_for), _shown(key)
    if other == ours:
        other = "another key with the same beginning"
    return (
        f"the authorization was signed for {other}, this client uses {ours}: configure the same application's key and "
        "secret in the endpoint and here"
    )


def _shown(key: str) -> str:
    if not (key.isascii() and key.isprintable() and key):
        return "a malformed key"
    return f"`{key}`" if len(key) <= _SHOWN_WHOLE else f"`{key[:_SHOWN]}…`"
