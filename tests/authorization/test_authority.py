"""Whom a client asks."""

from __future__ import annotations

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
from pusher_client.authorization.authority import Authority
from pusher_client.protocol.settings import BATCH_SIZE


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    """Authorize everything."""
    return ChannelAuthorization(f"key:{socket_id}")


async def authorize_batch(channels: Any, socket_id: str) -> dict[str, ChannelAuthorization]:
    """Authorize everything at once."""
    return {channel: ChannelAuthorization(f"key:{socket_id}") for channel in channels}


async def authenticate(socket_id: str) -> dict[str, str]:
    """Sign everybody in."""
    return {"auth": f"key:{socket_id}", "user_data": "{}"}


async def test_each_is_asked_for_its_own() -> None:
    """A channel, many, and the user have each their own to ask."""
    single = Authority(authorize, None, authenticate)
    outcome = await single.authorize("private-a", "1.2")
    assert isinstance(outcome, ChannelAuthorization)
    user = await single.authenticate("1.2")
    assert isinstance(user, UserAuthentication)
    assert single.batch_size is None
    batch = Authority(None, authorize_batch, None)
    assert batch.batch_size == BATCH_SIZE
    outcomes = await batch.authorize_batch(["private-a", "private-b"], "1.2")
    assert {channel: type(one) for channel, one in outcomes.items()} == {
        "private-a": ChannelAuthorization,
        "private-b": ChannelAuthorization,
    }


async def test_who_is_missing_is_said_with_the_cure() -> None:
    """The error names the argument that is missing, and is final."""
    nobody = Authority(None, None, None)
    for outcome, cure in (
        (await nobody.authorize("private-a", "1.2"), "authorizer=HTTPAuthorizer(url)"),
        (await nobody.authenticate("1.2"), "user_authenticator=HTTPUserAuthenticator(url)"),
    ):
        assert isinstance(outcome, tuple)
        error, retryable = outcome
        assert isinstance(error, AuthorizationError)
        assert cure in str(error)
        assert not retryable


@pytest.mark.parametrize("name", ["authorizer", "batch_authorizer", "user_authenticator"])
def test_what_cannot_be_called_is_a_type_error(name: str) -> None:
    """An address alone is no authorizer; the message says what is (design.md 2)."""
    wrong: dict[str, Any] = {name: "https://example.com/auth"}
    with pytest.raises(TypeError, match=f"^{name} is an async callable"):
        PusherClient("KEY", cluster="eu", **wrong)


def test_two_authorizers_are_one_too_many() -> None:
    """One of them serves every channel."""
    with pytest.raises(ValueError, match="not both"):
        Authority(authorize, authorize_batch, None)


async def test_endpoints_are_used_from_attach_to_detach() -> None:
    """Whatever is an endpoint keeps its connections that long, and no longer (R6)."""
    endpoints = (HTTPAuthorizer("https://example.com/a"), HTTPUserAuthenticator("https://example.com/u"))
    authority = Authority(endpoints[0], None, endpoints[1])
    authority.attach()
    assert all(endpoint._sessions for endpoint in endpoints)
    await authority.detach()
    assert not any(endpoint._sessions for endpoint in endpoints)
    plain = Authority(authorize, None, authenticate)
    plain.attach()
    await plain.detach()
