"""Checks the callables that the caller configures: they must be async and take the arguments they get (design.md 2)."""

from __future__ import annotations

import functools
import inspect
from typing import Any, get_origin

__all__ = ["check_async_callable"]

_AWAITABLE = ("Awaitable", "Coroutine", "Future", "Task")


def check_async_callable(option: str, value: object, arguments: tuple[str, ...], example: str) -> None:
    """Check a callable of the caller's, as far as that is possible without a call. None is accepted.

    A lambda, and a function with an awaitable as its annotated result, may return the coroutine of another function.

    Args:
        option: The name of the option.
        value: What was given.
        arguments: The names of the positional arguments that it is called with.
        example: A value that works.

    Raises:
        TypeError: It is not callable, not async, a generator function, or takes other arguments.
    """
    if value is None:
        return
    usage = f"({', '.join(arguments)}), as {example}"
    if not callable(value):
        raise TypeError(f"{option} is an async callable {usage}")
    function = _function(value)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{option} is a generator function: use 'return' in place of 'yield', {usage}")
    if inspect.isfunction(function) and not _is_mock_of_coroutine(value) and not _may_return_an_awaitable(function):
        raise TypeError(f"{option} is a plain function: define it with 'async def' {usage}")
    try:
        inspect.signature(value).bind(*arguments)
    except TypeError:
        problem = TypeError(f"{option} takes other arguments than {usage}")
    except ValueError:  # some builtins have no signature
        return
    else:
        return
    raise problem


def _function(value: Any) -> Any:
    """Return the function that runs when a callable is called."""
    while True:
        if isinstance(value, functools.partial):
            value = value.func
        elif inspect.ismethod(value):
            value = value.__func__
        elif inspect.isfunction(value) or inspect.isclass(value):
            return value
        else:
            return type(value).__call__


def _is_mock_of_coroutine(value: object) -> bool:
    """Return whether it is an ``AsyncMock``, whose call is a plain function that returns a coroutine."""
    flags = getattr(getattr(value, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and bool(flags & inspect.CO_COROUTINE)


def _may_return_an_awaitable(function: Any) -> bool:
    if inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(function):
        return True
    if function.__name__ == "<lambda>":
        return True
    result = function.__annotations__.get("return")
    name = result if isinstance(result, str) else getattr(get_origin(result) or result, "__name__", "")
    return name.partition("[")[0].rpartition(".")[2] in _AWAITABLE
