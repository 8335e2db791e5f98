"""The service that carries out a client's authorization requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    PusherClient,
    UserAuthentication,
)
from pusher_client.authorization.outcomes import BatchRefused, Outcome, Refused, UserOutcome
from pusher_client.authorization.service import AuthorizationService, _describe_refusals
from pusher_client.protocol.outputs import AuthenticateUser, Authorize, AuthorizeBatch, Purpose
from pusher_client.protocol.repeated_conditions import Repetition
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


@pytest.mark.parametrize("purpose", [Purpose.SUBSCRIBE, Purpose.REFRESH])
async def test_a_signature_for_another_application_is_refused(
    purpose: Purpose, caplog: pytest.LogCaptureFixture
) -> None:
    """For a channel, a key and a user, before anything is sent; it is final (6.1, 6.5)."""
    service = AuthorizationService("OTHER", authorize, None, authenticate)
    found = await outcomes_of(service, Authorize(1, "private-a", "1.2", purpose), AuthenticateUser(2, "1.2"))
    for number, channel in ((1, "private-a"), (2, None)):
        outcome = found[number]
        assert isinstance(outcome, Refused)
        assert (outcome.error.channel, outcome.retryable) == (channel, False)
        assert "signed for `KEY`, this client uses `OTHER`" in str(outcome.error)
    logged = "there is no new key: private-a: the authorization was signed" in caplog.text
    assert logged is (purpose is Purpose.REFRESH)


async def test_keys_that_are_refused_are_one_line_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    """Many channels with one cause (design.md 10)."""
    service = AuthorizationService("OTHER", authorize, None, None)
    requests = (Authorize(number, f"private-{number}", "1.2", Purpose.REFRESH) for number in range(50))
    await outcomes_of(service, *requests)
    service.stop(())
    first, rest = [record.getMessage() for record in caplog.records]
    assert first.startswith("there is no new key: private-0: the authorization was signed for")
    assert rest.startswith("there is no new key: 49 more requests failed in 0.")
    assert _describe_refusals(Repetition(None, 2, 1)).endswith("2 more requests failed in 1.0 s: various causes")


async def test_a_batch_that_is_refused_is_answered_as_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    """The core gets the number of the batch and asks again in halves; the log says so (6.6)."""
    caplog.set_level("INFO")

    async def refuse(_channels: Any, _socket_id: str) -> dict[str, ChannelAuthorization]:
        raise AuthorizationError(None, "no", status=403)

    service = AuthorizationService("KEY", None, refuse, None)
    channels = tuple(Authorize(number, f"private-{number}", "1.2", Purpose.SUBSCRIBE) for number in (1, 2))
    found = await outcomes_of(service, AuthorizeBatch(3, channels))
    assert list(found) == [3]
    assert isinstance(found[3], BatchRefused)
    assert "2 channels at once: no (status 403); asking again in halves" in caplog.text


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
