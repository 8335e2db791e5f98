"""A client in bad company for minutes or hours: is everything accounted for, and does its memory stay flat?

A process of its own runs the local server, publishes numbered events at a steady rate, and does what servers, networks
and relays do: it resets, closes, restarts, stalls, spoils ciphertexts, sends garbage, and rotates keys. Two clients in
this process read with handlers and iterators, send each other client events, and come and go on other channels. Every
reader keeps a ledger in which each missing number has to be explained by a marker at its place.

    python benchmarks/soak.py --minutes 20 --json soak.json --svg benchmarks/soak.svg

Ends with 1 if anything was lost silently, came twice or out of order, if counts do not add up, if anything is left open
in the end, or if the memory grew after the warm-up by more than `--growth`. Reads /proc, so it needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import contextlib
import dataclasses
import gc
import importlib
import itertools
import json
import logging
import multiprocessing
import os
import platform
import random
import secrets
import socket
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple

from nacl.secret import SecretBox

from pusher_client import (
    MARKERS,
    ConnectionState,
    Event,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    KeyRotationPolicy,
    PusherClient,
    PusherError,
    ReconnectPolicy,
    StateChange,
)
from pusher_client.protocol.authorization import derive_shared_secret
from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.live import LivePage
from pusher_client.server.serving import LOOPBACK, Serving
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire

KEY, SECRET = "soak", "soak-secret"
TICK, CLIENT_TICK = "tick", "client-tick"
PUBLIC, PRIVATE, ENCRYPTED, PRESENCE = "soak", "private-soak", "private-encrypted-soak", "presence-soak"
PUBLISHED = (PUBLIC, PRIVATE, ENCRYPTED, PRESENCE)
ECHO = "private-echo"
FILLER = "x" * 200
ROLL_OUT_SECONDS = 2.0
PAUSE_SECONDS = (2.0, 8.0)
SETTLE_SECONDS = 60.0
WARM_UP = 0.2
SPARE = 2  # tasks, descriptors and threads that a curve may rise by: reconnecting takes a few for a moment
POINTS = 300
MIB = 1024 * 1024

GARBAGE = (
    "no JSON",
    "[]",
    '{"event":1}',
    "[" * 5000,
    '{"event":"pusher:gap","channel":"soak","data":"{}"}',
    '{"event":"tick","channel":"not-subscribed","data":"{\\"number\\":1}"}',
    '{"event":"tick","data":"{\\"number\\":1}"}',
    '{"event":"junk","channel":"private-encrypted-soak","data":"{\\"number\\":1}"}',
    '{"event":"junk","channel":"private-encrypted-soak","data":{"nonce":"AAAA","ciphertext":"\\ud800"}}',
    '{"event":"pusher:pong","data":[1e999,NaN]}',
    '{"event":"pusher:error","data":{"code":"x","message":["\\ud800"]}}',
    '{"event":"pusher_internal:subscription_succeeded","channel":"soak","data":"{}"}',
    '{"event":"pusher_internal:member_removed","channel":"presence-soak","data":"{\\"user_id\\":\\"nobody\\"}"}',
)


# -- the server's process -----------------------------------------------------------------------------------------


class Company:
    """The server with its publisher, and what is done to both; runs in its own process.

    Args:
        pipe: Brings what to do: the name of a method, and its argument.
        port: Where it listens, through all restarts.
        rate: Events a second on each channel.
    """

    def __init__(self, pipe: Pipe, port: int, rate: float) -> None:
        self._pipe = pipe
        self._port = port
        self._rate = rate
        self._keys = [secrets.token_bytes(32)]
        self._application = Application(app_id="1001", key=KEY, secret=SECRET, master_key=self._keys[-1])
        self._wire = Wire()
        self._app = create_app(self._application, self._wire, Timeouts(5, 5), LivePage(self._application))
        self._serving: Serving | None = None
        self._numbers = dict.fromkeys(PUBLISHED, 0)
        self._restarting = asyncio.Lock()

    async def run(self) -> None:
        """Serve and publish until the other process says that it is enough."""
        self._start()
        self._pipe.send("ready")
        publishing = asyncio.create_task(self._publish())
        doing: set[asyncio.Task[None]] = set()
        while True:
            name, value = await asyncio.to_thread(self._pipe.recv)
            if name == "finish":
                publishing.cancel()
                self._pipe.send(self._numbers)
            elif name == "quit":
                break
            else:
                task: asyncio.Task[None] = asyncio.create_task(getattr(self, name)(value))
                doing.add(task)
                task.add_done_callback(doing.discard)
        await asyncio.gather(*doing)
        await self._stop()

    async def drop(self, _value: float) -> None:
        """Reset every connection."""
        self._wire.reset()

    async def close(self, code: int) -> None:
        """Close every connection with a code."""
        for connection in self._application.connections():
            connection.close(code, "as a soak will have it")

    async def restart(self, seconds: float) -> None:
        """Be gone for a while."""
        async with self._restarting:
            await self._stop()
            await asyncio.sleep(seconds)
            self._start()

    async def stall(self, seconds: float) -> None:
        """Neither read nor write for a while."""
        self._wire.stall(on=True)
        await asyncio.sleep(seconds)
        self._wire.stall(on=False)

    async def mangle(self, seconds: float) -> None:
        """Spoil ciphertexts for a while."""
        self._application.mangle = True
        await asyncio.sleep(seconds)
        self._application.mangle = False

    async def rotate(self, _value: float) -> None:
        """Take another key; some publishers have it at once and some a little later."""
        self._keys.append(secrets.token_bytes(32))
        self._application.rotate_key(self._keys[-1])
        await asyncio.sleep(ROLL_OUT_SECONDS)
        del self._keys[:-1]

    async def garbage(self, count: int) -> None:
        """Send what no server should."""
        for _ in range(count):
            self._application.channel(PUBLIC).send(random.choice(GARBAGE))

    async def oversize(self, size: int) -> None:
        """Send a frame that is larger than the client takes."""
        self._application.channel(PUBLIC).send(json.dumps({"event": TICK, "data": "x" * size}))

    def _start(self) -> None:
        self._serving = Serving(self._app, self._wire)
        self._serving.start(self._port)

    async def _stop(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.stop()

    async def _publish(self) -> None:
        due = time.monotonic()
        while True:
            for channel in PUBLISHED:
                self._numbers[channel] += 1
                data = json.dumps({"number": self._numbers[channel], "unsure": 0, "filler": FILLER})
                if channel == ENCRYPTED:
                    data = sealed(data, derive_shared_secret(channel, random.choice(self._keys)))
                self._application.publish(channel, TICK, data)
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def sealed(plaintext: str, key: bytes) -> str:
    """Encrypt as a publisher does."""
    message = SecretBox(key).encrypt(plaintext.encode())
    parts = {"nonce": message.nonce, "ciphertext": message.ciphertext}
    return json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()})


def run_server(pipe: Pipe, port: int, rate: float) -> None:
    """Be the server's process."""
    logging.disable()  # resets and spoiled frames are what it is here for
    asyncio.run(Company(pipe, port, rate).run())


