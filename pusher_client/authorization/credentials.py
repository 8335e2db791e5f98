"""Headers or params that many requests share, fetched once and again when they are no longer good."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from types import MappingProxyType
from typing import NoReturn, TypeAlias, cast

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.checks import seconds_problem

__all__ = ["Credentials", "Fetched"]

Fetched: TypeAlias = Mapping[str, str] | tuple[Mapping[str, str], float]
"""Names and values, or these and for how many seconds from the start of the fetch they are good."""


class _Value:
    """What was fetched, which no report of a frame's variables prints."""

    __slots__ = ("expires", "pairs")

    def __init__(self, pairs: Mapping[str, str], expires: float) -> None:
        self.pairs = pairs
        self.expires = expires


class _Fetch:
    """A fetch that runs, and how many wait for it."""

    __slots__ = ("task", "waiters")

    task: asyncio.Task[_Value]

    def __init__(self) -> None:
        self.waiters = 0


class Credentials:
    """What an endpoint wants to see, such as a token: give it as ``headers`` or ``params`` of an `HTTPAuthorizer`.

    However many requests need it at once, ``fetch`` runs once, and again when its value has expired or was refused: an
    authorizer forgets the value of a request that its endpoint answered with 401 or 403. What has expired is never
    handed out. A fetch that fails does so for all who wait for it, and the next request starts another. One that nobody
    waits for any more is cancelled.

    Args:
        fetch: A plain or async callable without arguments. It returns a mapping of names to values, or a pair: the
            mapping, and for how many seconds it is good.
        lifetime: For how many seconds a mapping is good that comes without that; None for as long as it is accepted.
            Both are counted from the start of the fetch.
        timeout: Seconds that a fetch may take.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number of seconds is not positive.

    An object serves one event loop after another. The values stand in no ``repr``, and pickling is refused. See
    protocol-notes 6.7.
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
        """Refuse: a pickle would carry the values to places that nobody watches."""
        raise TypeError("Credentials hold secrets and are not pickled")

    def invalidate(self, value: Mapping[str, str] | None = None) -> None:
        """Forget the current value, so that the next request fetches another.

        Args:
            value: Forget it only if it is this one, as a call of this object returned it: whoever was refused with an
                older value has nothing against the current one. Without it, a fetch that runs also counts as old: who
                waits for it gets its value, but nobody else.
        """
        if value is None:
            self._value = self._running = None
        elif self._value is not None and self._value.pairs is value:
            self._value = None

    async def __call__(self) -> Mapping[str, str]:
        """Return the current value, fetched if need be.

        Raises:
            TimeoutError: The fetch took too long, or what it brought had expired by then.
            TypeError: ``fetch`` returned something else than it should.
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
            fetch.task = asyncio.create_task(self._run(fetch), name="pusher_client credentials")
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
    """Return the value of a fetch; each of those who wait gets an error of its own if a channel will be put into it."""
    try:
        return task.result()
    except AuthorizationError as error:
        refusal = AuthorizationError(error.channel, error.message, status=error.status, retry_after=error.retry_after)
    raise refusal


def _forget_error(task: asyncio.Task[_Value]) -> None:
    """Let nobody complain of an error that came when nobody waited any more."""
    if not task.cancelled():
        task.exception()


# These return what is wrong, so that the frame which raises can first let go of the values (promise C3).


def _read(found: object, lifetime: float | None, began: float) -> _Value | Exception:
    pair = cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found, lifetime)
    if len(pair) != 2:  # noqa: PLR2004 - a pair
        return TypeError("a pair of credentials is a mapping, and for how many seconds it is good")
    values, seconds = pair
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
