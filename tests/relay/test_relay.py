"""A relay over real sockets: a scripted server at one end, an engine at the other."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pusher_client import AuthorizationError, ChannelAuthorization, ConnectError
from pusher_client.relay import EngineError, MemoryEngine, Relay, RelayError, RelaySettings
from pusher_client.relay.envelope import read_envelope
from pusher_client.relay.redis_engine import RedisEngine, stream_key
from pusher_client.relay.values import Exchange, Put, PutResult, Record
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.relay.redis_entries import envelopes
from tests.support.scripted_server import Scripted, scripted

SETTINGS = RelaySettings(tick=0.05, spread=1.0, dead_after=1.0, max_hold=8.0, failure_wait=1.0)
"""A pause of half a second counts; on a loaded machine shorter ones happen by themselves."""


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=OLD)


def relay_of(
    peer: Scripted, engine: Any, name: str = "a", channels: tuple[str, ...] = ("orders",), **options: Any
) -> Relay:
    client = peer.client(authorizer=authorize, activity_timeout=0.2)
    return Relay(client, engine, channels, name=name, application="KEY", settings=SETTINGS, **options)


@asynccontextmanager
async def running(relay: Relay) -> AsyncGenerator[Relay]:
    """Run a relay until the block ends, and stop it in an orderly way."""
    task = asyncio.create_task(relay.run())
    await until(lambda: relay.ready or task.done())
    try:
        yield relay
    finally:
        relay.stop()
        await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def numbers(engine: MemoryEngine, channel: str = "orders") -> list[Any]:
    """Return the data of the events of a stream, and the names of its markers."""
    events = [read_envelope(entry.body) for entry in engine.stream(channel).entries]
    return [event.name if event.name.startswith("pusher:") else event.data for event in events]


async def test_every_event_is_written_once_and_in_order() -> None:
    """Two relays write the same events, of a plain and of an encrypted channel, and the engine keeps one of each."""
    engine = MemoryEngine()
    channels = ("orders", CHANNEL)
    async with scripted() as peer, running(relay_of(peer, engine, "a", channels)) as first:
        await peer.publish("e", "orders", "0")
        async with running(relay_of(peer, engine, "b", channels)) as second:
            for number in range(1, 200):
                await peer.publish("e", "orders", str(number))
                await peer.publish("e", CHANNEL, sealed(OLD, str(number)))
            await until(lambda: sum(first.counts.values()) + sum(second.counts.values()) >= 1 + 4 * 199)
    assert numbers(engine) == list(range(200))
    assert numbers(engine, CHANNEL) == list(range(1, 200))
    assert first.counts["written"] + second.counts["written"] == 200 + 199


async def test_a_relay_that_ends_is_covered_by_the_other() -> None:
    """Nothing is lost, and nothing marked, when one is stopped and comes back (design.md, the relay)."""
    engine = MemoryEngine()
    async with scripted() as peer, running(relay_of(peer, engine, "a")):
        for turn in range(3):
            async with running(relay_of(peer, engine, "b")):
                await peer.publish("e", "orders", str(2 * turn))
            await peer.publish("e", "orders", str(2 * turn + 1))
        await until(lambda: len(numbers(engine)) == 6)
    assert numbers(engine) == list(range(6))


async def test_the_link_of_the_only_relay_is_a_gap() -> None:
    """Its marker stands between what was received before and after."""
    engine = MemoryEngine()
    async with scripted() as peer, running(relay_of(peer, engine)) as relay:
        await peer.publish("e", "orders", "0")
        await until(lambda: numbers(engine) == [0])
        await peer.sockets[0].close(4200)
        await until(lambda: not relay.ready)
        await until(lambda: relay.ready)
        await peer.publish("e", "orders", "1")
        await until(lambda: len(numbers(engine)) == 3)
    assert numbers(engine) == [0, "pusher:gap", 1]
    assert relay.counts == {"written": 2, "duplicates": 0, "marked": 1, "overflows": 0}


async def test_what_one_relay_cannot_open_another_may() -> None:
    """A decryption failure is written only where no relay opened the event."""
    engine = MemoryEngine()

    async def newer(_channel: str, socket_id: str) -> ChannelAuthorization:
        return ChannelAuthorization(f"KEY:{socket_id}", shared_secret=NEW)

    async with scripted() as peer:
        other = Relay(
            peer.client(authorizer=newer, activity_timeout=0.2),
            engine,
            [CHANNEL],
            name="b",
            application="KEY",
            settings=SETTINGS,
        )
        async with running(relay_of(peer, engine, "a", (CHANNEL,))), running(other):
            await peer.publish("e", CHANNEL, sealed(OLD, "1"))
            await peer.publish("e", CHANNEL, sealed(NEW, "2"))
            await peer.publish("e", CHANNEL, "nonsense")
            await until(lambda: len(numbers(engine, CHANNEL)) >= 3)
    assert numbers(engine, CHANNEL)[:2] == [1, 2]
    assert set(numbers(engine, CHANNEL)[2:]) == {"pusher:decryption_failure"}


class Failing(MemoryEngine):
    """An engine that can be away."""

    away = False

    async def exchange(self, channel: str, record: Record) -> Exchange:
        self.check()
        return await super().exchange(channel, record)

    async def put(self, channel: str, relay: str, put: Put) -> PutResult:
        self.check()
        return await super().put(channel, relay, put)

    def check(self) -> None:
        if self.away:
            raise EngineError("away")


async def test_events_wait_while_the_engine_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """They are written late, and the log says once that the engine fails, and that it answers again."""
    engine = Failing()
    caplog.set_level(logging.INFO, "pusher_client")
    async with scripted() as peer, running(relay_of(peer, engine)) as relay:
        engine.away = True
        for number in range(20):
            await peer.publish("e", "orders", str(number))
        await until(lambda: relay.waiting == 20)
        await until(lambda: not relay.ready)
        await asyncio.sleep(0.5)
        engine.away = False
        await until(lambda: numbers(engine) == list(range(20)))
        await until(lambda: relay.ready)
    said = [record.message for record in caplog.records if "engine" in record.message]
    assert said == [
        "the relay's engine fails: away; events wait in the buffer, and it is tried again",
        "the relay's engine answers again",
    ]


async def test_a_relay_ends_though_the_engine_is_away() -> None:
    """It waits for the engine, but not without end."""
    engine = Failing()
    async with scripted() as peer:
        client = peer.client()
        settings = RelaySettings(tick=0.05, spread=0.05, dead_after=0.1, max_hold=0.3)
        relay = Relay(client, engine, ["orders"], name="a", application="KEY", settings=settings)
        async with running(relay):
            engine.away = True
            await peer.publish("e", "orders", "1")
            await until(lambda: relay.waiting)
    assert numbers(engine) == []


async def test_two_relays_of_one_name_are_told_apart() -> None:
    """The relay that finds it ends with an error that says what to do."""
    engine = MemoryEngine()
    async with scripted() as peer:
        first, second = relay_of(peer, engine), relay_of(peer, engine)
        runs = [asyncio.create_task(relay.run()) for relay in (first, second)]
        await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        first.stop()
        second.stop()
        ends = [str(end) for end in await asyncio.gather(*runs, return_exceptions=True) if isinstance(end, RelayError)]
    assert set(ends) == {"another relay is named 'a' on orders: give each relay a name of its own"}


async def test_a_pause_of_the_process_is_noticed() -> None:
    """What arrives late is not taken for new; a lone relay loses nothing by it (design.md, the relay)."""
    engine = MemoryEngine()
    async with scripted() as peer, running(relay_of(peer, engine)) as relay:
        await peer.publish("e", "orders", "0")
        await until(lambda: numbers(engine) == [0])
        time.sleep(1.0)  # noqa: ASYNC251 - the loop is to stand still
        await peer.publish("e", "orders", "1")
        await until(lambda: not relay.ready)
        await until(lambda: numbers(engine) == [0, 1])


async def test_a_refused_channel_ends_the_relay() -> None:
    """Its error is raised as it is."""

    async def refuse(channel: str, _socket_id: str) -> ChannelAuthorization:
        raise AuthorizationError(channel, "no", status=403)

    async with scripted() as peer:
        client = peer.client(authorizer=refuse)
        with pytest.raises(AuthorizationError):
            await Relay(client, MemoryEngine(), ["private-x"], name="a", application="KEY").run()
        assert client.socket_id is None


async def test_a_connection_that_fails_finally_ends_the_relay() -> None:
    """A fatal close code is raised."""
    async with scripted() as peer:
        relay = relay_of(peer, MemoryEngine())
        task = asyncio.create_task(relay.run())
        await until(lambda: relay.ready)
        await peer.sockets[0].close(4001)
        with pytest.raises(ConnectError):
            await task


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "no spaces"}, "the name of a relay"),
        ({"name": ""}, "the name of a relay"),
        ({"channels": ()}, "at least one channel"),
        ({"buffer_bytes": 0}, "buffer_bytes"),
    ],
)
async def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    """The caller's mistakes are errors at once."""
    async with scripted() as peer:
        with pytest.raises(ValueError, match=message):
            relay_of(peer, MemoryEngine(), **options)


