"""The heap of deadlines."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.subscription import Subscription
from pusher_client.protocol.timers import Entry, Timers
from tests.support.core.scripted_core import Core


class Alarm:
    """Something with a deadline that is set from outside."""

    def __init__(self, due: float | None) -> None:
        self.armed: Entry | None = None
        self.due = due
        self.next: float | None = None
        self.rung: list[float] = []

    def deadline(self) -> float | None:
        """Return the deadline."""
        return self.due

    def handle_deadline(self, now: float) -> None:
        """Note it, and take the next one."""
        self.rung.append(now)
        self.due = self.next
        self.next = None


def test_nothing_is_due_where_nothing_waits() -> None:
    """Without a deadline there is none to wait for, and firing does nothing (R6)."""
    timers, alarm = Timers(), Alarm(None)
    timers.arm(alarm)
    assert timers.deadline() is None
    timers.fire(1000.0)
    assert alarm.rung == []


def test_each_rings_at_its_time() -> None:
    """Not before, and once (R6)."""
    timers, early, late = Timers(), Alarm(5.0), Alarm(7.0)
    for alarm in (late, early):
        timers.arm(alarm)
    assert timers.deadline() == 5.0
    timers.fire(4.9)
    assert early.rung == []
    timers.fire(5.0)
    timers.fire(6.0)
    assert (early.rung, late.rung) == ([5.0], [])
    assert timers.deadline() == 7.0
    timers.fire(8.0)
    assert late.rung == [8.0]
    assert timers.deadline() is None


def test_an_earlier_deadline_is_heard_of_at_once() -> None:
    """Arming again moves the alarm forward, and the old entry has no effect (R1)."""
    timers, alarm = Timers(), Alarm(9.0)
    timers.arm(alarm)
    alarm.due = 3.0
    timers.arm(alarm)
    assert timers.deadline() == 3.0
    timers.fire(3.0)
    timers.fire(9.0)
    assert alarm.rung == [3.0]
    assert timers.deadline() is None


def test_a_later_deadline_is_found_when_the_entry_fires() -> None:
    """Traffic only moves a time stamp; the entry fires too early and is put back (R1)."""
    timers, alarm = Timers(), Alarm(3.0)
    timers.arm(alarm)
    alarm.due = 9.0
    timers.arm(alarm)
    assert timers.deadline() == 3.0
    timers.fire(3.0)
    assert alarm.rung == []
    assert timers.deadline() == 9.0
    timers.fire(9.0)
    assert alarm.rung == [9.0]


def test_a_deadline_that_went_away_rings_nobody() -> None:
    """Its entry is thrown away when it fires (R6)."""
    timers, alarm = Timers(), Alarm(3.0)
    timers.arm(alarm)
    alarm.due = None
    timers.fire(3.0)
    assert alarm.rung == []
    assert timers.deadline() is None


def test_what_is_due_again_rings_again() -> None:
    """A deadline that the last one set is heeded in the same round where it has passed as well (R6)."""
    timers, alarm = Timers(), Alarm(3.0)
    alarm.next = 4.0
    timers.arm(alarm)
    timers.fire(5.0)
    assert alarm.rung == [5.0, 5.0]


def test_what_was_discarded_does_not_ring() -> None:
    """Its entry is without effect, also before the heap is rebuilt, and it may be armed again (R6)."""
    timers, alarms = Timers(), [Alarm(3.0) for _ in range(4)]
    for alarm in alarms:
        timers.arm(alarm)
    timers.discard(alarms[0])
    timers.discard(alarms[0])
    assert (len(timers), alarms[0].armed) == (4, None)
    timers.fire(3.0)
    assert [alarm.rung for alarm in alarms] == [[], [3.0], [3.0], [3.0]]
    assert (len(timers), timers.deadline()) == (0, None)
    timers.arm(alarms[0])
    timers.fire(4.0)
    assert alarms[0].rung == [4.0]


def test_the_heap_is_rebuilt_when_more_than_half_of_it_is_stale() -> None:
    """The others keep their deadlines, in order (R6)."""
    timers, alarms = Timers(), [Alarm(float(9 - number)) for number in range(8)]
    for alarm in alarms:
        timers.arm(alarm)
    sizes = list[int]()
    for alarm in alarms[3:]:
        timers.discard(alarm)
        sizes.append(len(timers))
    assert sizes == [8, 8, 8, 8, 3]
    assert timers.deadline() == 7.0
    timers.fire(8.0)
    assert [alarm.rung for alarm in alarms[:3]] == [[], [8.0], [8.0]]
    assert timers.deadline() == 9.0


def test_deadlines_that_come_earlier_leave_a_bounded_heap() -> None:
    """Each one replaces an entry; the replaced ones do not accumulate (R6)."""
    timers, alarm = Timers(), Alarm(None)
    for number in range(10_000):
        alarm.due = 10_000.0 - number
        timers.arm(alarm)
        assert len(timers) <= 2
    timers.fire(10_000.0)
    assert alarm.rung == [10_000.0]


@pytest.mark.parametrize("acknowledged", [True, False])
def test_ended_subscriptions_are_not_kept_by_their_deadlines(*, acknowledged: bool) -> None:
    """10,000 subscriptions that begin and end within 20 seconds leave the memory of those that go on (R6)."""
    core = Core()
    core.up()
    core.subscribed("kept")
    gc.collect()
    before = sum(isinstance(each, Subscription) for each in gc.get_objects())
    for number in range(10_000):
        channel = f"orders-{number}"
        core.subscribe(channel)
        if acknowledged:
            core.acknowledge(channel)
        core.connection.unsubscribe(channel, core.now)
        core.wait(0.002)
    core.outputs.clear()
    gc.collect()
    assert sum(isinstance(each, Subscription) for each in gc.get_objects()) - before <= 1
    core.connection.disconnect(core.now)
    core.drain()
    gc.collect()
    assert sum(isinstance(each, Subscription) for each in gc.get_objects()) <= before


@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 50), st.booleans(), st.booleans()), max_size=40)
)
def test_no_deadline_is_missed(steps: list[tuple[int, int | None, bool, bool]]) -> None:
    """What is armed after each change rings by its time, nothing past stays, and the heap is bounded (R1, R6)."""
    timers, alarms = Timers(), [Alarm(None) for _ in range(4)]
    now = 0.0
    for index, delay, discard, fire in steps:
        alarm = alarms[index]
        alarm.due = None if delay is None else now + delay
        if discard:
            timers.discard(alarm)
        timers.arm(alarm)
        assert len(timers) <= 2 * len(alarms)
        if fire:
            now += 10.0
            expected = [one for one in alarms if one.due is not None and one.due <= now]
            counts = [len(one.rung) for one in expected]
            timers.fire(now)
            assert [len(one.rung) for one in expected] == [count + 1 for count in counts]
        due = timers.deadline()
        waiting = [one.due for one in alarms if one.due is not None]
        assert not waiting or (due is not None and due <= min(waiting))
        assert not fire or due is None or due > now