def free_port() -> int:
    """Find a port below those of outgoing connections: a client that knocks at a stopped server gets no such port."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port


# -- keeping the books --------------------------------------------------------------------------------------------


class Problems:
    """What went wrong, each kind written once with its first case."""

    def __init__(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.first: dict[str, str] = {}

    def add(self, kind: str, detail: str) -> None:
        """Note a problem, and say so at once."""
        self.counts[kind] += 1
        if kind not in self.first:
            self.first[kind] = detail
            print(f"PROBLEM: {kind}: {detail}", flush=True)


class Ledger:
    """What one reader got of one channel: numbers in order and once, and what explains those that are missing.

    Args:
        name: What it is called in problems and in the summary.
        problems: Where to complain.
        overflows: Whether the reader has a queue that may be full; what others lose explains nothing here.
        reference: A reader that never overflows: what is missing there, too, never reached the client. A full queue may
            have refused the marker of such a gap, and its own marker then stands for both.
    """

    def __init__(
        self, name: str, problems: Problems, *, overflows: bool = True, reference: Ledger | None = None
    ) -> None:
        self.name = name
        self._overflows = overflows
        self.counts: collections.Counter[str] = collections.Counter()
        self.last = 0
        self._problems = problems
        self._reference = reference
        self._holes = collections.deque[tuple[int, int]](maxlen=100)
        self._started = False
        self._unsure = 0
        self._explained = 0
        self._whole_hole = False
        self._overflowed = False

    def take(self, event: Event) -> None:
        """Enter an event: a number, a marker, or what does not matter here."""
        if event.name in (TICK, CLIENT_TICK):
            self._enter(event.data["number"], event.data["unsure"])
        elif event.name == "pusher:gap":
            self.counts["gaps"] += 1
            self._whole_hole = True
        elif event.name == "pusher:overflow" and self._overflows:
            self.counts["overflows"] += 1
            self._explained += event.data.dropped
            self._overflowed = True
        elif event.name == "pusher:decryption_failure" and event.data.event_name == TICK:
            self.counts["failures"] += 1
            self._explained += 1

    def complete(self, final: int) -> bool:
        """Say whether everything up to the last number came or is explained."""
        return self._is_explained(final - self.last, final + 1)

    def lost_between(self, last: int, number: int) -> int:
        """Return how many numbers between these two never came here."""
        return sum(max(0, min(end, number) - max(begin, last) - 1) for begin, end in self._holes)

    def _enter(self, number: int, unsure: int) -> None:
        self.counts["events"] += 1
        missing = number - self.last - 1
        if missing < 0:
            self._problems.add("twice or out of order", f"{self.name}: {number} after {self.last}")
            return
        if self._started and missing:
            self.counts["missing"] += missing
            self._holes.append((self.last, number))
            if not self._is_explained(missing - (unsure - self._unsure), number):
                detail = f"{self.name}: {missing} before {number}, {self._explained} explained"
                self._problems.add("silent loss", detail)
        self.last, self._unsure, self._started = number, unsure, True
        self._explained, self._whole_hole, self._overflowed = 0, False, False

    def _is_explained(self, missing: int, number: int) -> bool:
        if self._overflowed and self._reference is not None:
            missing -= self._reference.lost_between(self.last, number)
        return self._whole_hole or missing <= self._explained


class Sample(NamedTuple):
    """What the process held at one moment."""

    seconds: float
    rss: float
    tasks: int
    descriptors: int
    threads: int
    events: int

    @classmethod
    def take(cls, seconds: float, events: int) -> Sample:
        """Look at this process."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(
            seconds=round(seconds, 1),
            rss=round(pages * os.sysconf("SC_PAGE_SIZE") / MIB, 3),
            tasks=len(asyncio.all_tasks()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())) - 1,  # without the one that lists them
            threads=threading.active_count(),
            events=events,
        )


