"""Where the server is: from a cluster, or a host, port and path (protocol-notes 1.1)."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote, urlencode

from pusher_client.transport.host import parse_host, without_zone
from pusher_client.transport.tls import is_context

__all__ = ["Address"]

_KEY = re.compile(r"[A-Za-z0-9_\-.=@,;~]+")
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,50}")
_PATH = re.compile(r"[A-Za-z0-9_\-./~%:@=+,;]*")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, init=False)
class Address:
    """Where a client connects to.

    Args:
        key: The application's key.
        cluster: A cluster of Pusher, as ``"eu"``. Either this or ``host``.
        host: The name or address of another server.
        port: Its port; 443 with TLS and 80 without by default.
        path: The part of the URL before ``/app/``.
        tls: Whether to use TLS, or an ``SSLContext`` to use for it.

    Attributes:
        key: The application's key.
        host: The name in ASCII, or the address without brackets.
        port: The port.
        path: The part of the URL before ``/app/``: empty, or beginning with a slash.
        tls: Whether to use TLS, or the ``SSLContext``.

    Raises:
        TypeError: A part is of the wrong type.
        ValueError: A part cannot be used; the message names it and the cure.
    """

    key: str
    host: str
    port: int
    path: str
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
        _check_text("key", key, _KEY, "the application key, as the server's dashboard or configuration shows it")
        if (cluster is None) == (host is None):
            raise ValueError("say where the server is: either cluster='eu' (or another) or host='…', and not both")
        if host is None:
            _check_text("cluster", cluster, _CLUSTER, "the cluster's short name, as 'eu' or 'mt1'")
            host = f"ws-{cluster}.pusher.com"
        if not isinstance(tls, bool) and not is_context(tls):
            raise TypeError("tls is True, False or an ssl.SSLContext")
        _check_text("path", path, _PATH, "the part of the URL before /app/, as '/ws'")
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "host", _read_host(host))
        object.__setattr__(self, "port", _read_port(port, default=443 if tls else 80))
        object.__setattr__(self, "path", "/" + path.strip("/") if path.strip("/") else "")
        object.__setattr__(self, "tls", tls)

    @property
    def place(self) -> str:
        """Host and port, as errors and logs show them."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of the WebSocket."""
        scheme, host = "wss" if self.tls else "ws", without_zone(self.host)
        netloc = f"[{host}]" if ":" in host else host
        query = urlencode({"protocol": 7, "client": "pusher-client-python", "version": _version()})
        return f"{scheme}://{netloc}:{self.port}{self.path}/app/{quote(self.key, safe='')}?{query}"

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


def _read_host(host: object) -> str:
    if not isinstance(host, str):
        raise TypeError("host is a string: a host name or address, as 'ws.example.com'")
    try:
        return parse_host(host)
    except ValueError as error:
        problem = f"host {error}"
    raise ValueError(problem)


def _read_port(port: object, *, default: int) -> int:
    if port is None:
        return default
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError("port is an integer")
    if not 0 < port <= _LAST_PORT:
        raise ValueError(f"port is a number from 1 to {_LAST_PORT}, not {port}")
    return port


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
