"""What a lost link calls for, and when to connect again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.reconnect import (
    Backoff,
    OpenFailure,
    ReconnectPolicy,
    Retry,
    close_reason,
    retry_after_close,
    retry_after_open_failure,
)

ALWAYS_RETRIED = [code for code in (None, *range(1000, 5000)) if code is None or not 4000 <= code < 4100]


def shortest() -> float:
    """Draw the shortest delay every time."""
    return 0.0


def longest() -> float:
    """Draw the longest delay every time."""
    return 1.0


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, Retry.BACKOFF),  # the link broke without a code
        (1000, Retry.BACKOFF),
        (1001, Retry.BACKOFF),
        (1002, Retry.BACKOFF),
        (1003, Retry.BACKOFF),
        (1004, Retry.BACKOFF),
        (1005, Retry.BACKOFF),
        (1006, Retry.BACKOFF),
        (1009, Retry.BACKOFF),
        (1011, Retry.BACKOFF),
        (3999, Retry.BACKOFF),
        (4000, Retry.NEVER),  # TLS required
        (4001, Retry.NEVER),  # the application does not exist
        (4002, Retry.NEVER),
        (4003, Retry.NEVER),  # the application is disabled
        (4004, Retry.NEVER),  # over the connection quota
        (4005, Retry.NEVER),
        (4006, Retry.NEVER),
        (4007, Retry.NEVER),
        (4008, Retry.NEVER),
        (4009, Retry.NEVER),  # unauthorized
        (4010, Retry.NEVER),
        (4099, Retry.NEVER),
        (4100, Retry.SLOW_BACKOFF),  # over capacity
        (4199, Retry.SLOW_BACKOFF),
        (4200, Retry.AT_ONCE),
        (4201, Retry.AT_ONCE),  # no pong
        (4202, Retry.AT_ONCE),  # inactive
        (4299, Retry.AT_ONCE),
        (4300, Retry.BACKOFF),
        (4301, Retry.BACKOFF),
        (4302, Retry.BACKOFF),
        (4399, Retry.BACKOFF),
        (4999, Retry.BACKOFF),
        (-1, Retry.BACKOFF),
        (10**30, Retry.BACKOFF),
    ],
)
def test_close_codes_are_read_by_their_range(code: int | None, expected: Retry) -> None:
    """4000 to 4099 are final, 41xx backs off, 42xx connects at once, everything else backs off (R2)."""
    assert retry_after_close(code, ever_connected=False) is expected


def test_only_the_range_of_refusals_is_final() -> None:
    """Any other close, clean ones included, is followed by a reconnect (R2)."""
    for code, before in itertools.product(ALWAYS_RETRIED, (False, True)):
        assert retry_after_close(code, ever_connected=before) is not Retry.NEVER


def test_a_quota_is_fatal_only_before_the_first_connection() -> None:
    """4004 is retried at the cap once there was a connection; the other refusals stay final (R2)."""
    assert retry_after_close(4004, ever_connected=True) is Retry.AT_CAP
    for code in set(range(4000, 4100)) - {4004}:
        assert retry_after_close(code, ever_connected=True) is Retry.NEVER


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OpenFailure.CERTIFICATE, None),
        (OpenFailure.UNUSABLE, None),
        (OpenFailure.OPTION, None),
        (OpenFailure.TLS, None),
        *((OpenFailure.HTTP, status) for status in (300, 301, 302, 307, 308, 399, 401, 403, 404, 407)),
    ],
)
def test_refused_upgrades_are_final_at_first_and_then_retried_at_the_cap(
    failure: OpenFailure, status: int | None
) -> None:
    """A wrong certificate, a redirect or a refusal raises at first, and is retried at the cap later (R2, C5)."""
    assert retry_after_open_failure(failure, status, ever_connected=False) is Retry.NEVER
    assert retry_after_open_failure(failure, status, ever_connected=True) is Retry.AT_CAP


@pytest.mark.parametrize("ever_connected", [False, True])
@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OpenFailure.NETWORK, None),
        (OpenFailure.NOT_YET_VALID, None),
        (OpenFailure.HTTP, None),
        *((OpenFailure.HTTP, status) for status in (200, 299, 400, 408, 429, 500, 502, 503, 599)),
    ],
)
def test_passing_trouble_backs_off(failure: OpenFailure, status: int | None, *, ever_connected: bool) -> None:
    """A network that is down or a server that is busy is tried again with backoff, for ever (R2)."""
    assert retry_after_open_failure(failure, status, ever_connected=ever_connected) is Retry.BACKOFF


@pytest.mark.parametrize(
    ("code", "reason", "tls", "expected"),
    [
        (4000, "SSL only", False, "the server requires TLS: connect with tls=True"),
        (4000, "SSL only", True, "the server closed the connection: SSL only"),
        (
            4001,
            "App key x not in this cluster",
            True,
            "the server closed the connection: App key x not in this cluster",
        ),
        (1006, "", False, "the server closed the connection"),
        (None, "", True, "the server closed the connection"),
        (None, "sending failed", True, "sending failed"),
    ],
)
def test_the_reason_names_the_cure_where_there_is_one(
    code: int | None, reason: str, expected: str, *, tls: bool
) -> None:
    """4000 without TLS says what to change; the server's words are passed on, and the client's own as its (R2)."""
    assert close_reason(code, reason, tls=tls) == expected


def test_the_longest_delay_doubles_up_to_the_cap() -> None:
    """Base 1 s, factor 2, cap 60 s (R2)."""
    backoff = Backoff(ReconnectPolicy(), longest)
    assert [backoff.next_connect(Retry.BACKOFF, 0.0) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_delays_are_drawn_from_zero_to_the_longest(lots: list[float]) -> None:
    """Full jitter: each delay is its lot's share of min(cap, base * factor ** failures) (R2)."""
    draws = iter(lots)
    backoff = Backoff(ReconnectPolicy(base=0.5, factor=3.0, cap=20.0), lambda: next(draws))
    for failures, lot in enumerate(lots):
        assert backoff.next_connect(Retry.BACKOFF, 100.0) == 100.0 + min(20.0, 0.5 * 3.0**failures) * lot


