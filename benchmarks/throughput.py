"""Events per second from the socket to the reader: this client beside bare loops over websockets, in turns.

A process of its own writes frames that were built beforehand, in large pieces, so that it is never the one waited for;
the contestant that only reads bytes shows it. All contestants run in one process, one after another in every round, so
that a busy machine slows all of them; look at the ratios.

    python benchmarks/throughput.py --rounds 15 --json throughput.json
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from nacl.bindings import crypto_secretbox_open
from nacl.secret import SecretBox
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.sync.server import ServerConnection, serve

from pusher_client import ChannelAuthorization, PusherClient

KEY = "benchmark"
SHARED_SECRET = bytes(range(32))
EVENT = "order-created"
PIECE = 256 * 1024
DIFFERENT_EVENTS = 60
ESTABLISHED = {"event": "pusher:connection_established", "data": '{"socket_id":"1.1","activity_timeout":120}'}


class Case(NamedTuple):
    """What is sent: how large, and whether it is encrypted."""

    encrypted: bool
    size: int

    @property
    def channel(self) -> str:
        """The channel's name, from which the server reads the case."""
        return f"private-encrypted-{self.size}" if self.encrypted else f"orders-{self.size}"

    @property
    def title(self) -> str:
        """The case in words."""
        return f"{'encrypted' if self.encrypted else 'plain'} {self.size} B"


CASES = {
    case.title.replace(" ", "-"): case
    for case in itertools.starmap(Case, itertools.product((True, False), (200, 2000)))
}


class Sample(NamedTuple):
    """One run: seconds by the clock and of the processor, from the first event to the last."""

    wall: float
    cpu: float


class Stopwatch:
    """Counts the events of one run, and stops at the last one.

    Attributes:
        left: How many events are still to come.
    """

    def __init__(self, events: int) -> None:
        self.left = events
        self._begin = (0.0, 0.0)
        self._done: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        self._first = events

    def count(self, _event: object) -> None:
        """Take an event; this is what every contestant calls for each."""
        if self.left == self._first:
            self._begin = (time.perf_counter(), time.process_time())
        self.left -= 1
        if not self.left:
            wall, cpu = self._begin
            used = max(time.process_time() - cpu, 1e-9)  # a coarse clock may not have moved
            self._done.set_result(Sample(time.perf_counter() - wall, used))

    async def result(self) -> Sample:
        """Wait for the last event."""
        return await self._done


# -- the server ---------------------------------------------------------------------------------------------------


def inner_text(number: int, size: int) -> str:
    """Return an event's data, a little longer or shorter so that base64 ends in every way."""
    start = json.dumps({"id": number, "item": ""})
    return json.dumps({"id": number, "item": "x" * (size - len(start) + number % 3)})


def event_frame(case: Case, number: int) -> bytes:
    """Return an event as it stands on the wire."""
    data = inner_text(number, case.size)
    if case.encrypted:
        sealed = SecretBox(SHARED_SECRET).encrypt(data.encode())
        parts = {"nonce": sealed.nonce, "ciphertext": sealed.ciphertext}
        data = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()})
    return text_frame({"event": EVENT, "channel": case.channel, "data": data})


def text_frame(frame: object) -> bytes:
    """Return a frame as it stands on the wire."""
    return WireFrame(Opcode.TEXT, json.dumps(frame).encode()).serialize(mask=False)


