"""Opening and sealing events of an encrypted channel: the only importer of nacl (protocol-notes 7.3)."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import msgspec
from nacl.bindings import crypto_secretbox, crypto_secretbox_open
from nacl.exceptions import CryptoError

from pusher_client.protocol.json_reading import UNREADABLE
from pusher_client.protocol.signatures import decode_base64

__all__ = [
    "NONCE_BYTES",
    "TAG_BYTES",
    "OpenSecretbox",
    "decode_plaintext",
    "open_secretbox",
    "read_envelope",
    "seal",
    "secretbox_opener",
]

OpenSecretbox: TypeAlias = Callable[[bytes, bytes, bytes], bytes | None]
"""Opens an NaCl secretbox given its nonce, what is sealed, and a key; None when the key did not seal exactly this."""

NONCE_BYTES = 24
TAG_BYTES = 16
KEY_BYTES = 32
_ZEROS = bytes(TAG_BYTES)
"""What NaCl's own function wants before the tag; it leaves twice as many bytes before the plaintext."""
_LARGEST_BOX = 16 * 1024
_KNOWN_NONCE, _KNOWN_KEY, _KNOWN_TEXT = b"n" * NONCE_BYTES, b"k" * KEY_BYTES, b"known"
_KNOWN_BOX = bytes.fromhex("e2a4c50cd95c9d5c7a815962545c3405a3a63fa2fc")
_BASE64_GROUP = 3

_CANONICAL_ENDS = frozenset(
    {f'{last}=="}}' for last in "AQgw"} | {f'{last}="}}' for last in "AEIMQUYcgkosw048"}  # whose spare bits are zero
)
"""How the text of an envelope ends where the ciphertext's base64 is canonical and comes last, with padding.

Base64 is ambiguous only in the last character before padding. A nonce of 24 bytes has no padding; so where only the two
known keys occur, and nothing is escaped, padded characters at the end of the text are the end of the ciphertext.
"""
_LONGEST_END = 6
"""One more than the end after a single byte beyond the last whole group; after two bytes it is shorter by one."""


class _UsualEnvelope(msgspec.Struct, forbid_unknown_fields=True):
    """Read by msgspec at once, base64 included; it accepts stray bits before padding, see ``_CANONICAL_ENDS``."""

    nonce: bytes
    ciphertext: bytes


class _Envelope(msgspec.Struct):
    nonce: str
    ciphertext: str


_decode_usual_envelope = msgspec.json.Decoder(_UsualEnvelope).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def read_envelope(text: str | None) -> tuple[bytes, bytes] | None:
    """Read the nonce (24 bytes) and the ciphertext (at least 16 bytes, the tag first) from an event's data.

    Args:
        text: The JSON text of an object with ``nonce`` and ``ciphertext`` in canonical base64; None for no data.

    Returns:
        Both as bytes, or None when the envelope is malformed, which no other key would mend.
    """
    if text is None:
        return None
    try:
        usual = _decode_usual_envelope(text)
        nonce, ciphertext = usual.nonce, usual.ciphertext
    except UNREADABLE:
        return _read_unusual_envelope(text)
    rest = len(ciphertext) % _BASE64_GROUP
    if rest and ("\\" in text or text[rest - _LONGEST_END :] not in _CANONICAL_ENDS):
        return _read_unusual_envelope(text)
    return (nonce, ciphertext) if len(nonce) == NONCE_BYTES and len(ciphertext) >= TAG_BYTES else None


def _read_unusual_envelope(text: str) -> tuple[bytes, bytes] | None:
    try:
        envelope = _decode_envelope(text)
    except UNREADABLE:
        return None
    nonce, ciphertext = decode_base64(envelope.nonce), decode_base64(envelope.ciphertext)
    if nonce is None or ciphertext is None:
        return None
    return (nonce, ciphertext) if len(nonce) == NONCE_BYTES and len(ciphertext) >= TAG_BYTES else None


def open_secretbox(nonce: bytes, ciphertext: bytes, shared_secret: bytes) -> bytes | None:
    """Open an NaCl secretbox, or return None when this key did not seal exactly this."""
    try:
        return crypto_secretbox_open(ciphertext, nonce, shared_secret)
    except CryptoError:
        return None


def seal(plaintext: str, nonce: bytes, shared_secret: bytes) -> str:
    """Make the envelope of an event as publishers send it; a nonce of 24 bytes serves once."""
    ciphertext = crypto_secretbox(plaintext.encode(), nonce, shared_secret)
    nonce_text, ciphertext_text = (binascii.b2a_base64(part, newline=False).decode() for part in (nonce, ciphertext))
    return msgspec.json.encode({"nonce": nonce_text, "ciphertext": ciphertext_text}).decode()


def secretbox_opener() -> OpenSecretbox:
    """Return what opens secretboxes for one client, as fast as that goes, and in one thread at a time.

    This is the one place that uses what a dependency does not promise: PyNaCl's private module, because half of the
    time of its public function is its own. The same C function is called with a buffer that need not be made anew, and
    everything that its memory depends on is checked here. Where that module is not as it was, or does not open a box
    of which the content is known, the public function is used.
    """
    try:
        direct = _direct_opener(import_module("nacl._sodium"))
        known = direct(_KNOWN_NONCE, _KNOWN_BOX, _KNOWN_KEY) == _KNOWN_TEXT
    except Exception:  # noqa: BLE001 - whatever is missing or different there
        return open_secretbox
    return direct if known else open_secretbox


def _direct_opener(sodium: Any) -> OpenSecretbox:
    call = sodium.lib.crypto_secretbox_open
    room = sodium.ffi.new("unsigned char[]", len(_ZEROS) + _LARGEST_BOX)  # it owns the memory, and must stay
    view = sodium.ffi.buffer(room)

    def open_directly(nonce: bytes, ciphertext: bytes, shared_secret: bytes) -> bytes | None:
        size = len(ciphertext)
        if not (TAG_BYTES <= size <= _LARGEST_BOX and len(nonce) == NONCE_BYTES and len(shared_secret) == KEY_BYTES):
            return open_secretbox(nonce, ciphertext, shared_secret)
        # The lock of the interpreter is released meanwhile: no other thread may use this buffer.
        if call(room, _ZEROS + ciphertext, len(_ZEROS) + size, nonce, shared_secret):
            return None
        plaintext: bytes = view[2 * TAG_BYTES : TAG_BYTES + size]
        return plaintext

    return open_directly


def decode_plaintext(plaintext: bytes) -> str | None:
    """Return the plaintext as text, or None when it is not UTF-8."""
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        return None
