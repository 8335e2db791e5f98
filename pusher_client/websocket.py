"""Opening, reading, writing and closing one WebSocket with the websockets library (protocol-notes 1.1)."""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import re
import ssl
from typing import Any, Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, ProxyError

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.proxies import environment_proxy

__all__ = ["OpenError", "WebSocket", "connection_proxy", "read_proxy"]

_CLOSE_TIMEOUT = 1.0
_QUEUED_FRAMES = 64
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})[ \r\n]")
_LONGEST_STATUS_LINE = 64
_PROXY_SCHEMES = frozenset({"http", "https", "socks5h", "socks5", "socks4a", "socks4"})


class OpenError(Exception):
    """A WebSocket could not be opened.

    Attributes:
        failure: Of which kind the failure is.
        status: The HTTP status of the refusal, if there was one.
        reason: In words, without anything secret.
    """

    def __init__(self, failure: OpenFailure, status: int | None, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.status = status
        self.reason = reason


class _RefusedError(Exception):
    """An HTTP answer other than the upgrade; websockets would follow a redirect that it sees as its own error."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _StatusFirst(ClientConnection):
    """A connection that takes a refusal by its status line alone (promise C5).

    websockets reads a refusal to its end before it tells, and follows a redirect by itself. But what matters stands in
    the first line, and a body may never come, or be broken.
    """

    _line: bytes | None = b""
    _status: int | None = None
    _cut: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport; asyncio's own callback."""
        if self._line is not None:
            self._read_status(data)
        if self._status in (None, http.HTTPStatus.SWITCHING_PROTOCOLS):
            super().data_received(data)
        else:
            self.transport.abort()
        # After a close frame, ours or the server's, websockets waits for the server to hang up, however long it takes.
        if self._cut is None and self.protocol.close_expected():
            self._cut = self.loop.call_later(_CLOSE_TIMEOUT, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the transport is closed; asyncio's own callback."""
        if self._cut is not None:
            self._cut.cancel()
        super().connection_lost(exc)

    def _read_status(self, data: bytes) -> None:
        line = (self._line or b"") + data
        match = _STATUS_LINE.match(line)
        if match is not None:
            self._status = int(match[1])
        self._line = line if match is None and len(line) < _LONGEST_STATUS_LINE else None

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        """Do the opening handshake; every refusal is final for this attempt."""
        try:
            await super().handshake(*args, **kwargs)
        except Exception:
            if self._status in (None, http.HTTPStatus.SWITCHING_PROTOCOLS):
                raise
        else:
            return
        raise _RefusedError(self._status or 0)


class _NoFrames(logging.LoggerAdapter[logging.Logger]):
    """Lets nothing below WARNING through, whatever the level: websockets logs frames, which carry signatures (C3)."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is that of the standard library
        """Tell websockets not to write what it would not be allowed to log."""
        return level >= logging.WARNING and super().isEnabledFor(level)


_websocket_logger = _NoFrames(logging.getLogger("pusher_client.websocket"), {})


class WebSocket:
    """One open WebSocket.

    Args:
        connection: What websockets opened.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls, url: str, *, tls: ssl.SSLContext | bool, proxy: str | Literal[True] | None, max_message_size: int
    ) -> WebSocket:
        """Open a WebSocket.

        Raises:
            OpenError: It could not be opened.
        """
        options: dict[str, Any] = {"ssl": tls} if isinstance(tls, ssl.SSLContext) else {}
        failed: OpenError
        try:
            connection = await connect(
                url,
                proxy=connection_proxy(url) if proxy is True else proxy,
                compression=None,
                open_timeout=None,
                close_timeout=_CLOSE_TIMEOUT,
                ping_interval=None,
                max_size=max_message_size,
                max_queue=_QUEUED_FRAMES,
                logger=_websocket_logger,
                create_connection=_StatusFirst,
                **options,
            )
        except _RefusedError as error:
            failed = OpenError(
                OpenFailure.HTTP, error.status, f"the server refused the upgrade with HTTP {error.status}"
            )
        except ssl.SSLCertVerificationError as error:
            failed = OpenError(OpenFailure.CERTIFICATE, None, f"the certificate was refused: {error.verify_message}")
        except ProxyError as error:
            response = getattr(error, "response", None)
            status = response.status_code if response is not None else None
            failed = OpenError(OpenFailure.HTTP, status, f"the proxy failed: {type(error).__name__}")
        except InvalidProxy as error:
            failed = OpenError(OpenFailure.UNUSABLE, None, f"the proxy cannot be used: {type(error).__name__}")
        except ImportError:
            cure = "pip install 'pusher-client[socks]'"
            failed = OpenError(OpenFailure.UNUSABLE, None, f"a SOCKS proxy takes another package: {cure}")
        except (OSError, InvalidHandshake, EOFError, UnicodeError) as error:
            failed = OpenError(OpenFailure.NETWORK, None, _words(error))
        else:
            return cls(connection)
        raise failed

    async def receive(self) -> str | bytes | None:
        """Return the next message, or None when the connection is closed."""
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            return None

    async def send(self, text: str) -> bool:
        """Send a text; return False when the connection is closed."""
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            return False
        return True

    @property
    def close_code(self) -> int | None:
        """The code that the server closed with; None when it sent none."""
        code = self._connection.close_code
        return None if code is None or code == 1006 else code  # noqa: PLR2004 - "abnormal closure", never on the wire

    @property
    def close_reason(self) -> str:
        """The words that the server closed with."""
        return self._connection.close_reason or ""

    async def close(self) -> None:
        """Close within about a second; what does not answer is cut off."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._connection.close()
        self._connection.transport.abort()


def connection_proxy(url: str) -> str | None:
    """Return the environment's proxy; websockets itself would not look at all_proxy, nor add a missing scheme."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    schemes = ("wss", "socks", "https", "all") if secure else ("ws", "socks", "https", "http", "all")
    return environment_proxy(parts.hostname or "", parts.port or (443 if secure else 80), schemes)


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error.strerror or 'no details'}"
    return type(error).__name__


def read_proxy(proxy: object) -> str | Literal[True] | None:
    """Read what a caller says of a proxy: True for the environment's, a URL, None or False for none.

    Raises:
        TypeError: It is something else.
        ValueError: It is no such URL; the message does not repeat it.
    """
    if proxy is None or proxy is False:
        return None
    if proxy is True:
        return True
    if not isinstance(proxy, str):
        raise TypeError("proxy is True for the environment's, a URL, or None for none")
    if _is_proxy(proxy):
        return proxy
    del proxy
    raise ValueError("a proxy is given as 'http://host:port', 'https://host:port' or 'socks5h://host:port'")


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
