"""Relays: subscribers that write every event of their channels to an engine, from which any number of workers read.

`Relay` needs an engine: `pusher_client.relay.redis_engine.RedisEngine` (extra ``redis``), or `MemoryEngine` in tests.
"""

from __future__ import annotations

from pusher_client.relay.engine import Engine, EngineError
from pusher_client.relay.memory_engine import MemoryEngine
from pusher_client.relay.relay import Relay, RelayError
from pusher_client.relay.values import RelaySettings

__all__ = ["Engine", "EngineError", "MemoryEngine", "Relay", "RelayError", "RelaySettings"]
