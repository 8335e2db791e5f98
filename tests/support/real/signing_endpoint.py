"""An authorization endpoint that signs with the official library, on loopback."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from threading import Event as ThreadEvent
from typing import Any, Self
from urllib.parse import parse_qs

from tests.support.real.pusher_http import PusherHTTP

__all__ = ["AuthorizationEndpoint", "AuthorizationRequest"]

_SECONDS = 30.0


@dataclass(frozen=True)
class AuthorizationRequest:
    """What one request asked for."""

    channel: str
    socket_id: str


class AuthorizationEndpoint:
    """``POST /pusher/auth``, answered in threads of its own; a context manager.

    Attributes:
        signer: The library that signs, and whose master key the shared secrets come from. May be replaced.
        signers: The library for single channels, by name.
        refusals: The status with which single channels are refused, by name.
        requests: Every request so far.
        answering: While this is cleared, answers wait.
    """

    def __init__(self, signer: PusherHTTP) -> None:
        self.signer = signer
        self.signers: dict[str, PusherHTTP] = {}
        self.refusals: dict[str, HTTPStatus] = {}
        self.requests: list[AuthorizationRequest] = []
        self.answering = ThreadEvent()
        self.answering.set()
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.answering.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()  # waits for the threads

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}/pusher/auth"

    def requests_for(self, channel: str) -> list[AuthorizationRequest]:
        """The requests for one channel, in order."""
        return [request for request in self.requests if request.channel == channel]

    def abandoned(self) -> bool:
        """Wait until no client keeps a connection open; False if one still does after a while."""
        return self._server.abandoned(_SECONDS)

    def answer(self, request: AuthorizationRequest) -> tuple[HTTPStatus, dict[str, str]]:
        """Decide about a request."""
        self.requests.append(request)
        self.answering.wait()
        if status := self.refusals.get(request.channel):
            return status, {"error": "refused"}
        signer = self.signers.get(request.channel, self.signer)
        return HTTPStatus.OK, signer.authenticate(request.channel, request.socket_id)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for them

    def __init__(self, endpoint: AuthorizationEndpoint) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = endpoint
        self._connections: set[socket.socket] = set()
        self._changed = Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._changed:
            self._connections.discard(request)
            super().shutdown_request(request)
            self._changed.notify_all()

    def abandoned(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, timeout)

    def hang_up(self) -> None:
        """End the connections that clients keep open, and with them the threads that read there."""
        with self._changed:
            for connection in self._connections:
                with suppress(OSError):  # the client was quicker
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as by real endpoints

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, answer = self._answer(form)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, form: dict[str, list[str]]) -> tuple[HTTPStatus, dict[str, str]]:
        if self.path != "/pusher/auth":
            return HTTPStatus.NOT_FOUND, {"error": "no such path"}
        if not {"channel_name", "socket_id"} <= form.keys():
            return HTTPStatus.BAD_REQUEST, {"error": "channel_name and socket_id are needed, form-encoded"}
        assert isinstance(self.server, _Server)
        return self.server.endpoint.answer(AuthorizationRequest(form["channel_name"][0], form["socket_id"][0]))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the requests are kept instead."""