def test_a_cap_below_the_base_bounds_the_first_delay() -> None:
    """No delay is longer than the cap, the first one included (R2)."""
    assert Backoff(ReconnectPolicy(base=5.0, cap=2.0), longest).next_connect(Retry.BACKOFF, 0.0) == 2.0


def test_at_once_is_at_once_only_the_first_time() -> None:
    """42xx connects at once, and backs off when it is repeated (R2)."""
    backoff = Backoff(ReconnectPolicy(), longest)
    assert [backoff.next_connect(Retry.AT_ONCE, 5.0) for _ in range(4)] == [5.0, 6.0, 7.0, 9.0]


@pytest.mark.parametrize(("asked", "least"), [(None, 0.0), (6.0, 6.0), (3600.0, 60.0)])
def test_retry_after_of_the_server_is_honoured_up_to_the_cap(asked: float | None, least: float) -> None:
    """The drawn delay is added, so that clients do not all return in the same second (R2)."""
    assert Backoff(ReconnectPolicy(), shortest).next_connect(Retry.BACKOFF, 0.0, asked) == least
    assert Backoff(ReconnectPolicy(), longest).next_connect(Retry.BACKOFF, 0.0, asked) == least + 1.0


def test_slow_backoff_waits_a_second_at_least() -> None:
    """41xx waits for a second, and then as long as after any other code, so that a crowd is spread out (R2)."""
    backoff = Backoff(ReconnectPolicy(), shortest)
    assert [backoff.next_connect(Retry.SLOW_BACKOFF, 0.0) for _ in range(3)] == [1.0, 1.0, 1.0]
    backoff = Backoff(ReconnectPolicy(), longest)
    assert [backoff.next_connect(Retry.SLOW_BACKOFF, 0.0) for _ in range(3)] == [2.0, 3.0, 5.0]


@given(st.floats(0.0, 1.0))
def test_at_the_cap_means_between_half_of_it_and_all_of_it(lot: float) -> None:
    """What hardly mends itself is tried near the cap from the first time on (R2)."""
    backoff = Backoff(ReconnectPolicy(cap=60.0), lambda: lot)
    for _ in range(3):
        assert backoff.next_connect(Retry.AT_CAP, 7.0) == 7.0 + 30.0 * (1 + lot)


def test_a_stable_minute_starts_the_delays_anew() -> None:
    """A link that lasted stable_after seconds resets the delay, and the at-once that was spent (R2)."""
    backoff = Backoff(ReconnectPolicy(stable_after=60.0), longest)
    for _ in range(5):
        backoff.next_connect(Retry.AT_ONCE, 0.0)
    backoff.connected(100.0)
    assert backoff.next_connect(Retry.AT_ONCE, 160.0) == 160.0
    assert backoff.next_connect(Retry.BACKOFF, 161.0) == 162.0


def test_a_link_that_did_not_last_resets_nothing() -> None:
    """A server that takes the link and drops it soon does not undo the backoff (R2)."""
    backoff = Backoff(ReconnectPolicy(stable_after=60.0), longest)
    for _ in range(3):
        backoff.next_connect(Retry.BACKOFF, 0.0)
    backoff.connected(100.0)
    assert backoff.next_connect(Retry.BACKOFF, 159.9) == 159.9 + 8.0
    # The link of 100 s is over: time without one is not stable time.
    assert backoff.next_connect(Retry.BACKOFF, 900.0) == 900.0 + 16.0


