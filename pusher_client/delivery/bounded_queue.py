"""A bounded queue that counts the items it refuses (promises R5 and R6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pusher_client.events import DecryptionFailure, Event, Member
from pusher_client.protocol.byte_budget import ByteBudget, data_bytes, flat_object_bytes, text_bytes, value_bytes
from pusher_client.protocol.checks import is_integer

__all__ = ["EVENT_OVERHEAD", "BoundedQueue", "check_queue_size", "event_bytes"]

EVENT_OVERHEAD = 512
"""Estimated bytes of a queued event besides its text."""

_FEW = 8
_SIMPLE = frozenset({str, int, float, bool, type(None)})

_T = TypeVar("_T")


def event_bytes(event: Event) -> int:
    """Return the estimated bytes of a queued event, its decoded data included."""
    name, raw = event.name, event.raw
    if not raw:
        return EVENT_OVERHEAD + text_bytes(name) + _textless_bytes(event.data)
    if not (raw.isascii() and name.isascii()):
        return EVENT_OVERHEAD + text_bytes(name) + data_bytes(raw)
    # The same sum for the usual case, without counting values in the text, which would double the cost of a push.
    values = _few_values(event.data)
    if values is None:
        return EVENT_OVERHEAD + len(name) + data_bytes(raw)
    return EVENT_OVERHEAD + len(name) + flat_object_bytes(raw, values)


def _textless_bytes(data: object) -> int:
    """Return the estimated bytes of data without raw text: that of markers and of the protocol's events."""
    match data:
        case DecryptionFailure(event_name=name, raw=raw):
            return text_bytes(name) + text_bytes(raw)
        case Member(id=id_, info=info):
            return text_bytes(id_) + value_bytes(info)
        case _:
            return value_bytes(data)


def _few_values(data: Any) -> int | None:
    """Return the number of values in a small flat object; None for other data."""
    if data.__class__ is not dict or len(data) > _FEW:
        return None
    for value in data.values():
        if value.__class__ not in _SIMPLE:
            return None
    return len(data)


class BoundedQueue(Generic[_T]):
    """A first-in, first-out queue. When it is full it refuses the newest item, and later queues one loss marker.

    Consecutive refusals are one *run*. It ends when the next item is accepted or when the reader reaches it. Then one
    marker is queued: after the items from before the run, and before those accepted after it.

    Args:
        limit: The number of items held. Markers are not counted: there is at most one more of them than of items.
        budget: The budget of bytes, shared with the client's other queues.

    Attributes:
        refused: Number of refusals in the current run.
        dropped: Number of refusals since the queue was created.
    """

    __slots__ = ("_budget", "_count", "_items", "_limit", "dropped", "refused")

    def __init__(self, limit: int, budget: ByteBudget) -> None:
        self._limit = limit
        self._budget = budget
        self._count = 0
        # Created on first use: most queues of a client with many channels stay empty, and a deque takes 600 bytes.
        self._items: deque[tuple[int, _T]] | None = None
        self.refused: int = 0
        self.dropped: int = 0

    @property
    def readable(self) -> bool:
        """Whether ``take`` returns something."""
        return bool(self._items) or self.refused > 0

    def push(self, item: _T, size: int) -> bool:
        """Queue an item and return True, or count it as refused and return False.

        Args:
            item: The item.
            size: Bytes to take from the budget until the item is read; at least 1.
        """
        budget = self._budget
        used = budget.used + size  # computed here, without a call per event
        if self._count >= self._limit or used > budget.limit:
            self.refuse()
            return False
        budget.used = used
        if self.refused:
            self.end_run()
        items = self._items
        if items is None:
            items = self._items = deque()
        items.append((size, item))
        self._count += 1
        return True

    def push_always(self, item: _T, size: int) -> None:
        """Queue an item that the queue must not refuse."""
        if self.refused:
            self.end_run()
        self._budget.used += size
        self._append(size, item)
        self._count += 1

    def refuse(self) -> None:
        """Count one more refusal of the run."""
        self.refused += 1
        self.dropped += 1

    def end_run(self) -> None:
        """End the run of refusals and queue its marker."""
        refused, self.refused = self.refused, 0
        self._append(0, self._marker(refused))

    def take(self) -> _T:
        """Take the next item or marker.

        Raises:
            IndexError: The queue is empty.
        """
        item = self.take_queued()
        return self._take_run() if item is None else item

    def take_queued(self) -> _T | None:
        """Take the next queued item or marker; None if there is none, or only a run of refusals."""
        items = self._items
        if not items:
            return None
        size, item = items.popleft()
        if size:
            self._count -= 1
            self._budget.used -= size
        return item

    def queued(self) -> tuple[list[_T], int]:
        """Return the queued items without taking them, markers excluded, and the sum of their sizes."""
        items = [each for each in self._items or () if each[0]]
        return [item for _, item in items], sum(size for size, _ in items)

    def take_first(self, wanted: Callable[[_T], bool]) -> _T | None:
        """Take the first item of this kind, markers excluded; None if there is none."""
        items = self._items
        if items is None:
            return None
        for index, (size, item) in enumerate(items):
            if size and wanted(item):
                del items[index]
                self._count -= 1
                self._budget.used -= size
                return item
        return None

    def clear(self) -> list[_T]:
        """Empty the queue, a run of refusals included, and return its items."""
        items, self._items = self._items, None
        self._count = self.refused = 0
        if not items:
            return []
        self._budget.give(sum(size for size, _ in items))
        return [item for _, item in items]

    def take_over(self, earlier: BoundedQueue[_T]) -> None:
        """Move all items of an earlier queue with the same budget to the front of this one."""
        if earlier.refused:
            earlier.end_run()
        items, earlier._items = earlier._items, None
        if items:
            items.extend(self._items or ())
            self._items = items
        self._count += earlier._count
        earlier._count = 0

    def _marker(self, refused: int) -> _T:
        """Return the marker of a run of this many refusals; called once for each run, when it ends."""
        raise NotImplementedError

    def _append(self, size: int, item: _T) -> None:
        if self._items is None:
            self._items = deque()
        self._items.append((size, item))

    def _take_run(self) -> _T:
        if not self.refused:
            raise IndexError("the queue is empty")
        refused, self.refused = self.refused, 0
        return self._marker(refused)


def check_queue_size(size: int) -> int:
    """Return ``size`` if it is a valid size of a queue.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is smaller than 1.
    """
    if not is_integer(size):
        raise TypeError("queue_size must be an integer, the number of events that a queue holds")
    if size < 1:
        raise ValueError(f"queue_size must be at least 1, not {size}: queues are always bounded")
    return size
