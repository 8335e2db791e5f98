"""The worst servers, the largest crowds and the most garbage, in virtual time, without a storm of requests (R2, C6)."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections.abc import Callable

import pytest

from pusher_client import ConnectionState, ReconnectPolicy
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.outputs import CloseWebSocket, OpenWebSocket
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.protocol.settings import ConnectionSettings
from tests.support.core.scripted_core import OLD, UNKNOWN, Core, frame, sealed

MOST = ReconnectPolicy().max_per_minute
ESTABLISHED = frame("pusher:connection_established", data={"socket_id": "1.1", "activity_timeout": 120})
CODES = [None, 1000, 1001, 1006, 1009, 1011, 1012, 3999, 4004, 4100, 4199, 4200, 4201, 4299, 4300, 4999]
CLASSES = [None, 1012, 4004, 4100, 4200, 4300]
"""One code of each class, for places that make no difference between codes of a class."""

Treatment = Callable[[Core], None]
"""What a server does to a connect, as soon as it can."""


def refuse(failure: OpenFailure, status: int | None = None) -> Treatment:
    """Open no WebSocket."""

    def treat(core: Core) -> None:
        core.connection.open_failed(failure, status, "no", core.now)

    return treat


def close_before_the_first_message(code: int | None) -> Treatment:
    """Open a WebSocket and close it."""

    def treat(core: Core) -> None:
        core.connection.websocket_opened(core.now)
        core.lose(code)

    return treat


def establish(core: Core) -> None:
    """Do what a server should."""
    core.connection.websocket_opened(core.now)
    core.receive(ESTABLISHED)


def close_once_established(code: int | None) -> Treatment:
    """Establish a connection and close it."""

    def treat(core: Core) -> None:
        establish(core)
        core.lose(code)

    return treat


def say_first(text: str) -> Treatment:
    """Open a WebSocket and say something else than that the connection is established."""

    def treat(core: Core) -> None:
        core.connection.websocket_opened(core.now)
        core.receive(text)

    return treat


def close_once_subscribing(code: int | None) -> Treatment:
    """Establish a connection, wait until the channel is to be subscribed, and close it."""

    def treat(core: Core) -> None:
        establish(core)
        core.drain()
        core.lose(code)

    return treat


def close_once_acknowledged(code: int | None) -> Treatment:
    """Establish a connection, acknowledge the channel, send an event, and close it."""

    def treat(core: Core) -> None:
        establish(core)
        core.acknowledge("orders")
        core.receive(frame("e", "orders", 1))
        core.lose(code)

    return treat


def times_of_connects(core: Core, treat: Treatment, seconds: float) -> list[float]:
    """Let a server treat every connect, and return when each of them came."""
    times: list[float] = []
    pending = list(core.drain())
    end = core.now + seconds
    while core.now < end:
        if any(isinstance(output, OpenWebSocket) for output in pending):
            times.append(core.now)
            assert len(times) <= seconds, "it storms"
            before = len(core.outputs)
            treat(core)
            core.drain()
            pending = core.outputs[before:]
            continue
        due = core.connection.deadline()
        assert due is not None, "it has given up"
        core.now = max(core.now, due)
        core.connection.handle_deadline(core.now)
        pending = core.drain()
    return times


def most_in_a_minute(times: list[float]) -> int:
    """Return how many connects the busiest 60 seconds saw, the last moment not included."""
    return max(sum(start <= time < start + 60.0 for time in times) for start in times)


TREATMENTS = {
    **{f"no WebSocket: {kind.value}": refuse(kind) for kind in OpenFailure if kind is not OpenFailure.HTTP},
    **{f"HTTP {status}": refuse(OpenFailure.HTTP, status) for status in (302, 401, 404, 407, 429, 500, 503)},
    **{f"{code} before the first message": close_before_the_first_message(code) for code in CODES},
    **{f"{code} once established": close_once_established(code) for code in CODES},
    **{
        f"an error {code} as the first message": say_first(frame("pusher:error", data={"code": code, "message": "no"}))
        for code in CODES
        if code is not None
    },
    "nonsense": say_first("{"),
    "another event": say_first(frame("pusher:pong")),
    **{f"{code} once subscribing": close_once_subscribing(code) for code in CLASSES},
    **{f"{code} once acknowledged": close_once_acknowledged(code) for code in CLASSES},
}


@pytest.mark.parametrize("lots", [0.0, 1e-9, 0.5], ids=["the worst luck", "nearly", "the usual luck"])
@pytest.mark.parametrize("name", TREATMENTS)
def test_the_worst_server_in_every_phase_and_with_every_code(name: str, lots: float) -> None:
    """Any 60 s have at most 12 connects whatever happens to them, and attempts never stop (R2)."""
    core = Core(lots=lots, reconnect=ReconnectPolicy(stable_after=0.0))
    core.up()  # once connected, even what would have been final is tried again
    core.subscribe("orders")
    core.lose(1006)
    times = times_of_connects(core, TREATMENTS[name], 900.0)
    assert most_in_a_minute(times) <= MOST
    assert len(times) >= 900.0 / 120.0
    assert core.connection.state in {ConnectionState.CONNECTING, ConnectionState.UNAVAILABLE}


def test_a_server_that_changes_its_mind_storms_nobody() -> None:
    """However it mixes what it does, any 60 s see at most 12 connects (R2)."""
    lots = random.Random(7)

    def treat(core: Core) -> None:
        lots.choice(list(TREATMENTS.values()))(core)

    for _ in range(20):
        core = Core(lots=0.0, reconnect=ReconnectPolicy(stable_after=0.0))
        core.up()
        core.lose(4200)
        assert most_in_a_minute(times_of_connects(core, treat, 600.0)) <= MOST


def test_callers_who_move_about_storm_nobody() -> None:
    """Switching from server to server counts as connecting (R2)."""
    core = Core(lots=0.0)
    core.up()
    times = [core.now]
    for _ in range(600):
        core.wait(0.5)
        before = len(core.outputs)
        core.connection.reconnect(core.now, tls=True)
        core.drain()
        if any(isinstance(output, OpenWebSocket) for output in core.outputs[before:]):
            times.append(core.now)
            establish(core)
    assert most_in_a_minute(times) <= MOST


class Crowd:
    """Clients of one server, each with its own luck.

    Attributes:
        arrivals: When each connect came, and from whom.
    """

    def __init__(self, size: int) -> None:
        self.cores = [Connection(ConnectionSettings(), random.Random(number).random) for number in range(size)]
        self.arrivals: list[tuple[float, int]] = []

    def connect(self, now: float) -> None:
        """Connect every client."""
        for core in self.cores:
            core.connect(now)
            core.websocket_opened(now)
            core.receive_text(ESTABLISHED, now)

    def lose(self, code: int | None, now: float) -> None:
        """Close every connection."""
        for core in self.cores:
            core.websocket_closed(code, "restarting", now)
            tuple(core.outputs())

    def run(self, start: float, until: float, *, up_from: float) -> None:
        """Let time pass; the server accepts connections from a moment on, and refuses earlier ones."""
        due = [(start, number) for number in range(len(self.cores))]
        while due:
            now, number = heapq.heappop(due)
            if now > until:
                return
            core = self.cores[number]
            core.handle_deadline(now)
            for output in tuple(core.outputs()):
                assert not isinstance(output, CloseWebSocket)
                if isinstance(output, OpenWebSocket):
                    self.arrivals.append((now, number))
                    if now >= up_from:
                        core.websocket_opened(now)
                        core.receive_text(ESTABLISHED, now)
                    else:
                        core.open_failed(OpenFailure.NETWORK, None, "refused", now)
            core.text_to_send()
            deadline = core.deadline()
            if core.state is not ConnectionState.CONNECTED and deadline is not None:
                heapq.heappush(due, (max(now, deadline), number))


def share(times: list[float], seconds: float) -> float:
    """Return what part of a thousand clients the busiest moment of this length saw."""
    return max(bisect_left(times, time + seconds) - at for at, time in enumerate(times)) / 1000


@pytest.mark.parametrize(("code", "outage"), [(1012, 0.0), (4004, 0.0), (4100, 0.0), (None, 5.0), (None, 30.0)])
def test_a_crowd_comes_back_spread_out(code: int | None, outage: float) -> None:
    """Of 1,000 clients whose server restarts no tenth of a second sees 15 %, and all of them come back (R2).

    Where it was away for half a minute, no whole second sees so many.
    """
    crowd = Crowd(1000)
    crowd.connect(0.0)
    crowd.lose(code, 100.0)
    crowd.run(100.0, 100.0 + outage + 120.0, up_from=100.0 + outage)
    assert all(core.state is ConnectionState.CONNECTED for core in crowd.cores)
    first = {number: time for time, number in reversed(crowd.arrivals)}
    assert share(sorted(first.values()), 0.1) < 0.15
    back = [time for time, _ in crowd.arrivals if time >= 100.0 + outage]
    assert len(back) == 1000
    assert share(back, 0.1) < 0.15
    assert outage < 30.0 or share(back, 1.0) < 0.15


def test_a_crowd_that_is_asked_to_come_at_once_does_so_once() -> None:
    """After 4200 all 1,000 come in the same moment, as the code says, and the next time spread out (R2)."""
    crowd = Crowd(1000)
    crowd.connect(0.0)
    crowd.lose(4200, 100.0)
    crowd.run(100.0, 101.0, up_from=100.0)
    assert [time for time, _ in crowd.arrivals] == [100.0] * 1000
    crowd.arrivals.clear()
    crowd.lose(4200, 102.0)
    crowd.run(102.0, 200.0, up_from=102.0)
    times = [time for time, _ in crowd.arrivals]
    assert len(times) == 1000
    assert share(times, 0.1) < 0.15
    crowd.arrivals.clear()
    crowd.lose(4200, 300.0)
    crowd.run(300.0, 400.0, up_from=300.0)
    assert [time for time, _ in crowd.arrivals] == [300.0] * 1000  # the links had lasted for a minute


@pytest.mark.parametrize("answers", [True, False], ids=["the same key", "no answer"])
def test_garbage_on_many_channels_does_not_flood_the_endpoint(*, answers: bool) -> None:
    """10,000 events in a minute that do not open cause few requests, and each of them is reported (C6, R5)."""
    core = Core(lots=1.0)
    core.up()
    channels = [f"private-encrypted-{number}" for number in range(10)]
    for channel in channels:
        core.subscribed(channel)
    garbage, asked = sealed(UNKNOWN, "garbage"), len(core.requests())
    for number in range(10_000):
        before = len(core.outputs)
        core.receive(frame("e", channels[number % 10], garbage))
        for request in core.requests(before) if answers else ():
            core.answer(OLD, request)
        core.wait(0.006)
    core.wait(60.0)
    assert len(core.requests()) - asked <= 10 * 5 + 10 * 4
    counts = [core.counts[channel] for channel in channels]
    assert sum(counts.received for counts in counts) == sum(counts.undecryptable for counts in counts) == 10_000
