"""Handlers by event name: ``bind`` and ``unbind`` with the names and meaning of pusher-js."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, overload

from pusher_client.delivery.unknown_names import warn_of_event_name
from pusher_client.events import Event
from pusher_client.protocol.names import is_application_event

__all__ = ["Bindable", "Binding", "Bindings", "Handler"]

Handler = Callable[[Event], object]
"""A handler: a plain or async callable with one event as its argument."""

_V = TypeVar("_V")
_R = TypeVar("_R")  # lets type checkers infer the parameter of a lambda


class Binding:
    """One callback at one place in the order. The same callback bound twice makes two bindings.

    Attributes:
        callback: The callable.
        is_async: Whether the callback returns an awaitable, as far as is known. A plain function that returns one
            counts as async from then on.
        event: The name that it is bound to; None for a callback of all events.
        removed: Whether it was unbound. Then it is not called with events that are still queued.
    """

    __slots__ = ("callback", "event", "is_async", "removed")

    def __init__(self, callback: Callable[[Any], object], event: str | None = None) -> None:
        self.callback: Callable[[Any], object] = callback
        self.event: str | None = event
        self.is_async: bool = _returns_awaitable(callback)
        self.removed: bool = False


class Bindings:
    """The callbacks of a channel, of the client, or of another source of named values.

    A tuple returned by ``matching`` never changes, so a handler that binds or unbinds affects later events only.
    """

    __slots__ = ("_global", "_named")

    def __init__(self) -> None:
        self._named: dict[str, tuple[Binding, ...]] = {}
        self._global: tuple[Binding, ...] = ()

    @property
    def bound(self) -> bool:
        """Whether a callback is bound."""
        return bool(self._named or self._global)

    @property
    def handles_application_events(self) -> bool:
        """Whether a callback is bound that application events of some name are given to."""
        return bool(self._global) or any(map(is_application_event, self._named))

    def matching(self, name: str) -> tuple[Binding, ...]:
        """Return the callbacks for an event: those of its name, then the global ones, each in the order of binding."""
        return self._named.get(name, ()) + self._global

    def add(self, event: str | None, callback: Callable[[Any], object]) -> None:
        """Add a callback for the events of one name; for all events if the name is None.

        Raises:
            TypeError: The callback is not callable, or is a generator function.
            RuntimeError: The client is connected in another event loop or thread.
        """
        if not callable(callback):
            raise TypeError("the callback must be a function of one argument, plain or async")
        if _is_any(callback, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            raise TypeError(
                "the callback contains 'yield', so that calling it runs nothing: write a function without it"
            )
        self._check_caller()
        binding = Binding(callback, event)
        if event is None:
            self._global = (*self._global, binding)
        else:
            self._check_name(event)
            self._named[event] = (*self._named.get(event, ()), binding)
        self._changed()
        self._added(binding)

    def remove_named(self, event: str | None, callback: Callable[[Any], object] | None) -> None:
        """Remove the callbacks that were added with a name and match all arguments that are not None.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._check_caller()
        for name in tuple(self._named) if event is None else (event,):
            kept = _without(self._named.get(name, ()), callback)
            if kept:
                self._named[name] = kept
            else:
                self._named.pop(name, None)
        self._changed()

    def remove_global(self, callback: Callable[[Any], object] | None) -> None:
        """Remove this callback from those for all events; with None, remove all of those.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._check_caller()
        self._global = _without(self._global, callback)
        self._changed()

    def _check_caller(self) -> None:
        """Called before each change. Subclasses raise an error if the caller runs in another event loop or thread."""

    def _check_name(self, name: str) -> None:
        """Log a warning if there is no event of this name."""
        warn_of_event_name(name)

    def _added(self, binding: Binding) -> None:
        """Called after a callback was added, and after ``_changed``."""

    def _changed(self) -> None:
        """Called after each change. Subclasses drop what they have cached."""


class BindDecorator(Protocol[_V]):
    """The decorator that ``bind`` returns without a callback."""

    def __call__(self, cb: Callable[[_V], _R], /) -> Callable[[_V], _R]:
        """Bind the decorated function, and return it."""
        ...


class Bindable(Generic[_V]):
    """An object with handlers. The handlers are stored in `Bindings` that outlive the object.

    A decorator refers to the object. Otherwise a channel without other references could be discarded before the
    function is decorated.
    """

    __slots__ = ()

    @property
    def _handlers(self) -> Bindings:
        raise NotImplementedError

    @overload
    def bind(self, event: str) -> BindDecorator[_V]: ...
    @overload
    def bind(self, event: str, cb: Callable[[_V], _R]) -> Callable[[_V], _R]: ...
    def bind(self, event: str, cb: Callable[[_V], object] | None = None) -> object:
        """Call ``cb`` with every event of this name; without ``cb`` return a decorator.

        For one event the handlers run one after another: the channel's of that name, the channel's global ones, the
        client's of that name, the client's global ones, each in the order of binding. Plain handlers run at once. If
        one of the handlers is async, all of them run in the channel's ordered worker.

        Args:
            event: The event's full name, such as ``order-created`` or ``pusher:subscription_succeeded``.
            cb: A plain or async function with one argument: an ``Event``; a plain value for ``client.connection``.

        Returns:
            The callback, for a later ``unbind``.

        Raises:
            TypeError: ``event`` is not a string, or ``cb`` is not callable or a generator function.
            RuntimeError: The client is connected in another event loop or thread.
        """
        if not isinstance(event, str):
            raise TypeError("bind() takes the event's name first: bind('name', callback), or @….bind('name')")
        return functools.partial(self._bind, event) if cb is None else self._bind(event, cb)

    def unbind(self, event: str | None = None, cb: Callable[[_V], object] | None = None) -> None:
        """Unbind the callbacks that match every argument given; without arguments, all callbacks bound by name.

        Args:
            event: Only those bound to this name.
            cb: Only this callback, also where it was bound more than once.
        """
        self._handlers.remove_named(event, cb)

    @overload
    def bind_global(self) -> BindDecorator[_V]: ...
    @overload
    def bind_global(self, cb: Callable[[_V], _R]) -> Callable[[_V], _R]: ...
    def bind_global(self, cb: Callable[[_V], object] | None = None) -> object:
        """Call ``cb`` with every event: those of the application and of the protocol, and the loss markers.

        Args:
            cb: A plain or async function with one argument, as for ``bind``; without it a decorator is returned.

        Returns:
            The callback, for a later ``unbind_global``.

        Raises:
            TypeError: ``cb`` is not callable, or is a generator function.
            RuntimeError: The client is connected in another event loop or thread.
        """
        return functools.partial(self._bind, None) if cb is None else self._bind(None, cb)

    def unbind_global(self, cb: Callable[[_V], object] | None = None) -> None:
        """Unbind this callback from all events; without an argument, every callback bound with ``bind_global``."""
        self._handlers.remove_global(cb)

    def _bind(self, event: str | None, callback: Callable[[_V], object]) -> Callable[[_V], object]:
        self._handlers.add(event, callback)
        return callback


def _without(bindings: tuple[Binding, ...], callback: Callable[[Any], object] | None) -> tuple[Binding, ...]:
    kept: list[Binding] = []
    for binding in bindings:
        # Compared by equality, because every access to obj.method creates another object, equal to the bound one.
        binding.removed = callback is None or binding.callback == callback
        if not binding.removed:
            kept.append(binding)
    return tuple(kept)


def _returns_awaitable(callback: Callable[[Any], object]) -> bool:
    return _is_any(callback, inspect.iscoroutinefunction)


def _is_any(callback: Callable[[Any], object], *kinds: Callable[[Any], bool]) -> bool:
    inner: Any = callback
    while isinstance(inner, functools.partial):
        inner = inner.func
    return any(kind(inner) or kind(type(inner).__call__) for kind in kinds)
