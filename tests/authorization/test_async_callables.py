"""The check of the callables that the caller configures."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pusher_client import HTTPAuthorizer, PusherClient
from pusher_client.authorization.async_callables import check_async_callable


async def good(_channel: str, _socket_id: str) -> dict[str, str]:
    return {}


def plain(_channel: str, _socket_id: str) -> dict[str, str]:
    return {}


def passing_on(channel: str, socket_id: str) -> Awaitable[dict[str, str]]:
    return good(channel, socket_id)


def future(_channel: str, _socket_id: str) -> asyncio.Future[Any]:
    raise AssertionError


@functools.wraps(good)
def wrapped(*arguments: Any) -> Any:
    return good(*arguments)


def unannotated(_channel, _socket_id):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as in untyped programs
    return {}


def generator(_channel: str, _socket_id: str) -> Iterator[int]:
    yield 1


async def async_generator(_channel: str, _socket_id: str) -> AsyncIterator[int]:
    yield 1


async def one(_channel: str) -> None:
    pass


async def by_keyword(_channel: str, _socket_id: str, *, tenant: str) -> None:
    del tenant


class Object:
    """Callable in both ways."""

    async def __call__(self, _channel: str, _socket_id: str) -> None:
        pass

    async def method(self, _channel: str, _socket_id: str) -> None:
        pass

    def plain_method(self, _channel: str, _socket_id: str) -> None:
        pass


class PlainObject:
    """Callable, but not async."""

    def __call__(self, _channel: str, _socket_id: str) -> None:
        pass


@pytest.mark.parametrize(
    "value",
    [
        None,
        good,
        passing_on,
        future,
        wrapped,
        lambda channel, socket_id: good(socket_id, channel),
        functools.partial(by_keyword, tenant="a"),
        functools.partial(functools.partial(good)),
        Object(),
        Object().method,
        AsyncMock(),
        HTTPAuthorizer("https://example.com/"),
    ],
)
def test_what_may_be_async_is_accepted(value: Any) -> None:
    """Every async callable, and one that may pass on the coroutine of another (design.md 2)."""
    check_async_callable("authorizer", value, ("channel_name", "socket_id"), "HTTPAuthorizer(url)")


def test_a_builtin_for_params_is_called_without_arguments() -> None:
    """What has no signature gets no argument (6.3)."""
    builtin: Any = type
    HTTPAuthorizer("https://example.com/", params=builtin)


def test_a_builtin_without_a_signature_is_accepted() -> None:
    """What cannot be examined is called (design.md 2)."""
    check_async_callable("authorizer", type, ("channel_name", "socket_id"), "HTTPAuthorizer(url)")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("https://example.com/auth", "is an async callable"),
        (plain, "is a plain function: define it with 'async def'"),
        (unannotated, "is a plain function"),
        (functools.partial(plain), "is a plain function"),
        (Object().plain_method, "is a plain function"),
        (PlainObject(), "is a plain function"),
        (generator, "is a generator function"),
        (async_generator, "is a generator function"),
        (one, "takes other arguments"),
        (by_keyword, "takes other arguments"),
        (lambda: good("", ""), "takes other arguments"),
    ],
)
def test_what_cannot_work_is_refused_at_construction(value: Any, words: str) -> None:
    """A TypeError names the option, the cure and an example (design.md 2)."""
    make: Callable[..., Any] = functools.partial(PusherClient, "KEY", cluster="eu")
    with pytest.raises(TypeError) as caught:
        make(authorizer=value)
    assert str(caught.value).startswith("authorizer ")
    assert words in str(caught.value)
    assert "(channel_name, socket_id), as HTTPAuthorizer(url)" in str(caught.value)
