"""Reads where the server is from a URL or from the environment (protocol-notes 1.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["options_from_env", "options_from_url"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def options_from_url(url: str) -> tuple[str, dict[str, Any]]:
    """Read ``wss://KEY@host:port/path``, ``ws://…`` or ``pusher://KEY@cluster`` into a key and options.

    Raises:
        TypeError: ``url`` is no string.
        ValueError: It is no such URL. The message does not repeat it.
    """
    if not isinstance(url, str):
        raise TypeError("from_url() takes a string, as 'wss://KEY@host:6001' or 'pusher://KEY@eu'")
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss", "pusher"):
        raise ValueError("the URL starts with ws://, wss:// or pusher://, as 'wss://KEY@host' or 'pusher://KEY@eu'")
    if not parts.username or parts.password is not None or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("the URL has the application key before an @ and the host after it, as 'wss://KEY@host'")
    key = unquote(parts.username)
    if parts.scheme == "pusher":
        if parts.port is not None or parts.path.strip("/"):
            raise ValueError("a pusher:// URL has a cluster and nothing after it, as 'pusher://KEY@eu'")
        return key, {"cluster": parts.hostname}
    return key, {"host": parts.hostname, "port": parts.port, "path": parts.path, "tls": parts.scheme == "wss"}


def options_from_env(environment: Mapping[str, str], given: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """Read ``PUSHER_KEY``, ``PUSHER_CLUSTER``, ``PUSHER_HOST``, ``PUSHER_PORT`` and ``PUSHER_TLS``.

    Args:
        environment: The variables.
        given: The names of the caller's own options, which win: with a host or a cluster, neither is read.

    Raises:
        ValueError: A variable is missing or cannot be what it should be.
    """
    key = environment.get("PUSHER_KEY", "")
    if not key:
        raise ValueError("set PUSHER_KEY to the application key")
    options: dict[str, Any] = {}
    if "host" in given or "cluster" in given:
        pass
    elif environment.get("PUSHER_HOST"):
        options["host"] = environment["PUSHER_HOST"]
    elif environment.get("PUSHER_CLUSTER"):
        options["cluster"] = environment["PUSHER_CLUSTER"]
    port = environment.get("PUSHER_PORT", "")
    if port:
        if not (port.isascii() and port.isdigit()):
            raise ValueError("set PUSHER_PORT to a number, or leave it out")
        options["port"] = int(port)
    tls = environment.get("PUSHER_TLS", "").strip().lower()
    if tls:
        if tls not in _TRUE | _FALSE:
            raise ValueError("set PUSHER_TLS to true or false, or leave it out")
        options["tls"] = tls in _TRUE
    return key, options
