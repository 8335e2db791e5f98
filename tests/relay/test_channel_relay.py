"""The rules of one relay for one channel: by single steps, and in simulated schedules of faults."""

from __future__ import annotations

import math
import os

import pytest

from pusher_client.relay.channel_relay import ChannelRelay
from pusher_client.relay.spans import Span
from pusher_client.relay.values import Entry, Exchange, Kind, Put, PutResult, Record, RelaySettings, Settle, Settled
from tests.support.relay.simulation import Simulation

SETTINGS = RelaySettings()
SCHEDULES = int(os.environ.get("PUSHER_CLIENT_RELAY_SCHEDULES", "25"))
"""Simulated schedules of each kind; thousands on demand."""


def relay(settings: RelaySettings = SETTINGS, room: int = 1000) -> ChannelRelay:
    """Return a relay named a, whose buffer has room for so many bytes."""
    left = [room]

    def take(size: int) -> bool:
        if left[0] < size:
            return False
        left[0] -= size
        return True

    def give(size: int) -> None:
        left[0] += size

    return ChannelRelay("a", "c", settings, lambda _, hole: f"{hole}", take=take, give=give, instance="i")


def entry(content: str, received_at: float, kind: Kind = Kind.EVENT) -> Entry:
    return Entry(received_at, content, content, kind, content)


def answer(now: float, *records: Record, settled: float | None = None) -> Exchange:
    return Exchange(now, settled, records)


def peer(
    beat: int,
    *spans: Span,
    name: str = "b",
    joined: float | None = 50.0,
    released: bool = True,
    pending: bool = False,
    closed: bool = False,
) -> Record:
    return Record(relay=name, beat=beat, spans=spans, joined=joined, released=released, pending=pending, closed=closed)


def released(room: int = 1000) -> ChannelRelay:
    """Return a relay that joined alone at 100, and was released."""
    one = relay(room=room)
    one.joined(100)
    one.exchanged(answer(100.1), 100.1)
    command = one.command(100.2)
    assert command == Settle(100, 0.5, ())
    one.settled(Settled(100, accepted=True), 100.2)
    assert not one.holding
    return one


def test_the_first_relay_marks_nothing_and_writes_at_once() -> None:
    """No relay promised anything before it."""
    one = released()
    one.received(entry("1", 100.3))
    command = one.command(100.3)
    assert isinstance(command, Put)
    assert ([written.body for written in command.entries], command.align, command.number) == (["1"], True, 0)
    assert one.command(100.3) is None  # one at a time
    one.done(PutResult(1, 1), 100.4)
    assert (one.waiting, one.written, one.duplicates, one.command(100.4)) == (0, 1, 0, None)


def test_a_span_is_what_was_received_and_acknowledged() -> None:
    """It ends the spread before the last frame, and never beyond an entry that the engine has not acknowledged."""
    one = released()
    one.heard(105)
    one.received(entry("1", 105.5))
    one.heard(106)
    assert one.record().spans == (Span(100, 104.5),)
    one.command(106)
    one.done(PutResult(1, 0), 106.1)
    record = one.record()
    assert (record.spans, record.joined, record.released, one.duplicates) == ((Span(100, 105.5),), 100, True, 1)


def test_nothing_is_released_before_the_records_of_the_others_are_read() -> None:
    """Gap logic that read no record of another relay would mark nothing, or too much."""
    one = relay()
    one.joined(100)
    assert one.command(101) is None
    one.exchanged(answer(101, peer(1, Span(50, 99.0))), 101)
    assert one.command(101) is None


def test_a_relay_that_joins_holds_until_the_other_has_passed_the_moment() -> None:
    """The other has then written everything that was sent before, and no hole is left (two relays, one joins)."""
    one = relay()
    one.joined(100)
    one.received(entry("1", 100.1))
    one.exchanged(answer(100.2, peer(1, Span(50, 99.7)), settled=50.0), 100.2)
    assert one.command(100.2) is None
    assert (one.holding, one.waiting, one.record().released) == (True, 1, False)
    one.exchanged(answer(100.4, peer(2, Span(50, 100.0)), settled=50.0), 100.4)
    assert one.command(100.4) == Settle(100, 0.5, ())
    one.settled(Settled(100, accepted=True), 100.4)
    assert isinstance(one.command(100.4), Put)


