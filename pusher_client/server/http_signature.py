"""The signature of requests to the HTTP API (protocol-notes 11)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

__all__ = ["TIMESTAMP_TOLERANCE", "check_http_signature"]

TIMESTAMP_TOLERANCE = 600
"""Allowed difference in seconds between a request's time stamp and the server's clock."""


def check_http_signature(
    key: str, secret: str, *, method: str, path: str, params: Mapping[str, str], body: bytes, now: float
) -> None:
    """Check that a request is signed with the application's secret, for this body, and not too old.

    Args:
        key: The application's key.
        secret: The application's secret.
        method: ``GET`` or ``POST``.
        path: The path without the query.
        params: The query, including ``auth_signature``.
        body: The raw body.
        now: The time in seconds since 1970.

    Raises:
        ValueError: A parameter is missing or not valid; the message contains no value except the time.
    """
    missing = {"auth_key", "auth_timestamp", "auth_version", "auth_signature"}.difference(params)
    if missing:
        raise ValueError(f"the query lacks {', '.join(sorted(missing))}")
    if params["auth_key"] != key:
        raise ValueError("auth_key is not this application's key")
    if params["auth_version"] != "1.0":
        raise ValueError("auth_version is not 1.0")
    timestamp = params["auth_timestamp"]
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise ValueError("auth_timestamp is not a whole number of seconds")
    if abs(now - int(timestamp)) > TIMESTAMP_TOLERANCE:
        raise ValueError(f"auth_timestamp is not within {TIMESTAMP_TOLERANCE} s of the server's time, {now:.0f}")
    if (body or "body_md5" in params) and params.get("body_md5") != _md5(body):
        raise ValueError("body_md5 is not the MD5 of the body")
    signed = sorted((name.lower(), value) for name, value in params.items() if name != "auth_signature")
    text = "\n".join([method, path, "&".join(f"{name}={value}" for name, value in signed)])
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), params["auth_signature"].encode()):
        raise ValueError("auth_signature does not fit the request; is it signed with the right secret?")


def _md5(body: bytes) -> str:
    # The HTTP API requires MD5; the signature over this digest protects the body.
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
