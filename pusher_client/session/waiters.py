"""The callers that wait: for the connection, for its end, for the result of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pusher_client.exceptions import PusherError

__all__ = ["Waiters"]

_T = TypeVar("_T")


class Waiters:
    """The futures of all callers that wait for one connection."""

    def __init__(self) -> None:
        self._connect: set[asyncio.Future[None]] = set()
        self._end: set[asyncio.Future[PusherError | None]] = set()
        self._results: dict[int, asyncio.Future[None]] = {}
        self._connecting = 0
        self._succeeded = False

    @property
    def nobody_connecting(self) -> bool:
        """Whether no call of ``connect()`` waits, and none has returned since `begin`."""
        return not self._connecting and not self._succeeded

    def begin(self) -> None:
        """Called when a connection starts."""
        self._succeeded = False

    async def wait_connected(self, begin: Callable[[], object], connected: Callable[[], bool]) -> None:
        """Wait until the connection is established.

        Args:
            begin: Starts what is waited for. Called when the wait has begun: handlers run within, and may end it.
            connected: Returns whether the connection is established.

        Raises:
            PusherError: The connection failed or was ended before.
        """
        self._connecting += 1
        future = _new_future(self._connect)
        try:
            begin()
            if not connected():
                await future
            self._succeeded = True
        finally:
            self._connecting -= 1
            future.cancel()

    async def wait_end(self) -> PusherError | None:
        """Wait until the connection has ended; return the error if it failed."""
        return await _new_future(self._end)

    def wait_result(self, call_id: int) -> asyncio.Future[None]:
        """Return the future of this call's result."""
        future = self._results[call_id] = asyncio.get_running_loop().create_future()
        return future

    def forget_result(self, call_id: int) -> None:
        """Drop a call whose caller waits no longer."""
        self._results.pop(call_id, None)

    def forget_all(self) -> None:
        """Drop all callers; their event loop is closed."""
        self._connect.clear()
        self._end.clear()
        self._results.clear()

    def finish_result(self, call_id: int, error: PusherError | None) -> None:
        """Let a call return, or raise the error."""
        future = self._results.pop(call_id, None)
        if future is not None:
            _finish(future, error)

    def finish_connect(self, error: PusherError | None) -> None:
        """Let all callers of `wait_connected` return, or raise the error."""
        for future in list(self._connect):
            _finish(future, error)

    def finish_end(self, error: PusherError | None) -> None:
        """Let all callers of `wait_end` return this."""
        for future in list(self._end):
            if not future.done():
                future.set_result(error)


def _new_future(waiters: set[asyncio.Future[_T]]) -> asyncio.Future[_T]:
    future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
    waiters.add(future)
    future.add_done_callback(waiters.discard)
    return future


def _finish(future: asyncio.Future[None], error: PusherError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
