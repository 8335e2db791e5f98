"""Authorization requests: how many run, how long, and who gets the outcome."""

from __future__ import annotations

from collections.abc import Callable

from pusher_client.events import SubscriptionState
from pusher_client.exceptions import AuthorizationError, PusherError
from pusher_client.protocol.outputs import Authorize, AuthorizeBatch, Cancel, Output, Purpose
from pusher_client.protocol.requests import Requests
from pusher_client.protocol.signatures import ChannelAuthorization
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, Core, frame, sealed


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
    """A request has what the endpoint signs, and its own number (R3)."""
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
    """A hung request that is not needed any more is cancelled, and the next starts (R3)."""
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
    """At its deadline, and not before, it is cancelled and its owner is notified; a late answer is ignored (R3)."""
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


# -- batches ------------------------------------------------------------------------------------------------------


def batching(size: int, timeout: float = 10.0) -> tuple[Requests, list[Output]]:
    """Return requests on a link that are asked for in batches, and the list of their outputs."""
    outputs: list[Output] = []
    requests = Requests(timeout, outputs.append, size)
    requests.link_up("1.1")
    return requests, outputs


def batches(outputs: list[Output]) -> list[AuthorizeBatch]:
    """Return the batches among the outputs."""
    return [output for output in outputs if isinstance(output, AuthorizeBatch)]


def numbers_of(batch: AuthorizeBatch) -> list[int]:
    """Return the numbers of a batch's requests."""
    return [request.request_id for request in batch.requests]


def test_requests_of_one_moment_become_one_batch() -> None:
    """They are gathered for a hundredth of a second, then asked for together, each with its own number (R3)."""
    requests, outputs = batching(100)
    first = requests.ask(Asker("private-a"), Purpose.SUBSCRIBE, 5.0)
    second = requests.ask(Asker("private-b"), Purpose.REFRESH, 5.005)
    assert outputs == []
    assert requests.deadline() == 5.01
    requests.handle_deadline(5.009)
    assert outputs == []
    requests.handle_deadline(5.01)
    asked = (
        Authorize(first, "private-a", "1.1", Purpose.SUBSCRIBE),
        Authorize(second, "private-b", "1.1", Purpose.REFRESH),
    )
    (batch,) = batches(outputs)
    assert batch.requests == asked
    assert batch.batch_id not in (first, second)
    assert requests.deadline() == 15.01


def test_a_full_batch_does_not_wait() -> None:
    """As soon as there are as many as fit they are asked for; what is beyond that waits its moment (R3)."""
    requests, outputs = batching(3)
    numbers = [requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 5.0) for index in range(4)]
    assert [numbers_of(batch) for batch in batches(outputs)] == [numbers[:3]]
    requests.handle_deadline(5.01)
    assert [numbers_of(batch) for batch in batches(outputs)] == [numbers[:3], numbers[3:]]


def test_who_asks_in_one_go_may_take_longer_than_a_moment() -> None:
    """The moment's end is noticed between two inputs of the driver's, and cuts no burst in two (R3)."""
    requests, outputs = batching(3)
    numbers = [requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, index / 10) for index in range(3)]
    assert [numbers_of(batch) for batch in batches(outputs)] == [numbers]


def test_at_most_eight_batches_run() -> None:
    """The limit is one of calls; a ninth starts, with all that has gathered, when the last answer of one came (R3)."""
    requests, outputs = batching(2)
    numbers = [requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 0.0) for index in range(19)]
    assert len(batches(outputs)) == 8
    assert requests.deadline() == 10.0
    requests.take(numbers[0], 4.0)
    assert len(batches(outputs)) == 8
    requests.take(numbers[1], 4.0)
    assert numbers_of(batches(outputs)[8]) == numbers[16:18]
    requests.take(numbers[2], 5.0)
    requests.take(numbers[3], 5.0)
    assert numbers_of(batches(outputs)[9]) == numbers[18:]


