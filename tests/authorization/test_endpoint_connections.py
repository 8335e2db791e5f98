"""The open connections to an endpoint."""

from __future__ import annotations

import httpx
import pytest

from pusher_client.authorization.endpoint_connections import EndpointConnections


class Transport(httpx.AsyncBaseTransport):
    """Counts how often it is closed."""

    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_pool_is_open_as_long_as_it_is_used() -> None:
    """The first request opens it, the last `detach` closes it (R6)."""
    connections, opened = EndpointConnections(), [Transport(), Transport()]
    left = iter(opened)
    connections.attach()
    for _ in range(2):
        async with connections.in_use(lambda: next(left)) as transport:
            assert transport is opened[0]
    assert opened[0].closed == 0
    await connections.detach()
    assert opened[0].closed == 1
    async with connections.in_use(lambda: next(left)) as transport:
        assert transport is opened[1]
    assert opened[1].closed == 1
    with pytest.raises(RuntimeError, match="without attach"):
        await connections.detach()
