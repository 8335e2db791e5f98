from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pusher_client.delivery.bindings import Bindable, Binding, Bindings
from pusher_client.events import Event


class Counting(Bindings):
    """A registry that counts how often it changed."""

    __slots__ = ("changes",)

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0

    def _changed(self) -> None:
        self.changes += 1


class Handle(Bindable[Any]):
    """A handle over a registry."""

    def __init__(self, registry: Bindings) -> None:
        self._registry = registry

    @property
    def _handlers(self) -> Bindings:
        return self._registry


def callbacks(registry: Bindings, name: str) -> list[Any]:
    return [binding.callback for binding in registry.matching(name)]


def one(_: object) -> None: ...


def two(_: object) -> None: ...


def three(_: object) -> None: ...


def test_order_of_binding() -> None:
    """The handlers of a name come first and the global ones after them, each in the order of binding (R4)."""
    registry = Bindings()
    registry.add(None, three)
    registry.add("a", two)
    registry.add("a", one)
    registry.add(None, two)
    assert callbacks(registry, "a") == [two, one, three, two]
    assert callbacks(registry, "b") == [three, two]


def test_duplicates_are_kept() -> None:
    """A callback bound twice is called twice, as in pusher-js; one unbind removes both (design.md 2)."""
    registry = Bindings()
    registry.add("a", one)
    registry.add("a", two)
    registry.add("a", one)
    assert callbacks(registry, "a") == [one, two, one]
    registry.remove_named("a", one)
    assert callbacks(registry, "a") == [two]


@pytest.mark.parametrize(
    ("arguments", "left_a", "left_b"),
    [
        ((), [], []),
        (("a",), [], [one, two]),
        ((None, one), [two], [two]),
        (("a", one), [two], [one, two]),
        (("c", one), [one, two], [one, two]),
        (("c",), [one, two], [one, two]),
    ],
)
def test_unbind_matches_every_argument(arguments: tuple[Any, ...], left_a: list[Any], left_b: list[Any]) -> None:
    """Everything that matches all arguments given is unbound; global handlers are not touched (design.md 2)."""
    registry = Bindings()
    for name in "ab":
        registry.add(name, one)
        registry.add(name, two)
    registry.add(None, three)
    Handle(registry).unbind(*arguments)
    assert callbacks(registry, "a") == [*left_a, three]
    assert callbacks(registry, "b") == [*left_b, three]


def test_arguments_by_name() -> None:
    """They are called ``event`` and ``cb`` (design.md 2)."""
    handle = Handle(registry := Bindings())
    handle.bind(event="a", cb=one)
    handle.bind(event="b", cb=two)
    handle.bind_global(cb=three)
    handle.unbind(cb=one)
    assert (callbacks(registry, "a"), callbacks(registry, "b")) == ([three], [two, three])
    handle.unbind_global(cb=three)
    assert callbacks(registry, "b") == [two]


def test_unbind_global() -> None:
    """Global handlers go one by one or all at once, and named ones stay (design.md 2)."""
    registry = Bindings()
    registry.add("a", three)
    registry.add(None, one)
    registry.add(None, two)
    registry.remove_global(one)
    assert callbacks(registry, "a") == [three, two]
    registry.remove_global(None)
    assert callbacks(registry, "a") == [three]


def test_methods_are_unbound_by_equality() -> None:
    """A bound method is another object at every look, and is found all the same (design.md 2)."""

    class Owner:
        def hear(self, _: object) -> None: ...

    owner, other, registry = Owner(), Owner(), Bindings()
    registry.add("a", owner.hear)
    registry.add("a", other.hear)
    registry.remove_named("a", owner.hear)
    assert callbacks(registry, "a") == [other.hear]


def test_a_list_handed_out_never_changes() -> None:
    """Binding and unbinding while a list runs touch later events only (R7)."""
    registry = Bindings()
    registry.add("a", one)
    handed_out = registry.matching("a")
    registry.add("a", two)
    registry.remove_named("a", one)
    assert [binding.callback for binding in handed_out] == [one]


def test_every_change_is_told() -> None:
    """An owner that remembers what matches is notified of each bind and unbind (R4)."""
    registry = Counting()
    registry.add("a", one)
    registry.add(None, one)
    registry.remove_named("a", None)
    registry.remove_global(one)
    assert registry.changes == 4


def test_bound_and_hears_application() -> None:
    """Handlers of the protocol's events and of markers do not count as the application's (design.md 9)."""
    registry = Bindings()
    assert (registry.bound, registry.handles_application_events) == (False, False)
    registry.add("pusher:decryption_failure", one)
    assert (registry.bound, registry.handles_application_events) == (True, False)
    registry.add("order", one)
    assert registry.handles_application_events
    registry.remove_named("order", None)
    registry.add(None, one)
    assert registry.handles_application_events
    registry.remove_named(None, None)
    assert registry.bound


