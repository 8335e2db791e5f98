"""Asking the caller's authorizer."""

from __future__ import annotations

import asyncio
import functools
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from pusher_client import AuthorizationError, ChannelAuthorization
from pusher_client.authorization.network_errors import EndpointConnectionError, EndpointTimeoutError
from pusher_client.authorization.outcomes import BatchRefused, Outcome, Refused, ask_authorizer, ask_batch_authorizer
from tests.support.canaries import texts_of_chain


class Hostile(Mapping[str, Any]):
    """A mapping that raises when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise LookupError

    def __iter__(self) -> Iterator[str]:
        raise LookupError

    def __len__(self) -> int:
        return 1


async def ask(outcome: object) -> Outcome:
    """Ask an authorizer that returns or raises this."""

    async def authorize(_channel: str, _socket_id: str) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return await ask_authorizer(authorize, "private-a", "1.2")


async def test_answers_of_both_kinds_are_taken() -> None:
    """A ChannelAuthorization as it is, a mapping after it was read and checked (design.md 2)."""
    own = ChannelAuthorization("k:s")
    assert await ask(own) is own
    assert await ask({"auth": "k:s"}) == own


@pytest.mark.parametrize(
    ("raised", "retryable"),
    [
        (AuthorizationError(None, status=403), False),
        (AuthorizationError(None, status=503), True),
        (OSError(), True),
        (TimeoutError(), True),
        (httpx.ConnectError("canary"), True),
        (ValueError("canary"), False),
        (asyncio.CancelledError(), False),
        (Hostile(), False),
        ({"auth": "canary", "shared_secret": "canary"}, False),
        (None, False),
    ],
)
async def test_failures_are_sorted(raised: object, *, retryable: bool) -> None:
    """Only errors that may be temporary are retried, every error names the channel, and shows no value (R3, C3)."""
    outcome = await ask(raised)
    assert isinstance(outcome, Refused)
    assert (outcome.error.channel, outcome.retryable) == ("private-a", retryable)
    assert "canary" not in str(outcome.error)


async def test_a_mapping_that_raises_is_shown_to_nobody() -> None:
    """The cause is kept without the frames that read the answer, which hold it (C3)."""

    class Answer(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return self[key]

    outcome = await ask(Answer(auth="KEY:canary"))
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.error.__cause__, KeyError)
    assert "canary" not in texts_of_chain(outcome.error, __file__)


@pytest.mark.parametrize("batch", [False, True])
async def test_what_an_authorizer_was_made_of_is_shown_to_nobody(*, batch: bool) -> None:
    """A token that a partial holds is in no frame of ours; the caller's own frames are kept (C3)."""

    async def authorize(_token: str, _channels: object, _socket_id: str) -> object:
        raise LookupError

    ours = functools.partial(authorize, "canary")
    if batch:
        found = await ask_batch_authorizer(ours, ["private-a"], "1.1")
        assert isinstance(found, dict)
        outcome = found["private-a"]
    else:
        outcome = await ask_authorizer(ours, "private-a", "1.1")
    assert isinstance(outcome, Refused)
    assert "canary" not in texts_of_chain(outcome.error, __file__)
    cause = outcome.error.__cause__
    assert cause is not None
    assert [frame.name for frame in traceback.extract_tb(cause.__traceback__)] == ["authorize"]


async def test_what_any_other_exception_was_is_kept_as_the_cause() -> None:
    """The caller's own mistake can be found from the error (design.md 2)."""
    cause = KeyError("x")
    outcome = await ask(cause)
    assert isinstance(outcome, Refused)
    assert outcome.error.__cause__ is cause


async def test_an_error_that_is_raised_for_several_channels_names_each() -> None:
    """An authorizer may keep one error, and raise it whenever it refuses (R7)."""
    refusal = AuthorizationError(None, status=403)

    async def refuse(_channel: str, _socket_id: str) -> object:
        raise refusal

    for name in ("private-a", "private-b"):
        outcome = await ask_authorizer(refuse, name, "1.1")
        assert isinstance(outcome, Refused)
        assert str(outcome.error).startswith(f"{name}: ")


