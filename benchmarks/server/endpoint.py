"""The endpoint that authorizes the clients' channels over HTTP, as an application's own server does."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Endpoint"]


class HTTPServer(ThreadingHTTPServer):
    """The standard library's, for many who come at the same time."""

    request_queue_size = 1024


class Endpoint:
    """Authorizes everything, in threads of its own, for the application whose key the URL's query names.

    Args:
        secret: What encrypted channels are sealed with.

    Attributes:
        delay: Seconds that an answer takes.
        url: Where it answers.
    """

    def __init__(self, secret: bytes) -> None:
        self.delay = 0.0
        self.secret = secret
        server = HTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/pusher/auth"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # an answer leaves in one piece

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(endpoint.delay)
                secret = base64.b64encode(endpoint.secret).decode()
                (key,) = parse_qs(urlsplit(self.path).query)["key"]
                body = json.dumps({"auth": f"{key}:signature", "shared_secret": secret}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
                """Write nothing."""

        return Handler
