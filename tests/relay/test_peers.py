"""What a relay knows of the others."""

from __future__ import annotations

import pytest

from pusher_client.relay.coverage import Stay
from pusher_client.relay.peers import Peers
from pusher_client.relay.spans import Span
from pusher_client.relay.values import Record, RelaySettings


def test_a_relay_is_alive_while_its_record_changes() -> None:
    """The own record is not among them; one that was stopped is not alive; a restart is a change."""
    peers = Peers("a", RelaySettings(tick=1.0, dead_after=3.0))
    records = [Record(relay=name, beat=1, closed=name == "c") for name in "abcd"]
    for passed in range(5):
        changing = Record(relay="d", instance=str(passed), beat=1)
        peers.exchanged([*records[:3], changing], 1.0)
        alive = [record.relay for record in peers.live]
        assert alive == (["b", "d"] if passed <= 3 else ["d"])


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record(relay="b", beat=1), False),
        (Record(relay="b", beat=1, pending=True), True),
        (Record(relay="b", beat=1, joined=5.0, released=True), True),
        (Record(relay="b", beat=1, joined=5.0, released=True, spans=(Span(5, 9.9),)), True),
        (Record(relay="b", beat=1, joined=5.0, released=True, spans=(Span(5, 10),)), False),
        (Record(relay="b", beat=1, joined=9.0), True),
        (Record(relay="b", beat=1, joined=10.0), False),
        (Record(relay="A", beat=1, joined=10.0), True),
        (Record(relay="b", beat=1, joined=11.0), False),
    ],
)
def test_a_relay_holds_another_up_while_it_may_write_what_was_sent_before(record: Record, expected: bool) -> None:
    """Of two that joined in the same moment, the name decides."""
    peers = Peers("a", RelaySettings())
    peers.exchanged([record], 0.2)
    assert peers.hold_up(Stay(10.0)) is expected
    assert peers.any_live
