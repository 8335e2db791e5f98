"""The values that users hold."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from pusher_client import Event
from pusher_client.events import encrypted_event_id

SEAL = b"n" * 24 + b"t" * 16
EVENT = Event("e", "private-encrypted-x", {"a": 1}, None, '{"a":1}', SEAL)


def test_ids_of_two_channels_differ() -> None:
    """One key for two channels, and a nonce that is used twice, do not make two events one (design.md 10)."""
    assert encrypted_event_id("private-encrypted-x", SEAL) != encrypted_event_id("private-encrypted-y", SEAL)
    assert EVENT.id == encrypted_event_id("private-encrypted-x", SEAL)


@pytest.mark.parametrize("name", ["e", "pusher:gap"])
def test_plain_events_have_no_id(name: str) -> None:
    """The protocol gives them none (design.md 10)."""
    assert Event(name, "orders").id is None


def test_an_id_may_be_given() -> None:
    """An event that was stored is made again with the id that it had (design.md 10)."""
    assert Event("e", "private-encrypted-x", _id="abc").id == "abc"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))])  # noqa: S301 - its own
def test_a_copy_has_the_same_id(again: Callable[[Event], Event]) -> None:
    """Events can be copied and sent to other processes."""
    assert (again(EVENT), again(EVENT).id) == (EVENT, EVENT.id)


def test_events_are_equal_whatever_their_ids() -> None:
    """The content is compared, as ever; an event equals nothing else."""
    plain = Event("e", "private-encrypted-x", {"a": 1}, None, '{"a":1}')
    assert plain == EVENT
    assert Event("e", "private-encrypted-x", {"a": 2}, None, '{"a":2}') != EVENT
    assert EVENT != ("e", "private-encrypted-x", {"a": 1}, None, '{"a":1}')
    assert len({Event("e", "c", "d"), Event("e", "c", "d", None, "", SEAL)}) == 1


def test_the_repr_shows_the_content_alone() -> None:
    """Nonce and tag mean nothing to a reader."""
    assert repr(EVENT) == (
        "Event(name='e', channel='private-encrypted-x', data={'a': 1}, user_id=None, raw='{\"a\":1}')"
    )