def test_asking_to_connect_forgets_what_was() -> None:
    """A connect() of the caller starts from the first delay, with the window empty (R2)."""
    backoff = Backoff(ReconnectPolicy(max_per_minute=2), longest)
    for _ in range(4):
        backoff.connecting(0.0)
        backoff.next_connect(Retry.AT_ONCE, 0.0)
    assert backoff.next_connect(Retry.BACKOFF, 0.0) == 60.0
    backoff.reset()
    assert backoff.next_connect(Retry.AT_ONCE, 1.0) == 1.0
    assert backoff.next_connect(Retry.BACKOFF, 1.0) == 2.0


def connects(backoff: Backoff, retries: Iterator[Retry], until: float, *, lasting: float = 0.0) -> list[float]:
    """Connect in virtual time and lose each link after ``lasting`` seconds; return when the connects were."""
    now, times = 0.0, list[float]()
    while now < until:
        backoff.connecting(now)
        times.append(now)
        backoff.connected(now)
        now = backoff.next_connect(next(retries), now + lasting)
    return times


def most_in_a_minute(times: list[float]) -> int:
    """Return the largest number of connects that any 60 seconds saw, the last moment not included."""
    return max(sum(start <= time < start + 60.0 for time in times) for start in times)


@pytest.mark.parametrize("retry", [retry for retry in Retry if retry is not Retry.NEVER])
def test_an_hour_of_the_worst_luck_keeps_the_window(retry: Retry) -> None:
    """At most 12 connects in any sliding 60 s though every draw is zero, and still connecting after an hour (R2)."""
    times = connects(Backoff(ReconnectPolicy(), shortest), itertools.repeat(retry), 3600.0)
    assert most_in_a_minute(times) <= 12
    assert times[-1] >= 3600.0 - 60.0


def test_links_that_last_just_long_enough_keep_the_window_too() -> None:
    """A reset of the delays does not reset the window (R2)."""
    policy = ReconnectPolicy(stable_after=0.0)
    times = connects(Backoff(policy, shortest), itertools.repeat(Retry.AT_ONCE), 600.0, lasting=0.001)
    assert most_in_a_minute(times) == 12


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(list(Retry)[1:]), st.floats(0.0, 1.0), st.floats(0.0, 90.0)), max_size=60),
)
def test_no_mix_of_codes_and_draws_storms(most: int, losses: list[tuple[Retry, float, float]]) -> None:
    """Whatever codes, draws and lives of links come, no 60 s see more than max_per_minute connects (R2)."""
    lot = 0.0
    backoff = Backoff(ReconnectPolicy(max_per_minute=most), lambda: lot)
    now, times = 0.0, list[float]()
    for retry, drawn, lasting in losses:
        lot = drawn
        backoff.connecting(now)
        times.append(now)
        backoff.connected(now)
        lost = now + lasting
        now = backoff.next_connect(retry, lost)
        assert now >= lost
    assert not times or most_in_a_minute(times) <= most


@pytest.mark.parametrize("name", ["base", "factor", "cap", "stable_after", "max_per_minute"])
def test_a_policy_of_no_numbers_is_the_callers_mistake(name: str) -> None:
    """Text and booleans are a TypeError that names the option (R2)."""
    for value in ("1", True, None):
        with pytest.raises(TypeError, match=rf"ReconnectPolicy\.{name} "):
            ReconnectPolicy(**{name: value})  # type: ignore[arg-type]  # the mistake that is tested


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base", -0.1),
        ("base", float("nan")),
        ("cap", float("inf")),
        ("stable_after", -1),
        ("factor", -2.0),
        ("factor", 0.99),
        ("max_per_minute", 0),
        ("max_per_minute", 10**30),
    ],
)
def test_a_policy_out_of_range_is_the_callers_mistake(name: str, value: float) -> None:
    """A number that would storm or never connect is a ValueError that names the option (R2)."""
    with pytest.raises(ValueError, match=rf"ReconnectPolicy\.{name} must be"):
        ReconnectPolicy(**{name: value})  # type: ignore[arg-type]  # whole numbers and others alike


def test_half_a_connect_per_minute_is_no_number_of_connects() -> None:
    """The number of connects is whole (R2)."""
    with pytest.raises(TypeError, match="whole number"):
        ReconnectPolicy(max_per_minute=1.5)  # type: ignore[arg-type]  # the mistake that is tested
