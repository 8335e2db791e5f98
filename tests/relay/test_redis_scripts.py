"""The scripts of the Redis engine do what the memory engine does, on a real server."""

from __future__ import annotations

import math
import random

import pytest

from pusher_client.relay.memory_engine import MemoryStream
from pusher_client.relay.redis_engine import RedisEngine, stream_key
from pusher_client.relay.values import Entry, Kind, Put, Record, Settle
from tests.support.relay.redis_entries import envelopes

WINDOW = 60.0


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("seed", range(15))
async def test_a_redis_stream_and_one_in_memory_end_alike(seed: int, plain: bool, redis_port: int) -> None:
    """Whatever two relays put and settle, in whatever order, repeated or too old (design.md, the relay)."""
    draw, channel = random.Random(seed), f"scripts-{seed}-{plain}"
    engine = RedisEngine(f"redis://127.0.0.1:{redis_port}", "KEY", window=WINDOW)
    stream = MemoryStream(WINDOW)
    start = (await engine.exchange(channel, Record(relay="a", beat=0))).now
    stream.exchange(Record(relay="a", beat=0), start)
    numbers = {"a": 0, "b": 0}
    for step in range(60):
        relay = draw.choice("ab")
        if draw.random() < 0.1:
            marker = Entry(start, f"gap-{step}", "", Kind.GAP, f"gap-{step}")
            settle = Settle(start + draw.uniform(-3, 3), 0.5, (marker,))
            theirs = await engine.settle(channel, relay, settle)
            assert theirs == pytest.approx(stream.settle(relay, settle), abs=1e-5)
            continue
        entries = tuple(entry(draw, start, plain=plain) for _ in range(draw.randint(1, 5)))
        final = draw.choice([math.inf, start])
        number = max(0, numbers[relay] - draw.choice([0, 0, 2]))
        batch = Put(entries, final, draw.random() < 0.2, "instance", number)
        result, expected = await engine.put(channel, relay, batch), stream.put(relay, batch, start)
        assert (result.done, result.written) == (expected.done, expected.written)
        assert (result.expired_before is None) == (expected.expired_before is None)
        numbers[relay] = number + result.done
    assert await envelopes(redis_port, stream_key("KEY", channel)) == [one.body for one in stream.entries]
    exchange = await engine.exchange(channel, Record(relay="b", beat=1))
    assert exchange.settled == pytest.approx(stream.settled, abs=1e-5)
    assert list(exchange.records) == [Record(relay="a", beat=0)]
    await engine.close()


def entry(draw: random.Random, now: float, *, plain: bool) -> Entry:
    """Return an entry with one of few contents: often a duplicate, sometimes too old or undecryptable."""
    content = draw.choice("xyzuvw")
    received = now - WINDOW * 2 if draw.random() < 0.03 else now + draw.uniform(-4, 4)
    if plain:
        return Entry(received, None, content, Kind.EVENT, content)
    kind = Kind.DECRYPTION_FAILURE if draw.random() < 0.1 else Kind.EVENT
    return Entry(received, content + str(draw.randint(0, 5)), content, kind, content)