@pytest.mark.parametrize("wrong", [one, None, 1])
def test_bind_needs_a_name(wrong: Any) -> None:
    """A decorator without the event's name is a TypeError that shows the right use (house rule 6)."""
    with pytest.raises(TypeError, match=r"event's name first"):
        Handle(Bindings()).bind(wrong)


def test_bind_needs_a_callable() -> None:
    """What cannot be called is refused at once (house rule 6)."""
    handle: Any = Handle(registry := Bindings())
    with pytest.raises(TypeError, match="function of one argument"):
        handle.bind("a", 1)
    with pytest.raises(TypeError, match="function of one argument"):
        handle.bind_global("a")
    assert not registry.bound


def generator_function(_: object) -> Iterator[None]:
    yield


async def async_generator_function(_: object) -> AsyncIterator[None]:
    yield


class GeneratorCallable:
    def __call__(self, _: object) -> Iterator[None]:
        yield


@pytest.mark.parametrize(
    "callback",
    [
        generator_function,
        async_generator_function,
        functools.partial(generator_function),
        GeneratorCallable(),
        GeneratorCallable().__call__,
    ],
)
def test_a_generator_function_is_refused(callback: Any) -> None:
    """Calling it would run nothing, so it is refused at bind, with the cure (design.md 10)."""
    handle = Handle(registry := Bindings())
    with pytest.raises(TypeError, match="contains 'yield'"):
        handle.bind("a", callback)
    with pytest.raises(TypeError, match="without it"):
        handle.bind_global()(callback)
    assert not registry.bound


async def coroutine_function(_: object, *_more: object) -> None: ...


class AsyncCallable:
    async def __call__(self, _: object) -> None: ...


class PlainCallable:
    def __call__(self, _: object) -> None: ...


@pytest.mark.parametrize(
    ("callback", "is_async"),
    [
        (one, False),
        (lambda event: event, False),
        (print, False),
        (PlainCallable(), False),
        (functools.partial(one), False),
        (functools.partial(PlainCallable()), False),
        (coroutine_function, True),
        (AsyncCallable(), True),
        (AsyncCallable().__call__, True),
        (functools.partial(coroutine_function, 1), True),
        (functools.partial(functools.partial(coroutine_function, 1), 2), True),
        (functools.partial(AsyncCallable()), True),
    ],
)
def test_async_is_recognised(callback: Any, is_async: bool) -> None:
    """Coroutine functions, methods, objects with an async call and partials of them are async (R4)."""
    assert Binding(callback).is_async is is_async


def test_a_mock_is_accepted() -> None:
    """An AsyncMock can be bound, whether Python shows that it is async or not (design.md 2)."""
    mock = AsyncMock()
    registry = Bindings()
    registry.add("a", mock)
    assert callbacks(registry, "a") == [mock]


def test_a_handle_binds_in_its_registry() -> None:
    """A handle's bind, unbind and their global forms are its registry's (design.md 2)."""
    registry = Bindings()
    handle = Handle(registry)

    def hear(_: Event) -> None: ...

    assert handle.bind("a", hear) is hear
    assert handle.bind("a")(two) is two
    assert handle.bind_global(hear) is hear
    assert handle.bind_global()(two) is two
    assert callbacks(registry, "a") == [hear, two, hear, two]
    handle.unbind("a", hear)
    handle.unbind_global(two)
    assert callbacks(registry, "a") == [two, hear]
    handle.unbind()
    handle.unbind_global()
    assert not registry.bound


def test_a_handle_checks_what_is_bound_and_hands_nothing_else_on() -> None:
    """The name at once, and the callback when the decorator gets it, as in the registry itself (house rule 6)."""
    handle: Any = Handle(registry := Bindings())
    with pytest.raises(TypeError, match="event's name first"):
        handle.bind(one)
    for decorate in (handle.bind("a"), handle.bind_global()):
        with pytest.raises(TypeError, match="function of one argument"):
            decorate(None)
    assert not registry.bound


@pytest.mark.parametrize("everything", [False, True])
def test_a_decorator_holds_its_handle(everything: bool) -> None:
    """Otherwise a channel without another reference is gone before the handler is defined (design.md 2)."""
    handle = Handle(Bindings())
    alive = weakref.ref(handle)
    decorate = handle.bind_global() if everything else handle.bind("a")
    del handle
    gc.collect()
    assert alive() is not None
    decorate(one)
    del decorate
    gc.collect()
    assert alive() is None


def test_a_handle_without_a_registry() -> None:
    """The mixin alone binds nothing, and raises an error."""
    with pytest.raises(NotImplementedError):
        Bindable[Any]().unbind()
