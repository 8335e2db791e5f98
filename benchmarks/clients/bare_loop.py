"""Bare loops over websockets, the floor for a client that uses it.

``json`` reads with the standard library and PyNaCl's SecretBox; ``msgspec`` with bytes, msgspec and PyNaCl's bindings,
and without a single check; ``dict`` does the same for many channels, each with its key and its handler; ``bytes`` takes
what comes from the socket and looks only for the last event's name.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
from nacl.bindings import crypto_secretbox_open
from nacl.secret import SecretBox
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from benchmarks.clients.meter import BEGIN, END, EVENT, Meter, Setup, run

Reader = Callable[[ClientConnection, Meter], Coroutine[Any, Any, None]]

PIECE = 256 * 1024
SECRET = bytes(range(32))


class BareFrame(msgspec.Struct):
    """A frame, as the fastest loop reads it."""

    event: str
    channel: str
    data: str


class BareEnvelope(msgspec.Struct):
    """An envelope, as the fastest loop reads it."""

    nonce: bytes
    ciphertext: bytes


def subscription(channel: str) -> str:
    """Return the frame that subscribes."""
    return json.dumps({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "KEY:signature"}})


async def read_json(websocket: ClientConnection, meter: Meter) -> None:
    """Read with the standard library's json."""
    box = SecretBox(SECRET)
    while True:
        frame = json.loads(await websocket.recv())
        data = frame["data"]
        if frame["channel"].startswith("private-encrypted-"):
            envelope = json.loads(data)
            nonce, ciphertext = (base64.b64decode(envelope[name]) for name in ("nonce", "ciphertext"))
            data = box.decrypt(ciphertext, nonce)
        if frame["event"] == EVENT:
            meter.count(json.loads(data))
        else:
            meter.hear(frame["event"], None)


async def read_msgspec(websocket: ClientConnection, meter: Meter) -> None:
    """Read with msgspec and without checks."""
    read_frame = msgspec.json.Decoder(BareFrame).decode
    read_envelope = msgspec.json.Decoder(BareEnvelope).decode
    read: Callable[[str | bytes], Any] = msgspec.json.Decoder().decode
    while True:
        frame = read_frame(await websocket.recv(decode=False))
        data: str | bytes = frame.data
        if frame.channel.startswith("private-encrypted-"):
            envelope = read_envelope(data)
            data = crypto_secretbox_open(envelope.ciphertext, envelope.nonce, SECRET)
        if frame.event == EVENT:
            meter.count(read(data))
        else:
            meter.hear(frame.event, None)


async def read_dict(websocket: ClientConnection, meter: Meter, channels: Sequence[str]) -> None:
    """Read with msgspec and without checks what comes on many channels, whose keys and handlers stand in one dict."""
    read_frame = msgspec.json.Decoder(BareFrame).decode
    read_envelope = msgspec.json.Decoder(BareEnvelope).decode
    read = msgspec.json.Decoder().decode
    # Objects of its own for each of them, as they would be.
    known = {channel: (bytes(bytearray(SECRET)), partial(handle, meter)) for channel in channels}
    while True:
        frame = read_frame(await websocket.recv(decode=False))
        key, handler = known[frame.channel]
        envelope = read_envelope(frame.data)
        handler(frame.event, read(crypto_secretbox_open(envelope.ciphertext, envelope.nonce, key)))


def handle(meter: Meter, event: str, data: object) -> None:
    """Be a channel's handler."""
    if event == EVENT:
        meter.count(data)
    else:
        meter.hear(event, None)


async def read_bytes(setup: Setup) -> None:
    """Take the bytes: how fast the server can write, which must be faster than anybody reads."""
    meter = Meter(setup, itemgetter("data"))
    reader, writer = await asyncio.open_connection("127.0.0.1", setup.port, limit=PIECE)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (f"GET /app/{setup.key} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade")
    writer.write("\r\n".join((*lines, "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "")).encode())
    for channel in setup.channels:
        writer.write(Frame(Opcode.TEXT, subscription(channel).encode()).serialize(mask=True))
        await reader.readuntil(b'"{}"}')
    waiting = asyncio.create_task(meter.ready())
    begin, end = (f'{{"event": "{name}"'.encode() for name in (BEGIN, END))
    kept = b""
    while piece := await reader.read(PIECE):
        if begin in piece:
            meter.begin()
        if end in kept + piece:
            meter.end()
        kept = piece[-len(end) :]
    await waiting


async def main(setup: Setup) -> None:
    """Connect, subscribe everything, and count."""
    if setup.reader == "bytes":
        await read_bytes(setup)
        return
    meter = Meter(setup, lambda data: data)
    url = f"ws://127.0.0.1:{setup.port}/app/{setup.key}"
    # As this client opens it.
    async with connect(url, compression=None, ping_interval=None, max_queue=64, proxy=None) as websocket:
        assert "established" in str(await websocket.recv())
        for channel in setup.channels:
            await websocket.send(subscription(channel))
            assert "succeeded" in str(await websocket.recv())
        readers: dict[str, Reader] = {
            "json": read_json,
            "msgspec": read_msgspec,
            "dict": partial(read_dict, channels=setup.channels),
        }
        read = readers[setup.reader]
        async with asyncio.TaskGroup() as group:
            group.create_task(read(websocket, meter))
            group.create_task(meter.ready())


if __name__ == "__main__":
    run(main)