def test_a_batch_is_cancelled_with_the_last_of_its_requests() -> None:
    """As long as one is wanted the call goes on; a late answer to one that is not finds nothing (R3)."""
    requests, outputs = batching(3)
    one, two, three = (requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 0.0) for index in range(3))
    assert requests.cancel(one, 1.0)
    assert requests.cancel(two, 1.0)
    assert len(outputs) == 1
    assert requests.take(one, 1.0) is None
    assert requests.cancel(three, 2.0)
    assert outputs[1:] == [Cancel(batches(outputs)[0].batch_id)]
    assert len(requests) == 0
    assert requests.deadline() is None


def test_a_batch_whose_last_request_was_answered_is_over() -> None:
    """When the others were abandoned, the answer to the remaining one ends the call without cancelling it (R3)."""
    requests, outputs = batching(2)
    one, two = (requests.ask(Asker(f"private-{index}"), Purpose.SUBSCRIBE, 0.0) for index in range(2))
    requests.cancel(one, 1.0)
    assert requests.take(two, 1.0) is not None
    assert len(outputs) == 1
    assert requests.deadline() is None


def test_what_is_given_up_while_it_gathers_is_not_asked_for() -> None:
    """A batch holds what is wanted when it starts; an empty batch is dropped, and leaves no deadline (R3)."""
    requests, outputs = batching(3)
    one = requests.ask(Asker("private-a"), Purpose.SUBSCRIBE, 0.0)
    assert not requests.cancel(one, 0.001)
    assert requests.deadline() is None
    two = requests.ask(Asker("private-b"), Purpose.SUBSCRIBE, 5.0)
    three = requests.ask(Asker("private-c"), Purpose.SUBSCRIBE, 5.0)
    requests.cancel(two, 5.0)
    requests.handle_deadline(5.01)
    assert numbers_of(batches(outputs)[0]) == [three]


def test_a_batch_that_takes_too_long_is_given_up_as_a_whole() -> None:
    """One Cancel, and all waiting owners are notified; what was gathered meanwhile starts (R3)."""
    requests, outputs = batching(2)
    askers = [Asker(f"private-{index}") for index in range(18)]
    numbers = [requests.ask(asker, Purpose.SUBSCRIBE, 0.0) for asker in askers]
    requests.take(numbers[0], 1.0)
    assert requests.overdue(10.0) == [asker.name for asker in askers[1:16]]
    requests.handle_deadline(10.0)
    assert [asker.timed_out for asker in askers[:2]] == [[], [(Purpose.SUBSCRIBE, 10.0)]]
    cancelled = [output.request_id for output in outputs if isinstance(output, Cancel)]
    assert cancelled == [batch.batch_id for batch in batches(outputs)[:8]]
    assert numbers_of(batches(outputs)[8]) == numbers[16:]


def test_what_gathers_when_the_link_drops_starts_on_the_next() -> None:
    """No call starts without a socket id, and the moment's end sets no deadline meanwhile (R3)."""
    requests, outputs = batching(3)
    number = requests.ask(Asker("private-a"), Purpose.SUBSCRIBE, 0.0)
    requests.link_lost()
    assert requests.deadline() is None
    requests.handle_deadline(1.0)
    assert outputs == []
    requests.link_up("1.2")
    requests.handle_deadline(2.0)
    assert batches(outputs)[0].requests == (Authorize(number, "private-a", "1.2", Purpose.SUBSCRIBE),)


def test_a_thousand_channels_come_back_with_ten_calls() -> None:
    """A link that comes up with many wanted channels asks for a hundred at a time, eight at once (R3)."""
    core = Core(batch_size=100)
    core.up()
    names = [f"private-{index}" for index in range(1000)]
    for name in names:
        core.subscribe(name)
    for first in (0, 10):
        assert len(core.batches()) == first + 8
        for position in range(first, first + 10):
            for request in core.batches()[position].requests:
                core.answer(None, request)
                core.acknowledge(request.channel)
        assert [len(batch.requests) for batch in core.batches()[first:]] == [100] * 10
        assert {core.connection.subscription_state(name) for name in names} == {SubscriptionState.SUBSCRIBED}
        core.lose()
        core.back()
    assert {frame["data"]["auth"] for frame in core.sent} == {"key:1.1", "key:1.2"}


