"""HTTPAuthorizer and HTTPUserAuthenticator, and what counts as an authorizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from pusher_client.authorization.authorizers import (
    Authorizer,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    UserAuthenticator,
)
from pusher_client.authorization.secret_authorizer import SecretAuthorizer
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication
from tests.support.canaries import texts_of_error
from tests.support.scripted_endpoint import json_answer, serve_endpoint

KEY, SECRET = "app-key", "canary-secret-4711"


# -- what counts as an authorizer ---------------------------------------------------------------------------------


async def test_plain_functions_and_ours_are_authorizers() -> None:
    """Any async callable of two strings is an authorizer, and of one a user authenticator, to type checkers too."""

    async def mine(channel: str, sid: str) -> ChannelAuthorization:
        return ChannelAuthorization(f"{channel} {sid}")

    async def mine_as_mapping(name: str, socket: str, /) -> Mapping[str, Any]:
        return {"auth": f"{name} {socket}"}

    async def user(sid: str) -> dict[str, str]:
        return {"auth": sid, "user_data": "{}"}

    authorizers: list[Authorizer] = [
        mine,
        mine_as_mapping,
        HTTPAuthorizer("https://example.com/"),
        SecretAuthorizer(KEY, SECRET),
    ]
    authenticators: list[UserAuthenticator] = [
        user,
        HTTPUserAuthenticator("https://example.com/"),
        partial(SecretAuthorizer(KEY, SECRET).authenticate_user, user_data={"id": "ann"}),
        lambda socket_id: SecretAuthorizer(KEY, SECRET).authenticate_user(socket_id, {"id": "ann"}),
    ]
    assert all(map(callable, [*authorizers, *authenticators]))
    authentication = await authenticators[2]("1.2")
    assert isinstance(authentication, UserAuthentication)
    assert json.loads(authentication.user_data) == {"id": "ann"}


# -- users over HTTP ----------------------------------------------------------------------------------------------


async def test_user_endpoint() -> None:
    """A user is authenticated by the same kind of request, with the socket id alone (6.4)."""
    async with serve_endpoint(json_answer({"auth": "KEY:signature", "user_data": '{"id": "ann"}'})) as endpoint:
        authenticate = HTTPUserAuthenticator(endpoint.url, headers={"X-Token": "1"}, params={"a": "b"})
        authentication = await authenticate("12.34")
    assert (authentication.auth, authentication.user_data) == ("KEY:signature", '{"id": "ann"}')
    (request,) = endpoint.requests
    assert (request.body, request.headers["x-token"]) == ("socket_id=12.34&a=b", "1")
    assert repr(authenticate) == f"HTTPUserAuthenticator('http://127.0.0.1:{endpoint.port}')"


async def test_user_endpoint_that_refuses() -> None:
    """A refusal has its status and no channel (6.4)."""
    async with serve_endpoint(json_answer({}, "403 Forbidden")) as endpoint:
        with pytest.raises(AuthorizationError) as caught:
            await HTTPUserAuthenticator(endpoint.url)("12.34")
    assert (caught.value.channel, caught.value.status) == (None, 403)


@pytest.mark.parametrize("body", [{}, {"auth": "KEY:canary-4711"}, {"auth": "", "user_data": "{}"}, ["canary-4711"]])
async def test_user_endpoint_that_answers_nonsense(body: object) -> None:
    """An answer without auth and user_data is an AuthorizationError that repeats nothing (6.4, C3)."""
    async with serve_endpoint(json_answer(body)) as endpoint:
        with pytest.raises(AuthorizationError, match="authentication answer") as caught:
            await HTTPUserAuthenticator(endpoint.url)("12.34")
    assert "canary-4711" not in texts_of_error(caught.value, __file__)


async def test_user_endpoint_is_not_asked_for_a_malformed_socket_id() -> None:
    """A malformed socket id is the caller's mistake."""
    with pytest.raises(ValueError, match="socket id"):
        await HTTPUserAuthenticator("https://example.com/")("1.1&a=b")


async def test_both_work_on_a_transport_of_the_caller() -> None:
    """For tests, an httpx transport replaces the network (6.3)."""

    def handle(request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        assert request.url.path == "/pusher/auth"
        return httpx.Response(200, json={"auth": form["channel_name"][0]})

    authorize = HTTPAuthorizer("https://example.com/pusher/auth", transport=httpx.MockTransport(handle))
    assert (await authorize("private-x", "1.2")).auth == "private-x"
