"""The tasks that ask for authorizations, one for each call of an authorizer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol

from pusher_client.authorization.outcomes import Outcome, UserOutcome
from pusher_client.protocol.outputs import AuthenticateUser, Authorize, AuthorizeBatch, Purpose

__all__ = ["Authority", "AuthorizationTasks"]

_logger = logging.getLogger("pusher_client")


class Authority(Protocol):
    """Who is asked for authorizations."""

    async def authorize(self, channel: str, socket_id: str) -> Outcome:
        """Ask for one channel."""
        ...

    async def authorize_batch(self, channels: Sequence[str], socket_id: str) -> dict[str, Outcome]:
        """Ask for many channels with one call."""
        ...

    async def authenticate(self, socket_id: str) -> UserOutcome:
        """Ask for the user."""
        ...


class AuthorizationTasks:
    """Starts, cancels and ends them.

    Args:
        authority: Who is asked.
        answer: Takes a request's number and what came of it.
    """

    def __init__(self, authority: Authority, answer: Callable[[int, Outcome | UserOutcome], None]) -> None:
        self._authority = authority
        self._answer = answer
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def start(self, asked: Authorize | AuthorizeBatch | AuthenticateUser) -> None:
        """Ask for one channel, for many, or for the user."""
        if isinstance(asked, AuthorizeBatch):
            self._run(asked.batch_id, self._ask_for_batch(asked))
        elif isinstance(asked, Authorize):
            self._run(asked.request_id, self._ask_for_channel(asked))
        else:
            self._run(asked.request_id, self._ask_for_user(asked))

    def cancel(self, number: int) -> None:
        """Give up a call whose answer is no longer wanted."""
        task = self._tasks.get(number)
        # An authorizer may itself do what makes its answer unwanted; it is not cut off for that.
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def stop(self, callers: Collection[asyncio.Task[Any]]) -> set[asyncio.Task[None]]:
        """Cancel everything but these, and return all there is, to be waited for."""
        tasks = set(self._tasks.values())
        for task in tasks.difference(callers):
            task.cancel()
        return tasks

    def _run(self, number: int, asking: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(asking, name="pusher_client authorization")
        self._tasks[number] = task
        # A task that is cancelled before its first step would have no "finally".
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _ask_for_channel(self, request: Authorize) -> None:
        _announce(request)
        outcome = await self._authority.authorize(request.channel, request.socket_id)
        self._tasks.pop(request.request_id, None)
        self._settle(request, outcome)

    async def _ask_for_batch(self, batch: AuthorizeBatch) -> None:
        # A channel may be asked for twice, once for its key and once to be subscribed; one answer serves both.
        channels = tuple(dict.fromkeys(request.channel for request in batch.requests))
        for request in batch.requests:
            _announce(request)
        outcomes = await self._authority.authorize_batch(channels, batch.requests[0].socket_id)
        self._tasks.pop(batch.batch_id, None)
        for request in batch.requests:
            self._settle(request, outcomes[request.channel])

    async def _ask_for_user(self, request: AuthenticateUser) -> None:
        outcome = await self._authority.authenticate(request.socket_id)
        self._tasks.pop(request.request_id, None)
        self._answer(request.request_id, outcome)

    def _settle(self, request: Authorize, outcome: Outcome) -> None:
        if request.purpose is Purpose.REFRESH and isinstance(outcome, tuple):
            # A refused subscription is told to its caller; of this only the events are told that it costs.
            _logger.warning("there is no new key: %s", outcome[0])
        self._answer(request.request_id, outcome)


def _announce(request: Authorize) -> None:
    if request.purpose is Purpose.REFRESH:
        _logger.info("%s: an event does not open; asking for the channel's key anew", request.channel)
