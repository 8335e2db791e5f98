"""Credentials that many requests share."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from pusher_client import AuthorizationError, Credentials, HTTPAuthorizer
from tests.support.canaries import texts_of_error
from tests.support.scripted_endpoint import Received, json_answer, serve_endpoint
from tests.support.scripted_server import scripted

NAMES = [f"private-{number}" for number in range(200)]


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that credentials go by."""
    clock = Clock()
    monkeypatch.setattr("pusher_client.authorization.credentials.monotonic", clock)
    return clock


class Tokens:
    """A fetch that counts, and can be held back.

    Attributes:
        count: How many fetches were started.
        cancelled: How many were cancelled.
        gate: Set while fetches are answered.
        outcome: What is returned with the token, or raised.
    """

    def __init__(self, outcome: object = None) -> None:
        self.count = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.outcome = outcome

    async def __call__(self) -> Any:
        self.count += 1
        token = {"Authorization": f"canary-{self.count}"}
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return token if self.outcome is None else (token, self.outcome)


def token(number: int) -> dict[str, str]:
    return {"Authorization": f"canary-{number}"}


async def turns() -> None:
    """Let everything that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


# -- how often it fetches -----------------------------------------------------------------------------------------


async def test_requests_at_the_same_time_share_a_fetch() -> None:
    """However many need the value at once, it is fetched once, and kept (6.7)."""
    tokens = Tokens()
    credentials = Credentials(tokens)
    found = await asyncio.gather(*(credentials() for _ in range(200)))
    assert found == [token(1)] * 200
    assert await credentials() is found[0]
    assert tokens.count == 1


async def test_a_plain_fetch() -> None:
    """The callable need not be async (6.7)."""
    assert await Credentials(lambda: {"a": "b"})() == {"a": "b"}


@pytest.mark.parametrize(("outcome", "lifetime"), [(60, None), (None, 60.0), (60.0, 5)])
async def test_what_has_expired_is_never_handed_out(
    outcome: float | None, lifetime: float | None, clock: Clock
) -> None:
    """It is good for as long as its fetch says, or else for ``lifetime`` (6.7)."""
    tokens = Tokens(outcome)
    credentials = Credentials(tokens, lifetime=lifetime)
    assert await credentials() == token(1)
    clock.now += 59.9
    assert await credentials() == token(1)
    clock.now += 0.1
    assert await asyncio.gather(*(credentials() for _ in range(2))) == [token(2)] * 2
    assert tokens.count == 2


async def test_without_a_lifetime_it_is_good_until_it_is_invalidated(clock: Clock) -> None:
    """Time alone changes nothing then (6.7)."""
    tokens = Tokens()
    credentials = Credentials(tokens)
    await credentials()
    clock.now += 1e9
    assert await credentials() == token(1)
    credentials.invalidate()
    assert await credentials() == token(2)


async def test_its_time_counts_from_the_start_of_the_fetch(clock: Clock) -> None:
    """Its lifetime starts with the fetch; a value that came too late is a time-out, and not kept (6.7)."""
    tokens = Tokens(60)
    tokens.gate.clear()
    credentials = Credentials(tokens)
    asking = asyncio.ensure_future(credentials())
    await turns()
    clock.now += 60
    tokens.gate.set()
    with pytest.raises(TimeoutError, match="had expired when they came"):
        await asking
    assert await credentials() == token(2)


async def test_a_value_that_is_no_longer_current_is_not_forgotten_again() -> None:
    """Several requests refused with one value cost one fetch (6.7)."""
    tokens = Tokens()
    credentials = Credentials(tokens)
    first = await credentials()
    credentials.invalidate(first)
    second = await credentials()
    credentials.invalidate(first)
    assert await credentials() is second
    assert tokens.count == 2


async def test_invalidating_makes_a_running_fetch_old() -> None:
    """Who waits for it gets its value, and who comes later another (6.7)."""
    tokens = Tokens()
    tokens.gate.clear()
    credentials = Credentials(tokens)
    before = asyncio.ensure_future(credentials())
    await turns()
    credentials.invalidate()
    after = asyncio.ensure_future(credentials())
    await turns()
    tokens.gate.set()
    assert (await before, await after) == (token(1), token(2))
    assert await credentials() == token(2)


# -- when it fails ------------------------------------------------------------------------------------------------


async def test_a_failure_is_everybodys_who_waits_and_not_kept() -> None:
    """The next request starts another fetch (6.7)."""
    tokens = Tokens(LookupError("no"))
    credentials = Credentials(tokens)
    found = await asyncio.gather(*(credentials() for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [LookupError] * 3
    assert tokens.count == 1
    tokens.outcome = None
    assert await credentials() == token(2)


async def test_a_refusal_is_an_error_of_its_own_for_everyone() -> None:
    """The channel is put into it, which must not be another's (R7)."""
    credentials = Credentials(Tokens(AuthorizationError(None, "no", status=503, retry_after=2.0)))
    one, other = await asyncio.gather(credentials(), credentials(), return_exceptions=True)
    assert isinstance(one, AuthorizationError)
    assert one is not other
    assert (one.channel, one.message, one.status, one.retry_after) == (None, "no", 503, 2.0)


