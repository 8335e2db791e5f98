"""Where the server is: from a cluster, a host, a URL or the environment (protocol-notes 1.1)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

__all__ = ["Address", "options_from_env", "options_from_url", "websocket_url"]

_KEY = re.compile(r"[A-Za-z0-9_\-.=@,;~]+")
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,50}")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9\-_]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?")
_PATH = re.compile(r"[A-Za-z0-9_\-./~%:@=+,;]*")
_LAST_PORT = 65535
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, init=False)
class Address:
    """Where a client connects to.

    Args:
        key: The application's key.
        cluster: Pusher's cluster, as ``"eu"``. Either this or ``host``.
        host: The name or address of a server of one's own.
        port: Its port; 443 with TLS and 80 without by default.
        path: What stands before ``/app/``.
        tls: Whether to use TLS, or an ``SSLContext`` to use for it.

    Raises:
        TypeError: A part is of the wrong type.
        ValueError: A part cannot be what it should be; the message says what it should be.
    """

    key: str
    url: str
    tls: bool | ssl.SSLContext

    def __init__(
        self,
        key: str,
        *,
        cluster: str | None,
        host: str | None,
        port: int | None,
        path: str,
        tls: bool | ssl.SSLContext,
    ) -> None:
        url = websocket_url(key, cluster=cluster, host=host, port=port, path=path, tls=tls)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "url", url)
        object.__setattr__(self, "tls", tls)

    def moved(
        self,
        *,
        key: str | None,
        cluster: str | None,
        host: str | None,
        port: int | None,
        path: str,
        tls: bool | ssl.SSLContext | None,
    ) -> Address:
        """Return another address, with this one's key and TLS where None is given; raises as the class does."""
        return Address(
            self.key if key is None else key,
            cluster=cluster,
            host=host,
            port=port,
            path=path,
            tls=self.tls if tls is None else tls,
        )


def websocket_url(
    key: str, *, cluster: str | None, host: str | None, port: int | None, path: str, tls: bool | ssl.SSLContext
) -> str:
    """Build the URL to connect to.

    Raises:
        TypeError: A part is of the wrong type.
        ValueError: A part cannot be what it should be; the message says what it should be.
    """
    _check_text("key", key, _KEY, "the application key, as the server's dashboard or configuration shows it")
    if (cluster is None) == (host is None):
        raise ValueError("say where the server is: either cluster='eu' (or another) or host='…', and not both")
    if host is None:
        _check_text("cluster", cluster, _CLUSTER, "the cluster's short name, as 'eu' or 'mt1'")
        host = f"ws-{cluster}.pusher.com"
    _check_text("host", host, _HOST, "a host name or address alone, as 'ws.example.com', without scheme, port or path")
    if not isinstance(tls, bool | ssl.SSLContext):
        raise TypeError("tls is True, False or an ssl.SSLContext")
    if port is None:
        port = 443 if tls else 80
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError("port is a whole number")
    if not 0 < port <= _LAST_PORT:
        raise ValueError(f"port is a number from 1 to {_LAST_PORT}, not {port}")
    _check_text("path", path, _PATH, "what stands before /app/, as '/ws'")
    prefix = "/" + path.strip("/") if path.strip("/") else ""
    scheme, netloc = "wss" if tls else "ws", f"[{host}]" if ":" in host else host
    query = urlencode({"protocol": 7, "client": "pusher-client-python", "version": _version()})
    return f"{scheme}://{netloc}:{port}{prefix}/app/{quote(key, safe='')}?{query}"


def _check_text(name: str, value: object, pattern: re.Pattern[str], cure: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a string: {cure}")
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} is not usable; it should be {cure}")


def _version() -> str:
    try:
        return version("pusher-channels-client")
    except PackageNotFoundError:
        return "0"


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
