"""Damage to encrypted events, for tests."""

from __future__ import annotations

import binascii
import json

__all__ = ["mangled"]


def mangled(data: str) -> str:
    """Return an encrypted event's data with one bit of the ciphertext flipped; other data unchanged."""
    try:
        envelope = json.loads(data)
        ciphertext = bytearray(binascii.a2b_base64(envelope["ciphertext"]))
        ciphertext[-1] ^= 1
    except (ValueError, TypeError, LookupError):
        return data
    envelope["ciphertext"] = binascii.b2a_base64(bytes(ciphertext), newline=False).decode()
    return json.dumps(envelope)
