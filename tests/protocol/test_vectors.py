"""Envelopes that other projects' tests and our own runs of other clients fixed: facts, not ours to change."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest
from nacl.bindings import crypto_secretbox

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.encryption import decode_plaintext, open_secretbox, read_envelope
from pusher_client.protocol.signatures import ChannelAuthorization, derive_shared_secret

HELLO = '{"message":"hello world"}'

# Each: the key, the nonce, the ciphertext (all in base64) and the plaintext.
OPENING = {
    # V1: the tests of pusher-websocket-java and pusher-websocket-swift.
    "V1": (
        "iBvNoPVYwByqSfg6anjPpEQ2j051b3rt1Vmnb+z5doo=",
        "4sVYwy4j/8dCcjyxtPCWyk19GaaViaW9",
        "/GMESnFGlbNn01BuBjp31XYa3i9vZsGKR8fgR9EDhXKx3lzGiUD501A=",
        HELLO,
    ),
    # V2: the tests of pusher-websocket-java.
    "V2": (
        "6071zp2l/GPnDPDXNWTJDHyIZ8pZMvQrYsa4xuTKK2c=",
        "xsbOS0KylAV2ziTDHrP/7rSFqpCOah3p",
        "tvttPE2PRQp0bWDmaPyiEU8YJGztmTvTN77OoPwftTNTdDgJXwxHQPE=",
        HELLO,
    ),
    # V4: the tests of pusher-websocket-swift.
    "V4": (
        "EOWC/ked3NtBDvEs9gFwk7x4oZEbH9I0Lz2qkopBxxs=",
        "Ew2lLeGzSefk8fyVPbwL1yV+8HMyIBrm",
        "ig9HfL7OKJ9TL97WFRG0xpuk9w0DXUJhLQlQbGf+ID9S3h15vb/fgDfsnsGxQNQDxw+i",
        '{"name":"freddy","message":"hello"}',
    ),
    # V6: the tests of pusher-http-python, which encrypt with a fixed nonce under the key of V5.
    "V6": (
        b64encode(
            derive_shared_secret("pvUPIk0YG6MnxCEMIUUVFrbDmQwbhICXUcy", b"OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5")
        ).decode(),
        "WEFKSTBZNkRQQkhTQUhYVEhWM0EzWk1G",
        "tsYJa2JgGDOpVIYFe4aNVWAvZlpB7z7CjN9mpIdbATE0Yc4izN8aM8D6VigBxnIQ",
        "kkkT5OOkOkO5kT5TOO5TkOT5TTk5O55T",
    ),
    # V8: the keys, nonce and plaintext in the tests of pusher-js, which encrypt while they run.
    "V8": (
        b64encode(b"It Must Be Thirty Two Characters").decode(),
        "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh",
        "2wM1YT9exdvm6Nb0nx6zWBQpwRXhlxKiLQMHGbf3H2VEmw==",
        '{"test":"payload"}',
    ),
    "V8 rotated": (
        b64encode(b"x" * 32).decode(),
        "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh",
        "apL0qZR9te81NiHa/vGNcba/Nu4+759ecPfk5J5CnNwE7g==",
        '{"test":"payload"}',
    ),
}

# V3: the tests of pusher-websocket-java: one key, many nonces, the plaintext always the same.
V3_KEY = "dwXDg1sGnypM44uPh5Rts/JIP2Y7XkHR5lB/o3rBlVs="
V3 = """
p8v9RQR5r6o3G7e2KRgteRi5P90ajKVz glAlout7BU/REO+kzS+Ixa6uTnV1v0ZdPdRyV4hn
ZwJVq1LuvUSL5F2EH7RN8P9BcrkxHJS2 lbjgrLGKFQJWjaCoTwDV9NxcxSiQ42KdvmPEkN7y
F7ZhEsQLeo/H60T+eghMYdgulNI7iq78 qFpG2oVtc2hJR99wOZeIjdxaZQUJaSxnS631G521
jU9ShtYe8fz/lOUWnxw7hlb+W5cA6neA Qi8vqaCBoq0iDXhbOFBBSLO6jLsQlfZ1rJP6W8iZ
yGJN1Q03seO6CS8QHRxDLVvetp0hmyCB QZMiHsoEBGN6GtQQduAMTAdPrspQeLPieCa4+fsH
Xi+1aPjEBOTsPATGiEtKnS1YTosvXQQu BHB7z1oJ51+y790myI6U8Iqtu6BK5CGAw0B6RiNA
mGi+Rj860MfSGFGbYBwjJfK/kdajUFfg 8oh6WxNppFXRQRxE6YHTmipWR6AOlmZe1oIXjQyY
YrIvOUf/n6GELtC9GxkccEJsZWdfDXu6 tfVzEAF0pw7taOmPFWGqfxMHZAYegFr3NHeHQvR3
nRZmojqKgQaPN4KSiIgBfIIk7tU3TuDV +lMeOemGsySbPaBuD2G07gZmofHc1XCfaX/NV4Y6
"""
OPENING.update(
    {
        f"V3 {number}": (V3_KEY, line[:32], line[33:], '{"message":""}')
        for number, line in enumerate(V3.strip().split("\n"), start=1)
    }
)


def envelope(nonce: str, ciphertext: str) -> str:
    return json.dumps({"nonce": nonce, "ciphertext": ciphertext})


def opened(key: str, nonce: str, ciphertext: str) -> str | None:
    """Open an envelope the way an event's data is opened."""
    read = read_envelope(envelope(nonce, ciphertext))
    assert read is not None
    plaintext = open_secretbox(*read, b64decode(key))
    return None if plaintext is None else decode_plaintext(plaintext)


