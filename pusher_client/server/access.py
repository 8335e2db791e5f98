"""Protection against pages of other sites: the ``Host`` and ``Origin`` headers of every request are checked.

A browser on the same machine runs pages of any site. Such a page can send requests to a loopback address (with its own
origin in ``Origin``), or resolve its own name to that address (DNS rebinding, with its own name in ``Host``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["AccessCheck", "AccessRules"]

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s\[\]:/?#@\\]+)(?::[0-9]{1,5})?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class AccessRules:
    """The names in ``Host`` and the origins in ``Origin`` that are accepted.

    Loopback names and addresses are always accepted, with any port. A request without ``Origin`` is accepted, since
    browsers add it to WebSockets, to POST requests, and to requests whose answer a script of another site could read.

    Args:
        allow_hosts: Further names or addresses, without a port. Origins with these names are accepted, too.
        allow_origins: Further origins, such as ``https://app.example.test``.

    Raises:
        TypeError: An argument is a string instead of a list.
        ValueError: A host or an origin is not valid.
    """

    def __init__(self, allow_hosts: Iterable[str] = (), allow_origins: Iterable[str] = ()) -> None:
        if isinstance(allow_hosts, str) or isinstance(allow_origins, str):
            raise TypeError("allow_hosts and allow_origins must be lists of strings")
        self._hosts = frozenset(_checked_host(host) for host in allow_hosts)
        self._origins = frozenset(_checked_origin(origin) for origin in allow_origins)

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return why a request with these headers is refused, with the cure; None if it is accepted."""
        values: dict[bytes, list[str]] = {b"host": [], b"origin": []}
        for name, value in headers:
            if name.lower() in values:
                values[name.lower()].append(value.decode("latin-1"))
        hosts, origins = values[b"host"], values[b"origin"]
        if len(hosts) != 1 or not self._allows_host(hosts[0]):
            return "this Host is not allowed: use http://127.0.0.1, or start the server with --allow-host NAME"
        if not all(self._allows_origin(origin) for origin in origins):
            return "this Origin is not allowed: open the page on localhost, or start the server with --allow-origin URL"
        return None

    def _allows_host(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        return match is not None and self._allows_name(match["name"])

    def _allows_name(self, name: str) -> bool:
        name = name.lower()
        return name in self._hosts or _is_loopback(name)

    def _allows_origin(self, origin: str) -> bool:
        if origin.lower() in self._origins:
            return True
        scheme, separator, host = origin.partition("://")
        return bool(separator) and scheme.lower() in _DEFAULT_PORTS and self._allows_host(host)


class AccessCheck:
    """ASGI middleware that answers requests and WebSockets with 403 if their headers are not allowed.

    Args:
        app: The application.
        rules: The accepted hosts and origins.
    """

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket."""
        refusal = self._rules.refusal(scope["headers"])
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(refusal, 403, {"Connection": "close"})(scope, receive, send)
        else:
            await send({"type": "websocket.close"})  # before it is accepted: a 403


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")  # reserved for loopback (RFC 6761)


def _checked_host(host: str) -> str:
    match = _HOST.fullmatch(host)
    if match is None or match["name"] != host:
        raise ValueError(f"allow_hosts takes names or addresses without scheme and port, not {host!r}")
    return host.lower()


def _checked_origin(origin: str) -> str:
    parts = urlsplit(origin)
    rest = (parts.path.rstrip("/"), parts.query, parts.fragment)
    if parts.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(parts.netloc) or any(rest):
        raise ValueError(f"allow_origins takes origins such as 'https://app.example.test', not {origin!r}")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])}"