async def test_two_relays_on_a_real_engine(redis_port: int) -> None:
    """The same on Redis: one dies without a word, and another consumer reads CloudEvents."""
    channel = CHANNEL
    async with scripted() as peer:
        engines = [RedisEngine(f"redis://127.0.0.1:{redis_port}", "RELAY") for _ in "ab"]
        dying = asyncio.create_task(relay_of(peer, engines[0], "a", (channel,)).run())
        async with running(relay_of(peer, engines[1], "b", (channel,))) as second:
            await until(lambda: len(peer.sockets) == 2)
            for number in range(300):
                await peer.publish("e", channel, sealed(OLD, str(number)))
                if number == 150:
                    dying.cancel()
                    await until(lambda: len(peer.sockets) == 1)
            await until(lambda: second.waiting == 0 and second.counts["written"])
            written = await stored(redis_port)
            while not any(envelope.get("data") == "299" for envelope in written):
                await asyncio.sleep(0.05)
                written = await stored(redis_port)
        await asyncio.gather(dying, return_exceptions=True)
    expected, is_marked = 0, False  # a machine that stood still for long may have caused a loss, which is marked
    for envelope in written:
        if envelope["type"] == "pusher:gap":
            is_marked = True
            continue
        number = int(envelope["data"])
        assert number == expected or (is_marked and number > expected)
        expected, is_marked = number + 1, False
    assert expected == 300
    assert {envelope["specversion"] for envelope in written} == {"1.0"}


async def stored(port: int) -> list[dict[str, Any]]:
    """Return the envelopes that another consumer of the stream reads."""
    return [json.loads(text) for text in await envelopes(port, stream_key("RELAY", CHANNEL))]