def test_only_holes_of_the_union_are_marked() -> None:
    """What another relay covered is not a loss, that of a relay that is gone included."""
    one = relay()
    one.joined(100)
    for beat in range(20):
        records = (
            peer(1, Span(40, 60), name="dead"),
            peer(1, Span(55, 80), Span(85, 90), name="closed", joined=None, released=False, closed=True),
        )
        one.exchanged(answer(100 + beat / 5, *records, settled=50.0), 100 + beat / 5)
    command = one.command(104)
    assert isinstance(command, Settle)
    assert [marker.body for marker in command.markers] == [f"{Span(80, 85)}", f"{Span(90, 100)}"]
    assert {marker.kind for marker in command.markers} == {Kind.GAP}
    one.settled(Settled(100, accepted=True), 104)
    assert one.marked == 2


def test_a_rounding_error_is_not_a_hole() -> None:
    """The engine keeps times with six digits, so a span may begin a little after the settled moment."""
    one = relay()
    one.joined(100)
    one.exchanged(answer(100.4, peer(1, Span(50.0000003, 100)), settled=50.0), 100.4)
    assert one.command(100.4) == Settle(100, 0.5, ())


def test_a_stale_record_of_a_dead_relay_does_not_hold_forever() -> None:
    """It counts as dead once its record has not changed for a while in which the engine could be reached."""
    one = relay()
    one.joined(100)
    one.exchanged(answer(100.2, peer(1, Span(50, 90))), 100.2)
    one.exchanged(answer(110, peer(1, Span(50, 90))), 110)  # the engine was away: the other could not write either
    assert one.command(110) is None
    now = 110.0
    while one.command(now) is None:
        now += 0.2
        one.exchanged(answer(now, peer(1, Span(50, 90))), now)
    assert 112 < now < 114


def test_of_two_relays_that_hold_the_earlier_goes_first() -> None:
    """If both waited for each other, or neither, they would write past each other."""
    one = relay()
    one.joined(100)
    one.exchanged(answer(100.2, peer(1, joined=99.0, released=False)), 100.2)
    assert one.command(100.2) is None
    one.exchanged(answer(100.4, peer(2, joined=101.0, released=False)), 100.4)
    assert isinstance(one.command(100.4), Settle)


def test_a_relay_without_a_link_is_waited_for_while_its_entries_wait() -> None:
    """They were received before the joining, and come first."""
    one = relay()
    one.joined(100)
    one.exchanged(answer(100.2, peer(1, Span(50, 90), joined=None, released=False, pending=True)), 100.2)
    assert one.command(100.2) is None
    one.exchanged(answer(100.4, peer(2, Span(50, 95), joined=None, released=False)), 100.4)
    assert isinstance(one.command(100.4), Settle)


def test_a_hold_ends() -> None:
    """A live relay that does not get any further is not waited for without end."""
    one = relay()
    one.joined(100)
    now = 100.0
    while one.command(now) is None:
        now += 0.2
        one.exchanged(answer(now, peer(int(now * 10), Span(50, 90))), now)
    assert 119 < now < 121


def test_a_refused_moment_moves_the_joining() -> None:
    """Another relay settled a later one: what was received before is in the stream or in a marked hole."""
    one = relay()
    one.joined(100)
    for moment in (100.1, 100.6, 100.9):
        one.received(entry(str(moment), moment))
    one.exchanged(answer(101), 101)
    assert isinstance(one.command(101), Settle)
    one.settled(Settled(100.2, accepted=False), 101)
    assert one.waiting == 1
    assert one.command(101.1) is None  # the records are older than the other's moment
    one.exchanged(answer(101.2, settled=100.2), 101.2)
    command = one.command(101.2)
    assert isinstance(command, Settle)
    assert command.until == pytest.approx(100.701)


def test_a_moment_settled_for_a_lost_subscription_releases_nothing() -> None:
    """The link was lost while the engine was asked, and is back."""
    one = relay()
    one.joined(100)
    one.exchanged(answer(100.2), 100.2)
    one.command(100.2)
    one.joined(101)
    one.settled(Settled(100, accepted=True), 101.1)
    assert one.holding


