"""What soketi and the endpoint refuse is raised by the call, and affects nothing else."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import pytest

from pusher_client import (
    AuthorizationError,
    ConnectError,
    ConnectionState,
    PusherClient,
    SecretAuthorizer,
    ServerError,
    SubscriptionState,
)
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import numbers, take
from tests.support.real.signing_endpoint import AuthorizationEndpoint
from tests.support.real.soketi import DISABLED_APP, QUIET_APP

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]

REFUSED = "private-encrypted-refused"


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND])
async def test_the_endpoint_refuses_a_channel(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint, status: HTTPStatus
) -> None:
    """The refusal is raised with its status after one request, and the other channels flow on (R3, R7)."""
    endpoint.refusals[REFUSED] = status
    async with new_client() as client:
        other = await client.subscribe("private-encrypted-other")
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe(REFUSED)
        assert (REFUSED, status) == (caught.value.channel, caught.value.status)
        assert len(endpoint.requests_for(REFUSED)) == 1
        assert client.channel(REFUSED).state == SubscriptionState.FAILED
        await pusher_http.trigger(other.name, "order-created", {"number": 1})
        assert numbers(await take(aiter(other), 1)) == [1]


async def test_a_refused_channel_can_be_tried_anew(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """After a refusal, a new ``subscribe()`` asks again (design.md 2)."""
    endpoint.refusals[REFUSED] = HTTPStatus.FORBIDDEN
    async with new_client() as client:
        channel = client.channel(REFUSED)
        with pytest.raises(AuthorizationError):
            await channel.subscribe()
        del endpoint.refusals[REFUSED]
        await channel.subscribe()
        await pusher_http.trigger(REFUSED, "order-created", {"number": 1})
        assert numbers(await take(aiter(channel), 1)) == [1]


async def test_the_server_refuses_a_signature(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """A signature that soketi does not accept is raised with its 401, and the other channels flow on (R3, R7)."""
    endpoint.signers["private-forged"] = pusher_http.signing_wrongly()
    async with new_client() as client:
        other = await client.subscribe("private-encrypted-other")
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe("private-forged")
        assert (caught.value.channel, caught.value.status) == ("private-forged", 401)
        assert len(endpoint.requests_for("private-forged")) == 1
        await pusher_http.trigger(other.name, "order-created", {"number": 1})
        assert numbers(await take(aiter(other), 1)) == [1]


@pytest.mark.parametrize(
    ("key", "options", "code"),
    [("nobody", {}, 4001), (DISABLED_APP.key, {}, 4003), ("app-key", {"path": "/elsewhere"}, 404)],
    ids=["unknown key", "disabled application", "wrong path"],
)
async def test_a_connection_refused_for_good(
    new_client: NewClient, key: str, options: dict[str, str], code: int
) -> None:
    """What cannot mend itself is raised by ``connect()``, with the code that the server gave (R2)."""
    client = new_client(key, **options)
    with pytest.raises(ConnectError) as caught:
        await client.connect()
    assert code == caught.value.code
    assert client.state == ConnectionState.FAILED
    await client.disconnect()


async def test_a_client_event_that_the_server_rejects(new_client: NewClient) -> None:
    """The channel that sent it gets the error, a handler of the connection too, and nothing else changes (R7)."""
    authorizer = SecretAuthorizer(QUIET_APP.key, QUIET_APP.secret)
    async with new_client(QUIET_APP.key, authorizer=authorizer) as client:
        errors: list[object] = []
        client.connection.bind("error", errors.append)
        talking, silent = await client.subscribe("private-talking"), await client.subscribe("private-silent")
        heard = client.events("pusher:error")
        for number in range(5):
            await talking.trigger("client-typing", number)
        (event,) = await take(heard, 1)
        assert event.channel == talking.name
        assert isinstance(event.data, ServerError)
        assert event.data.code == 4301
        assert event.data in errors
        assert client.state == ConnectionState.CONNECTED
        assert SubscriptionState.SUBSCRIBED == talking.state == silent.state


async def test_names_as_long_as_the_server_allows(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """200 characters with the option for it; what the server does not allow is not sent there (design.md 2)."""
    name = "private-encrypted-".ljust(200, "x")
    async with new_client(channel_name_limit=200) as client:
        channel = await client.subscribe(name)
        await pusher_http.trigger(name, "order-created", {"number": 1})
        assert numbers(await take(aiter(channel), 1)) == [1]
        with pytest.raises(ValueError, match="201 characters"):
            await client.subscribe(name + "x")