class Errors(logging.Handler):
    """Takes what the library logs as an error for a problem: nothing here should be one."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        """Note the record."""
        self._problems.add(f"logged: {record.msg}", record.getMessage())


# -- the clients --------------------------------------------------------------------------------------------------


class Soak:
    """Two clients, their readers, and what happens to them.

    Args:
        pipe: Leads to the server's process.
        port: Where the server listens.
        seed: What all chances are drawn with.
    """

    def __init__(self, pipe: Pipe, port: int, seed: int) -> None:
        self.problems = Problems()
        self.ledgers: list[Ledger] = []
        self.samples: list[Sample] = []
        self.faults: list[tuple[float, str]] = []
        self.cuts = 0
        self.churned = 0
        self._pipe = pipe
        self._port = port
        self._lots = random.Random(seed)
        self._begin = time.monotonic()
        self._client = self._new_client()
        self._peer = self._new_client()
        self._client.connection.bind("state_change", self._count_cuts)
        self._peer.connection.bind("state_change", self._count_cuts)
        self._sent = self._unsure = self._unsure_up_to = 0
        self._echo = self._ledger("client events, plain handler", overflows=False)
        self._inline: dict[str, Ledger] = {}
        self._channels = {name: self._client.channel(name) for name in (*PUBLISHED, ECHO)}

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return time.monotonic() - self._begin

    @property
    def delivered(self) -> int:
        """How many numbers were entered so far."""
        return sum(ledger.counts["events"] for ledger in self.ledgers)

    def _new_client(self) -> PusherClient:
        address = f"http://{LOOPBACK}:{self._port}/pusher"
        return PusherClient(
            KEY,
            host=LOOPBACK,
            port=self._port,
            tls=False,
            proxy=None,
            authorizer=HTTPAuthorizer(f"{address}/auth", proxy=None),
            user_authenticator=HTTPUserAuthenticator(f"{address}/user-auth", proxy=None),
            activity_timeout=4,
            pong_timeout=3,
            connect_timeout=5,
            authorization_timeout=5,
            reconnect=ReconnectPolicy(base=0.1, cap=2, max_per_minute=60),
            key_rotation=KeyRotationPolicy(grace=20, timeout=5, max_delay=5),
            queue_size=256,
            buffer_bytes=MIB,
        )

    def _ledger(self, name: str, *, overflows: bool = True, reference: Ledger | None = None) -> Ledger:
        ledger = Ledger(name, self.problems, overflows=overflows, reference=reference)
        self.ledgers.append(ledger)
        return ledger

    def _count_cuts(self, change: StateChange) -> None:
        self.cuts += change.previous is ConnectionState.CONNECTED
        if change.previous is ConnectionState.CONNECTED:
            # Whatever was sent and has not come back may be lost on the way to the server, which nobody can mark.
            first = max(self._echo.last, self._unsure_up_to)
            self._unsure += max(0, self._sent - first)
            self._unsure_up_to = self._sent

    async def run(self, seconds: float, quiet: float) -> dict[str, int]:
        """Do everything for so long, then nothing bad for a while; return how much more is open than before."""
        before = Sample.take(0, 0)
        async with self._client, self._peer, asyncio.timeout(seconds + quiet + 2 * SETTLE_SECONDS):
            await self._client.signin()
            for channel in PUBLISHED:
                await self._client.subscribe(channel)
            await self._client.subscribe(ECHO)
            self._peer.channel(ECHO).bind_global(self._echo.take)
            await self._peer.subscribe(ECHO)
            running = [asyncio.create_task(part) for part in (*self._readers(), self._talk(), self._churn())]
            running += [asyncio.create_task(self._visit()), asyncio.create_task(self._sample())]
            await self._wreak(seconds)
            await self._settle(quiet)
            for task in running:
                if task.done() and not task.cancelled():
                    self.problems.add("a part ended", repr(task.exception()))
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0.2)
        after = Sample.take(0, 0)
        names = ("tasks", "descriptors", "threads")
        for name in names:
            if getattr(after, name) > getattr(before, name):
                self.problems.add("left open", f"{name}: {getattr(before, name)} before, {getattr(after, name)} after")
        return {name: getattr(after, name) - getattr(before, name) for name in names}

    # -- readers --------------------------------------------------------------------------------------------------

    def _readers(self) -> list[Coroutine[Any, Any, None]]:
        for channel in (PUBLIC, ENCRYPTED):
            ledger = self._inline[channel] = self._ledger(f"{channel}, plain handler", overflows=False)
            self._client.channel(channel).bind_global(ledger.take)
        delayed = self._ledger(f"{PRIVATE}, async handler")

        async def take(event: Event) -> None:
            await asyncio.sleep(self._lots.random() / 100)
            delayed.take(event)

        self._client.channel(PRIVATE).bind_global(take)
        watched = (TICK, *MARKERS)
        return [
            self._read(self._client.channel(ENCRYPTED).events(*watched), f"{ENCRYPTED}, iterator"),
            self._read(self._client.channel(PRESENCE).events("*"), f"{PRESENCE}, iterator"),
            self._read(self._client.channel(PUBLIC).events(*watched, queue_size=32), f"{PUBLIC}, slow iterator", 3.0),
            self._read_all(self._client.events(*watched)),
        ]

    async def _read(self, events: AsyncIterator[Event], name: str, pause: float = 0.0) -> None:
        ledger = self._ledger(name, reference=self._inline[PUBLIC] if pause else None)
        async for event in events:
            ledger.take(event)
            if pause and self._lots.random() < 0.05:  # noqa: PLR2004 - one event in twenty
                await asyncio.sleep(self._lots.uniform(0, pause))

    async def _read_all(self, events: AsyncIterator[Event]) -> None:
        ledgers = {channel: self._ledger(f"{channel}, the client's iterator") for channel in PUBLISHED}
        async for event in events:
            for channel, ledger in ledgers.items():
                if event.channel in (channel, None):
                    ledger.take(event)

    # -- what the clients do besides ------------------------------------------------------------------------------

    async def _talk(self) -> None:
        channel = self._client.channel(ECHO)
        while True:
            await asyncio.sleep(0.1)
            with contextlib.suppress(PusherError):
                await channel.trigger(CLIENT_TICK, {"number": self._sent + 1, "unsure": self._unsure})
                self._sent += 1

    async def _visit(self) -> None:
        while True:
            with contextlib.suppress(PusherError):
                await self._peer.subscribe(PRESENCE)
            await asyncio.sleep(self._lots.uniform(0, 2))
            await self._peer.unsubscribe(PRESENCE)

    async def _churn(self) -> None:
        acts = (self._come_and_go, self._change_one_s_mind, self._wait_in_vain, self._forget_a_stream)
        while True:
            self.churned += 1
            with contextlib.suppress(PusherError, TimeoutError):
                await self._lots.choice(acts)(f"private-churn-{self.churned}")
            await asyncio.sleep(self._lots.uniform(0, 0.4))

    async def _come_and_go(self, name: str) -> None:
        async with asyncio.timeout(3):
            channel = await self._client.subscribe(name)
            await channel.unsubscribe()

    async def _change_one_s_mind(self, name: str) -> None:
        task = asyncio.ensure_future(self._client.subscribe(name))
        for _ in range(self._lots.randrange(20)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await self._client.unsubscribe(name)

    async def _wait_in_vain(self, name: str) -> None:
        async with asyncio.timeout(self._lots.random()):
            await self._client.channel(name).wait_for("nothing")

    async def _forget_a_stream(self, _name: str) -> None:
        stream = self._client.channel(ENCRYPTED).events("*")
        await asyncio.sleep(self._lots.random())
        await anext(stream)

    # -- what is done to them -------------------------------------------------------------------------------------

    async def _wreak(self, seconds: float) -> None:
        lots = self._lots
        faults: list[tuple[str, Callable[[], float]]] = [
            ("drop", lambda: 0),
            ("close", lambda: lots.choice((1000, 1001, 1012, 4100, 4200, 4201))),
            ("restart", lambda: lots.uniform(0, 3)),
            ("stall", lambda: lots.uniform(0.5, 12)),
            ("mangle", lambda: lots.uniform(0.1, 3)),
            ("rotate", lambda: 0),
            ("garbage", lambda: lots.randrange(1, 200)),
            ("oversize", lambda: 2 * MIB),
        ]
        while self.seconds < seconds:
            await asyncio.sleep(min(lots.uniform(*PAUSE_SECONDS), max(0.0, seconds - self.seconds)))
            name, value = lots.choice(faults)
            self._pipe.send((name, value()))
            self.faults.append((round(self.seconds, 1), name))

    async def _settle(self, quiet: float) -> None:
        await asyncio.sleep(quiet)
        self._pipe.send(("finish", None))
        while not self._pipe.poll():  # noqa: ASYNC110 - a pipe has no event
            await asyncio.sleep(0.01)
        final: dict[str, int] = self._pipe.recv()
        deadline = time.monotonic() + SETTLE_SECONDS
        while (left := self._incomplete(final)) and time.monotonic() < deadline:  # noqa: ASYNC110 - also a deadline
            await asyncio.sleep(0.1)
        for name in left:
            self.problems.add("silent loss", f"{name}: the last events never came")

    def _incomplete(self, final: dict[str, int]) -> list[str]:
        numbered = [(ledger, final.get(ledger.name.split(",")[0], 0)) for ledger in self.ledgers]
        return [ledger.name for ledger, number in numbered if not ledger.complete(number)]

    # -- looking --------------------------------------------------------------------------------------------------

    async def _sample(self) -> None:
        while True:
            self.samples.append(Sample.take(self.seconds, self.delivered))
            self._check()
            await asyncio.sleep(1)

    def _check(self) -> None:
        for client in (self._client, self._peer):
            if client.state is ConnectionState.FAILED:
                self.problems.add("failed", "a client gave up for good")
        for name, channel in self._channels.items():
            stats = channel.stats
            if stats.received != stats.delivered + stats.dropped + stats.undecryptable + stats.waiting:
                self.problems.add("counts do not add up", f"{name}: {stats}")
            ledger = self._inline.get(name)
            if ledger is not None and stats.delivered + stats.dropped < ledger.counts["events"]:
                self.problems.add("counts do not add up", f"{name}: {stats}, the handler had {ledger.counts}")

    def summary(self, growth: float) -> dict[str, Any]:
        """Return the figures, and complain of what grew by more than so many MiB."""
        steady = self.samples[int(len(self.samples) * WARM_UP) :]
        third = max(1, len(steady) // 3)
        figures: dict[str, Any] = {}
        for name, spare in (("rss", growth), ("tasks", SPARE), ("descriptors", SPARE), ("threads", SPARE)):
            parts = steady[:third], steady[-third:]
            begin, end = (statistics.median(getattr(sample, name) for sample in part) for part in parts)
            figures[name] = {"first_third": begin, "last_third": end, "growth": round(end - begin, 3), "bound": spare}
            if end - begin > spare:
                self.problems.add("growth", f"{name} grew from {begin} to {end} after the warm-up")
        figures["rss"]["unit"] = "MiB"
        return {
            "after_warm_up": figures,
            "readers": {ledger.name: dict(sorted(ledger.counts.items())) for ledger in self.ledgers},
            "stats": {name: dataclasses.asdict(channel.stats) for name, channel in self._channels.items()},
            "faults": dict(collections.Counter(name for _, name in self.faults)),
            "links_lost": self.cuts,
            "churned": self.churned,
            "problems": dict(self.problems.counts),
        }


# -- the report ---------------------------------------------------------------------------------------------------


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the curves with matplotlib, which the group `bench` brings."""
    figure_module: Any = importlib.import_module("matplotlib.figure")
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.rcParams["svg.fonttype"] = "none"
    matplotlib.rcParams["svg.hashsalt"] = "soak"
    samples = [Sample(*sample) for sample in report["samples"]]
    samples = samples[:: -(-len(samples) // POINTS)]
    minutes = [sample.seconds / 60 for sample in samples]
    figure: Any = figure_module.Figure(figsize=(9, 6), layout="constrained")
    memory, held, flow = figure.subplots(3, sharex=True)
    memory.plot(minutes, [sample.rss for sample in samples], color="tab:blue")
    memory.set_ylim(bottom=0)
    memory.set_ylabel("RSS, MiB")
    for name in ("tasks", "descriptors", "threads"):
        held.plot(minutes, [getattr(sample, name) for sample in samples], label=name)
    held.set_ylim(bottom=0)
    held.legend(loc="upper right", ncols=3)
    pairs = itertools.pairwise(samples)
    rates = [0.0, *((two.events - one.events) / (two.seconds - one.seconds) for one, two in pairs)]
    flow.plot(minutes, rates, color="tab:green")
    flow.vlines([at / 60 for at, _ in report["faults_at"]], 0, max(rates) / 10, color="tab:red", linewidth=0.7)
    flow.set_ylabel("events/s")
    flow.set_xlabel("minutes; a red line is a fault")
    figure.savefig(path, format="svg", metadata={"Date": None})


async def soak(options: argparse.Namespace, pipe: Pipe, port: int) -> dict[str, Any]:
    """Run it, and return the report."""
    running = Soak(pipe, port, options.seed)
    logger = logging.getLogger("pusher_client")
    logger.addHandler(Errors(running.problems))
    logger.addHandler(logging.NullHandler())
    logger.propagate = False

    def complain(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        running.problems.add("unhandled", f"{context.get('message')}: {context.get('exception')!r}")

    asyncio.get_running_loop().set_exception_handler(complain)
    left = await running.run(options.minutes * 60, options.quiet)
    gc.collect()
    about = {name: getattr(options, name) for name in ("minutes", "rate", "seed")}
    report = {"python": platform.python_version(), **about, **running.summary(options.growth), "left_open": left}
    return {**report, "first_problems": running.problems.first, "samples": running.samples, "faults_at": running.faults}


def main() -> int:
    """Soak, print the summary, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--quiet", type=float, default=15.0, help="seconds in the end; no fault lasts longer")
    parser.add_argument("--rate", type=float, default=20.0, help="events a second on each of the four channels")
    parser.add_argument("--growth", type=float, default=4.0, help="MiB that the memory may grow by after the warm-up")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--json", type=Path, help="where to write the figures and samples")
    parser.add_argument("--svg", type=Path, help="where to draw the picture")
    parser.add_argument("--redraw", type=Path, help="draw the figures of an earlier run, and do nothing else")
    parser.add_argument("--tracemalloc", action="store_true", help="say in the end where memory was allocated")
    options = parser.parse_args()
    if options.redraw:
        draw(json.loads(options.redraw.read_text()), options.svg)
        return 0
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    port = free_port()
    server = context.Process(target=run_server, args=(theirs, port, options.rate), daemon=True)
    server.start()
    try:
        assert ours.recv() == "ready"
        if options.tracemalloc:
            tracemalloc.start(5)
        report = asyncio.run(soak(options, ours, port))
        ours.send(("quit", None))
        server.join(10)
        assert server.exitcode == 0, "the server's process failed"
    finally:
        server.kill()
    if options.tracemalloc:
        print(*tracemalloc.take_snapshot().statistics("lineno")[:15], sep="\n")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.svg:
        draw(report, options.svg)
    print(json.dumps({name: value for name, value in report.items() if name not in ("samples", "faults_at")}, indent=2))
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
