"""Opening, reading, writing and closing one WebSocket with the websockets library (protocol-notes 1.1)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, ProxyError

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.frame_reader import IncomingConnection, Take
from pusher_client.transport.handshake import CLOSE_TIMEOUT, RefusedError
from pusher_client.transport.proxy import environment_proxy

__all__ = ["OpenError", "WebSocket", "connection_proxy", "read_proxy"]

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


class _NoFrames(logging.LoggerAdapter[logging.Logger]):
    """Lets nothing below WARNING through, whatever the level: websockets logs frames, which carry signatures (C3)."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is that of the standard library
        """Tell websockets not to write what it would not be allowed to log."""
        return level >= logging.WARNING and super().isEnabledFor(level)


_websocket_logger = _NoFrames(logging.getLogger("pusher_client.websocket"), {})


class WebSocket:
    """One open WebSocket.

    Args:
        connection: What was opened.
        max_message_size: How many bytes a message may have.
    """

    def __init__(self, connection: IncomingConnection, max_message_size: int) -> None:
        self._connection = connection
        self._max_message_size = max_message_size

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
                close_timeout=CLOSE_TIMEOUT,
                ping_interval=None,
                max_size=max_message_size,
                logger=_websocket_logger,
                create_connection=IncomingConnection,
                **options,
            )
        except RefusedError as error:
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
            cure = "pip install 'pusher-channels-client[socks]'"
            failed = OpenError(OpenFailure.UNUSABLE, None, f"a SOCKS proxy takes another package: {cure}")
        except (OSError, InvalidHandshake, EOFError, UnicodeError) as error:
            failed = OpenError(OpenFailure.NETWORK, None, _words(error))
        else:
            return cls(cast("IncomingConnection", connection), max_message_size)
        raise failed

    async def read(self, take: Take) -> None:
        """Hand on every message, as soon as it has come, until the connection is closed.

        Args:
            take: Called with a text, or with None for a binary message; not in this task. What it raises ends the
                connection.
        """
        self._connection.begin(take, self._max_message_size)
        await self._connection.over

    def leave(self) -> None:
        """Hand on nothing more."""
        self._connection.leave()

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
        """Close within about a second; what does not answer is cut off. Nothing more is handed on."""
        self._connection.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
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
