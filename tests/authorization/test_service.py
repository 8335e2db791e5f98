"""The service that carries out a client's authorization requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client import (
    ChannelAuthorization,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    PusherClient,
    UserAuthentication,
)
from pusher_client.authorization.outcomes import BatchRefused, Outcome, Refused, UserOutcome
from pusher_client.authorization.service import AuthorizationService
from pusher_client.protocol.outputs import AuthenticateUser, Authorize, AuthorizeBatch, Purpose
from pusher_client.protocol.settings import BATCH_SIZE


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    """Authorize every channel."""
    return ChannelAuthorization(f"KEY:{socket_id}")


async def authorize_batch(channels: Any, socket_id: str) -> dict[str, ChannelAuthorization]:
    """Authorize every channel at once."""
    return {channel: ChannelAuthorization(f"KEY:{socket_id}") for channel in channels}


async def authenticate(socket_id: str) -> dict[str, str]:
    """Sign every user in."""
    return {"auth": f"KEY:{socket_id}", "user_data": "{}"}


async def outcomes_of(
    service: AuthorizationService, *requests: Authorize | AuthorizeBatch | AuthenticateUser
) -> dict[int, Outcome | UserOutcome | BatchRefused]:
    """Start the requests and return the outcomes by their numbers, in the order in which they were reported."""
    found: dict[int, Outcome | UserOutcome | BatchRefused] = {}
    for request in requests:
        service.start(request, found.__setitem__)
    for task in tuple(service._tasks.values()):
        await task
    return found


async def test_each_request_goes_to_its_own_callable() -> None:
    """One channel, many channels and the user each have their own callable (protocol-notes 6)."""
    single = AuthorizationService("KEY", authorize, None, authenticate)
    assert single.batch_size is None
    requests = (Authorize(1, "private-a", "1.2", Purpose.SUBSCRIBE), AuthenticateUser(2, "1.2"))
    found = await outcomes_of(single, *requests)
    assert found[1] == ChannelAuthorization("KEY:1.2")
    assert isinstance(found[2], UserAuthentication)
    batch = AuthorizationService("KEY", None, authorize_batch, None)
    assert batch.batch_size == BATCH_SIZE
    channels = tuple(Authorize(number, f"private-{number}", "1.2", Purpose.SUBSCRIBE) for number in (1, 2))
    found = await outcomes_of(batch, AuthorizeBatch(3, channels))
    assert found == dict.fromkeys((1, 2), ChannelAuthorization("KEY:1.2"))


async def test_a_missing_callable_is_named_in_the_error() -> None:
    """The error names the argument that is missing, and is final (design.md 2)."""
    service = AuthorizationService("KEY", None, None, None)
    requests = (Authorize(1, "private-a", "1.2", Purpose.SUBSCRIBE), AuthenticateUser(2, "1.2"))
    found = await outcomes_of(service, *requests)
    for number, cure in (
        (1, "authorizer=HTTPAuthorizer(url)"),
        (2, "user_authenticator=HTTPUserAuthenticator(url)"),
    ):
        outcome = found[number]
        assert isinstance(outcome, Refused)
        assert cure in str(outcome.error)
        assert not outcome.retryable


@pytest.mark.parametrize("name", ["authorizer", "batch_authorizer", "user_authenticator"])
def test_an_argument_that_is_not_callable_is_a_type_error(name: str) -> None:
    """An address alone is not an authorizer; the message says what is (design.md 2)."""
    wrong: dict[str, Any] = {name: "https://example.com/auth"}
    with pytest.raises(TypeError, match=f"^{name} is an async callable"):
        PusherClient("KEY", cluster="eu", **wrong)


def test_two_authorizers_are_refused() -> None:
    """Each of them serves every channel, so only one can be given (design.md 2)."""
    with pytest.raises(ValueError, match="not both"):
        AuthorizationService("KEY", authorize, authorize_batch, None)


async def test_endpoints_are_attached_until_detach() -> None:
    """Endpoints keep their connections open between attach and detach, and no longer (R6)."""
    endpoints = (HTTPAuthorizer("https://example.com/a"), HTTPUserAuthenticator("https://example.com/u"))
    service = AuthorizationService("KEY", endpoints[0], None, endpoints[1])
    service.attach()
    assert all(endpoint._connections.sessions for endpoint in endpoints)
    await service.detach()
    assert not any(endpoint._connections.sessions for endpoint in endpoints)
    plain = AuthorizationService("KEY", authorize, None, authenticate)
    plain.attach()
    await plain.detach()


async def test_a_stopped_service_holds_no_task() -> None:
    """The calls of one connection are not there for the next one, even those that cannot be cancelled (R6)."""
    service = AuthorizationService("KEY", authorize, None, None)
    service.start(Authorize(1, "private-a", "1.2", Purpose.SUBSCRIBE), lambda *_: None)
    (task,) = service.stop(())
    assert not service._tasks
    await asyncio.wait((task,))
    assert task.cancelled()
