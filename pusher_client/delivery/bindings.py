"""Handlers by event name: ``bind`` and ``unbind`` with pusher-js's names and meaning."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from pusher_client.events import Event
from pusher_client.protocol.names import is_application_event

__all__ = ["Bindable", "Binding", "Bindings", "Handler"]

Handler = Callable[[Event], object]
"""What is bound: a plain or async callable of one event."""

_ANY = TypeVar("_ANY", bound=Callable[[Any], object])
_H = TypeVar("_H", bound=Handler)
_R = TypeVar("_R")  # with it a checker knows what a lambda's parameter is


class Binding:
    """One callback at one place in the order; binding the same callback twice makes two.

    Attributes:
        callback: What is called with the event.
        is_async: Whether calling it gives something to await, as far as is known: a plain function that is caught
            returning an awaitable counts as async from then on.
        event: The name that it is bound to; None for a callback of every event.
    """

    __slots__ = ("callback", "event", "is_async")

    def __init__(self, callback: Callable[[Any], object], event: str | None = None) -> None:
        self.callback: Callable[[Any], object] = callback
        self.event: str | None = event
        self.is_async: bool = _returns_awaitable(callback)


class Bindings:
    """The callbacks of a channel, of the client, or of any other source of named values.

    A list once handed out by ``matching`` never changes, so binding and unbinding inside a handler touch later events
    only.
    """

    __slots__ = ("_everything", "_named")

    def __init__(self) -> None:
        self._named: dict[str, tuple[Binding, ...]] = {}
        self._everything: tuple[Binding, ...] = ()

    @overload
    def bind(self, event: str) -> Callable[[_ANY], _ANY]: ...
    @overload
    def bind(self, event: str, cb: Callable[[Any], _R]) -> Callable[[Any], _R]: ...
    def bind(self, event: str, cb: _ANY | None = None) -> _ANY | Callable[[_ANY], _ANY]:
        """Call ``cb`` with every event of this name; without ``cb`` return a decorator.

        Args:
            event: The event's full name, as ``order-created`` or ``pusher:subscription_succeeded``.
            cb: Plain or async, called with one argument.

        Returns:
            The callback, so that it can be unbound later.

        Raises:
            TypeError: ``event`` is no string, or ``cb`` cannot be called.
        """
        _check_name(event)
        return functools.partial(self._bound, event) if cb is None else self._bound(event, cb)

    def unbind(self, event: str | None = None, cb: Callable[[Any], object] | None = None) -> None:
        """Unbind what matches every argument given; without any, all callbacks bound by name.

        Args:
            event: Only those bound to this name.
            cb: Only this callback, however often it was bound.
        """
        self._check_caller()
        for name in tuple(self._named) if event is None else (event,):
            kept = _without(self._named.get(name, ()), cb)
            if kept:
                self._named[name] = kept
            else:
                self._named.pop(name, None)
        self._changed()

    @overload
    def bind_global(self) -> Callable[[_ANY], _ANY]: ...
    @overload
    def bind_global(self, cb: Callable[[Any], _R]) -> Callable[[Any], _R]: ...
    def bind_global(self, cb: _ANY | None = None) -> _ANY | Callable[[_ANY], _ANY]:
        """Call ``cb`` with every event; without ``cb`` return a decorator.

        Args:
            cb: Plain or async, called with one argument.

        Returns:
            The callback, so that it can be unbound later.

        Raises:
            TypeError: ``cb`` cannot be called.
        """
        return self._bound_global if cb is None else self._bound_global(cb)

    def unbind_global(self, cb: Callable[[Any], object] | None = None) -> None:
        """Unbind this callback from all events, or without an argument every callback bound so."""
        self._check_caller()
        self._everything = _without(self._everything, cb)
        self._changed()

    @property
    def bound(self) -> bool:
        """Whether any callback is bound."""
        return bool(self._named or self._everything)

    @property
    def handles_application_events(self) -> bool:
        """Whether an application event of some name would be heard here."""
        return bool(self._everything) or any(map(is_application_event, self._named))

    def matching(self, name: str) -> tuple[Binding, ...]:
        """Return the callbacks for an event: those of its name, then the global ones, each in the order of binding."""
        return self._named.get(name, ()) + self._everything

    def _check_caller(self) -> None:
        """Be asked whether the calling code may bind and unbind; for subclasses that others reach directly."""

    def _changed(self) -> None:
        """Be told that something was bound or unbound; for subclasses that remember what matches."""

    def _bound(self, event: str, callback: _ANY) -> _ANY:
        self._check_caller()
        self._named[event] = (*self._named.get(event, ()), Binding(_checked(callback), event))
        self._changed()
        return callback

    def _bound_global(self, callback: _ANY) -> _ANY:
        self._check_caller()
        self._everything = (*self._everything, Binding(_checked(callback)))
        self._changed()
        return callback


class Bindable:
    """What can be bound to; the handlers themselves stand in a registry that outlives the handle.

    A decorator holds the handle, since the registry of one that was let go may be out of use before anything is bound.
    """

    __slots__ = ()

    @property
    def _handlers(self) -> Bindings:
        raise NotImplementedError

    @overload
    def bind(self, event: str) -> Callable[[_H], _H]: ...
    @overload
    def bind(self, event: str, cb: Callable[[Event], _R]) -> Callable[[Event], _R]: ...
    def bind(self, event: str, cb: Handler | None = None) -> object:
        """Call ``cb`` with every event of this name; without ``cb`` return a decorator.

        For one event the handlers run one after another: the channel's of that name, the channel's global ones, the
        client's of that name, the client's global ones, each in the order of binding. Plain ones run at once; with an
        async one among them the whole list runs in the channel's ordered worker.

        Args:
            event: The event's full name, as ``order-created`` or ``pusher:subscription_succeeded``.
            cb: Plain or async, called with one ``Event``.

        Returns:
            The callback, so that it can be unbound later.

        Raises:
            TypeError: ``event`` is no string, or ``cb`` cannot be called.
        """
        _check_name(event)
        return functools.partial(self._bound, event) if cb is None else self._bound(event, cb)

    def unbind(self, event: str | None = None, cb: Handler | None = None) -> None:
        """Unbind what matches every argument given; without any, all callbacks bound by name.

        Args:
            event: Only those bound to this name.
            cb: Only this callback, however often it was bound.
        """
        self._handlers.unbind(event, cb)

    @overload
    def bind_global(self) -> Callable[[_H], _H]: ...
    @overload
    def bind_global(self, cb: Callable[[Event], _R]) -> Callable[[Event], _R]: ...
    def bind_global(self, cb: Handler | None = None) -> object:
        """Call ``cb`` with every event: the application's, the protocol's and the markers of losses.

        Args:
            cb: Plain or async, called with one ``Event``; without it a decorator is returned.

        Returns:
            The callback, so that it can be unbound later.

        Raises:
            TypeError: ``cb`` cannot be called.
        """
        return self._bound_global if cb is None else self._bound_global(cb)

    def unbind_global(self, cb: Handler | None = None) -> None:
        """Unbind this callback from all events, or without an argument every callback bound so."""
        self._handlers.unbind_global(cb)

    def _bound(self, event: str, callback: _H) -> _H:
        self._handlers.bind(event, _checked(callback))
        return callback

    def _bound_global(self, callback: _H) -> _H:
        self._handlers.bind_global(_checked(callback))
        return callback


def _check_name(event: object) -> None:
    if not isinstance(event, str):
        raise TypeError("bind() takes the event's name first: bind('name', callback), or @….bind('name')")


def _checked(callback: _ANY) -> _ANY:
    if not callable(callback):
        raise TypeError("the callback must be a function of one argument, plain or async")
    return callback


def _without(bindings: tuple[Binding, ...], callback: Callable[[Any], object] | None) -> tuple[Binding, ...]:
    # By equality, because every look at obj.method makes another object, equal to the one that was bound.
    return () if callback is None else tuple(binding for binding in bindings if binding.callback != callback)


def _returns_awaitable(callback: Callable[[Any], object]) -> bool:
    inner: Any = callback
    while isinstance(inner, functools.partial):
        inner = inner.func
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)