def test_a_key_is_asked_for_as_a_batch() -> None:
    """A refresh waits its moment too; its answer, and only its, opens what is held (R3, C6)."""
    core = Core(batch_size=100)
    core.up()
    core.subscribe()
    core.wait(0.01)
    core.answer(OLD, core.batches()[0].requests[0])
    core.acknowledge()
    core.receive(frame("e", CHANNEL, sealed(NEW, "x")))
    assert len(core.batches()) == 1
    core.wait(0.01)
    (request,) = core.batches()[1].requests
    assert request.purpose is Purpose.REFRESH
    core.answer(NEW, request)
    assert core.names()[-1] == "e"


def test_one_of_a_batch_may_be_refused_alone() -> None:
    """Refusals and answers of one batch are distinguished by number, and affect one channel each (R3, R7)."""
    core = Core(batch_size=100)
    core.up()
    for name in ("private-a", "private-b", "private-c"):
        core.subscribe(name)
    core.wait(0.01)
    refused, later, granted = core.batches()[0].requests
    for request, status in ((refused, 403), (later, 503)):
        error = AuthorizationError(request.channel, status=status)
        core.connection.authorization_failed(
            request.request_id, error, retryable=status == 503, retry_after=7.0, now=core.now
        )
    core.answer(None, granted)
    core.acknowledge("private-c")
    states = [core.connection.subscription_state(request.channel).value for request in core.batches()[0].requests]
    assert states == ["failed", "authorizing", "subscribed"]
    core.wait(6.9)
    assert len(core.batches()) == 1
    core.wait(0.2)
    assert [request.channel for request in core.batches()[1].requests] == ["private-b"]


def test_a_drop_cancels_the_batch_and_its_late_answers_are_ignored() -> None:
    """They were signed for a socket that is gone; the next link asks anew (R3)."""
    core = Core(batch_size=100)
    core.up()
    for name in ("private-a", "private-b"):
        core.subscribe(name)
    core.wait(0.01)
    (old,) = core.batches()
    core.lose()
    assert Cancel(old.batch_id) in core.outputs
    core.back()
    core.wait(0.01)
    core.answer(None, old.requests[0])
    assert core.sent == []
    assert [request.socket_id for request in core.batches()[1].requests] == ["1.2", "1.2"]


def names_of(batch: AuthorizeBatch) -> str:
    """Return the last letters of a batch's channels."""
    return "".join(request.channel[-1] for request in batch.requests)


def test_a_refused_batch_is_asked_again_in_halves() -> None:
    """Halves keep the order and the numbers, run at once, and have their own deadline (R7, 6.6)."""
    requests, outputs = batching(5)
    askers = [Asker(f"private-{letter}") for letter in "abcde"]
    numbers = [requests.ask(asker, Purpose.SUBSCRIBE, 0.0) for asker in askers]
    requests.split(batches(outputs)[0].batch_id, 4.0)
    halves = batches(outputs)[1:]
    assert [numbers_of(half) for half in halves] == [numbers[:2], numbers[2:]]
    assert requests.deadline() == 14.0
    for number in numbers:
        assert requests.take(number, 5.0) is not None
    assert (len(requests), requests.deadline()) == (0, None)


