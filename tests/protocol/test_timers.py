"""The heap of deadlines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.timers import Timers


class Alarm:
    """Something with a deadline that is set from outside."""

    def __init__(self, due: float | None) -> None:
        self.armed: float | None = None
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


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 50), st.booleans()), max_size=40))
def test_no_deadline_is_missed(steps: list[tuple[int, int | None, bool]]) -> None:
    """However deadlines move, what is armed after each move rings by its time, and nothing past stays (R1, R6)."""
    timers, alarms = Timers(), [Alarm(None) for _ in range(4)]
    now = 0.0
    for index, delay, fire in steps:
        alarm = alarms[index]
        alarm.due = None if delay is None else now + delay
        timers.arm(alarm)
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
