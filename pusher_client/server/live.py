"""The page at ``/``, which shows connections, channels and events live, and publishes events."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.resources import files

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pusher_client.server.application import Application, Passed
from pusher_client.server.frames import json_text
from pusher_client.server.publication import publication
from pusher_client.server.request_body import read_body

__all__ = ["LivePage"]

LISTED = 200
"""Maximum number of connections and of channels that are listed; others are only counted."""

WAITING = 1000
"""Maximum number of events that wait for a slow browser; the oldest are dropped."""

KEPT = 100
"""Number of events that a page shows which is opened later."""

BODY_LIMIT = 1024 * 1024
"""Maximum size in bytes of a request to publish."""

DATA_SHOWN = 2000
"""Maximum number of characters of an event's data."""

PAUSE = 0.05
"""Seconds between two messages to a browser, so that a flood of events becomes few messages."""

_FILES = {
    "/": ("index.html", "text/html"),
    "/live.css": ("live.css", "text/css"),
    "/live.js": ("live.js", "text/javascript"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class _Publication(msgspec.Struct):
    channel: str
    event: str
    data: str


@dataclass(frozen=True, slots=True)
class _Numbered:
    """An event with its number and its time in seconds since 1970."""

    number: int
    time: float
    passed: Passed


class _Reader:
    """One browser, with the events that it has not got yet."""

    def __init__(self, events: list[_Numbered]) -> None:
        self.events: deque[_Numbered] = deque(events, maxlen=WAITING)
        self.changed = True
        self.woken = asyncio.Event()
        self.woken.set()

    def take(self, event: _Numbered | None) -> None:
        """Queue an event; None stands for a change of connections or subscriptions."""
        if event is None:
            self.changed = True
        else:
            self.events.append(event)
        self.woken.set()


class LivePage:
    """The page and its event stream.

    Args:
        application: The application to show.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._readers: set[_Reader] = set()
        self._kept: deque[_Numbered] = deque(maxlen=KEPT)
        self._token = secrets.token_hex(4)  # numbers of an earlier server are other events
        self._number = 0
        self._ended = False
        application.watch(self._take)

    def routes(self) -> list[Route]:
        """Return the routes for Starlette."""
        return [
            *(Route(path, self._file) for path in _FILES),
            Route("/live", self._stream),
            Route("/publish", self._publish, methods=["POST"]),
        ]

    def open(self) -> None:
        """Accept browsers."""
        self._ended = False

    def end(self) -> None:
        """End the streams of all browsers, so that the server can stop."""
        self._ended = True
        for reader in self._readers:
            reader.woken.set()

    async def _file(self, request: Request) -> Response:
        name, kind = _FILES[request.scope["path"]]  # not request.url, which depends on the Host header
        content = (files("pusher_client.server") / "page" / name).read_bytes()
        return Response(content, media_type=kind, headers=_HEADERS)

    def _take(self, passed: Passed | None) -> None:
        event = None
        if passed is not None:
            self._number += 1
            event = _Numbered(self._number, time.time(), passed)
            self._kept.append(event)
        for reader in self._readers:
            reader.take(event)

    async def _publish(self, request: Request) -> Response:
        # The page of another origin cannot send this type: its browser would ask first, and get no permission.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(415, "the body is JSON, with the content type application/json")
        body = await read_body(request, BODY_LIMIT)
        try:
            wanted = msgspec.json.decode(body, type=_Publication)
            text = publication(self._application, wanted.channel, wanted.event, wanted.data)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise HTTPException(400, str(error)) from None
        self._application.publish(wanted.channel, wanted.event, text)
        return PlainTextResponse("published", headers=_HEADERS)

    def _unread(self, last_id: str) -> list[_Numbered]:
        """Return the kept events after the one with this id, which a browser sends that reconnects."""
        token, _, number = last_id.partition("-")
        last = int(number) if token == self._token and number.isdecimal() else 0
        return [event for event in self._kept if event.number > last]

    async def _stream(self, request: Request) -> Response:
        reader = _Reader(self._unread(request.headers.get("last-event-id", "")))
        return StreamingResponse(self._news(reader), media_type="text/event-stream", headers=_HEADERS)

    async def _news(self, reader: _Reader) -> AsyncGenerator[str]:
        self._readers.add(reader)
        try:
            while True:
                await reader.woken.wait()
                if self._ended:
                    return
                reader.woken.clear()
                if reader.changed:
                    reader.changed = False
                    yield _message("state", self._state())
                while reader.events:
                    event = reader.events.popleft()
                    yield _message("passed", _shown(event), f"{self._token}-{event.number}")
                await asyncio.sleep(PAUSE)
        finally:
            self._readers.discard(reader)

    def _state(self) -> dict[str, object]:
        connections = [connection.socket_id for connection in self._application.connections()]
        channels = sorted(self._application.occupied(), key=lambda channel: channel.name)
        return {
            "connections": connections[:LISTED],
            "more_connections": max(0, len(connections) - LISTED),
            "channels": [
                {
                    "name": channel.name,
                    "subscriptions": channel.subscription_count,
                    "members": len(list(channel.members)) if channel.kind.presence else None,
                }
                for channel in channels[:LISTED]
            ],
            "more_channels": max(0, len(channels) - LISTED),
        }


def _message(kind: str, content: object, number: str | None = None) -> str:
    identity = "" if number is None else f"id: {number}\n"
    return f"event: {kind}\ndata: {json_text(content)}\n{identity}\n"


def _shown(event: _Numbered) -> dict[str, object]:
    passed = event.passed
    data = passed.data if len(passed.data) <= DATA_SHOWN else passed.data[:DATA_SHOWN] + "…"
    return {
        "time": event.time,
        "channel": passed.channel,
        "event": passed.event,
        "data": data,
        "sealed": passed.sealed,
    }
