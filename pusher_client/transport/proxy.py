"""Proxy settings of the connection and of authorizations, from options or the environment (protocol-notes 1.1, 6.3)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from pusher_client.transport.host import parse_host

__all__ = ["CONNECTION_SCHEMES", "Proxy", "connection_proxy", "environment_proxy", "parse_proxy", "read_proxy"]

CONNECTION_SCHEMES = ("http", "https", "socks5h", "socks5", "socks4a", "socks4")
"""The kinds of proxies that the connection can go through."""

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
_NO_PLACE = "has no valid host, or a port that is not a number from 1 to 65535"


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy.

    Attributes:
        scheme: ``http``, ``https``, ``socks5h``, ``socks5``, ``socks4a`` or ``socks4``.
        host: Its name or address, without brackets.
        port: Its port.
        username: The user, if credentials were given.
        password: The password; both are hidden in ``repr`` (promise C3).
    """

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """The address without credentials."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_proxy(address: str, schemes: Collection[str], name: str) -> Proxy:
    """Parse the address of a proxy.

    Args:
        address: Such as ``http://user:password@host:port``.
        schemes: The kinds that can be used.
        name: The option or variable that holds it.

    Raises:
        ValueError: It is not such an address; the message names the option or variable and does not repeat its value,
            which may hold a password.
    """
    try:
        return _parse(address, schemes)
    except ValueError as error:
        problem = str(error)
    del address
    raise ValueError(f"{name} {problem}; a proxy is given as 'http://host:port' or 'socks5h://host:port'")


def _parse(address: str, schemes: Collection[str]) -> Proxy:
    """Parse an address, or raise what is to be said of the option, never with a part of the address."""
    if any(character.isspace() or not character.isprintable() for character in address):
        raise ValueError("contains white space or a control character")
    scheme, colon, _ = address.partition("://")
    if not colon or scheme.lower() not in schemes:
        raise ValueError(f"does not begin with one of {', '.join(f'{each}://' for each in schemes)}")
    try:
        parts = urlsplit(address)
        port, host = parts.port, parse_host(_bracketed(parts.hostname or ""))
    except ValueError:
        raise ValueError(_NO_PLACE) from None
    if port == 0:
        raise ValueError(_NO_PLACE)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("has more than a host and a port")
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.username is None else unquote(parts.password or "")
    return Proxy(parts.scheme, host, port or _PORTS.get(parts.scheme, _SOCKS_PORT), username, password)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def environment_proxy(host: str, port: int, variables: Iterable[str], schemes: Collection[str]) -> Proxy | None:
    """Return the environment's proxy for a host; None for none.

    Args:
        host: The host of the connection.
        port: Its port.
        variables: The proxies to look for, the preferred one first; ``"https"`` means the variable ``https_proxy``.
        schemes: The kinds of proxies that can be used.

    Raises:
        ValueError: The variable that was found is not the address of a proxy; the message names it.
    """
    if proxy_bypass(f"{host}:{port}"):
        return None
    settings = getproxies()
    kind = next((kind for kind in variables if settings.get(kind)), None)
    if kind is None:
        return None
    try:
        return parse_proxy(_with_scheme(kind, settings[kind]), schemes, _variable(kind))
    except ValueError as error:
        problem = str(error)
    del settings
    raise ValueError(problem)


def _with_scheme(kind: str, address: str) -> str:
    """Return the address of a proxy with a scheme, which a variable need not have."""
    # Some systems list a SOCKS proxy under this name, and with the scheme of an HTTP proxy.
    rest = address.removeprefix("http://") if kind == "socks" else address
    default = "socks5h" if kind == "socks" else "http"
    # Desktops and other programs write socks:// for SOCKS 5 with names that the proxy resolves.
    rest = f"socks5h://{rest[len('socks://') :]}" if rest.lower().startswith("socks://") else rest
    return rest if "://" in rest else f"{default}://{rest}"


def _variable(kind: str) -> str:
    """Return the name of the variable that holds a proxy, or of the setting where the system holds it."""
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), f"the system's proxy setting for {kind}")


def connection_proxy(host: str, port: int, *, tls: bool) -> Proxy | None:
    """Return the environment's proxy for a connection to a Channels server; None for none.

    Raises:
        ValueError: The variable that was found is not the address of a proxy; the message names it.
    """
    variables = ("wss", "socks", "https", "all") if tls else ("ws", "socks", "https", "http", "all")
    return environment_proxy(host, port, variables, CONNECTION_SCHEMES)


def read_proxy(proxy: object) -> Proxy | Literal[True] | None:
    """Read the option ``proxy``: True for the environment's, a URL, None or False for none.

    Raises:
        TypeError: It is something else.
        ValueError: It is not the address of a proxy; the message does not repeat it.
    """
    if proxy is None or proxy is False:
        return None
    if proxy is True:
        return True
    if not isinstance(proxy, str):
        raise TypeError("proxy is True for the environment's, a URL, or None for none")
    return parse_proxy(proxy, CONNECTION_SCHEMES, "proxy")
