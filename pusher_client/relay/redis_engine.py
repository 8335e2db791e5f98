"""Redis Streams, or those of Valkey, as an engine (extra ``redis``)."""

from __future__ import annotations

import math
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pusher_client.relay.engine import EngineError
from pusher_client.relay.redis_scripts import EXCHANGE, PUT, SETTLE
from pusher_client.relay.values import Exchange, Put, PutResult, Record, Settle, Settled

__all__ = ["RedisEngine", "stream_key"]

_LOWEST_VERSION = 7
_encode = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(Record).decode


def stream_key(application: str, channel: str) -> str:
    """Return the key of a channel's stream. All keys of a channel are in one hash slot."""
    return f"pusher:{{{application}:{channel}}}:events"


def connect(url: str) -> Redis:
    """Return a client of the server at this URL; it connects when it is first used.

    Raises:
        ValueError: The URL has another form.
    """
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("the URL of a Redis server begins with redis://, rediss:// or unix://")
    options: dict[str, Any] = {"decode_responses": True, "socket_connect_timeout": 5, "socket_timeout": 30}
    return Redis.from_url(url, **options)  # pyright: ignore[reportUnknownMemberType] - its options are not typed


def describe(error: RedisError) -> EngineError:
    """Return the error of the engine without what was written or any credentials."""
    return EngineError(f"Redis: {type(error).__name__}: {str(error)[:200]}")


class RedisEngine:
    """Streams in Redis 7 or Valkey. Each step is one atomic script.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user, password and database as needed.
        application: The application's key, which begins the name of every key.
        window: Seconds in which duplicates are found; an older event is dropped and its time marked as a gap.
        max_length: Entries that a stream has at most, or a few more. Older ones are trimmed, read or not.

    Raises:
        ValueError: The URL has another form.
    """

    def __init__(self, url: str, application: str, *, window: float = 120.0, max_length: int = 1_000_000) -> None:
        self._redis = connect(url)
        self._application = application
        self._window = window
        self._max_length = max_length
        self._exchange = self._redis.register_script(EXCHANGE)
        self._settle = self._redis.register_script(SETTLE)
        self._put = self._redis.register_script(PUT)

    async def open(self) -> None:
        """Check that the server is there and new enough.

        Raises:
            EngineError: It is not, or it refuses this user.
        """
        try:
            version = str((await self._info("server"))["redis_version"])
        except RedisError as error:
            raise describe(error) from None
        if int(version.split(".", maxsplit=1)[0]) < _LOWEST_VERSION:
            raise EngineError(f"Redis {version} is too old: the relay needs {_LOWEST_VERSION} or newer, or Valkey")

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def exchange(self, channel: str, record: Record) -> Exchange:
        """Store a relay's record; return those that were stored before.

        Raises:
            EngineError: The server cannot be reached or refuses.
        """
        now, settled, records = await self._run(self._exchange, channel, record.relay, _encode(record).decode())
        found = tuple(_decode_record(text) for text in cast("list[str]", records))
        return Exchange(float(now), None if settled is None else float(settled), found)

    async def put(self, channel: str, relay: str, put: Put) -> PutResult:
        """Write the entries that are new.

        Raises:
            EngineError: The server cannot be reached or refuses.
        """
        final = "1e300" if math.isinf(put.final_before) else f"{put.final_before:.6f}"
        arguments = [relay, put.instance, put.number, final, self._window, int(put.align), self._max_length]
        for entry in put.entries:
            arguments += f"{entry.received_at:.6f}", entry.id or "", entry.fingerprint, entry.kind.value, entry.body
        done, written, expired = await self._run(self._put, channel, *arguments)
        return PutResult(int(done), int(written), float(expired) if expired else None)

    async def settle(self, channel: str, relay: str, settle: Settle) -> Settled:
        """Write the markers, unless a later moment is settled.

        Raises:
            EngineError: The server cannot be reached or refuses.
        """
        arguments: list[Any] = [relay, f"{settle.until:.6f}", f"{settle.spread:.6f}", self._max_length]
        for marker in settle.markers:
            arguments += marker.id, marker.body
        until, accepted = await self._run(self._settle, channel, *arguments)
        return Settled(float(until), accepted == 1)

    async def _info(self, section: str) -> dict[str, Any]:
        return await self._redis.info(section)  # pyright: ignore[reportUnknownMemberType] - its options are not typed

    async def _run(self, script: Any, channel: str, *arguments: object) -> Any:
        base = stream_key(self._application, channel).removesuffix("events")
        keys = [base + name for name in ("events", "state", "relays", "ids", "recent")]
        try:
            return await script(keys=keys, args=arguments)
        except RedisError as error:
            raise describe(error) from None
