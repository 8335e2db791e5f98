"""The real parts: soketi, the official server library, an authorization endpoint with it, and pusher-js."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from pusher_client import HTTPAuthorizer, PusherClient
from tests.support.real.node import Node, NodeUnavailableError, install_node
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.pusher_js import PusherJS
from tests.support.real.signing_endpoint import AuthorizationEndpoint
from tests.support.real.soketi import APP, Soketi


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js with the packages of the tests; where it cannot be had, the tests that ask for it are skipped."""
    try:
        return install_node()
    except NodeUnavailableError as error:
        reason = str(error)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def _soketi(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soketi]:
    server = Soketi(node, tmp_path_factory.mktemp("soketi"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def _direct_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a proxy of the developer's environment out of the way to 127.0.0.1."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


@pytest.fixture
def soketi(_soketi: Soketi) -> Soketi:
    """A running server; one for all tests, started again after one that stopped it."""
    if not _soketi.running:
        _soketi.start()
    return _soketi


@pytest.fixture
def pusher_http(soketi: Soketi) -> PusherHTTP:
    """The official server library for soketi, with a new master key."""
    return PusherHTTP(soketi.port, master_key=secrets.token_bytes(32))


@pytest.fixture
def endpoint(pusher_http: PusherHTTP) -> Iterator[AuthorizationEndpoint]:
    """An authorization endpoint that signs with ``pusher_http``."""
    with AuthorizationEndpoint(pusher_http) as endpoint:
        yield endpoint


@pytest.fixture
def new_client(soketi: Soketi, endpoint: AuthorizationEndpoint) -> Callable[..., PusherClient]:
    """Make clients for soketi that are authorized by the endpoint; takes the client's own options."""

    def make(key: str = APP.key, **options: Any) -> PusherClient:
        options.setdefault("authorizer", HTTPAuthorizer(endpoint.url))
        return PusherClient(key, host="127.0.0.1", port=soketi.port, tls=False, **options)

    return make


@pytest.fixture
async def pusher_js(
    node: Node, soketi: Soketi, endpoint: AuthorizationEndpoint
) -> AsyncIterator[Callable[..., Awaitable[PusherJS]]]:
    """Start pusher-js clients for soketi, subscribed to the channels that are named."""
    clients: list[PusherJS] = []

    async def subscribe(*channels: str) -> PusherJS:
        client = await PusherJS.subscribe(
            node, key=APP.key, port=soketi.port, authorization_url=endpoint.url, channels=channels
        )
        clients.append(client)
        return client

    yield subscribe
    for client in clients:
        await client.close()