async def test_a_failed_refresh_does_not_bring_the_old_value_back(clock: Clock) -> None:
    """What has expired stays so (6.7)."""
    tokens = Tokens(60)
    credentials = Credentials(tokens)
    await credentials()
    clock.now += 60
    tokens.outcome = OSError("no")
    for _ in range(2):
        with pytest.raises(OSError, match="no") as caught:
            await credentials()
        assert "canary" not in texts_of_error(caught.value, __file__)


@pytest.mark.parametrize("raised", [TimeoutError("mine"), None])
async def test_a_fetch_takes_no_longer_than_its_timeout(raised: Exception | None) -> None:
    """It is cancelled, and its waiters get the error; a TimeoutError of the caller's function is passed on (R6)."""
    tokens = Tokens(raised)
    if raised is None:
        tokens.gate.clear()
    credentials = Credentials(tokens, timeout=10 if raised else 0.01)
    with pytest.raises(TimeoutError, match="mine" if raised else "not fetched within 0.01 s"):
        await credentials()
    assert tokens.cancelled == (raised is None)


# -- who waits ----------------------------------------------------------------------------------------------------


async def test_a_waiter_that_leaves_costs_the_others_nothing() -> None:
    """Only when the last one has left is the fetch cancelled, and the next request starts another (R6)."""
    tokens = Tokens()
    tokens.gate.clear()
    credentials = Credentials(tokens)
    first, second = asyncio.ensure_future(credentials()), asyncio.ensure_future(credentials())
    await turns()
    first.cancel()
    await turns()
    assert (first.cancelled(), tokens.cancelled) == (True, 0)
    tokens.gate.set()
    assert await second == token(1)
    credentials.invalidate()
    tokens.gate.clear()
    last = asyncio.ensure_future(credentials())
    await turns()
    last.cancel()
    await asyncio.sleep(0)  # otherwise an eager task would join the fetch before the last one leaves it
    next_one = asyncio.ensure_future(credentials())
    await turns()
    assert tokens.cancelled == 1
    tokens.gate.set()
    assert await next_one == token(3)


async def test_an_error_that_nobody_waits_for_is_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    """A fetch that fails while it is cancelled leaves no warning of the event loop's (R6)."""
    caplog.set_level(logging.DEBUG)

    async def fetch() -> Mapping[str, str]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LookupError("canary") from None
        raise AssertionError

    asking = asyncio.ensure_future(Credentials(fetch)())
    await turns()
    asking.cancel()
    await turns()
    del asking
    assert "canary" not in caplog.text


def test_one_event_loop_after_another() -> None:
    """The value goes from one to the next; a fetch that a loop left behind does not (design.md 2)."""
    tokens = Tokens()
    credentials = Credentials(tokens)
    assert asyncio.run(_call(credentials)) == token(1)
    assert asyncio.run(_call(credentials)) == token(1)
    credentials.invalidate()
    loop = asyncio.new_event_loop()
    tokens.gate = asyncio.Event()
    left = loop.create_task(_call(credentials))
    for _ in range(5):
        loop.run_until_complete(asyncio.sleep(0))
    gate, tokens.gate = tokens.gate, asyncio.Event()
    tokens.gate.set()
    assert asyncio.run(_call(credentials)) == token(3)
    gate.set()
    assert loop.run_until_complete(left) == token(2)
    loop.close()
    assert asyncio.run(_call(credentials)) == token(3)


async def _call(credentials: Credentials) -> Mapping[str, str]:
    return await credentials()


# -- with an endpoint ---------------------------------------------------------------------------------------------


