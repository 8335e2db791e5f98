"""A server in a separate process that floods a client with numbered events, as fast as they are read."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.sync.server import ServerConnection, serve

from pusher_client import PusherClient
from tests.support.core.scripted_core import NEW, sealed

__all__ = ["COUNTED", "DONE", "MIB", "SHARE", "Flood", "client_to_flood", "flooding", "needs_proc", "resident_bytes"]

COUNTED = "counted"
DONE = "done"
MIB = 1024 * 1024
PINGS = 3
IN_A_PIECE = 20
SHARE = 9
"""How many events go to the flooded channel for each one on the other."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the process's memory from /proc")


class Flood(NamedTuple):
    """What is sent once two channels are subscribed.

    Attributes:
        events: How many events at least; more until the client has pinged a few times in the midst of it.
        size: How many bytes of data an event has.
    """

    events: int
    size: int


def _frame(event: str, channel: str | None, data: Any) -> bytes:
    text = json.dumps({"event": event, "channel": channel, "data": data}).encode()
    return WireFrame(Opcode.TEXT, text).serialize(mask=False)


class _Flooder:
    """One connection's server side: a thread reads and answers while this one writes."""

    def __init__(self, websocket: ServerConnection, flood: Flood) -> None:
        self._websocket = websocket
        self._flood = flood
        self._lock = threading.Lock()
        self._channel = ""
        self._ready = threading.Event()
        self._flooding = False
        self._pings = 0

    def run(self) -> None:
        """Establish, wait for both subscriptions, flood, say what was sent, and wait for the end."""
        self._write(_frame("pusher:connection_established", None, {"socket_id": "1.1", "activity_timeout": 120}))
        reading = threading.Thread(target=self._read, daemon=True)
        reading.start()
        self._ready.wait()
        with contextlib.suppress(OSError):
            self._send_everything()
            self._write(_frame(DONE, COUNTED, {"pings": self._pings}))
        reading.join()

    def _send_everything(self) -> None:
        flood, channel = self._flood, self._channel
        data = json.dumps("x" * flood.size)
        encrypted = channel.startswith("private-encrypted-")
        most = _frame("e", channel, sealed(NEW, data) if encrypted else data) * SHARE
        numbers = itertools.count()
        self._flooding = True
        for sent in range(0, 20 * flood.events, IN_A_PIECE * (SHARE + 1)):
            if sent >= flood.events and self._pings >= PINGS:
                break
            self._write(b"".join(most + _frame("e", COUNTED, next(numbers)) for _ in range(IN_A_PIECE)))

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._react(json.loads(self._websocket.recv()))

    def _react(self, frame: dict[str, Any]) -> None:
        if frame["event"] == "pusher:ping":
            self._pings += self._flooding
            self._write(_frame("pusher:pong", None, {}))
        elif frame["event"] == "pusher:subscribe":
            channel = frame["data"]["channel"]
            self._write(_frame("pusher_internal:subscription_succeeded", channel, {}))
            if channel == COUNTED:
                self._ready.set()
            else:
                self._channel = channel

    def _write(self, frames: bytes) -> None:
        with self._lock:
            self._websocket.socket.sendall(frames)


def _handle(websocket: ServerConnection) -> None:
    assert websocket.request is not None
    events, size, *_ = websocket.request.path.strip("/").split("/")
    _Flooder(websocket, Flood(int(events), int(size))).run()


def _serve(pipe: Pipe) -> None:
    with serve(_handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        pipe.send(server.socket.getsockname()[1])
        server.serve_forever()


@contextmanager
def flooding() -> Generator[int]:
    """Run the server, and give its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
        theirs.close()


def client_to_flood(port: int, flood: Flood, **options: Any) -> PusherClient:
    """Make a client that pings often, for a server that floods it so."""
    defaults: dict[str, Any] = {"activity_timeout": 0.2, "pong_timeout": 20, "proxy": None}
    path = f"/{flood.events}/{flood.size}"
    return PusherClient("KEY", host="127.0.0.1", port=port, path=path, tls=False, **{**defaults, **options})


def resident_bytes() -> int:
    """Return how much memory this process takes now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
