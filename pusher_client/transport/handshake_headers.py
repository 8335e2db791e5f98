"""``Origin`` and further headers of the opening handshake, as options (RFC 6455 4.1, promise C3)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.open_error import OpenError

__all__ = ["HandshakeHeaders", "HeaderSource"]

HeaderSource = Mapping[str, str] | Callable[[], Awaitable[Mapping[str, str]]]
"""Headers by their names, or an async function that returns them."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"host", "upgrade", "connection", "content-length", "transfer-encoding"})
_OURS_PREFIX = "sec-websocket-"


class HandshakeHeaders:
    """The headers that a caller adds to each opening handshake.

    Args:
        origin: The ``Origin`` header, such as ``"https://app.example.com"``; None for none.
        source: The others; None for none. Their values are secrets.

    Attributes:
        origin: The ``Origin`` header.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The origin is not one, or a header cannot be sent; the message has its name and not its value.
    """

    def __init__(self, origin: str | None, source: HeaderSource | None) -> None:
        self.origin: str | None = _read_origin(origin)
        self._fixed: list[tuple[str, str]] = []
        self._function: Callable[[], Awaitable[Mapping[str, str]]] | None = None
        if _is_mapping(source):
            self._fixed = _read_headers(source)
        elif callable(source):
            self._function = source
        elif source is not None:
            raise TypeError("headers is a mapping of names to values, or an async function that returns one")

    async def evaluate(self) -> list[tuple[str, str]]:
        """Return names and values for one attempt.

        Raises:
            OpenError: The function failed, which is retried, or its headers cannot be sent.
        """
        if self._function is None:
            return self._fixed
        try:
            pending = self._function()
            headers = await pending if isawaitable(pending) else None
        except Exception as error:  # noqa: BLE001 - whatever a caller's function raises is a failed attempt
            problem, failure = f"the function given as headers raised {type(error).__name__}", OpenFailure.NETWORK
        else:
            return _evaluated(headers)
        raise OpenError(failure, None, problem)


def _evaluated(headers: object) -> list[tuple[str, str]]:
    problem = "the function given as headers is an async function that returns a mapping of names to values"
    if _is_mapping(headers):
        try:
            return _read_headers(headers)
        except (TypeError, ValueError) as error:
            problem = str(error)
    raise OpenError(OpenFailure.OPTION, None, problem)


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _read_origin(origin: object) -> str | None:
    if origin is None:
        return None
    if not isinstance(origin, str):
        raise TypeError("origin is a string, as 'https://app.example.com'")
    if origin != "null" and not _is_origin(origin):
        raise ValueError("origin is a scheme, a host and perhaps a port and nothing else, as 'https://app.example.com'")
    return origin


def _is_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        known = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return known and origin.isascii() and f"{parts.scheme}://{parts.netloc}" == origin and "@" not in parts.netloc


def _read_headers(headers: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Return the headers as they are sent; an error has no value (promise C3)."""
    found: list[tuple[str, str]] = []
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError("headers has a name that HTTP does not allow")
        if name.lower() == "origin":
            raise ValueError("headers has Origin, which has an option of its own, origin=")
        if name.lower() in _OURS or name.lower().startswith(_OURS_PREFIX):
            raise ValueError(f"headers has {name}, which the handshake sets itself")
        if not isinstance(value, str):
            raise TypeError(f"headers: the value of {name} is a string")
        if _CONTROL.search(value) or not _encodes(value):
            raise ValueError(f"headers: the value of {name} contains a line break or another character not allowed")
        found.append((name, value))
    return found


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
