"""The ring of keys, and the spacing of requests for more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.encryption import read_envelope
from pusher_client.protocol.keyring import Keyring, KeyRotationPolicy
from tests.support.core.scripted_core import NEW, OLD, UNKNOWN, sealed

KEYS = [bytes([number]) * 32 for number in range(5)]


def opens(ring: Keyring, key: bytes, now: float) -> bool:
    """Return whether the ring opens what this key seals."""
    read = read_envelope(sealed(key, "x"))
    assert read is not None
    return ring.open(*read, now) == b"x"


def test_an_old_key_opens_for_the_time_of_its_grace() -> None:
    """Grace starts with the first answer that names another key, and use does not extend it (design.md 3.5)."""
    ring = Keyring(300.0, 2)
    ring.set_current(OLD, 0.0)
    assert ring.set_current(NEW, 10.0)
    assert not ring.set_current(NEW, 200.0)
    assert opens(ring, OLD, 309.9)
    assert not opens(ring, OLD, 310.0)
    assert opens(ring, NEW, 9999.0)


def test_an_answer_that_names_it_again_clears_the_grace() -> None:
    """Only an endorsement does (design.md 3.5)."""
    ring = Keyring(300.0, 2)
    ring.set_current(OLD, 0.0)
    ring.set_current(NEW, 10.0)
    ring.set_current(OLD, 20.0)
    assert opens(ring, OLD, 9999.0)
    assert opens(ring, NEW, 319.9)
    assert not opens(ring, NEW, 320.0)


def test_no_grace_leaves_the_endorsed_key_alone() -> None:
    """With grace 0 only the endorsed key opens (design.md 3.5)."""
    ring = Keyring(0.0, 2)
    ring.set_current(OLD, 0.0)
    ring.set_current(NEW, 1.0)
    assert not opens(ring, OLD, 1.0)
    assert len(ring) == 1


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 200)), max_size=12), st.integers(0, 3))
def test_the_ring_follows_a_simple_model(answers: list[tuple[bytes, int]], old_keys: int) -> None:
    """Endorsed key, graces and evictions agree with a list of (key, end of grace) (design.md 3.5)."""
    ring, now, grace = Keyring(100.0, old_keys), 0.0, 100.0
    endorsed, older = b"", list[tuple[float, bytes]]()
    for key, pause in answers:
        now += pause
        older = [(since, one) for since, one in older if now < since + grace and one != key]
        if endorsed and endorsed != key:
            older.append((now, endorsed))
        endorsed, older = key, older[-old_keys:] if old_keys else []
        ring.set_current(key, now)
        expected = {endorsed, *(one for _, one in older)}
        assert {one for one in KEYS if opens(ring, one, now)} == expected
    ring.clear()
    assert len(ring) == 0


def test_proof_is_the_first_event_under_a_later_key() -> None:
    """A key that a later answer brought proves itself once; the first key has nothing to prove (design.md 3.7)."""
    ring = Keyring(300.0, 2)
    ring.set_current(OLD, 0.0)
    assert opens(ring, OLD, 0.0)
    assert not ring.fruitful
    ring.set_current(NEW, 1.0)
    assert not opens(ring, UNKNOWN, 1.0)
    assert not ring.fruitful
    assert opens(ring, NEW, 1.0)
    assert ring.fruitful
    assert ring.deadline() == 301.0


def test_a_key_proves_itself_once() -> None:
    """Later events under the same key prove nothing new, so they end no spacing of requests (design.md 3.7)."""
    ring = Keyring(300.0, 2)
    ring.set_current(OLD, 0.0)
    ring.set_current(NEW, 1.0)
    assert opens(ring, NEW, 1.0)
    ring.fruitful = False
    assert opens(ring, NEW, 2.0)
    assert not ring.fruitful


def test_an_old_key_that_proves_itself_late_is_still_an_old_key() -> None:
    """The endorsed key opens events, and an older one only until its grace ends, proved or not (design.md 3.5)."""
    ring = Keyring(10.0, 2)
    for moment, key in enumerate(KEYS[:3]):
        ring.set_current(key, float(moment))
    assert opens(ring, KEYS[1], 3.0)
    assert ring.fruitful
    assert not opens(ring, KEYS[1], 12.0)
    assert opens(ring, KEYS[2], 12.0)


def test_a_cleared_ring_opens_nothing() -> None:
    """However often a key was of use, nothing of it is left (C7)."""
    ring = Keyring(300.0, 2)
    ring.set_current(OLD, 0.0)
    ring.set_current(NEW, 1.0)
    assert opens(ring, NEW, 2.0)
    assert opens(ring, OLD, 2.0)
    ring.clear()
    assert not opens(ring, NEW, 2.0)
    assert not opens(ring, OLD, 2.0)


@pytest.mark.parametrize("name", ["grace", "timeout", "max_delay", "old_keys", "backlog", "fruitless_limit"])
def test_the_policy_is_checked(name: str) -> None:
    """A number out of range is a ValueError, another type a TypeError (design.md 2)."""
    with pytest.raises(ValueError, match=name):
        KeyRotationPolicy(**{name: -1})
    with pytest.raises(TypeError, match=name):
        KeyRotationPolicy(**{name: "1"})  # type: ignore[arg-type]  # the mistake that is tested


def test_the_least_that_the_policy_takes() -> None:
    """No grace, no old keys, and a thousandth of a second are allowed; less is not (design.md 2)."""
    policy = KeyRotationPolicy(grace=0.0, old_keys=0, timeout=0.001, backlog=1, fruitless_limit=1, max_delay=0.001)
    assert policy.grace == policy.old_keys == 0
    nearly: dict[str, Any] = {"timeout": 0.0009, "max_delay": 0.0009}
    for name, number in nearly.items():
        with pytest.raises(ValueError, match=f"KeyRotationPolicy.{name} must be from 0.001"):
            KeyRotationPolicy(**{name: number})
    for name in ("backlog", "fruitless_limit"):
        with pytest.raises(ValueError, match=f"KeyRotationPolicy.{name} must be at least 1, not 0"):
            KeyRotationPolicy(**{name: 0})


def test_the_numbers_that_are_documented() -> None:
    """Who says nothing gets these (design.md 2)."""
    assert KeyRotationPolicy() == KeyRotationPolicy(
        grace=300.0, old_keys=2, timeout=10.0, backlog=1024, fruitless_limit=5, max_delay=30.0
    )
