"""Carries out the authorization requests of one client, each in a task (protocol-notes 6)."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from pusher_client.authorization.async_callables import check_async_callable
from pusher_client.authorization.authorizers import Authorizer, BatchAuthorizer, UserAuthenticator
from pusher_client.authorization.condition_log import ConditionLog
from pusher_client.authorization.endpoint import Endpoint
from pusher_client.authorization.outcomes import (
    BatchRefused,
    Outcome,
    Refused,
    UserOutcome,
    ask_authorizer,
    ask_batch_authorizer,
    ask_user_authenticator,
)
from pusher_client.authorization.signed_key import signed_key_problem
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.outputs import AuthenticateUser, Authorize, AuthorizeBatch, Purpose
from pusher_client.protocol.repeated_conditions import Repetition
from pusher_client.protocol.settings import BATCH_SIZE
from pusher_client.tasks import create_task

__all__ = ["AuthorizationService"]

_Answer: TypeAlias = Callable[[int, Outcome | UserOutcome | BatchRefused], None]

_AnyOutcome = TypeVar("_AnyOutcome", Outcome, UserOutcome)

_logger = logging.getLogger("pusher_client")


class AuthorizationService:
    """Calls the authorizers that the caller configured, and reports what came of each request.

    It lives as long as the client. The requests of one connection are started with `start` and ended with `stop`.

    Args:
        key: The application key, also an attribute; an authorization that was signed for another one is refused here.
        authorizer: Called for each channel.
        batch_authorizer: Called for many channels at once, in place of ``authorizer``.
        user_authenticator: Called to sign the user in.

    Raises:
        TypeError: One of them is not an async callable of its arguments.
        ValueError: Both ``authorizer`` and ``batch_authorizer`` were given.
    """

    __slots__ = ("_authorizer", "_batch_authorizer", "_refusals", "_tasks", "_user_authenticator", "key")

    def __init__(
        self,
        key: str,
        authorizer: Authorizer | None,
        batch_authorizer: BatchAuthorizer | None,
        user_authenticator: UserAuthenticator | None,
    ) -> None:
        check_async_callable("authorizer", authorizer, ("channel_name", "socket_id"), "HTTPAuthorizer(url)")
        arguments = ("channel_names", "socket_id")
        check_async_callable("batch_authorizer", batch_authorizer, arguments, "HTTPBatchAuthorizer(url)")
        check_async_callable("user_authenticator", user_authenticator, ("socket_id",), "HTTPUserAuthenticator(url)")
        if authorizer is not None and batch_authorizer is not None:
            raise ValueError("give either authorizer or batch_authorizer, which serves every channel, and not both")
        self.key: str = key
        self._authorizer = authorizer
        self._batch_authorizer = batch_authorizer
        self._user_authenticator = user_authenticator
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._refusals = ConditionLog(_logger, _describe_refusals)

    @property
    def batch_size(self) -> int | None:
        """How many channels one call may be asked for; None for one call per channel."""
        return None if self._batch_authorizer is None else BATCH_SIZE

    def attach(self) -> None:
        """Keep the connections of the endpoints open. Called when the client starts to connect."""
        for endpoint in self._endpoints():
            endpoint.attach()

    async def detach(self) -> None:
        """End what `attach` began; the last client of an endpoint closes its connections."""
        for endpoint in self._endpoints():
            await endpoint.detach()

    def start(self, request: Authorize | AuthorizeBatch | AuthenticateUser, answer: _Answer) -> None:
        """Start one request.

        Args:
            request: The request for one channel, for many channels, or for the user.
            answer: Called with a request's number and its outcome; for a batch once for each of its requests, or once
                with the number of the batch if it was refused as a whole and is to be asked for again in halves.
        """
        if isinstance(request, AuthorizeBatch):
            self._run(request.batch_id, functools.partial(self._authorize_batch, request, answer))
        elif isinstance(request, Authorize):
            self._run(request.request_id, functools.partial(self._authorize, request, answer))
        else:
            self._run(request.request_id, functools.partial(self._authenticate, request, answer))

    def cancel(self, number: int) -> None:
        """Cancel a call whose answer is not wanted any more."""
        task = self._tasks.get(number)
        # An authorizer may itself do what makes its answer unwanted. It is not interrupted then.
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def stop(self, callers: Collection[asyncio.Task[Any]]) -> set[asyncio.Task[None]]:
        """Cancel every call except those that run in ``callers``, and return all of their tasks.

        The connection is over: a task that cannot be cancelled in time must not be met by the next connection.
        """
        self._refusals.end()
        tasks = set(self._tasks.values())
        self._tasks = {}
        for task in tasks.difference(callers):
            task.cancel()
        return tasks

    def _endpoints(self) -> Iterator[Endpoint]:
        for configured in (self._authorizer, self._batch_authorizer, self._user_authenticator):
            if isinstance(configured, Endpoint):
                yield configured

    def _run(self, number: int, request: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = create_task(request, name="pusher_client authorization")
        self._tasks[number] = task
        # A task that is cancelled before its first step never reaches a "finally".
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _authorize(self, request: Authorize, answer: _Answer) -> None:
        _log_refresh(request)
        outcome: Outcome
        if self._authorizer is None:
            missing = "it needs an authorizer: PusherClient(…, authorizer=HTTPAuthorizer(url))"
            outcome = Refused(AuthorizationError(request.channel, missing), retryable=False)
        else:
            outcome = await ask_authorizer(self._authorizer, request.channel, request.socket_id)
        self._tasks.pop(request.request_id, None)
        self._report(request, outcome, answer)

    async def _authorize_batch(self, batch: AuthorizeBatch, answer: _Answer) -> None:
        assert self._batch_authorizer is not None  # noqa: S101 - without one, ``batch_size`` prevents batches
        # One channel may be in a batch twice, for its key and for its subscription; one answer serves both.
        channels: Sequence[str] = tuple(dict.fromkeys(request.channel for request in batch.requests))
        for request in batch.requests:
            _log_refresh(request)
        outcomes = await ask_batch_authorizer(self._batch_authorizer, channels, batch.requests[0].socket_id)
        self._tasks.pop(batch.batch_id, None)
        if isinstance(outcomes, BatchRefused):
            _logger.info("%d channels at once: %s; asking again in halves", len(channels), outcomes.error)
            answer(batch.batch_id, outcomes)
            return
        for request in batch.requests:
            self._report(request, outcomes[request.channel], answer)

    async def _authenticate(self, request: AuthenticateUser, answer: _Answer) -> None:
        outcome: UserOutcome
        if self._user_authenticator is None:
            missing = "it needs a user authenticator: PusherClient(…, user_authenticator=HTTPUserAuthenticator(url))"
            outcome = Refused(AuthorizationError(None, missing), retryable=False)
        else:
            outcome = await ask_user_authenticator(self._user_authenticator, request.socket_id)
        self._tasks.pop(request.request_id, None)
        answer(request.request_id, self._checked(outcome, None))

    def _report(self, request: Authorize, outcome: Outcome, answer: _Answer) -> None:
        outcome = self._checked(outcome, request.channel)
        if request.purpose is Purpose.REFRESH and isinstance(outcome, Refused):
            # A refused subscription is reported to its caller, a refused refresh shows only in lost events.
            self._refusals.add(outcome.error.message, "there is no new key: %s", outcome.error)
        answer(request.request_id, outcome)

    def _checked(self, outcome: _AnyOutcome, channel: str | None) -> _AnyOutcome | Refused:
        """Return the outcome, or a refusal if it was signed for another application: the server would refuse it."""
        if isinstance(outcome, Refused) or (problem := signed_key_problem(outcome.auth, self.key)) is None:
            return outcome
        return Refused(AuthorizationError(channel, problem), retryable=False)


def _describe_refusals(found: Repetition) -> str:
    words = "various causes" if found.condition is None else found.condition
    return f"there is no new key: {found.count} more requests failed in {found.seconds:.1f} s: {words}"


def _log_refresh(request: Authorize) -> None:
    if request.purpose is Purpose.REFRESH:
        _logger.info("%s: an event does not open; asking for the channel's key anew", request.channel)
