"""Mangling an encrypted event."""

from __future__ import annotations

import base64
import json

import pytest

from pusher_client.server.faults import mangled


def test_exactly_one_bit_of_the_ciphertext_differs() -> None:
    """The envelope stays well formed, so that only its authentication fails (C2)."""
    ciphertext = bytes(range(32))
    data = json.dumps({"nonce": "n", "ciphertext": base64.b64encode(ciphertext).decode()})
    envelope = json.loads(mangled(data))
    spoiled = base64.b64decode(envelope["ciphertext"])
    differing = int.from_bytes(ciphertext, "big") ^ int.from_bytes(spoiled, "big")
    assert envelope["nonce"] == "n"
    assert differing.bit_count() == 1
    assert len(spoiled) == len(ciphertext)


@pytest.mark.parametrize("data", ["", "text", "1", "[]", "{}", '{"ciphertext": 1}', '{"ciphertext": ""}'])
def test_what_is_no_envelope_goes_out_as_it_is(data: str) -> None:
    """Without a ciphertext there is nothing to flip."""
    assert mangled(data) == data
