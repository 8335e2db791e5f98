"""The corpus of the fuzzer, replayed without it: what broke or might break a promise once never does again (R8)."""

from __future__ import annotations

import pytest

from tests.fuzz.run import CORPUS
from tests.fuzz.targets import TARGETS

LARGEST = 4096


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_corpus_breaks_a_promise(target: str) -> None:
    """Bytes from a server are an event, an error that is counted or a typed failure, and what follows arrives (R8)."""
    inputs = sorted((CORPUS / target).iterdir())
    assert inputs
    for path in inputs:
        data = path.read_bytes()
        assert len(data) <= LARGEST, f"{path.name} is too long to be read"
        TARGETS[target](data)
