"""The opening handshake of a WebSocket without its I/O: request out, answer in (RFC 6455 4.1, protocol-notes 1.1)."""

from __future__ import annotations

import http
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.typing import Origin
from websockets.uri import parse_uri

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.protocol.retry_after import parse_retry_after
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.response_head import HeadReader

__all__ = ["Handshake"]

_UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\n"


class _WithoutDetails(logging.LoggerAdapter[logging.Logger]):
    """Lets nothing below WARNING through: websockets logs headers, whose values are secrets (promise C3)."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is that of the standard library
        """Return whether websockets may log at this level."""
        return level >= logging.WARNING and super().isEnabledFor(level)


_websocket_logger = _WithoutDetails(logging.getLogger("pusher_client.websocket"), {})


class Handshake:
    """One opening handshake. The rules of the upgrade are those of websockets; the head is read here.

    Args:
        url: The address of the server, ``ws`` or ``wss``.
        origin: The ``Origin`` header; None for none.
        headers: Further headers, as names and values.

    Attributes:
        rest: What followed the answer, once the connection is open; None before.
    """

    def __init__(self, url: str, *, origin: str | None = None, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._protocol = ClientProtocol(
            parse_uri(url), origin=None if origin is None else Origin(origin), logger=_websocket_logger
        )
        self._headers = headers
        self._answer = HeadReader()
        self.rest: bytes | None = None

    def request(self) -> bytes:
        """Return the request to send."""
        request = self._protocol.connect()
        request.headers["User-Agent"] = "pusher-client-python"
        for name, value in self._headers:
            if name.lower() == "user-agent":
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        return b"".join(self._protocol.data_to_send())

    @property
    def refused(self) -> bool:
        """Whether the status line refuses; the headers behind it may still come."""
        return self._answer.status not in (None, http.HTTPStatus.SWITCHING_PROTOCOLS)

    def receive(self, data: bytes) -> None:
        """Read a part of the answer.

        Raises:
            OpenError: The answer is complete and refuses, or it is not an answer to the request.
        """
        problem: str | None = None
        try:
            self._answer.feed(data)
        except ValueError as error:
            problem = f"the server answered {error}"
        if self._answer.head is None and problem is None:
            return
        if self.refused:
            raise self.refusal()
        if problem is None:
            problem = self._accept()
        if problem is not None:
            raise OpenError(OpenFailure.NETWORK, None, problem)
        self.rest = self._answer.rest

    def refusal(self) -> OpenError:
        """Return the error of a refusal, with what has come of its headers."""
        status, headers = self._answer.status, self._answer.headers
        reason = f"the server refused the upgrade with HTTP {status}"
        location = _short_location(headers.get("location"))
        if location is not None and status is not None and http.HTTPStatus(300) <= status < http.HTTPStatus.BAD_REQUEST:
            reason += f", a redirect to {location}, which is not followed"
        retry_after = parse_retry_after(headers.get("retry-after"), datetime.now(UTC))
        return OpenError(OpenFailure.HTTP, status, reason, retry_after=retry_after)

    def _accept(self) -> str | None:
        """Let websockets check the upgrade; return the problem, if there is one."""
        self._protocol.receive_data(_UPGRADE + (self._answer.head or b""))
        error = self._protocol.handshake_exc
        if error is None:
            return None
        known = isinstance(error, InvalidHandshake)
        return f"the server's answer to the upgrade is invalid ({_header_at_fault(error) if known else 'malformed'})"


def _header_at_fault(error: Exception) -> str:
    """Return which header is missing or wrong, without its value."""
    name = getattr(error, "name", None)
    return f"header {name}" if isinstance(name, str) else "malformed"


def _short_location(location: str | None) -> str | None:
    """Return the origin of a redirect's target and the last part of its path: the rest may hold a secret (C3)."""
    try:
        parts = urlsplit(location or "")
        scheme = f"{parts.scheme}:" if parts.scheme else ""
        place = f"{scheme}//{parts.hostname}" if parts.hostname else ""
        port = f":{parts.port}" if parts.hostname and parts.port else ""
    except ValueError:
        return None
    before, _, last = parts.path.rstrip("/").rpartition("/")
    shown = f"{place}{port}/{'…/' if before else ''}{last}"
    return shown if location and shown.isprintable() else None
