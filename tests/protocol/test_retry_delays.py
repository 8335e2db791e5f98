"""Which refusals end the attempts, and how the delays between them grow."""

from __future__ import annotations

import pytest

from pusher_client.exceptions import AuthorizationError, PusherError, SubscriptionError
from pusher_client.protocol.reconnect import ReconnectPolicy
from pusher_client.protocol.retry_delays import Attempts

FORBIDDEN = AuthorizationError("c", status=403)
FAILED = AuthorizationError("c", status=503)


def attempts(lots: float = 1.0, **policy: float) -> Attempts:
    """Return attempts whose random numbers are all the same."""
    return Attempts(ReconnectPolicy(**policy), lambda: lots)  # type: ignore[arg-type]  # floats for every number here


def after(
    some: Attempts,
    error: PusherError,
    *,
    established: bool = False,
    retryable: bool = False,
    retry_after: float | None = None,
) -> float | None:
    """Ask for the delay after a failure."""
    return some.next_after(error, established=established, retryable=retryable, retry_after=retry_after)


def test_the_first_success_decides_what_is_final() -> None:
    """Before it whatever cannot mend itself is final; after it only the second refusal in a row (R3)."""
    assert after(attempts(), FORBIDDEN) is None
    assert after(attempts(), SubscriptionError("c")) is None
    assert after(attempts(), FAILED, retryable=True) == 1.0
    some = attempts()
    assert after(some, SubscriptionError("c"), established=True) == 1.0
    assert after(some, FORBIDDEN, established=True) == 2.0
    assert after(some, FORBIDDEN, established=True) is None


@pytest.mark.parametrize(("status", "final"), [(401, True), (403, True), (404, False), (503, False), (None, False)])
def test_two_statuses_say_no(status: int | None, *, final: bool) -> None:
    """After a success only 401 and 403 end the attempts, and only the second of them (R3)."""
    some = attempts()
    error = AuthorizationError("c", status=status)
    assert after(some, error, established=True) is not None
    assert (after(some, error, established=True) is None) is final


@pytest.mark.parametrize("between", ["authorized", "start_anew"])
def test_a_refusal_counts_until_somebody_says_yes(between: str) -> None:
    """An authorization, or another link, makes the next refusal a first one again (R3)."""
    some = attempts()
    assert after(some, FORBIDDEN, established=True) is not None
    getattr(some, between)()
    assert after(some, FORBIDDEN, established=True) is not None


def test_the_second_attempt_comes_a_second_later() -> None:
    """However little was drawn, a refusal is not asked about again at once (R3)."""
    assert after(attempts(0.0, base=0.01), FORBIDDEN, established=True) == 1.0


def test_delays_grow_to_the_cap_and_begin_anew() -> None:
    """Each is drawn from the upper half of its range, and never less than a tenth of a second (R2)."""
    some = attempts(base=1.0, factor=2.0, cap=3.0)
    assert [some.delay() for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]
    some.reset_delay()
    assert some.delay() == 1.0
    assert attempts(0.0).delay() == 0.5
    assert attempts(0.0, base=0.0).delay() == 0.1


def test_what_the_other_side_asks_is_honoured_up_to_the_cap() -> None:
    """Retry-After may lengthen a delay, not beyond the cap, nor beyond a second where the cap is less (R3)."""
    assert after(attempts(), FAILED, retryable=True, retry_after=5) == 5
    assert after(attempts(cap=3.0), FAILED, retryable=True, retry_after=5) == 3.0
    assert after(attempts(cap=0.5), FAILED, retryable=True, retry_after=5) == 1.0
