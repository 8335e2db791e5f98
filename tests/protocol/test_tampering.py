"""Nothing that was changed after sealing opens, and nothing has two spellings (promise C2)."""

from __future__ import annotations

import json

import pytest

from pusher_client.protocol.encryption import OpenSecretbox, open_secretbox, read_envelope, secretbox_opener
from tests.support.core.edited_texts import edits
from tests.support.core.scripted_core import OLD, sealed


@pytest.mark.parametrize("opened", [open_secretbox, secretbox_opener()], ids=["public", "direct"])
@pytest.mark.parametrize("size", [0, 1, 5, 31, 32, 33, 64, 100])
def test_every_single_bit_counts(size: int, opened: OpenSecretbox) -> None:
    """Any flipped bit of nonce, tag, ciphertext or key is rejected, whatever the size, however it is opened (C2)."""
    read = read_envelope(sealed(OLD, b"x" * size))
    assert read is not None
    assert opened(*read, OLD) == b"x" * size
    for index, part in enumerate((*read, OLD)):
        for bit in range(len(part) * 8):
            flipped = bytearray(part)
            flipped[bit // 8] ^= 1 << bit % 8
            parts = [*read, OLD]
            parts[index] = bytes(flipped)
            assert opened(parts[0], parts[1], parts[2]) is None


@pytest.mark.parametrize(("size", "field"), [(0, "ciphertext"), (1, "ciphertext"), (2, "ciphertext"), (0, "nonce")])
def test_every_other_spelling_of_an_envelope_is_rejected(size: int, field: str) -> None:
    """No character can be changed, added, left out or swapped with the next, as JSON is read at once or not (C2)."""
    envelope: dict[str, str] = json.loads(sealed(OLD, b"x" * size))
    opened = 0
    for text in (envelope[field], *edits(envelope[field])):
        changed = {**envelope, field: text}
        for more in ({}, {"x": ""}):
            read = read_envelope(json.dumps({**changed, **more}))
            opened += read is not None and open_secretbox(*read, OLD) is not None
    assert opened == 2


def test_what_is_cut_or_lengthened_is_rejected() -> None:
    """Neither a beginning nor an end of what was sealed opens, nor what has bytes before or behind it (C2)."""
    read = read_envelope(sealed(OLD, b"x" * 40))
    assert read is not None
    nonce, ciphertext = read
    for count in range(1, len(ciphertext) + 1):
        for other in (ciphertext[count:], ciphertext[:-count], ciphertext + b"\0" * count, b"\0" * count + ciphertext):
            assert open_secretbox(nonce, other, OLD) is None