async def test_a_cancelled_request_stays_cancelled() -> None:
    """Our own cancellation is not swallowed (R7)."""

    async def hang(_channel: str, _socket_id: str) -> object:
        return await asyncio.Event().wait()

    task = asyncio.ensure_future(ask_authorizer(hang, "private-a", "1.2"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("status", "retry_after", "read"),
    [
        (503, 5, (503, 5.0, True)),
        (503, 0.2, (503, 0.2, True)),
        ("503", "5", (503, 5.0, True)),
        (503, "soon", (503, None, True)),
        (503, float("nan"), (503, None, True)),
        (503, -1, (503, None, True)),
        (503, 10**400, (503, None, True)),
        (503, True, (503, None, True)),
        ([], None, (None, None, False)),
        ("9" * 5000, None, (None, None, False)),
    ],
)
async def test_numbers_of_the_callers_code_are_read_or_left_out(status: Any, retry_after: Any, read: object) -> None:
    """A header passed on as it was, or nonsense, must not cost the channel its answer (R3, R7)."""
    outcome = await ask(AuthorizationError("private-a", status=status, retry_after=retry_after))
    assert isinstance(outcome, Refused)
    assert (outcome.error.status, outcome.error.retry_after, outcome.retryable) == read


# -- batches ------------------------------------------------------------------------------------------------------


def returning(outcome: object) -> Callable[[Sequence[str], str], Awaitable[object]]:
    """Return a batch authorizer that returns or raises this."""

    async def authorize(_channels: Sequence[str], _socket_id: str) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return authorize


async def ask_batch(outcome: object, *channels: str) -> dict[str, Outcome]:
    """Ask a batch authorizer that returns or raises this."""
    found = await ask_batch_authorizer(returning(outcome), channels, "1.2")
    assert isinstance(found, dict)
    return found


def refusal(outcome: Outcome) -> tuple[AuthorizationError, bool]:
    """Return what is not an authorization."""
    assert isinstance(outcome, Refused)
    return outcome.error, outcome.retryable


async def test_each_channel_of_a_batch_has_its_own_outcome() -> None:
    """Authorizations, mappings, refusals, junk and what is missing do not affect one another (R7)."""
    own, refused = ChannelAuthorization("k:s"), AuthorizationError("elsewhere", "no", status=403)
    answers = {
        "a": own,
        "b": {"auth": "k:t"},
        "c": refused,
        "d": AuthorizationError(None, status=503, retry_after=7),
        "e": 5,
        "f": Hostile(),
        "g": {"auth": "canary", "shared_secret": "canary"},
        "unasked": own,
    }
    found = await ask_batch(answers, *"abcdefgh")
    assert list(found) == list("abcdefgh")
    assert found["a"] is own
    assert found["b"] == ChannelAuthorization("k:t")
    errors = {channel: refusal(outcome) for channel, outcome in list(found.items())[2:]}
    assert all(error.channel == channel for channel, (error, _) in errors.items())
    assert [(error.status, error.retry_after, again) for error, again in errors.values()] == [
        (403, None, False),
        (503, 7.0, True),
        *[(None, None, False)] * 4,
    ]
    assert str(errors["c"][0]) == "c: no (status 403)"
    assert "lacks the channel" in str(errors["h"][0])
    assert refused.channel == "elsewhere"
    assert "canary" not in "".join(str(error) for error, _ in errors.values())


@pytest.mark.parametrize(
    ("raised", "status", "retryable"),
    [
        (AuthorizationError(None, status=403), 403, False),
        (AuthorizationError("a", status=503), 503, True),
        (OSError(), None, True),
        (TimeoutError(), None, True),
        (httpx.ConnectError("canary"), None, True),
        (ValueError("canary"), None, False),
        (asyncio.CancelledError(), None, False),
        (None, None, False),
        ([ChannelAuthorization("canary:s")], None, False),
        (Hostile(), None, False),
    ],
)
async def test_what_concerns_all_of_a_batch(raised: object, status: int | None, *, retryable: bool) -> None:
    """A final error is asked again in halves and applies to a channel alone; others apply to each channel (R3, C3)."""
    found = await ask_batch_authorizer(returning(raised), ["a", "b"], "1.2")
    if isinstance(found, BatchRefused):
        assert not retryable
        assert (found.error.channel, found.error.status) == (None, status)
        assert "canary" not in str(found.error)
        found = await ask_batch(raised, "a") | await ask_batch(raised, "b")
    errors = [refusal(outcome) for outcome in found.values()]
    assert [(error.channel, error.status, again) for error, again in errors] == [
        ("a", status, retryable),
        ("b", status, retryable),
    ]
    assert "canary" not in str(errors[0][0])


async def test_the_mistake_of_a_batch_authorizer_is_kept_as_the_cause() -> None:
    """The caller's own mistake can be found from the error of any channel (design.md 2)."""
    cause = KeyError("x")
    found = await ask_batch_authorizer(returning(cause), ["a", "b"], "1.2")
    assert isinstance(found, BatchRefused)
    assert found.error.__cause__ is cause
    alone = await ask_batch(cause, "a")
    assert refusal(alone["a"])[0].__cause__ is cause


async def test_no_error_of_a_batch_shows_what_the_others_got() -> None:
    """The frames that read the answers, which hold all of them, hang on no error (C3)."""
    answers: dict[str, object] = {
        "a": Hostile(),
        "b": {"auth": "canary", "shared_secret": "canary"},
        "c": AuthorizationError("c"),
        "d": "canary",
    }
    for outcome in (await ask_batch(answers, *"abcde")).values():
        report = traceback.TracebackException.from_exception(refusal(outcome)[0], capture_locals=True)
        assert "canary" not in "".join(report.format())


async def test_a_cancelled_batch_stays_cancelled() -> None:
    """Our own cancellation is not swallowed (R7)."""

    async def hang(_channels: Sequence[str], _socket_id: str) -> object:
        return await asyncio.Event().wait()

    task = asyncio.ensure_future(ask_batch_authorizer(hang, ["private-a"], "1.2"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("batch", [False, True])
async def test_a_string_with_json_is_named(*, batch: bool) -> None:
    """An authorizer that returns the body as text, in place of what json.loads() gives, learns the cure (6.1, C3)."""
    body = '{"auth":"KEY:canary"}'
    if batch:
        outcome = (await ask_batch({"a": body}, "a"))["a"]
    else:

        async def authorize(_channel: str, _socket_id: str) -> str:
            return body

        outcome = await ask_authorizer(authorize, "a", "1.2")
    error, retryable = refusal(outcome)
    assert (error.channel, retryable) == ("a", False)
    assert "returned a string with JSON in it: return the mapping itself, as json.loads() gives it" in str(error)
    assert "canary" not in str(error)


@pytest.mark.parametrize("raised", [EndpointConnectionError("the request failed"), EndpointTimeoutError("too late")])
async def test_messages_of_an_endpoint_are_kept(raised: Exception) -> None:
    """They are the library's own words; such an error is retried (R3)."""
    error, retryable = refusal((await ask_batch(raised, "a"))["a"])
    assert str(error) == f"a: {raised}"
    assert retryable
