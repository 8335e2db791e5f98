"""Events that arrive between a subscribe frame and its acknowledgement."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.events import Overflow
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import GapFound, Purpose
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, Core, frame, sealed

SUCCEEDED = "pusher:subscription_succeeded"


def waiting(channel: str = "orders", **settings: Any) -> Core:
    """Return a core that waits for an acknowledgement."""
    core = Core(**settings)
    core.up()
    core.subscribe(channel)
    if channel.startswith(("private-", "presence-")):
        core.answer(OLD if channel.startswith("private-encrypted-") else None)
    return core


@pytest.mark.parametrize("channel", ["orders", "private-a", "cache-a", "presence-a"])
def test_they_are_delivered_in_order_behind_the_acknowledgement(channel: str) -> None:
    """Nothing is delivered before, and nothing is lost (R4, R5; soketi with Redis sends them)."""
    core = waiting(channel)
    for number in range(3):
        core.receive(frame(f"early-{number}", channel, f'{{"n":{number}}}'))
    assert core.events == []
    assert (core.counts[channel].received, core.counts[channel].waiting) == (3, 3)
    core.acknowledge(channel)
    core.receive(frame("late", channel, "{}"))
    assert core.names() == [SUCCEEDED, "early-0", "early-1", "early-2", "late"]
    assert core.events[2].data == {"n": 1}
    assert (core.counts[channel].received, core.counts[channel].delivered) == (4, 4)
    assert core.connection.ignored_frames == 0


def test_a_later_event_stays_behind_them_when_it_arrives_before_they_are_taken() -> None:
    """The acknowledgement and the next event may arrive in one piece (R4)."""
    core = waiting()
    core.receive(frame("early", "orders", "1"))
    core.connection.receive_text(frame("pusher_internal:subscription_succeeded", "orders"), core.now)
    assert core.connection.receive_text(frame("late", "orders", "2"), core.now) is None
    core.drain()
    assert core.names() == [SUCCEEDED, "early", "late"]


def test_on_an_encrypted_channel_they_are_opened() -> None:
    """Those that the key opens are delivered; one that it does not open requests a key, in its place (C1, R4)."""
    core = waiting(CHANNEL)
    core.receive(frame("a", CHANNEL, sealed(OLD, "1")))
    core.receive(frame("plain", CHANNEL, "forged"))
    core.receive(frame("b", CHANNEL, sealed(NEW, "2")))
    core.receive(frame("c", CHANNEL, sealed(OLD, "3")))
    assert core.events == []
    core.acknowledge(CHANNEL)
    assert core.names() == [SUCCEEDED, "a", "pusher:decryption_failure"]
    assert core.requests()[-1].purpose is Purpose.REFRESH
    core.answer(NEW)
    assert core.names()[3:] == ["b", "c"]
    counts = core.counts[CHANNEL]
    assert (counts.received, counts.delivered, counts.undecryptable, counts.waiting) == (4, 3, 1, 0)


def refuse(core: Core) -> None:
    """The server refuses."""
    core.receive(frame("pusher:subscription_error", "orders", {"status": 403, "error": "no"}))


def never_acknowledge(core: Core) -> None:
    """The acknowledgement does not come in time."""
    core.wait(31)


def lose_the_link(core: Core) -> None:
    """The link breaks."""
    core.lose()


def unsubscribe(core: Core) -> None:
    """The caller unsubscribes."""
    core.connection.unsubscribe("orders", core.now)


def disconnect(core: Core) -> None:
    """The caller disconnects."""
    core.connection.disconnect(core.now)


@pytest.mark.parametrize("end", [refuse, never_acknowledge, lose_the_link, unsubscribe, disconnect])
def test_without_an_acknowledgement_they_count_as_dropped(end: Any) -> None:
    """However the subscription ends, they are received and dropped, and their bytes are free (R5, R6)."""
    core = waiting(buffer_bytes=4096)
    counts = core.counts["orders"]
    core.receive(frame("early", "orders", "1"))
    core.receive(frame("early", "orders", "2"))
    end(core)
    core.drain()
    assert "early" not in core.names()
    assert (counts.received, counts.dropped, counts.waiting) == (2, 2, 0)
    assert core.connection.budget.used == 0


@pytest.mark.parametrize(
    "settings", [{"key_rotation": KeyRotationPolicy(backlog=3)}, {"buffer_bytes": 3 * (512 + 5 + 2)}]
)
@pytest.mark.parametrize("channel", ["orders", CHANNEL])
def test_they_are_bounded_by_count_and_bytes(settings: dict[str, Any], channel: str) -> None:
    """Events beyond the bounds are dropped, and an overflow marks the place (R5, R6)."""
    core = waiting(channel, **settings)
    for _ in range(5):
        core.receive(frame("early", channel, "1"))
    assert core.counts[channel].dropped == 2
    core.acknowledge(channel)
    core.receive(frame("late", channel, "1"))
    name = "early" if channel == "orders" else "pusher:decryption_failure"
    late = "late" if channel == "orders" else name
    assert core.names() == [SUCCEEDED, name, name, name, "pusher:overflow", late]
    assert core.events[-2].data == Overflow(channel, 2)
    assert core.counts[channel].waiting == 0
    assert core.connection.budget.used == 0


def test_those_behind_an_unsubscribe_belong_to_the_old_subscription() -> None:
    """On the same link they count as dropped until the new subscription is acknowledged (R5)."""
    core = waiting()
    core.connection.unsubscribe("orders", core.now)
    core.receive(frame("old", "orders", "1"))
    core.subscribe("orders")
    core.receive(frame("old", "orders", "2"))
    core.acknowledge("orders")
    core.receive(frame("old", "orders", "3"))
    core.acknowledge("orders")
    core.receive(frame("new", "orders", "4"))
    assert core.names() == [SUCCEEDED, "new"]
    counts = core.counts["orders"]
    assert (counts.received, counts.delivered, counts.dropped) == (4, 1, 3)


def test_those_behind_the_end_of_an_acknowledged_subscription_do_too() -> None:
    """After ``unsubscribe()`` nothing of the old subscription is delivered, to a new one either (design.md 2.3)."""
    core = Core()
    core.up()
    core.subscribed("orders", None)
    core.connection.unsubscribe("orders", core.now)
    core.receive(frame("old", "orders", "1"))
    core.subscribe("orders")
    core.receive(frame("old", "orders", "2"))
    core.acknowledge("orders")
    assert "old" not in core.names()
    assert (core.counts["orders"].received, core.counts["orders"].dropped) == (1, 1)


def test_the_next_link_begins_anew() -> None:
    """What was unsubscribed on one link says nothing of the next (R4)."""
    core = waiting()
    core.connection.unsubscribe("orders", core.now)
    core.lose()
    core.back()
    core.subscribe("orders")
    core.receive(frame("early", "orders", "1"))
    core.acknowledge("orders")
    assert core.names() == [SUCCEEDED, "early"]


def test_only_so_many_unsubscribed_channels_are_remembered() -> None:
    """A client that goes from channel to channel does not grow (R6)."""
    core = Core()
    core.up()
    for number in range(1030):
        core.subscribed(f"orders-{number}", None)
        core.connection.unsubscribe(f"orders-{number}", core.now)
        core.drain()
    for number, dropped in ((0, 0), (1029, 1)):
        core.subscribe(f"orders-{number}")
        core.receive(frame("old", f"orders-{number}", "1"))
        assert core.counts[f"orders-{number}"].dropped == dropped


def test_after_a_lost_link_they_follow_the_gap() -> None:
    """The gap says what may be missing before them (R5)."""
    core = Core()
    core.up()
    core.subscribed("orders", None)
    core.lose()
    core.back()
    core.receive(frame("early", "orders", "1"))
    before = len(core.outputs)
    core.acknowledge("orders")
    kinds = [type(output).__name__ for output in core.outputs[before:]]
    assert kinds.index(GapFound.__name__) < len(kinds) - 1
    assert core.names()[-2:] == [SUCCEEDED, "early"]


def test_those_not_taken_yet_are_dropped_by_unsubscribe() -> None:
    """A handler of the acknowledgement may unsubscribe; the rest counts as dropped (R5)."""
    core = waiting()
    for _ in range(3):
        core.receive(frame("early", "orders", "1"))
    core.connection.receive_text(frame("pusher_internal:subscription_succeeded", "orders"), core.now)
    core.connection.unsubscribe("orders", core.now)
    core.drain()
    assert core.names() == []
    counts = core.counts["orders"]
    assert (counts.received, counts.dropped, counts.waiting) == (3, 3, 0)
    assert core.connection.budget.used == 0
