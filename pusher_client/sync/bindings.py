"""Binding plain functions, which run on the thread for handlers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pusher_client.sync.thread import ClientThread

__all__ = ["Bindable", "is_plain", "threaded"]

_H = TypeVar("_H", bound=Callable[[Any], object])


class _Target(Protocol):
    """What the asyncio client offers for binding: a client, a channel, the connection or the user."""

    def bind(self, event: str, cb: Callable[[Any], Any]) -> object: ...
    def unbind(self, event: str | None = None, cb: Callable[[Any], Any] | None = None) -> None: ...
    def bind_global(self, cb: Callable[[Any], Any]) -> object: ...
    def unbind_global(self, cb: Callable[[Any], Any] | None = None) -> None: ...


class _ThreadedHandler:
    """An async handler that runs a plain one on the thread for handlers; equal to another of the same function."""

    __slots__ = ("_thread", "callback")

    def __init__(self, thread: ClientThread, callback: Callable[[Any], object]) -> None:
        self._thread = thread
        self.callback: Callable[[Any], object] = callback

    async def __call__(self, value: Any) -> None:
        await self._thread.handle(self.callback, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ThreadedHandler) and other.callback == self.callback

    def __hash__(self) -> int:
        return hash(self.callback)

    def __repr__(self) -> str:
        return repr(self.callback)


def threaded(thread: ClientThread, callback: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return the async handler that runs a plain function on the thread for handlers.

    Raises:
        TypeError: ``callback`` cannot be called, or is async or a generator function.
    """
    if not callable(callback):
        raise TypeError("the handler must be a function of one argument")
    if not is_plain(callback):
        raise TypeError("a handler of the synchronous client is a plain function; pusher_client takes async ones")
    return _ThreadedHandler(thread, callback)


def is_plain(callback: object) -> bool:
    """Return whether a callable is a plain one: neither an async nor a generator function, nor a partial of such."""
    inner: Any = callback
    while isinstance(inner, functools.partial):
        inner = inner.func
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return not any(kind(function) for kind in kinds for function in (inner, type(inner).__call__))


class Bindable:
    """Handlers by event name, with the names and the meaning of the asyncio client.

    Args:
        thread: The client's threads.
        target: The object of the asyncio client on which the handlers are bound.
    """

    def __init__(self, thread: ClientThread, target: _Target) -> None:
        self._thread = thread
        self._target = target

    def bind(self, event: str, cb: Callable[[Any], object] | None = None) -> Any:
        """Call ``cb`` with every event of this name; without ``cb`` return a decorator.

        Args:
            event: The event's full name, as ``order-created`` or ``pusher:gap``.
            cb: A plain function of one argument. It runs on the thread for handlers.

        Returns:
            The callback, so that it can be unbound later.

        Raises:
            TypeError: ``event`` is not a string, or ``cb`` is not a plain function.
        """
        if not isinstance(event, str):
            raise TypeError("bind() takes the event's name first: bind('name', callback)")
        if cb is None:
            return functools.partial(self._bound, event)
        return self._bound(event, cb)

    def unbind(self, event: str | None = None, cb: Callable[[Any], object] | None = None) -> None:
        """Unbind what matches every argument given; without any, all callbacks bound by name."""
        callback = None if cb is None else _ThreadedHandler(self._thread, cb)
        self._thread.call(self._target.unbind, event, callback)

    def bind_global(self, cb: Callable[[Any], object] | None = None) -> Any:
        """Call ``cb`` with every event; without ``cb`` return a decorator."""
        return self._bound_global if cb is None else self._bound_global(cb)

    def unbind_global(self, cb: Callable[[Any], object] | None = None) -> None:
        """Unbind this callback from all events, or without an argument every callback bound so."""
        callback = None if cb is None else _ThreadedHandler(self._thread, cb)
        self._thread.call(self._target.unbind_global, callback)

    def _bound(self, event: str, callback: _H) -> _H:
        self._thread.call(self._target.bind, event, threaded(self._thread, callback))
        return callback

    def _bound_global(self, callback: _H) -> _H:
        self._thread.call(self._target.bind_global, threaded(self._thread, callback))
        return callback
