"""Plain functions as handlers (design.md 10)."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from pusher_client.sync.bindings import threaded
from pusher_client.sync.thread import ClientThread


def test_equal_and_named_as_the_function() -> None:
    """Handlers of one function are equal, so that ``unbind`` finds them, and show the function in messages."""

    def handle(_value: Any) -> None: ...

    thread = ClientThread()
    first, second, other = (threaded(thread, function) for function in (handle, handle, print))
    assert first == second
    assert first != other
    assert first != handle
    assert len({first, second, other}) == 2
    assert repr(first) == repr(handle)


def test_async_functions_are_found_inside() -> None:
    """A partial of an async function, and an object with an async ``__call__``, are refused as the function is."""

    async def handle(_value: Any) -> None: ...

    class Handler:
        async def __call__(self, _value: Any) -> None: ...

    for callback in (functools.partial(functools.partial(handle)), Handler()):
        with pytest.raises(TypeError, match="plain function"):
            threaded(ClientThread(), callback)
