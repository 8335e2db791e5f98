"""The page at ``/``, which shows connections, channels and events live."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pusher_client.server.application import Application, Passed
from pusher_client.server.frames import json_text

__all__ = ["LivePage"]

LISTED = 200
"""Maximum number of connections and of channels that are listed; others are only counted."""

WAITING = 1000
"""Maximum number of events that wait for a slow browser; the oldest are dropped."""

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


class _Reader:
    """One browser."""

    def __init__(self) -> None:
        self.passed: deque[Passed] = deque(maxlen=WAITING)
        self.changed = True
        self.woken = asyncio.Event()
        self.woken.set()

    def take(self, passed: Passed | None) -> None:
        """Queue an event; None stands for a change of connections or subscriptions."""
        if passed is None:
            self.changed = True
        else:
            self.passed.append(passed)
        self.woken.set()


class LivePage:
    """The page and its event stream.

    Args:
        application: The application to show.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._readers: set[_Reader] = set()
        self._ended = False

    def routes(self) -> list[Route]:
        """Return the routes for Starlette."""
        return [*(Route(path, self._file) for path in _FILES), Route("/live", self._stream)]

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

    async def _stream(self, _request: Request) -> Response:
        return StreamingResponse(self._news(), media_type="text/event-stream", headers=_HEADERS)

    async def _news(self) -> AsyncGenerator[str]:
        reader = _Reader()
        self._readers.add(reader)
        stop = self._application.watch(reader.take)
        try:
            while True:
                await reader.woken.wait()
                if self._ended:
                    return
                reader.woken.clear()
                if reader.changed:
                    reader.changed = False
                    yield _message("state", self._state())
                while reader.passed:
                    yield _message("passed", _shown(reader.passed.popleft()))
                await asyncio.sleep(PAUSE)
        finally:
            stop()
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


def _message(kind: str, content: object) -> str:
    return f"event: {kind}\ndata: {json_text(content)}\n\n"


def _shown(passed: Passed) -> dict[str, object]:
    data = passed.data if len(passed.data) <= DATA_SHOWN else passed.data[:DATA_SHOWN] + "…"
    return {
        "time": time.time(),
        "channel": passed.channel,
        "event": passed.event,
        "data": data,
        "sealed": passed.sealed,
    }