def test_halving_ends_with_each_channel_alone() -> None:
    """One bad channel of 100 costs 15 calls in all, and 100 bad ones 199: at most 2n - 1 (R7, 6.6)."""
    cases: list[tuple[range, int]] = [(range(7, 8), 15), (range(100), 199), (range(0), 1)]
    for bad, expected in cases:
        requests, outputs = batching(100)
        for number in range(100):
            requests.ask(Asker(f"private-{number}"), Purpose.SUBSCRIBE, 0.0)
        refused: list[str] = []
        done = 0
        while done < len(batches(outputs)):
            batch = batches(outputs)[done]
            done += 1
            if any(request.channel == f"private-{number}" for request in batch.requests for number in bad):
                if len(batch.requests) > 1:
                    requests.split(batch.batch_id, 0.0)
                    continue
                refused += [request.channel for request in batch.requests]
            for request in batch.requests:
                assert requests.take(request.request_id, 0.0) is not None
        assert (set(refused), len(refused), done) == ({f"private-{number}" for number in bad}, len(bad), expected)
        assert len(requests) == 0


def test_two_requests_for_one_channel_stay_in_one_half() -> None:
    """A key and a subscription of one channel are one entry of the batch, as its answers have only the name (6.6)."""
    requests, outputs = batching(3)
    for letter, purpose in (("a", Purpose.SUBSCRIBE), ("b", Purpose.SUBSCRIBE), ("a", Purpose.REFRESH)):
        requests.ask(Asker(f"private-{letter}"), purpose, 0.0)
    requests.split(batches(outputs)[0].batch_id, 0.0)
    assert [names_of(half) for half in batches(outputs)[1:]] == ["aa", "b"]


def test_halves_take_places_like_other_calls() -> None:
    """At most eight calls run; halves start before what waits, and only what is still wanted is asked again (R3)."""
    requests, outputs = batching(2)
    numbers = [requests.ask(Asker(f"private-{number}"), Purpose.SUBSCRIBE, 0.0) for number in range(20)]
    requests.split(batches(outputs)[0].batch_id, 0.0)
    requests.split(batches(outputs)[1].batch_id, 0.0)
    assert [numbers_of(batch) for batch in batches(outputs)[8:]] == [[numbers[0]], [numbers[1]]]
    requests.cancel(numbers[2], 0.0)
    requests.cancel(numbers[0], 0.0)
    requests.cancel(numbers[1], 0.0)
    assert [numbers_of(batch) for batch in batches(outputs)[10:]] == [[numbers[3]], numbers[16:18]]


def test_the_refusal_of_a_batch_that_is_over_is_ignored() -> None:
    """It was cancelled meanwhile, or its link was lost (R3)."""
    requests, outputs = batching(2)
    numbers = [requests.ask(Asker(f"private-{letter}"), Purpose.SUBSCRIBE, 0.0) for letter in "ab"]
    for number in numbers:
        requests.cancel(number, 0.0)
    requests.split(batches(outputs)[0].batch_id, 0.0)
    assert (len(batches(outputs)), len(requests), requests.deadline()) == (1, 0, None)


def test_the_core_asks_again_for_a_refused_batch() -> None:
    """Only the channel that is refused alone fails; the others are subscribed (R7, 6.6)."""
    core = Core(batch_size=100)
    core.up()
    for letter in "abc":
        core.subscribe(f"private-{letter}")
    core.wait(0.01)
    core.connection.batch_refused(core.batches()[0].batch_id, core.now)
    core.drain()
    assert [names_of(batch) for batch in core.batches()[1:]] == ["a", "bc"]
    core.answer(None, core.batches()[1].requests[0])
    core.connection.batch_refused(core.batches()[2].batch_id, core.now)
    core.drain()
    refused, granted = core.batches()[3].requests[0], core.batches()[4].requests[0]
    core.answer(None, granted)
    error = AuthorizationError(refused.channel, status=403)
    core.connection.authorization_failed(refused.request_id, error, retryable=False, retry_after=None, now=core.now)
    for letter in "ac":
        core.acknowledge(f"private-{letter}")
    states = [core.connection.subscription_state(f"private-{letter}").value for letter in "abc"]
    assert states == ["subscribed", "failed", "subscribed"]