def test_after_a_lost_link_what_was_received_before_comes_first() -> None:
    """Then comes the marker, and then what is received on the new link."""
    one = released()
    one.heard(102)
    one.received(entry("1", 102.1))
    one.lost()
    assert not one.subscribed
    assert one.record().pending
    one.received(entry("nowhere", 102.2))
    one.joined(103)
    one.received(entry("2", 103.1))
    one.exchanged(answer(103.2, settled=100.0), 103.2)
    first = one.command(103.2)
    assert isinstance(first, Put)
    assert [written.body for written in first.entries] == ["1"]
    one.done(PutResult(1, 1), 103.3)
    settle = one.command(103.3)
    assert isinstance(settle, Settle)
    assert [marker.body for marker in settle.markers] == [f"{Span(101.5, 103)}"]


def test_a_link_lost_while_holding_costs_what_was_held() -> None:
    """It lies in the hole that the next joining marks."""
    one = relay()
    one.joined(100)
    one.received(entry("1", 100.1))
    one.heard(101)
    one.lost()
    assert (one.waiting, one.record().spans) == (0, ())


def test_what_does_not_fit_is_a_hole() -> None:
    """The buffer is full: the relay joins anew once the engine has taken what was received before."""
    one = released(room=4)
    one.heard(101)
    for number in range(4):
        one.received(entry(f"{number}{number}", 101 + number / 10))
    assert (one.overflows, one.waiting, one.subscribed, one.record().joined) == (2, 2, True, None)
    one.exchanged(answer(102, settled=100.0), 102)
    assert one.record().joined is None
    one.command(102)
    one.done(PutResult(2, 2), 102.1)
    one.exchanged(answer(103, settled=100.0), 103)
    assert one.record().joined == 103
    one.exchanged(answer(103.2, settled=100.0), 103.2)
    settle = one.command(103.2)
    assert isinstance(settle, Settle)
    assert [marker.body for marker in settle.markers] == [f"{Span(100.5, 103)}"]


def test_a_hold_that_does_not_fit_begins_anew() -> None:
    """Nothing is waited for that could make room."""
    one = relay(room=4)
    one.joined(100)
    for number in range(3):
        one.received(entry(f"{number}{number}", 101 + number))
    assert (one.record().joined, one.waiting, one.overflows) == (103, 0, 1)


def test_what_is_older_than_the_window_is_dropped_and_marked() -> None:
    """The rest came without a break, and follows the marker."""
    one = released()
    one.heard(101)
    for moment in (102, 103, 104):
        one.received(entry(str(moment), moment))
        one.heard(moment)
    one.command(300)
    one.done(PutResult(0, 0, 103.5), 300)
    assert one.waiting == 1
    one.exchanged(answer(300.2, settled=100.0), 300.2)
    settle = one.command(300.2)
    assert isinstance(settle, Settle)
    assert [marker.body for marker in settle.markers] == [f"{Span(100.5, 104)}"]
    one.settled(Settled(104, accepted=True), 300.2)
    one.command(300.2)
    one.done(PutResult(1, 1), 300.3)
    assert (one.waiting, one.record().spans) == (0, (Span(100, 100.5),))


@pytest.mark.parametrize("lost", [True, False])
def test_everything_may_be_older_than_the_window(lost: bool) -> None:
    """The joining is now, or that of the next subscription."""
    one = released()
    one.received(entry("1", 101))
    if lost:
        one.lost()
    one.command(300)
    one.done(PutResult(0, 0, 180.0), 300)
    assert (one.waiting, one.record().joined) == (0, None if lost else 300)


def test_an_undecryptable_event_waits_for_the_others_only_if_there_are_any() -> None:
    """Alone it is marked at once; beside another relay it is retried each tick until the wait is over."""
    one = released()
    one.received(entry("1", 101, Kind.DECRYPTION_FAILURE))
    command = one.command(101)
    assert isinstance(command, Put)
    assert command.final_before == math.inf
    one.failed()
    one.exchanged(answer(101.2, peer(1, Span(50, 101))), 101.2)
    command = one.command(101.2)
    assert isinstance(command, Put)
    assert command.final_before == pytest.approx(99.2)
    one.done(PutResult(0, 0), 101.2)
    assert one.command(101.3) is None
    assert isinstance(one.command(101.4), Put)


