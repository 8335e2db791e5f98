"""Headers or params that many requests share, fetched once and renewed when they expire (protocol-notes 6.7)."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from types import MappingProxyType
from typing import NoReturn, TypeAlias, cast

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.checks import seconds_problem
from pusher_client.tasks import create_task

__all__ = ["Credentials", "Fetched"]

Fetched: TypeAlias = Mapping[str, str] | tuple[Mapping[str, str], float]
"""Names and values, or a pair of these and the seconds for which they are valid, from the start of the fetch."""


class _Value:
    """A fetched value. Its repr, which error reports print, does not show it (promise C3)."""

    __slots__ = ("expires", "pairs")

    def __init__(self, pairs: Mapping[str, str], expires: float) -> None:
        self.pairs = pairs
        self.expires = expires


class _Fetch:
    """A running fetch, and the number of callers that wait for it."""

    __slots__ = ("task", "waiters")

    task: asyncio.Task[_Value]

    def __init__(self) -> None:
        self.waiters = 0


class Credentials:
    """A shared value such as an access token, to be passed as ``headers`` or ``params`` of an `HTTPAuthorizer`.

    ``fetch`` runs once for all requests that need the value at the same time. It runs again when the value has expired
    or was refused: an authorizer drops the value of a request that its endpoint answered with 401 or 403. An expired
    value is never used. A fetch that fails raises in every caller that waits for it, and the next request starts
    another one. A fetch is cancelled when its last caller is cancelled.

    Args:
        fetch: A plain or async callable without arguments. It returns a mapping of names to values, or a pair of the
            mapping and the seconds for which it is valid.
        lifetime: Seconds for which a mapping that comes without a number is valid; None for as long as the endpoint
            accepts it. Both are counted from the start of the fetch.
        timeout: Seconds that a fetch may take.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number of seconds is not positive.

    One object may be used in several event loops, one after another. The ``repr`` does not show the values, and
    pickling is refused. See protocol-notes 6.7.
    """

    __slots__ = ("_fetch", "_lifetime", "_running", "_timeout", "_value")

    def __init__(
        self,
        fetch: Callable[[], Fetched | Awaitable[Fetched]],
        *,
        lifetime: float | None = None,
        timeout: float = 10.0,
    ) -> None:
        if not callable(fetch):
            raise TypeError("fetch is a plain or async callable without arguments; give a fixed mapping directly")
        problem = seconds_problem("timeout", timeout)
        if lifetime is not None:
            problem = problem or seconds_problem("lifetime", lifetime)
        if problem is not None:
            raise problem
        self._fetch = fetch
        self._lifetime = lifetime
        self._timeout = timeout
        self._value: _Value | None = None
        self._running: _Fetch | None = None

    def __repr__(self) -> str:
        return "<Credentials>"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, which would write the values out (promise C3)."""
        raise TypeError("Credentials hold secrets and cannot be pickled")

    def invalidate(self, value: Mapping[str, str] | None = None) -> None:
        """Drop the current value, so that the next request fetches another.

        Args:
            value: Drop the current value only if it is this one, as returned by a call of this object. The refusal of
                an older value says nothing about the current one. Without this argument, a running fetch is outdated
                too: the callers that wait for it get its value, later ones do not.
        """
        if value is None:
            self._value = self._running = None
        elif self._value is not None and self._value.pairs is value:
            self._value = None

    async def __call__(self) -> Mapping[str, str]:
        """Return the current value; fetch it first if there is none.

        Raises:
            TimeoutError: The fetch took longer than ``timeout``, or its value had expired when it arrived.
            TypeError: ``fetch`` returned neither a mapping of strings nor such a pair.
            ValueError: It returned a number of seconds that is not positive.
            Exception: Whatever ``fetch`` raised.
        """
        current = self._value
        if current is None or monotonic() >= current.expires:
            del current
            current = await self._fetched()
        return current.pairs

    async def _fetched(self) -> _Value:
        fetch = self._running
        if fetch is None or fetch.task.done() or fetch.task.get_loop() is not asyncio.get_running_loop():
            fetch = self._running = _Fetch()
            fetch.task = create_task(functools.partial(self._run, fetch), name="pusher_client credentials")
            fetch.task.add_done_callback(_forget_error)
        fetch.waiters += 1
        try:
            await asyncio.wait((fetch.task,))
        finally:
            fetch.waiters -= 1
            if not fetch.waiters and fetch.task.cancel() and self._running is fetch:
                self._running = None
        return _result(fetch.task)

    async def _run(self, fetch: _Fetch) -> _Value:
        began = monotonic()
        timeout = asyncio.timeout(self._timeout)
        found: object
        try:
            async with timeout:
                found = self._fetch()
                found = await found if inspect.isawaitable(found) else found
        except TimeoutError:
            if not timeout.expired():
                raise
            value: _Value | Exception = TimeoutError(f"the credentials were not fetched within {self._timeout:g} s")
        else:
            value = _read(found, self._lifetime, began)
            del found
        if isinstance(value, Exception):
            raise value
        if self._running is fetch:
            self._value = value
        return value


def _result(task: asyncio.Task[_Value]) -> _Value:
    """Return the value of a fetch. Each caller gets its own AuthorizationError, into which a channel is written."""
    try:
        return task.result()
    except AuthorizationError as error:
        refusal = AuthorizationError(error.channel, error.message, status=error.status, retry_after=error.retry_after)
    raise refusal


def _forget_error(task: asyncio.Task[_Value]) -> None:
    """Retrieve the error of a fetch without callers, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()


# This returns the error: the frame that raises it must not hold the values any more (promise C3).


def _read(found: object, lifetime: float | None, began: float) -> _Value | Exception:
    pair = cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found, lifetime)
    match pair:
        case (values, seconds):
            pass
        case _:
            return TypeError("a pair of credentials is a mapping and the seconds for which it is valid")
    if not isinstance(values, Mapping):
        return TypeError(f"credentials are a mapping of strings, not {type(values).__name__}")
    pairs = dict(cast("Mapping[object, object]", values))
    if not all(isinstance(text, str) for item in pairs.items() for text in item):
        return TypeError("names and values of credentials must be strings")
    problem = None if seconds is None else seconds_problem("the lifetime of credentials", seconds)
    if problem is not None:
        return problem
    expires = math.inf if seconds is None else began + cast("float", seconds)
    if monotonic() >= expires:
        return TimeoutError("the credentials had expired when they came")
    return _Value(MappingProxyType(cast("dict[str, str]", pairs)), expires)
