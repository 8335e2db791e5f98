"""How long after ``subscribe()`` a ``bind()`` counts as its next statement."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from typing import Protocol
from weakref import ref

__all__ = ["BindWindows", "WindowOwner"]

TURNS = 32
"""Turns of the event loop from the return of the last call to the statement behind it, with some to spare.

``gather()``, ``wait_for()``, tasks and task groups take two or three turns each.
"""


class WindowOwner(Protocol):
    """A channel's dispatcher, as far as windows use it; a window does not keep it alive."""

    def open_window(self) -> None:
        """Called when ``subscribe()`` starts."""
        ...

    def close_window(self) -> None:
        """Called when no ``bind()`` that follows this call can be outstanding."""
        ...


class BindWindows:
    """The calls of ``subscribe()`` of one client, and the windows that they have opened.

    A window stays open until all calls that were pending when its own call returned have returned too, because a
    ``gather()`` of them returns only then, and for some turns of the event loop after that.
    """

    __slots__ = ("_closing", "_loop", "_next_turn", "_numbers", "_pending", "_returned", "_turn")

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._turn = 0
        self._pending: dict[int, None] = {}
        # Each with the number of the last call that was pending when its own call returned.
        self._returned: deque[tuple[int, ref[WindowOwner]]] = deque()
        # Each with the turn in which its window is closed.
        self._closing: deque[tuple[int, ref[WindowOwner]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_turn: asyncio.Handle | None = None

    def start_call(self, owner: WindowOwner) -> int:
        """Open a window; return the number of the call."""
        owner.open_window()
        number = next(self._numbers)
        self._pending[number] = None
        return number

    def finish_call(self, number: int, owner: WindowOwner) -> None:
        """Called when the call has returned or raised: close its window soon."""
        self._pending.pop(number, None)
        self._returned.append((next(reversed(self._pending), 0), ref(owner)))
        first = next(iter(self._pending), None)
        while self._returned and (first is None or self._returned[0][0] < first):
            self._closing.append((self._turn + TURNS, self._returned.popleft()[1]))
        # A call of a closed event loop may end without a loop; the next call goes on with its window.
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if self._closing and self._loop is not loop:
                self._loop, self._next_turn = loop, loop.call_soon(self._count_turn)

    def close_all(self) -> None:
        """Close the windows of all calls that have returned: the client has disconnected."""
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._loop = self._next_turn = None
        self._pending.clear()
        self._closing.extend((0, owner) for _, owner in self._returned)
        self._returned.clear()
        while self._closing:
            self._close_first()

    def _count_turn(self) -> None:
        self._turn += 1
        while self._closing and self._closing[0][0] <= self._turn:
            self._close_first()
        loop = asyncio.get_running_loop()
        self._loop = loop if self._closing else None
        self._next_turn = loop.call_soon(self._count_turn) if self._closing else None

    def _close_first(self) -> None:
        owner = self._closing.popleft()[1]()
        if owner is not None:
            owner.close_window()