def test_after_a_pause_a_lone_relay_goes_on_without_a_marker() -> None:
    """What arrives late was kept by the link, and no other relay has written meanwhile."""
    one = released()
    one.heard(105)
    one.stalled(110)
    one.heard(110)
    one.stalled(110.2)
    one.received(entry("old", 110.3))
    one.exchanged(answer(110.4, settled=100.0), 110.4)
    assert one.command(110.4) is None
    assert one.command(111.3) == Settle(104.5, 0.5, ())
    one.settled(Settled(104.5, accepted=True), 111.3)
    assert one.waiting == 1


def test_a_pause_right_after_joining_does_not_move_the_joining_back() -> None:
    """The last frame may be older than the subscription by the spread; nothing would be settled then."""
    one = released()
    one.heard(100.3)
    one.stalled(110)
    one.exchanged(answer(110.4, settled=100.0), 110.4)
    assert one.command(111.3) == Settle(100, 0.5, ())


def test_after_a_pause_what_arrives_late_is_dropped_if_another_relay_wrote() -> None:
    """Its times mean nothing, so it could be written behind the other's."""
    one = released()
    one.stalled(110)
    one.received(entry("old", 110.3))
    one.received(entry("new", 111.2))
    one.exchanged(answer(111, peer(1, Span(50, 111.4)), settled=100.0), 111)
    assert one.command(111.3) == Settle(111, 0.5, ())
    assert one.waiting == 1


def test_a_pause_without_a_subscription_means_nothing() -> None:
    """There is nothing that could arrive late."""
    one = relay()
    one.stalled(100)
    assert not one.subscribed


def test_a_restarted_relay_keeps_the_spans_of_its_last_run() -> None:
    """They are in its last record; without them the last run would be a hole."""
    one = relay()
    one.joined(100)
    last_run = Record(relay="a", instance="before", beat=7, spans=(Span(50, 90),), joined=50.0, released=True)
    one.exchanged(answer(100.2, last_run, settled=50.0), 100.2)
    settle = one.command(100.2)
    assert isinstance(settle, Settle)
    assert [marker.body for marker in settle.markers] == [f"{Span(90, 100)}"]
    assert one.record().spans == (Span(50, 90),)
    assert not one.conflict


def test_two_relays_with_one_name_are_found() -> None:
    """From the second exchange on the record under the own name is one's own."""
    one = relay()
    one.exchanged(answer(100), 100)
    one.exchanged(answer(100.2, Record(relay="a", instance="i", beat=1)), 100.2)
    assert not one.conflict
    one.exchanged(answer(100.4, Record(relay="a", instance="other", beat=1)), 100.4)
    assert one.conflict


def test_an_orderly_end_is_known_to_the_others() -> None:
    """They do not wait for a relay that was stopped."""
    one = released()
    one.close()
    record = one.record()
    assert (record.closed, record.joined, one.command(200)) == (True, None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"tick": 0.0}, "positive"), ({"max_hold": 3.0}, "max_hold"), ({"batch": 0}, "batch and spans")],
)
def test_settings_are_checked(options: dict[str, float], message: str) -> None:
    """The message names the fault and the rule."""
    with pytest.raises(ValueError, match=message):
        RelaySettings(**options)  # type: ignore[arg-type]  # counts are whole floats here


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("relays", [1, 2, 3])
def test_no_schedule_loses_doubles_or_inverts_an_event_unmarked(relays: int, plain: bool) -> None:
    """Kills, drops, pauses, an engine that goes away and lost answers: once and in order, or inside a marker."""
    for seed in range(SCHEDULES):
        outcome = Simulation(seed, relays, plain=plain).run()
        assert (seed, outcome.lost) == (seed, 0), outcome
        # Plain events have no id: at least once. Most of these schedules double nothing there either.
        assert plain or (seed, outcome.twice, outcome.inverted) == (seed, 0, 0), outcome
        assert outcome.sent > 300