async def test_two_hundred_channels_fetch_once_per_expiry(clock: Clock) -> None:
    """At the start, and after a drop when the value has expired meanwhile (6.7, R3)."""
    tokens = Tokens(60)

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        good = request.headers["authorization"] == f"canary-{tokens.count}"
        await json_answer({"auth": "KEY:s"}, "200 OK" if good else "500 No")(request, writer)

    async with scripted() as peer, serve_endpoint(script) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, headers=Credentials(tokens))
        async with peer.client(authorizer=authorizer) as client:
            await asyncio.gather(*(client.subscribe(name) for name in NAMES))
            assert tokens.count == 1
            clock.now += 61
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 400)
    assert tokens.count == 2
    assert len(endpoint.requests) == 400


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_refused_value_is_replaced_for_the_second_attempt(status: str) -> None:
    """Re-subscribing with a token that was revoked costs one fetch, and no channel (R3, 6.7)."""
    tokens = Tokens()
    revoked: set[str] = set()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        refused = request.headers["authorization"] in revoked
        await json_answer({"auth": "KEY:s"}, status if refused else "200 OK")(request, writer)

    async with scripted() as peer, serve_endpoint(script) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, headers=Credentials(tokens))
        async with peer.client(authorizer=authorizer) as client:
            await asyncio.gather(*(client.subscribe(name) for name in NAMES[:20]))
            revoked.add("canary-1")
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 40)
    assert tokens.count == 2


@pytest.mark.parametrize("status", ["404 Not Found", "429 Too Many", "500 No"])
async def test_other_failures_are_not_the_values(status: str) -> None:
    """Only 401 and 403 say anything about it (6.7)."""
    tokens = Tokens()
    async with serve_endpoint(json_answer({}, status)) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, params=Credentials(tokens))
        for _ in range(2):
            with pytest.raises(AuthorizationError) as caught:
                await authorizer("private-a", "1.2")
            assert "canary" not in texts_of_error(caught.value, __file__)
    assert tokens.count == 1


async def test_ending_the_client_ends_the_fetch() -> None:
    """Nothing runs on when the last waiter has left (R6)."""
    tokens = Tokens()
    tokens.gate.clear()
    async with scripted() as peer:
        async with peer.client(authorizer=HTTPAuthorizer("https://127.0.0.1:1", headers=Credentials(tokens))) as client:
            subscribing = asyncio.gather(*(client.subscribe(name) for name in NAMES), return_exceptions=True)
            while not tokens.count:
                await asyncio.sleep(0.001)
        await subscribing
    assert (tokens.count, tokens.cancelled) == (1, 1)


# -- mistakes and secrets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (None, TypeError, "a mapping of strings, not NoneType"),
        ("canary", TypeError, "a mapping of strings, not str"),
        ({"a": b"canary"}, TypeError, "must be strings"),
        ({1: "canary"}, TypeError, "must be strings"),
        (({"a": "canary"},), TypeError, "a pair"),
        (({"a": "canary"}, 1, 2), TypeError, "a pair"),
        (({"a": "canary"}, "60"), TypeError, "number of seconds"),
        (({"a": "canary"}, True), TypeError, "number of seconds"),
        (({"a": "canary"}, 0), ValueError, "positive"),
        (({"a": "canary"}, float("nan")), ValueError, "positive"),
    ],
)
async def test_what_a_fetch_may_not_return(returned: Any, error: type[Exception], words: str) -> None:
    """The mistake is named, no value is repeated, and nothing is kept (C3)."""
    credentials = Credentials(lambda: returned)
    for _ in range(2):
        with pytest.raises(error, match=words) as caught:
            await credentials()
        assert "canary" not in texts_of_error(caught.value, __file__)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"fetch": {"a": "canary"}}, TypeError),
        ({"lifetime": "60"}, TypeError),
        ({"lifetime": 0}, ValueError),
        ({"lifetime": float("inf")}, ValueError),
        ({"timeout": None}, TypeError),
        ({"timeout": -1}, ValueError),
    ],
)
def test_mistakes_are_found_at_construction(options: dict[str, Any], error: type[Exception]) -> None:
    """They are raised at once (design.md 2)."""
    fetch: Callable[[], Awaitable[Any]] = options.pop("fetch", Tokens())
    with pytest.raises(error) as caught:
        Credentials(fetch, **options)
    assert "canary" not in str(caught.value)


async def test_repr_and_pickle() -> None:
    """The values are in no repr and in no pickle, and a returned mapping cannot be changed (C3)."""
    credentials = Credentials(Tokens())
    value: Any = await credentials()
    assert repr(credentials) == "<Credentials>"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(credentials)
    with pytest.raises(TypeError):
        value["Authorization"] = "another"
