"""The rules of every engine: duplicates, fences and settled moments."""

from __future__ import annotations

import math

import pytest

from pusher_client.relay.memory_engine import MemoryEngine, MemoryStream
from pusher_client.relay.values import Entry, Kind, Put, PutResult, Record, Settle, Settled


def entry(content: str, received_at: float = 100.0, *, plain: bool = False, kind: Kind = Kind.EVENT) -> Entry:
    return Entry(received_at, None if plain else content, content, kind, content)


def put(
    *entries: Entry, number: int = 0, align: bool = False, final_before: float = math.inf, instance: str = "i"
) -> Put:
    return Put(entries, final_before, align, instance, number)


def bodies(stream: MemoryStream) -> list[str]:
    return [one.body for one in stream.entries]


def test_the_first_of_two_relays_writes() -> None:
    """An id is written once, by the first relay."""
    stream = MemoryStream(window=60)
    assert stream.put("a", put(entry("1"), entry("2")), 100) == PutResult(2, 2)
    assert stream.put("b", put(entry("1"), entry("2"), entry("3")), 101) == PutResult(3, 1)
    assert bodies(stream) == ["1", "2", "3"]


def test_one_id_on_two_channels_is_two_events() -> None:
    """An id that two channels share must not lose half of the events: each channel has its own stream."""
    engine = MemoryEngine()
    for channel in ("x", "y"):
        engine.stream(channel).put("a", put(entry("1")), 100)
    assert [bodies(stream) for stream in engine.streams.values()] == [["1"], ["1"]]


def test_an_entry_older_than_the_window_is_refused_with_all_behind_it() -> None:
    """It could be a duplicate that is no longer known; ids are forgotten only later."""
    stream = MemoryStream(window=60)
    stream.put("a", put(entry("1")), 100)
    assert stream.put("b", put(entry("1"), entry("2")), 170) == PutResult(1, 0, 110)
    assert stream.put("b", put(entry("3", 170), number=1), 230) == PutResult(1, 1)
    assert stream.put("b", put(entry("1", 230), number=2), 230) == PutResult(1, 1)


def test_a_repeated_batch_is_recognized() -> None:
    """The answer to a batch may be lost; on a plain channel only the number shows a repetition."""
    stream = MemoryStream(window=60)
    batch = put(entry("x", plain=True), entry("x", plain=True))
    assert stream.put("a", batch, 100) == PutResult(2, 2)
    assert stream.put("a", batch, 100) == PutResult(2, 0)
    assert stream.put("a", put(entry("x", plain=True), number=2), 100) == PutResult(1, 1)
    assert stream.put("a", put(entry("x", plain=True), instance="restarted"), 100) == PutResult(1, 1)
    assert bodies(stream) == ["x"] * 4


def test_plain_events_are_compared_by_content_and_order() -> None:
    """The relay behind finds what the other wrote, and goes on alone where that ends; identical events count each."""
    stream = MemoryStream(window=60)
    ahead = [entry(content, plain=True) for content in "xxyxz"]
    assert stream.put("a", put(*ahead, align=True), 100).written == 5
    assert stream.put("b", put(*ahead[1:], entry("x", plain=True), align=True), 100).written == 1
    assert stream.put("a", put(entry("x", plain=True), entry("q", plain=True), number=5), 100).written == 1
    assert bodies(stream) == ["x", "x", "y", "x", "z", "x", "q"]


def test_a_plain_event_that_only_one_relay_has_does_not_cost_the_place() -> None:
    """What follows is still compared behind the last event that both had."""
    stream = MemoryStream(window=60)
    stream.put("a", put(*(entry(content, plain=True) for content in "abcd"), align=True), 100)
    late = [entry(content, plain=True) for content in "abXcd"]
    assert stream.put("b", put(*late, align=True), 100).written == 5
    assert stream.put("b", put(*late[2:], number=5), 100).written == 3
    stream = MemoryStream(window=60)
    stream.put("a", put(*(entry(content, plain=True) for content in "abcd"), align=True), 100)
    stream.put("b", put(entry("a", plain=True), align=True), 100)
    assert stream.put("b", put(*(entry(content, plain=True) for content in "XbXcd"), number=1), 100).written == 2
    assert bodies(stream) == ["a", "b", "c", "d", "X", "X"]


def test_a_relay_that_joined_is_not_aligned_with_what_is_much_older() -> None:
    """An equal event of long ago is another one: rather twice than lost."""
    stream = MemoryStream(window=60, spread=0.5)
    stream.put("a", put(entry("x", 90, plain=True), align=True), 90)
    assert stream.put("b", put(entry("x", 100, plain=True), align=True), 100).written == 1


def test_an_undecryptable_event_waits_for_another_relay() -> None:
    """Its marker is written only when it has waited long enough; until then the batch ends before it."""
    stream = MemoryStream(window=60)
    failure = entry("1", 100, kind=Kind.DECRYPTION_FAILURE)
    batch = put(entry("0"), failure, entry("2"), final_before=99)
    assert stream.put("a", batch, 100) == PutResult(1, 1)
    stream.put("b", put(entry("1")), 100)
    assert stream.put("a", put(failure, entry("2"), number=1, final_before=99), 100) == PutResult(2, 1)
    assert stream.put("a", put(entry("3", kind=Kind.DECRYPTION_FAILURE), number=3, final_before=101), 103).written == 1
    assert bodies(stream) == ["0", "1", "2", "3"]


def test_a_relay_that_was_paused_does_not_write_behind_a_marker() -> None:
    """What it received before the settled moment is dropped, with the spread of arrival on top for other relays."""
    stream = MemoryStream(window=60)
    marker = Entry(101, "gap", "gap", Kind.GAP, "gap")
    assert stream.settle("b", Settle(101, 0.5, (marker,))) == Settled(101, accepted=True)
    assert stream.put("a", put(entry("1", 100.9), entry("2", 101.4), entry("3", 101.5)), 102) == PutResult(3, 1)
    assert stream.put("b", put(entry("4", 101.0)), 102) == PutResult(1, 1)
    assert bodies(stream) == ["gap", "3", "4"]


@pytest.mark.parametrize(
    ("relay", "until", "accepted"),
    [("b", 101, True), ("b", 100.9, False), ("a", 101.4, False), ("a", 101.5, True)],
)
def test_a_moment_is_settled_once(relay: str, until: float, accepted: bool) -> None:
    """It never moves backwards, and two relays that join together do not both mark the hole."""
    stream = MemoryStream(window=60)
    stream.settle("b", Settle(101, 0.5, ()))
    assert stream.settle(relay, Settle(until, 0.5, ())) == Settled(until if accepted else 101, accepted)


async def test_the_engine_has_the_same_rules() -> None:
    """Each call is one step with the time of the engine's own clock."""
    engine = MemoryEngine(clock=lambda: 100.0)
    await engine.open()
    first = await engine.exchange("x", Record(relay="a", beat=1))
    assert (first.now, first.settled, first.records) == (100.0, None, ())
    assert await engine.settle("x", "a", Settle(99, 0.5, ())) == Settled(99, accepted=True)
    assert await engine.put("x", "a", put(entry("1"))) == PutResult(1, 1)
    second = await engine.exchange("x", Record(relay="b", beat=1))
    assert (second.settled, [record.relay for record in second.records]) == (99, ["a"])
    await engine.close()
