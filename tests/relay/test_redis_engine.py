"""Redis as an engine: what it needs of the server, and what it says when something is amiss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pusher_client.relay.engine import EngineError
from pusher_client.relay.redis_engine import RedisEngine, stream_key
from pusher_client.relay.values import Entry, Kind, Put, Record
from tests.support.listening_port import refused_port
from tests.support.relay.redis_entries import envelopes
from tests.support.relay.redis_server import redis_server

CANARY = "canary-password"


def test_the_keys_of_a_channel_are_in_one_hash_slot() -> None:
    """A script may only use keys of one slot; applications do not share keys."""
    assert stream_key("KEY", "private-a") == "pusher:{KEY:private-a}:events"


@pytest.mark.parametrize("url", ["http://127.0.0.1", "nats://127.0.0.1", "127.0.0.1:6379", ""])
def test_the_url_names_a_redis_server(url: str) -> None:
    """Anything else is the caller's mistake, at once."""
    with pytest.raises(ValueError, match=r"begins with redis://, rediss:// or unix://$"):
        RedisEngine(url, "KEY")


async def test_a_server_that_is_not_there_is_an_error_without_credentials() -> None:
    """The message says what failed, never the password (C3)."""
    engine = RedisEngine(f"redis://:{CANARY}@127.0.0.1:{refused_port()}", "KEY")
    for call in (engine.open, lambda: engine.exchange("c", Record(relay="a", beat=0))):
        with pytest.raises(EngineError, match="ConnectionError") as caught:
            await call()
        assert CANARY not in str(caught.value)
    await engine.close()


async def test_a_wrong_password_is_an_error(tmp_path: Path) -> None:
    """The server's words say that it is the password."""
    with redis_server(tmp_path, "--requirepass", "right") as port:
        engine = RedisEngine(f"redis://:{CANARY}@127.0.0.1:{port}", "KEY")
        with pytest.raises(EngineError, match="AuthenticationError") as caught:
            await engine.open()
        assert CANARY not in str(caught.value)
        await engine.close()


async def test_a_server_that_is_too_old_is_refused(redis_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names its version and the lowest one."""
    engine = RedisEngine(f"redis://127.0.0.1:{redis_port}", "KEY")
    await engine.open()

    async def info(_section: str) -> dict[str, Any]:
        return {"redis_version": "6.2.14"}

    monkeypatch.setattr(engine, "_info", info)
    with pytest.raises(EngineError, match=r"Redis 6\.2\.14 is too old: the relay needs 7 or newer, or Valkey"):
        await engine.open()
    await engine.close()


async def test_a_stream_is_trimmed(redis_port: int) -> None:
    """The engine's memory is bounded, roughly: whole nodes of the stream are removed."""
    engine = RedisEngine(f"redis://127.0.0.1:{redis_port}", "KEY", max_length=100)
    now = (await engine.exchange("trimmed", Record(relay="a", beat=0))).now
    for number in range(10):
        entries = tuple(Entry(now, f"{number}-{index}", "", Kind.EVENT, "x") for index in range(100))
        await engine.put("trimmed", "a", Put(entries, now, align=False, instance="i", number=100 * number))
    assert 100 <= len(await envelopes(redis_port, stream_key("KEY", "trimmed"))) < 400
    await engine.close()
