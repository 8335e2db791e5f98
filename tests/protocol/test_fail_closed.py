"""Unsealed data is delivered to no consumer, whatever its name, form and state of the channel (promise C1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.frames import Frame
from pusher_client.protocol.keyring import KeyRotationPolicy
from tests.support.core.forged_frames import CACHE, FORGED, ORDERS, STATES, check, names, shapes
from tests.support.core.scripted_core import OLD, Core, frame, sealed


@pytest.mark.parametrize("shortcut", [True, False], ids=["the hot path", "by outputs"])
@pytest.mark.parametrize("channel", [ORDERS, CACHE])
@pytest.mark.parametrize("state", STATES)
@given(frames=st.lists(st.tuples(names, shapes), min_size=1, max_size=4), user_id=st.none() | st.just(FORGED))
def test_what_nobody_sealed_reaches_nobody(
    state: Callable[[Core, str], None], channel: str, *, shortcut: bool, frames: list[tuple[str, Any]], user_id: Any
) -> None:
    """Every name, form, state of the keys and delivery path, also for events that have waited (C1)."""
    core = Core(shortcut=shortcut, key_rotation=KeyRotationPolicy(fruitless_limit=2))
    core.up()
    state(core, channel)
    core.events.clear()
    for name, data in frames:
        core.receive(json.dumps({"event": name, "channel": channel, "data": data, "user_id": user_id}))
    core.wait(60.0)
    if core.requests():
        core.answer(OLD)
    core.acknowledge(channel)
    core.wait(60.0)
    for event in core.events:
        check(event)


@pytest.mark.parametrize("shortcut", [True, False], ids=["the hot path", "by outputs"])
@given(frames=st.lists(st.tuples(names.filter(lambda name: name != "pusher:subscription_error"), shapes), max_size=4))
def test_what_was_sealed_still_arrives(*, shortcut: bool, frames: list[tuple[str, Any]]) -> None:
    """Whatever came before it, but the server's word that the subscription is over (R7, C1)."""
    core = Core(shortcut=shortcut)
    core.up()
    core.subscribed(ORDERS)
    for name, data in frames:
        core.receive(json.dumps({"event": name, "channel": ORDERS, "data": data}))
    core.receive(frame("genuine", ORDERS, sealed(OLD, "1")))
    core.wait(60.0)
    assert [event.data for event in core.events if event.name == "genuine"] == [1]


def test_no_way_into_a_channel_passes_its_hold_by() -> None:
    """Even who hands an event to the channel's frames, past the way that events take, gets nothing unopened (C1)."""
    core = Core()
    core.up()
    core.subscribed(ORDERS)
    subscription = core.connection._channels.get(ORDERS)
    assert subscription is not None
    event = subscription.frames.receive(Frame("order-created", FORGED, ORDERS), core.now)
    assert event is not None
    assert event.name == "pusher:decryption_failure"
