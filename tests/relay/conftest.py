"""A real Redis or Valkey for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.relay.redis_server import redis_server


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a server for all tests; each uses channels of its own."""
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port
