"""Asking the caller's authorizer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from pusher_client import AuthorizationError, ChannelAuthorization
from pusher_client.authorizing import ask_authorizer


class Hostile(Mapping[str, Any]):
    """A mapping that raises when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise LookupError

    def __iter__(self) -> Iterator[str]:
        raise LookupError

    def __len__(self) -> int:
        return 1


async def ask(outcome: object) -> ChannelAuthorization | tuple[AuthorizationError, bool]:
    """Ask an authorizer that returns or raises this."""

    async def authorize(_channel: str, _socket_id: str) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return await ask_authorizer(authorize, "private-a", "1.2")


async def test_answers_of_both_kinds_are_taken() -> None:
    """A ChannelAuthorization as it is, a mapping after it was read and checked (design 2)."""
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
    """What may mend itself is told apart, every error names the channel, and no value is repeated (R3, C3)."""
    outcome = await ask(raised)
    assert not isinstance(outcome, ChannelAuthorization)
    error, again = outcome
    assert (error.channel, again) == ("private-a", retryable)
    assert "canary" not in str(error)


async def test_what_any_other_exception_was_is_kept_as_the_cause() -> None:
    """The caller's own mistake can be found from the error (design 2)."""
    cause = KeyError("x")
    outcome = await ask(cause)
    assert isinstance(outcome, tuple)
    assert outcome[0].__cause__ is cause


async def test_an_error_that_is_raised_for_several_channels_names_each() -> None:
    """An authorizer may keep one error, and raise it whenever it refuses (R7)."""
    refusal = AuthorizationError(None, status=403)

    async def refuse(_channel: str, _socket_id: str) -> object:
        raise refusal

    for name in ("private-a", "private-b"):
        outcome = await ask_authorizer(refuse, name, "1.1")
        assert isinstance(outcome, tuple)
        assert str(outcome[0]).startswith(f"{name}: ")


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
    assert isinstance(outcome, tuple)
    assert (outcome[0].status, outcome[0].retry_after, outcome[1]) == read
