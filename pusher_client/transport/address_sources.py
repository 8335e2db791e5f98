"""Reads where the server is from a URL or from the environment (protocol-notes 1.1)."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

__all__ = ["options_from_env", "options_from_url"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_SECURE_SCHEMES = {"https": True, "wss": True, "http": False, "ws": False}
_API_HOST = re.compile(r"api(?:-([a-z0-9]+))?\.pusher(?:app)?\.com\.?")
_FORMS = "as 'wss://KEY@host:6001', 'wss://host:6001/app/KEY' or 'pusher://KEY@eu'"
_BROWSER_PATH = re.compile(r"(?P<before>(?:/.*)?)/app/(?P<key>[^/]+)/?")

_logger = logging.getLogger("pusher_client")


def options_from_url(url: str) -> tuple[str, dict[str, Any]]:
    """Read a URL into a key and options.

    Args:
        url: ``wss://KEY@host:port/path``, ``ws://…``, ``pusher://KEY@cluster``, or the URL that a browser shows for a
            connection, ``wss://host:port/path/app/KEY?…``, whose query is ignored.

    Raises:
        TypeError: ``url`` is not a string.
        ValueError: It is not such a URL. The message does not repeat it.
    """
    if not isinstance(url, str):
        raise TypeError(f"from_url() takes a string, {_FORMS}")
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("ws:")
    if parts.scheme not in ("ws", "wss", "pusher"):
        raise ValueError(f"the URL starts with ws://, wss:// or pusher://, {_FORMS}")
    if not host or parts.password is not None:
        raise ValueError(f"the URL has no valid host and port, or a password, which is not expected; give it {_FORMS}")
    if parts.scheme == "pusher":
        return _read_cluster(parts, host)
    key, path = _read_key(parts)
    return key, {"host": host, "port": port, "path": path, "tls": parts.scheme == "wss"}


def _read_cluster(parts: SplitResult, host: str) -> tuple[str, dict[str, Any]]:
    if not parts.username or parts.port is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("a pusher:// URL has a key and a cluster and nothing after it, as 'pusher://KEY@eu'")
    return unquote(parts.username), {"cluster": host}


def _read_key(parts: SplitResult) -> tuple[str, str]:
    """Return the key and the path before ``/app/``."""
    if parts.username:
        if parts.query or parts.fragment:
            raise ValueError(f"the URL has nothing after its path, {_FORMS}")
        return unquote(parts.username), parts.path
    shown = _BROWSER_PATH.fullmatch(parts.path)
    if shown is None:
        raise ValueError(f"the URL has the application key before an @ or after /app/, {_FORMS}")
    return unquote(shown["key"]), shown["before"]


def options_from_env(environment: Mapping[str, str], given: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """Read ``PUSHER_KEY``, ``PUSHER_CLUSTER``, ``PUSHER_HOST``, ``PUSHER_PORT`` and ``PUSHER_TLS``.

    Laravel's names are read where these are missing: ``PUSHER_APP_KEY``, ``PUSHER_APP_CLUSTER`` and ``PUSHER_SCHEME``.

    Args:
        environment: The variables.
        given: The names of the caller's own options, which take precedence: with a host or a cluster, neither is read.

    Raises:
        ValueError: A variable is missing or has an invalid value.
    """
    key = environment.get("PUSHER_KEY") or environment.get("PUSHER_APP_KEY")
    if not key:
        raise ValueError("set PUSHER_KEY (or PUSHER_APP_KEY) to the application key")
    options = {} if {"host", "cluster"} & set(given) else _read_place(environment)
    port = environment.get("PUSHER_PORT", "").strip()
    if port:
        if not (port.isascii() and port.isdigit()):
            raise ValueError("set PUSHER_PORT to a number, or leave it out")
        options["port"] = int(port)
    tls = _read_tls(environment)
    if tls is not None:
        options["tls"] = tls
    return key, options


def _read_place(environment: Mapping[str, str]) -> dict[str, Any]:
    host = environment.get("PUSHER_HOST", "").strip()
    cluster = environment.get("PUSHER_CLUSTER") or environment.get("PUSHER_APP_CLUSTER")
    if host:
        api = _API_HOST.fullmatch(host.lower())
        if api is not None:
            _logger.warning(
                "PUSHER_HOST names %s, which serves the HTTP API alone: leave it out and set PUSHER_CLUSTER=%s",
                host,
                api[1] or cluster or "mt1",
            )
        return {"host": host}
    return {"cluster": cluster} if cluster else {}


def _read_tls(environment: Mapping[str, str]) -> bool | None:
    tls = environment.get("PUSHER_TLS", "").strip().lower()
    if tls:
        if tls not in _TRUE | _FALSE:
            raise ValueError("set PUSHER_TLS to true or false, or leave it out")
        return tls in _TRUE
    scheme = environment.get("PUSHER_SCHEME", "").strip().lower().removesuffix("://")
    if scheme and scheme not in _SECURE_SCHEMES:
        raise ValueError("set PUSHER_SCHEME to https or http, or leave it out")
    return _SECURE_SCHEMES.get(scheme)
