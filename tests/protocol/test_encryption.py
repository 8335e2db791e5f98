"""Sealing, and opening what is sealed."""

from __future__ import annotations

import base64
import json
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_secretbox

from pusher_client.protocol.encryption import (
    NONCE_BYTES,
    decode_plaintext,
    open_secretbox,
    read_envelope,
    seal,
    secretbox_opener,
)
from tests.support.core.scripted_core import OLD, sealed

NONCE = base64.b64encode(b"n" * 24).decode()
BOX17 = base64.b64encode(b"c" * 17).decode()
BOX18 = base64.b64encode(b"c" * 18).decode()
STRAY = BOX17[:-2] + chr(ord(BOX17[-2]) + 1) + "="


def test_an_envelope_is_read_in_every_spelling() -> None:
    """Key order, white space, escapes, extra keys and a repeated key are free (design.md 3.3)."""
    plain = (b"n" * 24, b"c" * 17)
    escaped = BOX17.replace("=", "\\u003d")
    for text in (
        json.dumps({"nonce": NONCE, "ciphertext": BOX17}),
        json.dumps({"ciphertext": BOX17, "nonce": NONCE}, indent=2),
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX17}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{escaped}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX17}","more":[1]}}',
        f'{{"ciphertext":"AAAA","nonce":"{NONCE}","ciphertext":"{BOX17}"}}',
    ):
        assert read_envelope(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "words",
        "[]",
        '"{}"',
        "{}",
        f'{{"nonce":"{NONCE}"}}',
        f'{{"nonce":1,"ciphertext":"{BOX17}"}}',
        f'{{"nonce":"{NONCE[:-4]}","ciphertext":"{BOX17}"}}',
        f'{{"nonce":"{NONCE}AAAA","ciphertext":"{BOX17}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX17[:-4]}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{base64.b64encode(b"c" * 15).decode()}"}}',
        f'{{"nonce":"{NONCE[:-4]}","ciphertext":"{BOX17}","more":1}}',
        f'{{"nonce":"{NONCE}AAAA","ciphertext":"{BOX17}","more":1}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{base64.b64encode(b"c" * 15).decode()}","more":1}}',
        f'{{"nonce":"{NONCE[:-4]}","ciphertext":"{base64.b64encode(b"c" * 15).decode()}","more":1}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX17.rstrip("=")}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{STRAY}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{STRAY}","x":"{BOX17}"}}',
        f'{{"ciphertext":"{STRAY}","nonce":"{NONCE}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX17}","ciphertext":"{STRAY}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX17[:4]} {BOX17[4:]}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"-_{BOX17}"}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX18}4\\u004A=="}}',
        f'{{"nonce":"{NONCE}","ciphertext":"{BOX18}00\\u0044="}}',
        '{"nonce":' * 50_000,
    ],
)
def test_a_malformed_envelope_is_none(text: str | None) -> None:
    """Wrong shape, alphabet, padding, stray bits or length: no key can help (design.md 3.3, C2)."""
    assert read_envelope(text) is None


@given(
    st.text(st.characters(codec="utf-8")),
    st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES),
    st.binary(min_size=32, max_size=32),
)
def test_what_is_sealed_opens_again(plaintext: str, nonce: bytes, key: bytes) -> None:
    """With the nonce that was given, in an envelope that is read at once."""
    envelope = read_envelope(seal(plaintext, nonce, key))
    assert envelope is not None
    assert envelope[0] == nonce
    assert open_secretbox(*envelope, key) == plaintext.encode()


def test_sixteen_bytes_open_to_nothing() -> None:
    """The tag alone is the empty plaintext (design.md 3.3)."""
    read = read_envelope(sealed(OLD, ""))
    assert read is not None
    assert len(read[1]) == 16
    assert open_secretbox(*read, OLD) == b""


def test_plaintext_is_utf8() -> None:
    """Plaintext that is not UTF-8 is not text (design.md 3.9)."""
    assert decode_plaintext("ä".encode()) == "ä"
    assert decode_plaintext(b"\xff") is None


@given(st.binary(min_size=16, max_size=60), st.integers(0, 63), st.booleans(), st.sampled_from(["", " ", "\n"]))
def test_one_text_alone_stands_for_a_ciphertext(box: bytes, last: int, flipped: bool, end: str) -> None:
    """Of all last characters before the padding only the canonical one is read, in any order of keys (C2)."""
    encoded = base64.b64encode(box).decode()
    body = encoded.rstrip("=")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = body[:-1] + letters[last] + encoded[len(body) :]
    pairs = [f'"nonce":"{NONCE}"', f'"ciphertext":"{changed}"']
    read = read_envelope("{" + ",".join(reversed(pairs) if flipped else pairs) + "}" + end)
    if read is None:
        assert base64.b64encode(base64.b64decode(changed)).decode() != changed
    else:
        assert base64.b64encode(read[1]).decode() == changed


