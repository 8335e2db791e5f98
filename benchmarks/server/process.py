"""The server of the benchmarks: a process of its own that writes frames built beforehand, in large pieces."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import multiprocessing
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from typing import Any, NamedTuple, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from benchmarks.server.endpoint import Endpoint
from benchmarks.server.frames import (
    BEGIN,
    DIFFERENT_EVENTS,
    END,
    EVENT,
    FIRST_SECRET,
    data_of,
    event_frame,
    flood,
    marker,
)

__all__ = ["Drop", "Flood", "Grant", "Pace", "Server"]

PIECE = 256 * 1024


class Flood(NamedTuple):
    """Write so many events to a contestant as fast as it reads them; ``key`` is its name."""

    key: str
    channels: list[str]
    size: int
    events: int


class Pace(NamedTuple):
    """Write events one at a time, so many in a second; stamped ones say when they were sent."""

    key: str
    channel: str
    size: int
    events: int
    rate: float
    stamped: bool = False


class Grant(NamedTuple):
    """From now on the endpoint answers after so many seconds, with this secret, which seals the events as well."""

    delay: float = 0.0
    secret: bytes = FIRST_SECRET


class Drop(NamedTuple):
    """Cut the contestant's connections."""

    key: str


class Sessions:
    """The connections that stand, by the contestant's name, and what is written to them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._open: dict[str, list[ServerConnection]] = {}
        self._ids = itertools.count(1)
        self._endpoint = endpoint

    def handle(self, websocket: ServerConnection) -> None:
        """Serve one connection: acknowledge whatever it asks for."""
        request = websocket.request
        key = request.path.split("?")[0].rpartition("/")[2] if request else ""
        self._open.setdefault(key, []).append(websocket)
        established = json.dumps({"socket_id": f"1.{next(self._ids)}", "activity_timeout": 120})
        websocket.send(json.dumps({"event": "pusher:connection_established", "data": established}))
        with contextlib.suppress(ConnectionClosed):
            for text in websocket:
                answer(websocket, json.loads(text))
        self._open[key].remove(websocket)

    def obey(self, order: Flood | Pace | Grant | Drop) -> None:
        """Do what the benchmark asks for."""
        match order:
            case Flood():
                self._flood(order)
            case Pace():
                self._pace(order)
            case Grant(delay, secret):
                self._endpoint.delay, self._endpoint.secret = delay, secret
            case Drop(key):
                for websocket in list(self._open[key]):
                    websocket.close_socket()

    def _flood(self, order: Flood) -> None:
        sessions = self._open[order.key]
        events = order.events // len(sessions)
        for piece in pieces(tuple(order.channels), order.size, events, self._endpoint.secret):
            for websocket in sessions:
                write(websocket, piece)

    def _pace(self, order: Pace) -> None:
        (websocket,) = self._open[order.key]
        name, secret = order.channel, self._endpoint.secret
        ready = flood([name], order.size, secret)
        write(websocket, marker(name, BEGIN, secret))
        begin = time.monotonic()
        for number in range(order.events):
            time.sleep(max(0.0, begin + number / order.rate - time.monotonic()))
            frame = ready[number % DIFFERENT_EVENTS]
            if order.stamped:
                data = data_of(number % DIFFERENT_EVENTS, order.size, time.monotonic_ns())
                frame = event_frame(name, EVENT, data, secret)
            write(websocket, frame)
        time.sleep(max(0.0, begin + order.events / order.rate - time.monotonic()))
        write(websocket, marker(name, END, secret))


def write(websocket: ServerConnection, frames: bytes) -> None:
    """Write what is framed already; the lock keeps an answer from coming in between."""
    with websocket.protocol_mutex:
        websocket.socket.sendall(frames)


def answer(websocket: ServerConnection, frame: dict[str, Any]) -> None:
    """Answer a contestant's frame."""
    if frame["event"] == "pusher:subscribe":
        channel = frame["data"]["channel"]
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
        websocket.send(json.dumps(succeeded))
    elif frame["event"] == "pusher:ping":
        websocket.send(json.dumps({"event": "pusher:pong", "data": {}}))


@functools.lru_cache(maxsize=16)
def pieces(channels: tuple[str, ...], size: int, events: int, secret: bytes) -> list[bytes]:
    """Return all frames of a run in large pieces; the same again when it is repeated."""
    endless = itertools.cycle(flood(list(channels), size, secret))
    first, last = (marker(channels[0], event, secret) for event in (BEGIN, END))
    frames = itertools.chain([first], itertools.islice(endless, events), [last])
    return list(joined(frames))


def joined(frames: Iterator[bytes]) -> Iterator[bytes]:
    """Join frames to pieces that are large, but end with a frame."""
    piece = bytearray()
    for frame in frames:
        piece += frame
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def run(pipe: Pipe) -> None:
    """Serve until the pipe closes; the process's one loop over what is asked of it."""
    endpoint = Endpoint(FIRST_SECRET)
    sessions = Sessions(endpoint)
    with serve(sessions.handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pipe.send((server.socket.getsockname()[1], endpoint.url))
        with contextlib.suppress(EOFError):
            while True:
                sessions.obey(pipe.recv())
                pipe.send(None)


class Server:
    """The process, as the benchmarks hold it.

    Attributes:
        port: Where it takes WebSockets.
        authorization_url: Where it authorizes channels.
    """

    port: int
    authorization_url: str

    def __enter__(self) -> Self:
        # A fresh interpreter, since a contestant must not inherit its end of the pipe.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=run, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.port, self.authorization_url = self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def order(self, order: Flood | Pace | Grant | Drop) -> None:
        """Have something done, without waiting for it."""
        self._pipe.send(order)

    def done(self) -> None:
        """Wait until all of what was ordered last is written."""
        self._pipe.recv()
