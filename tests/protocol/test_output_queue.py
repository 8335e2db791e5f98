"""The queue of outputs, with bursts of events among them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.events import DECRYPTION_FAILURE, Event
from pusher_client.protocol.output_queue import Emitted, EventSource, OutputQueue
from pusher_client.protocol.outputs import Cancel, Deliver, GapFound, Output
from pusher_client.protocol.presence import MemberChanges


class Burst(EventSource):
    """Events of these names, with the number of those that were made."""

    def __init__(self, channel: str, *names: str) -> None:
        super().__init__(channel)
        self.names = list(names)
        self.made = 0

    def next_event(self) -> Event | None:
        if not self.names:
            return None
        self.made += 1
        return Event(self.names.pop(0), self.channel)

    def discard(self) -> int:
        names, self.names = self.names, []
        return len(names)


def queue(*entries: Emitted) -> OutputQueue:
    """Return a queue with these entries."""
    outputs = OutputQueue()
    outputs.extend(entries)
    return outputs


def flat(entries: Sequence[Emitted]) -> list[Output]:
    """Return the outputs that a queue of these entries has to yield."""
    outputs: list[Output] = []
    for entry in entries:
        if isinstance(entry, Burst):
            outputs += [Deliver(Event(name, entry.channel)) for name in entry.names]
        elif not isinstance(entry, EventSource):
            outputs.append(entry)
    return outputs


ENTRIES = st.lists(
    st.builds(lambda names: Burst("a", *names), st.lists(st.sampled_from("abc"), max_size=4))
    | st.builds(Cancel, st.integers(0, 99)),
    max_size=8,
)


@given(ENTRIES, st.lists(st.integers(0, 5), max_size=8))
def test_slices_yield_what_one_iteration_yields(entries: list[Emitted], slices: list[int]) -> None:
    """Wherever the driver stops and goes on, all outputs come once and in order (R4)."""
    expected = flat(entries)
    outputs = queue(*entries)
    seen: list[Output] = []
    for size in slices:
        for _, output in zip(range(size), outputs.drain(), strict=False):
            seen.append(output)
    seen += outputs.drain()
    assert seen == expected
    assert not outputs


def test_an_event_is_made_when_it_is_taken() -> None:
    """A burst costs nothing until the driver takes its events, one at a time (design.md 10)."""
    burst = Burst("a", "1", "2", "3")
    outputs = queue(burst).drain()
    assert burst.made == 0
    assert next(outputs) == Deliver(Event("1", "a"))
    assert burst.made == 1


def test_what_is_added_meanwhile_stays_behind() -> None:
    """New frames wait behind a burst that is not finished, also those that its handlers cause (R4)."""
    outputs = queue(Burst("a", "1", "2"))
    names = []
    for output in outputs.drain():
        assert isinstance(output, Deliver)
        names.append(output.event.name)
        if output.event.name == "1":
            outputs.append(Deliver(Event("3", "a")))
    assert names == ["1", "2", "3"]


def test_a_channel_that_is_unsubscribed_takes_its_outputs_back() -> None:
    """Events of all kinds and gaps of that channel go, counted where received; the rest stays in order (R3, R5)."""
    other: list[Emitted] = [Deliver(Event("1", "b")), GapFound("b", 0.0, 1.0, 2.0), Cancel(1), Burst("b", "2", "3")]
    expected = flat(other)
    outputs = queue(
        other[0],
        Deliver(Event("1", "a")),
        Deliver(Event(DECRYPTION_FAILURE, "a")),
        Deliver(Event("pusher:member_added", "a")),
        other[1],
        GapFound("a", 0.0, 1.0, 2.0),
        other[2],
        Burst("a", "2", "3", "4"),
        other[3],
    )
    assert outputs.discard("a") == 5
    assert list(outputs.drain()) == expected


def test_a_burst_may_be_cut_off_by_its_own_handler() -> None:
    """What the handler of its first event unsubscribes is not delivered (R3)."""
    outputs = queue(Burst("a", "1", "2", "3"))
    names = []
    for output in outputs.drain():
        assert isinstance(output, Deliver)
        names.append(output.event.name)
        assert outputs.discard("a") == 2
    assert names == ["1"]


def test_a_burst_is_pausable_until_much_waits_behind_it() -> None:
    """A burst is handed out at the readers' pace, unless that would let the outputs grow without bound (R6)."""
    queue = OutputQueue()
    assert not queue.pausable
    queue.append(Deliver(Event("e", "a")))
    assert not queue.pausable
    queue.popleft()
    queue.append(MemberChanges("a", {}, {"1": None}))
    assert queue.pausable
    queue.extend(Deliver(Event("e", "a")) for _ in range(1000))
    assert not queue.pausable


def test_a_source_has_to_say_what_it_holds() -> None:
    """The base class makes no events and discards none."""
    source = EventSource("a")
    for method in (source.next_event, source.discard):
        with pytest.raises(NotImplementedError):
            method()