@pytest.mark.parametrize("padding", ["=", "==", "===", "====", "====="])
def test_too_much_padding_is_malformed(padding: str) -> None:
    """Excess padding neither opens nor raises, at any position (C2, R8)."""
    box = base64.b64encode(b"c" * 18).decode()
    for nonce, ciphertext in ((NONCE, box + padding), (NONCE + padding, box), (NONCE, padding), (padding, box)):
        assert read_envelope(json.dumps({"nonce": nonce, "ciphertext": ciphertext})) is None
        assert read_envelope(json.dumps({"nonce": nonce, "ciphertext": ciphertext, "x": 1})) is None


def test_every_ending_of_a_real_box_but_its_own_is_malformed() -> None:
    """Of all texts that differ in padding only, one is canonical (C2)."""
    for length in range(16, 22):
        text = sealed(OLD, "x" * length)
        envelope = json.loads(text)
        bare = envelope["ciphertext"].rstrip("=")
        for count in range(5):
            candidate = json.dumps({**envelope, "ciphertext": bare + "=" * count})
            assert (read_envelope(candidate) is not None) == (bare + "=" * count == envelope["ciphertext"])


@pytest.mark.parametrize("length", [16, 17])
def test_every_last_character_is_judged(length: int) -> None:
    """Of the 64 before the padding one in 16, or in 4, is canonical, in the spelling that is read at once too (C2)."""
    whole = base64.b64encode(b"c" * length).decode()
    place = len(whole.rstrip("=")) - 1
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        text = whole[:place] + last + whole[place + 1 :]
        read = read_envelope(f'{{"nonce":"{NONCE}","ciphertext":"{text}"}}')
        again = base64.b64encode(base64.b64decode(text))
        assert read == (None if again.decode() != text else (b"n" * 24, base64.b64decode(text)))


# -- the direct call of libsodium -----------------------------------------------------------------------------------

open_directly = secretbox_opener()


def test_libsodium_is_called_directly() -> None:
    """The fast way is used with every allowed PyNaCl, the lowest and the newest."""
    assert secretbox_opener() is not open_secretbox


@given(st.binary(max_size=40_000), st.binary(min_size=24, max_size=24), st.integers(0, 10**6), st.booleans())
def test_the_direct_call_opens_what_the_public_function_opens(
    text: bytes, nonce: bytes, place: int, spoil: bool
) -> None:
    """Of any length, one after another in one buffer, and nothing else than what was sealed (design.md 3.4)."""
    for plaintext in (text, text[: place % 100], b""):
        box = crypto_secretbox(plaintext, nonce, OLD)
        if spoil:
            at = place % len(box)
            box = box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :]
        assert open_directly(nonce, box, OLD) == open_secretbox(nonce, box, OLD) == (None if spoil else plaintext)


@pytest.mark.parametrize("size", [16 * 1024 - 17, 16 * 1024 - 16, 16 * 1024 - 15, 10**6])
def test_a_box_larger_than_the_buffer_is_opened_all_the_same(size: int) -> None:
    """The public function takes it (R6)."""
    assert open_directly(b"n" * 24, crypto_secretbox(b"x" * size, b"n" * 24, OLD), OLD) == b"x" * size


@pytest.mark.parametrize(("nonce", "key"), [(23, 32), (25, 32), (0, 32), (24, 31), (24, 33), (24, 0)])
def test_no_wrong_length_comes_to_the_direct_call(nonce: int, key: int) -> None:
    """It would read memory that is not the caller's: the public function refuses it."""
    assert open_directly(b"n" * nonce, b"c" * 40, b"k" * key) is None


@pytest.mark.parametrize("size", range(16))
def test_no_box_without_its_tag_comes_to_the_direct_call(size: int) -> None:
    """The public function finds that it does not open."""
    assert open_directly(b"n" * 24, b"c" * size, OLD) is None


def sodium_that(answer: int) -> Any:
    """Return a module of PyNaCl's shape whose function only answers this."""
    ffi = import_module("nacl._sodium").ffi
    return SimpleNamespace(ffi=ffi, lib=SimpleNamespace(crypto_secretbox_open=lambda *_arguments: answer))


@pytest.mark.parametrize("module", [None, SimpleNamespace(), sodium_that(0), sodium_that(-1)])
def test_without_the_private_module_the_public_function_is_used(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyNaCl has changed, by name or in what it does, everything still works."""
    monkeypatch.setitem(sys.modules, "nacl._sodium", module)
    assert secretbox_opener() is open_secretbox
