"""Authorization requests: how many run, how long, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable

from pusher_client.exceptions import AuthorizationError, PusherError
from pusher_client.protocol.authorization import ChannelAuthorization
from pusher_client.protocol.outputs import Authorize, Cancel, Output, Purpose
from pusher_client.protocol.requests import Requests
from tests.protocol.scripted import CHANNEL, NEW, OLD, Core, frame, sealed


class Asker:
    """Someone who asks, and notes what came of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.timed_out: list[tuple[Purpose, float]] = []
        self.on_time_out: Callable[[], object] = lambda: None

    def authorized(self, purpose: Purpose, authorization: ChannelAuthorization, now: float) -> None:
        """Not called by requests: who takes a request out hands on the answer."""

    def authorization_failed(
        self, purpose: Purpose, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Not called by requests either."""

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """Note it."""
        self.timed_out.append((purpose, now))
        self.on_time_out()


def linked(timeout: float = 10.0) -> tuple[Requests, list[Output]]:
    """Return requests on a link, and the list of their outputs."""
    outputs: list[Output] = []
    requests = Requests(timeout, outputs.append)
    requests.link_up("1.1")
    return requests, outputs


def test_a_request_names_channel_socket_and_purpose() -> None:
    """A request carries what the endpoint has to sign, and gets a number of its own (R3)."""
    requests, outputs = linked()
    numbers = [requests.ask(Asker(name), Purpose.SUBSCRIBE, 0.0) for name in ("private-a", "private-b")]
    assert outputs == [
        Authorize(numbers[0], "private-a", "1.1", Purpose.SUBSCRIBE),
        Authorize(numbers[1], "private-b", "1.1", Purpose.SUBSCRIBE),
    ]
    assert len(set(numbers)) == len(requests) == 2


def test_a_request_is_taken_once() -> None:
    """The first answer takes the request out; a second one, or one to an unknown number, finds nothing (R3)."""
    requests, outputs = linked()
    asker = Asker("private-a")
    number = requests.ask(asker, Purpose.REFRESH, 0.0)
    assert requests.take(number + 1, 1.0) is None
    assert requests.take(number, 1.0) == (asker, Purpose.REFRESH)
    assert requests.take(number, 1.0) is None
    assert len(requests) == 0
    assert not any(isinstance(output, Cancel) for output in outputs)
    assert requests.deadline() is None


def test_the_ninth_waits_for_its_turn_and_its_time_starts_then() -> None:
    """Eight run at a time; the next starts when one ends, in order, with its whole time-out (R3)."""
    requests, outputs = linked()
    numbers = [requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 0.0) for index in range(10)]
    assert len(outputs) == 8
    assert requests.take(numbers[8], 1.0) is None
    assert requests.take(numbers[0], 4.0) is not None
    assert outputs[8:] == [Authorize(numbers[8], "private-8", "1.1", Purpose.SUBSCRIBE)]
    for number in numbers[1:8]:
        requests.take(number, 4.0)
    assert requests.deadline() == 14.0
    assert [output.request_id for output in outputs if isinstance(output, Authorize)] == numbers


def test_cancelling_what_runs_makes_room() -> None:
    """A hung request that is no longer wanted is cancelled, and the next starts (R3)."""
    requests, outputs = linked()
    numbers = [requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 0.0) for index in range(9)]
    requests.cancel(numbers[3], 1.0)
    assert outputs[8:] == [Cancel(numbers[3]), Authorize(numbers[8], "private-8", "1.1", Purpose.SUBSCRIBE)]
    assert requests.take(numbers[3], 1.0) is None


def test_cancelling_what_waits_is_silent() -> None:
    """A request that never started needs no cancelling, and never starts (R3)."""
    requests, outputs = linked()
    numbers = [requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 0.0) for index in range(10)]
    requests.cancel(numbers[8], 1.0)
    assert len(outputs) == 8
    requests.take(numbers[0], 1.0)
    assert outputs[8:] == [Authorize(numbers[9], "private-9", "1.1", Purpose.SUBSCRIBE)]


def test_nothing_starts_without_a_link() -> None:
    """An authorization is for a socket id, so there is none to ask for while the link is down (R3)."""
    requests, outputs = linked()
    first = requests.ask(Asker("private-a"), Purpose.SUBSCRIBE, 0.0)
    requests.link_lost()
    requests.cancel(first, 1.0)
    second = requests.ask(Asker("private-b"), Purpose.SUBSCRIBE, 1.0)
    assert outputs[1:] == [Cancel(first)]
    requests.link_up("1.2")
    third = requests.ask(Asker("private-c"), Purpose.RESUBSCRIBE, 2.0)
    assert outputs[2:] == [
        Authorize(second, "private-b", "1.2", Purpose.SUBSCRIBE),
        Authorize(third, "private-c", "1.2", Purpose.RESUBSCRIBE),
    ]


def test_a_request_that_takes_too_long_is_given_up() -> None:
    """At its deadline, and not before, it is cancelled and who asked is told; its late answer finds nothing (R3)."""
    requests, outputs = linked(timeout=10.0)
    early, late = Asker("private-a"), Asker("private-b")
    number = requests.ask(early, Purpose.SUBSCRIBE, 0.0)
    requests.ask(late, Purpose.REFRESH, 3.0)
    assert requests.deadline() == 10.0
    requests.handle_deadline(9.9)
    assert early.timed_out == []
    requests.handle_deadline(10.0)
    assert early.timed_out == [(Purpose.SUBSCRIBE, 10.0)]
    assert late.timed_out == []
    assert outputs[2:] == [Cancel(number)]
    assert requests.take(number, 10.0) is None
    assert requests.deadline() == 13.0


def test_one_that_ends_with_another_is_not_told_twice() -> None:
    """Where one time-out makes another request superfluous, that one is only cancelled (R3)."""
    requests, outputs = linked()
    first, second = Asker("private-a"), Asker("private-b")
    one, two = requests.ask(first, Purpose.SUBSCRIBE, 0.0), requests.ask(second, Purpose.SUBSCRIBE, 0.0)
    first.on_time_out = lambda: requests.cancel(two, 10.0)
    requests.handle_deadline(10.0)
    assert outputs[2:] == [Cancel(one), Cancel(two)]
    assert len(first.timed_out) == 1
    assert second.timed_out == []


def test_refreshes_share_the_limit() -> None:
    """A request for a key waits behind eight subscriptions, and starts when one of them is answered (R3, C6)."""
    core = Core()
    core.up()
    core.subscribed()
    for index in range(8):
        core.subscribe(f"private-{index}")
    core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    assert all(request.purpose is Purpose.SUBSCRIBE for request in core.requests())
    core.answer(None, core.requests()[-1])
    assert core.requests()[-1].purpose is Purpose.REFRESH
    core.answer(NEW)
    assert core.names()[-1] == "e"


def test_a_refusal_reaches_who_asked_once() -> None:
    """The second answer to the same number, whatever it says, changes nothing (R3, R7)."""
    core = Core()
    core.up()
    core.subscribe()
    request = core.requests()[-1]
    core.answer(OLD, request)
    error = AuthorizationError(CHANNEL, status=403)
    core.connection.authorization_failed(request.request_id, error, retryable=False, retry_after=None, now=core.now)
    core.connection.authorized(request.request_id, ChannelAuthorization("a:b", shared_secret=NEW), core.now)
    assert core.drain() == []
    assert len(core.sent) == 1
