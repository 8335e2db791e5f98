"""Calls that wait for a channel."""

from __future__ import annotations

from pusher_client.exceptions import SubscriptionError
from pusher_client.protocol.outputs import Output, Result
from pusher_client.protocol.pending_calls import Calls

ERROR = SubscriptionError("orders", "no")


def waiting(*calls: tuple[int, float]) -> tuple[Calls, list[Output]]:
    """Return calls that wait since the given times, and the list of their outputs."""
    outputs: list[Output] = []
    all_calls = Calls(30.0, outputs.append)
    for call, since in calls:
        all_calls.add(call, since)
    return all_calls, outputs


def test_every_call_gets_the_one_result() -> None:
    """In the order of the calls, and once (R3)."""
    calls, outputs = waiting((1, 0.0), (2, 1.0))
    assert len(calls) == 2
    calls.finish(None)
    calls.finish(ERROR)
    assert outputs == [Result(1, None), Result(2, None)]
    assert len(calls) == 0


def test_a_failure_reaches_every_call() -> None:
    """All waiting callers get the reason (R3)."""
    calls, outputs = waiting((1, 0.0), (2, 1.0))
    calls.finish(ERROR)
    assert outputs == [Result(1, ERROR), Result(2, ERROR)]


def test_an_abandoned_call_gets_nothing() -> None:
    """No caller waits for it any more; abandoning an unknown call has no effect (R3)."""
    calls, outputs = waiting((1, 0.0), (2, 1.0))
    calls.abandon(1)
    calls.abandon(1)
    calls.abandon(9)
    calls.finish(None)
    assert outputs == [Result(2, None)]


def test_each_call_waits_its_own_time() -> None:
    """A call fails when its time is over, and not before; the others go on waiting (R6)."""
    calls, outputs = waiting((1, 0.0), (2, 10.0))
    assert calls.deadline() == 30.0
    calls.expire(29.9, ERROR)
    assert outputs == []
    calls.expire(30.0, ERROR)
    assert outputs == [Result(1, ERROR)]
    assert calls.deadline() == 40.0
    calls.expire(100.0, ERROR)
    assert outputs == [Result(1, ERROR), Result(2, ERROR)]
    assert calls.deadline() is None


def test_the_deadline_goes_with_the_call() -> None:
    """Without the oldest call, the next one's deadline counts (R6)."""
    calls, _ = waiting((1, 0.0), (2, 10.0))
    calls.abandon(1)
    assert calls.deadline() == 40.0
