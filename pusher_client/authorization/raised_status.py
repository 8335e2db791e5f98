"""Finds the HTTP status in an exception of an authorizer, whatever HTTP library raised it (protocol-notes 6.5)."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from pusher_client.protocol.retry_after import parse_retry_after

__all__ = ["is_network_error", "raised_retry_after", "raised_status"]

_LOWEST_STATUS = 100
_HIGHEST_STATUS = 599
_NETWORK_ERRORS = (("httpx", "TransportError"), ("aiohttp", "ClientConnectionError"))


def raised_status(error: BaseException) -> int | None:
    """Return the HTTP status that an exception carries; None without one.

    It is an integer ``status`` or ``status_code`` of the exception (urllib, aiohttp) or of its ``response`` (httpx,
    requests), from 100 to 599.
    """
    response = _attribute(error, "response")
    for holder in (error, response):
        for name in ("status", "status_code"):
            value = _attribute(holder, name)
            if isinstance(value, int) and not isinstance(value, bool) and _LOWEST_STATUS <= value <= _HIGHEST_STATUS:
                return int(value)
    return None


def raised_retry_after(error: BaseException) -> float | None:
    """Return the seconds in the ``Retry-After`` header of an exception or of its ``response``; None without one."""
    for holder in (error, _attribute(error, "response")):
        get = _attribute(_attribute(holder, "headers"), "get")
        try:
            value = get("Retry-After") or get("retry-after") if callable(get) else None
        except Exception:  # noqa: BLE001, S112 - the headers of another library may raise anything
            continue
        if isinstance(value, str):
            return parse_retry_after(value, datetime.now(UTC))
    return None


def is_network_error(error: BaseException) -> bool:
    """Return whether an exception means that the network failed, so that the same request may succeed later."""
    if isinstance(error, OSError):
        return True
    for library, name in _NETWORK_ERRORS:
        # An exception of a library can only exist once the library was imported.
        kind = getattr(sys.modules.get(library), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return True
    return False


def _attribute(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - httpx raises a RuntimeError, and other code may raise anything
        return None