@pytest.mark.parametrize("vector", OPENING)
def test_opens(vector: str) -> None:
    """What other libraries sealed is opened to their plaintext (7.3)."""
    key, nonce, ciphertext, plaintext = OPENING[vector]
    assert opened(key, nonce, ciphertext) == plaintext


@pytest.mark.parametrize("vector", OPENING)
def test_seals_to_the_same(vector: str) -> None:
    """Sealing the plaintext again gives the vector, so it is this box and no other that was opened (7.3)."""
    key, nonce, ciphertext, plaintext = OPENING[vector]
    assert crypto_secretbox(plaintext.encode(), b64decode(nonce), b64decode(key)) == b64decode(ciphertext)


@pytest.mark.parametrize("vector", OPENING)
def test_any_changed_bit_is_noticed(vector: str) -> None:
    """One bit changed in key, nonce, tag or ciphertext, and nothing is opened (C2)."""
    key, nonce, ciphertext, _ = (b64decode(text) if number < 3 else b"" for number, text in enumerate(OPENING[vector]))
    for number in range(8 * len(key)):
        assert open_secretbox(nonce, ciphertext, _flipped(key, number)) is None
    for number in range(8 * len(nonce)):
        assert open_secretbox(_flipped(nonce, number), ciphertext, key) is None
    for number in range(8 * len(ciphertext)):
        assert open_secretbox(nonce, _flipped(ciphertext, number), key) is None


def _flipped(raw: bytes, number: int) -> bytes:
    changed = bytearray(raw)
    changed[number // 8] ^= 1 << number % 8
    return bytes(changed)


def test_the_wrong_key_of_java_and_swift() -> None:
    """V1's wrong key, which differs in its last bits, does not open (V1; 7.3)."""
    _, nonce, ciphertext, _ = OPENING["V1"]
    assert opened("iBvNoPVYwByqSfg6anjPpEQ2j051b3rt1Vmnb+z5do0=", nonce, ciphertext) is None


def test_the_changed_ciphertext_of_java() -> None:
    """V2 with its first byte zeroed does not open (V2; 7.3)."""
    key, nonce, ciphertext, _ = OPENING["V2"]
    changed = b64encode(b"\0" + b64decode(ciphertext)[1:]).decode()
    assert opened(key, nonce, changed) is None


def test_the_undecryptable_event_of_swift() -> None:
    """V4's undecryptable event does not open under V4's key (V4; 7.3)."""
    key = OPENING["V4"][0]
    nonce = "7w2hU5r5VMj3PGXXepgP6E/KgPob5o6t"
    ciphertext = "FX0lJZu33f0dWPb89816ngn0l9NfJC5mFny6EQF6z25K+Ly5LFS9hP7XAC6s5pUoZqGXzC03FA=="
    assert opened(key, nonce, ciphertext) is None


def test_the_bad_nonce_and_ciphertext_of_swift() -> None:
    """V4's bad nonce and ciphertext are well formed, and simply do not open (V4; 7.3)."""
    key, nonce, ciphertext, _ = OPENING["V4"]
    assert opened(key, "0" * 32, ciphertext) is None
    assert opened(key, nonce, "0" * 68) is None


@pytest.mark.parametrize("character", ["0", "1"])
def test_the_bad_keys_of_swift(character: str) -> None:
    """V4's bad keys decode to 33 bytes: they are not keys, and are refused with the answer (V4; 7.2)."""
    with pytest.raises(AuthorizationError, match="33 bytes, not 32"):
        ChannelAuthorization.from_response({"auth": "key:signature", "shared_secret": character * 44})


def test_the_two_keys_of_javascript() -> None:
    """V8's rotated key opens what was sealed with it, and not what came before (V8; 7.5)."""
    (old, nonce, before, _), (new, _, after, _) = OPENING["V8"], OPENING["V8 rotated"]
    assert opened(new, nonce, before) is None
    assert opened(old, nonce, after) is None