def run_server(pipe: Pipe, events: int) -> None:
    """Serve until the process is ended: after a subscription come the events, as fast as they are read."""
    pieces: dict[str, list[bytes]] = {}
    for case in CASES.values():
        frames = [event_frame(case, number) for number in range(DIFFERENT_EVENTS)]
        in_one = max(1, PIECE // len(frames[0]))
        endless = itertools.cycle(frames)
        first = [b"".join(itertools.islice(endless, min(in_one, events - done))) for done in range(0, events, in_one)]
        pieces[case.channel] = first

    def handle(websocket: ServerConnection) -> None:
        websocket.send(json.dumps(ESTABLISHED))
        channel = json.loads(websocket.recv())["data"]["channel"]
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
        websocket.send(json.dumps(succeeded))
        for piece in pieces[channel]:
            websocket.socket.sendall(piece)
        with contextlib.suppress(ConnectionClosed):  # the one that only reads bytes just hangs up
            websocket.recv()

    with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        pipe.send(server.socket.getsockname()[1])
        server.serve_forever()


# -- the contestants ----------------------------------------------------------------------------------------------


def our_client(port: int) -> PusherClient:
    """Return our client for the server."""

    async def authorize(_channel: str, _socket_id: str) -> ChannelAuthorization:
        return ChannelAuthorization("key:signature", shared_secret=SHARED_SECRET)

    return PusherClient(KEY, host="127.0.0.1", port=port, tls=False, authorizer=authorize, proxy=None)


async def our_handler(port: int, case: Case, events: int) -> Sample:
    """Our client with a plain function bound to the event."""
    async with our_client(port) as client:
        watch = Stopwatch(events)
        channel = client.channel(case.channel)
        channel.bind(EVENT, watch.count)
        await channel.subscribe()
        sample = await watch.result()
        assert channel.stats.delivered == events
        return sample


async def our_iterator(port: int, case: Case, events: int) -> Sample:
    """Our client, read with ``async for``."""
    async with our_client(port) as client:
        watch = Stopwatch(events)
        channel = await client.subscribe(case.channel)
        async for event in channel:
            watch.count(event)
            if not watch.left:
                break
        assert channel.stats.dropped == 0
        return await watch.result()


async def subscribed(websocket: ClientConnection, case: Case) -> None:
    """Subscribe over a bare WebSocket."""
    assert "established" in str(await websocket.recv())
    await websocket.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": case.channel}}))
    assert "succeeded" in str(await websocket.recv())


def bare(port: int) -> connect:
    """Open a WebSocket as our client does."""
    url = f"ws://127.0.0.1:{port}/app/{KEY}"
    return connect(url, compression=None, ping_interval=None, max_queue=64, proxy=None)


async def bare_json(port: int, case: Case, events: int) -> Sample:
    """A loop over websockets with the standard library's json, and PyNaCl's SecretBox."""
    async with bare(port) as websocket:
        await subscribed(websocket, case)
        watch, box = Stopwatch(events), SecretBox(SHARED_SECRET)
        while watch.left:
            frame = json.loads(await websocket.recv())
            data = frame["data"]
            if case.encrypted:
                envelope = json.loads(data)
                nonce, ciphertext = (base64.b64decode(envelope[name]) for name in ("nonce", "ciphertext"))
                data = box.decrypt(ciphertext, nonce)
            watch.count(json.loads(data))
        return await watch.result()


class BareFrame(msgspec.Struct):
    """A frame, as the fastest loop reads it."""

    event: str
    channel: str
    data: str


class BareEnvelope(msgspec.Struct):
    """An envelope, as the fastest loop reads it."""

    nonce: bytes
    ciphertext: bytes


async def bare_bytes(port: int, case: Case, events: int) -> Sample:
    """A loop over websockets with bytes, msgspec and PyNaCl's bindings, and without a single check."""
    read_frame = msgspec.json.Decoder(BareFrame).decode
    read_envelope = msgspec.json.Decoder(BareEnvelope).decode
    read = msgspec.json.Decoder().decode
    async with bare(port) as websocket:
        await subscribed(websocket, case)
        watch, encrypted = Stopwatch(events), case.encrypted
        while watch.left:
            data: str | bytes = read_frame(await websocket.recv(decode=False)).data
            if encrypted:
                envelope = read_envelope(data)
                data = crypto_secretbox_open(envelope.ciphertext, envelope.nonce, SHARED_SECRET)
            watch.count(read(data))
        return await watch.result()


async def only_bytes(port: int, case: Case, events: int) -> Sample:
    """What only takes the bytes from the socket: how fast the server writes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=PIECE)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ("GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade")
    writer.write("\r\n".join((*lines, "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "")).encode())
    await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b"}")
    subscribe = json.dumps({"event": "pusher:subscribe", "data": {"channel": case.channel}}).encode()
    watch = Stopwatch(2)
    watch.count(None)
    writer.write(WireFrame(Opcode.TEXT, subscribe).serialize(mask=True))
    frames = itertools.islice(
        itertools.cycle(len(event_frame(case, number)) for number in range(DIFFERENT_EVENTS)), events
    )
    left = sum(frames)
    await reader.readuntil(b'"{}"}')
    while left > 0:
        left -= len(await reader.read(PIECE))
    watch.count(None)
    writer.transport.abort()
    return await watch.result()


Contestant = Callable[[int, Case, int], Awaitable[Sample]]

YARDSTICK = "bare, bytes and msgspec"
CONTESTANTS: dict[str, Contestant] = {
    "ours, bound handler": our_handler,
    "ours, iterator": our_iterator,
    YARDSTICK: bare_bytes,
    "bare, json and SecretBox": bare_json,
    "reading the bytes alone": only_bytes,
}


# -- the measurement ----------------------------------------------------------------------------------------------


async def measure(port: int, case: Case, rounds: int, events: int, names: list[str]) -> dict[str, list[Sample]]:
    """Let the contestants take turns; the first round only warms up."""
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds + 1):
        # In every other round the order is turned around, so that nobody always comes after the same one.
        for name in names if number % 2 else reversed(names):
            sample = await CONTESTANTS[name](port, case, events)
            if number:
                samples[name].append(sample)
    return samples


def summary(samples: dict[str, list[Sample]], events: int) -> dict[str, dict[str, Any]]:
    """Return each contestant's medians, their spread, and its speed as a part of the yardstick's."""
    rows: dict[str, dict[str, Any]] = {}
    for name, runs in samples.items():
        rates = sorted(events / run.wall for run in runs)
        pairs = list(zip(samples.get(YARDSTICK, runs), runs, strict=True))
        rows[name] = {
            "events_per_second": round(statistics.median(rates)),
            "slowest": round(rates[0]),
            "fastest": round(rates[-1]),
            "cpu_microseconds": round(statistics.median(run.cpu for run in runs) / events * 1e6, 2),
            "ratio_wall": round(statistics.median(base.wall / run.wall for base, run in pairs), 3),
            "ratio_cpu": round(statistics.median(base.cpu / run.cpu for base, run in pairs), 3),
        }
    return rows


def print_table(title: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print one case."""
    print(f"\n{title:28}{'events/s':>10}{'slowest':>10}{'fastest':>10}{'CPU µs':>9}{'ratio':>8}{'by CPU':>8}")
    for name, row in rows.items():
        print(
            f"  {name:26}{row['events_per_second']:>10,}{row['slowest']:>10,}{row['fastest']:>10,}"
            f"{row['cpu_microseconds']:>9.2f}{row['ratio_wall']:>8.2f}{row['ratio_cpu']:>8.2f}"
        )


def main() -> None:
    """Measure, print, and write JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--events", type=int, default=20_000, help="events of one run")
    parser.add_argument("--case", choices=CASES, action="append", help="may be repeated; all by default")
    parser.add_argument("--contestant", choices=CONTESTANTS, action="append", help="may be repeated; all by default")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=run_server, args=(theirs, options.events), daemon=True)
    server.start()
    try:
        port = ours.recv()
        results: dict[str, Any] = {}
        for name in options.case or CASES:
            case = CASES[name]
            names = options.contestant or list(CONTESTANTS)
            samples = asyncio.run(measure(port, case, options.rounds, options.events, names))
            results[name] = summary(samples, options.events)
            print_table(case.title, results[name])
    finally:
        server.terminate()
    if options.json:
        about = {"python": platform.python_version(), "rounds": options.rounds, "events": options.events}
        options.json.write_text(json.dumps({**about, "cases": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
