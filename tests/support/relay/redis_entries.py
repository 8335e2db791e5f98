"""Reading a stream of the Redis engine as another consumer would."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis


async def envelopes(port: int, key: str) -> list[str]:
    """Return the envelopes of a stream, in order."""
    client: Any = Redis(host="127.0.0.1", port=port, decode_responses=True)
    try:
        return [fields["envelope"] for _, fields in await client.xrange(key)]
    finally:
        await client.aclose()
