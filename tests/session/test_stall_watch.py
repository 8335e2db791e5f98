"""A blocked loop is reported once, and an idle one is left alone, on the test's own clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TypeVarTuple

import pytest

from pusher_client import Event
from pusher_client.session.stall_watch import DeadlineTimer, StallWatch
from tests.support.scripted_server import scripted

_Ts = TypeVarTuple("_Ts")


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose time is moved by the test, and whose timers come when that does."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        """Return the time."""
        return self.now

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Note a timer."""
        timer = super().call_at(when, callback, *args, context=context)
        self.timers.append(timer)
        return timer

    @property
    def due(self) -> float | None:
        """When the next timer comes."""
        self.timers = [timer for timer in self.timers if not timer.cancelled() and timer.when() > self.now]
        return min((timer.when() for timer in self.timers), default=None)

    def go_on(self, seconds: float) -> None:
        """Let time pass, and every timer come when it is due."""
        end = self.now + seconds
        while (due := self.due) is not None and due <= end:
            self.now = due
            self.turn()
        self.now = end

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which no timer comes, and then all that are due."""
        self.now += seconds
        self.turn()

    def turn(self) -> None:
        """Let what is due happen."""
        self.call_soon(self.stop)
        self.run_forever()


@pytest.fixture
def loop() -> Generator[Clockwork]:
    """Return such a loop."""
    loop = Clockwork()
    yield loop
    loop.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of the event loop."""
    return [record.getMessage() for record in caplog.records if "was blocked" in record.getMessage()]


@pytest.mark.parametrize("seconds", [1.5, 3.0, 600.0])
def test_a_stall_during_a_watch_is_told_once(loop: Clockwork, seconds: float, caplog: pytest.LogCaptureFixture) -> None:
    """With its length at the least, the last event, and the cure (R7)."""
    stalls = StallWatch(loop)
    timer = DeadlineTimer(stalls, lambda: None)
    stalls.watch(loop.now)
    timer.set(loop.now + 0.1)
    stalls.event = Event("order\n", "orders", 1, None, "1")
    loop.stand_still(seconds)
    (warning,) = warnings(caplog)
    assert f"for {seconds - 0.1:.1f} s or more, after the event 'order\\n' of orders: " in warning
    assert "asyncio.to_thread()" in warning
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert {record.name for record in caplog.records} == {"pusher_client"}
    loop.go_on(61.0)
    stalls.watch(loop.now)
    loop.stand_still(seconds)
    assert len(warnings(caplog)) == 2
    assert "times before" not in warnings(caplog)[1]  # two timers were late, and it was one stall


def test_a_stall_is_told_by_the_frame_that_follows_in_the_same_step(
    loop: Clockwork, caplog: pytest.LogCaptureFixture
) -> None:
    """When the next frame is read before the loop takes its next turn, the event before it is named."""
    stalls = StallWatch(loop)
    stalls.watch(loop.now)
    stalls.event = Event("slow", "orders", 1, None, "1")
    loop.now += 2.0
    stalls.watch(loop.now)
    stalls.event = Event("other", "orders", 1, None, "1")
    loop.go_on(10.0)
    assert len(warnings(caplog)) == 1
    assert "1.8 s or more, after the event 'slow'" in warnings(caplog)[0]


def test_a_stall_that_only_a_deadline_notices_is_told(loop: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing has come for long, the keep-alive's timer is late; no event is named then (R7)."""
    stalls = StallWatch(loop)
    timer = DeadlineTimer(stalls, lambda: None)
    stalls.watch(loop.now)
    stalls.event = Event("long ago", "orders", 1, None, "1")
    timer.set(loop.now + 30.0)
    loop.go_on(29.0)
    loop.stand_still(5.0)
    assert "for 4.0 s or more: " in warnings(caplog)[0]


def test_what_is_short_is_not_told(loop: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
    """A busy machine causes no warning, however often it is late."""
    stalls = StallWatch(loop)
    for _ in range(100):
        stalls.watch(loop.now)
        loop.stand_still(1.2)
    assert warnings(caplog) == []


def test_stalls_without_end_are_told_once_a_minute(loop: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
    """The log is not flooded, and no stall is forgotten."""
    stalls = StallWatch(loop)
    for _ in range(100):
        stalls.watch(loop.now)
        loop.stand_still(2.0)
    told = warnings(caplog)
    assert len(told) == 4
    assert "since the last" not in told[0]
    assert all("and 29 times before since the last warning: " in warning for warning in told[1:])


def test_an_idle_loop_is_not_woken(loop: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
    """A watch ends by itself, and one timer is all there is of it, however much comes."""
    stalls = StallWatch(loop)
    until = stalls.watch(loop.now)
    assert stalls.watch(loop.now + 0.1) == until
    assert len(loop.timers) == 1
    loop.go_on(60.0)
    assert loop.due is None
    assert warnings(caplog) == []


def test_nothing_is_left_of_a_watch_that_is_stopped(loop: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
    """It reports the stall that it has just seen, and sets no timer again (R6)."""
    stalls = StallWatch(loop)
    stalls.watch(loop.now)
    loop.now += 2.0
    stalls.stop()
    assert len(warnings(caplog)) == 1
    stalls.watch(loop.now)
    stalls.stop()
    assert loop.due is None


def test_a_late_deadline_waits_for_what_came_meanwhile(loop: Clockwork) -> None:
    """What is due counts once the loop has had a turn to read, and no later, however slow that is (R1)."""
    called: list[float] = []
    timer = DeadlineTimer(StallWatch(loop), lambda: called.append(loop.now - 100.0))
    timer.set(101.0)
    loop.stand_still(1.5)
    assert called == []
    timer.set(100.5)  # nothing moves it before that turn
    loop.stand_still(0.5)
    assert called == [2.0]
    timer.set(103.0)
    timer.set(102.5)
    timer.set(103.0)
    timer.set(None)
    loop.go_on(10.0)
    assert called == [2.0, 2.5]
    timer.set(120.0)
    timer.stop()
    timer.set(120.0)
    loop.go_on(60.0)
    assert called == [2.0, 2.5]


@pytest.mark.parametrize("kind", ["plain", "async", "the connection's"])
async def test_a_handler_that_blocks_is_told_of(
    kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real socket, on a clock that a handler moves: one warning, though nothing else was due (R7)."""
    loop = asyncio.get_running_loop()
    clock, blocked = loop.time, 0.0

    def block(_event: object) -> None:
        nonlocal blocked
        blocked += 3.0

    async def block_later(event: object) -> None:
        block(event)

    monkeypatch.setattr(loop, "time", lambda: clock() + blocked)
    async with scripted() as peer, peer.client() as client:
        await client.subscribe("orders")
        if kind == "the connection's":
            client.connection.bind("error", block)
            for socket in peer.sockets:
                await socket.send('{"event":"pusher:error","data":{"code":4300,"message":"no"}}')
        else:
            client.bind("order", block if kind == "plain" else block_later)
            await peer.publish("order", "orders", 1)
        while not warnings(caplog):
            await asyncio.sleep(0.001)
        for number in range(3):
            await peer.publish("other", "orders", number)
            await client.wait_for("other")
    (warning,) = warnings(caplog)
    assert ("after the event 'order' of orders" in warning) == (kind != "the connection's")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == [
        record for record in caplog.records if record.getMessage() == warning
    ]
