"""Every test of the suite runs against each server; ``-k local`` or ``-k soketi`` chooses one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.support.real.conformance_servers import Local, Real, Server, Setting, Target
from tests.support.real.cuttable_relay import Relay


@pytest.fixture(params=["local", pytest.param("soketi", marks=pytest.mark.node)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server under test."""
    with ExitStack() as running:
        yield Local(running) if request.param == "local" else Real(request.getfixturevalue("soketi"))


@pytest.fixture
def target(server: Server) -> Target:
    """Its usual application."""
    return server.target()


@pytest.fixture
def users(server: Server) -> Target:
    """The application whose users sign in."""
    return server.target(Setting.USERS)


@pytest.fixture
async def relay(target: Target) -> AsyncIterator[Relay]:
    """A way to the server that can be cut."""
    async with Relay(target.port) as relay:
        yield relay
