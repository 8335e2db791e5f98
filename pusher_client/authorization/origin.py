"""The address of an endpoint: one https origin, or plain http to this machine (protocol-notes 6.3, promise C4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import SOCK_STREAM
from typing import TYPE_CHECKING

from pusher_client.exceptions import AuthorizationError
from pusher_client.transport.proxy import Proxy, environment_proxy, parse_proxy

if TYPE_CHECKING:
    import httpx

__all__ = ["Origin", "read_proxy"]

_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535
_LOCALHOST = "localhost"
_IPV6_LOOPBACK = IPv6Address("::1")
_SOCKS = ("socks5", "socks5h")
_PROXY_SCHEMES = ("http", "https", *_SOCKS)


class Origin:
    """The checked address of an endpoint.

    Args:
        url: An absolute https address; http only to a loopback address or ``localhost``.
        allow_insecure: Allow plain http to anywhere.

    Raises:
        TypeError: ``url`` is not a string, or ``allow_insecure`` not a bool.
        ValueError: ``url`` is not such an address, or has credentials or a fragment.
    """

    __slots__ = ("_must_be_local", "url")

    def __init__(self, url: str, *, allow_insecure: bool) -> None:
        if not isinstance(allow_insecure, bool):
            raise TypeError("allow_insecure is True or False")
        self.url: httpx.URL = _read_url(url)
        if self.url.scheme not in _PORTS or not self.url.host or "%" in self.url.host:
            raise ValueError("the url of an endpoint is absolute, as in 'https://example.com/pusher/auth'")
        if self.url.port is not None and not 0 < self.url.port <= _HIGHEST_PORT:
            raise ValueError(f"the url's port is not one from 1 to {_HIGHEST_PORT}")
        if self.url.userinfo:
            raise ValueError("the url has credentials; send them as headers={'Authorization': …}")
        if self.url.fragment:
            raise ValueError("the url has a fragment (after '#'), which is never sent; drop it")
        self._must_be_local = self.plain and not allow_insecure
        if self._must_be_local and not (self.url.host == _LOCALHOST or _is_loopback(self.url.host)):
            raise ValueError(
                "plain http exposes credentials and keys to everyone on the network path: use https, or "
                "allow_insecure=True on a network that you trust"
            )

    def __str__(self) -> str:
        return f"{self.url.scheme}://{self.url.netloc.decode()}"

    @property
    def plain(self) -> bool:
        """Whether the endpoint is reached without TLS."""
        return self.url.scheme == "http"

    @property
    def port(self) -> int:
        """The port; the default of the scheme where the url has none."""
        return self.url.port or _PORTS[self.url.scheme]

    async def hosts(self, channel: str | None) -> Sequence[str]:
        """Return the hosts to connect to, in this order; to be called before each request.

        This is the url's host. Where plain http is allowed to this machine only, ``localhost`` is resolved here,
        and the result is its addresses: the connection must not resolve the name again, since the result may differ.

        Args:
            channel: The channel's name, for the error.

        Raises:
            AuthorizationError: The name resolves to another machine.
            OSError: The name does not resolve.
        """
        if not self._must_be_local or self.url.host != _LOCALHOST:
            return (self.url.host,)
        found = await asyncio.get_running_loop().getaddrinfo(_LOCALHOST, self.port, type=SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
        if not addresses or not all(map(_is_loopback, addresses)):
            problem = f"the endpoint {self}: 'localhost' does not resolve to this machine, so plain http is refused"
            raise AuthorizationError(channel, problem)
        return addresses

    def environment_proxy(self) -> httpx.Proxy | None:
        """Return the proxy that the environment sets for this origin, or None.

        Raises:
            ValueError: The variable that was found is not the address of a proxy; the message names it.
        """
        proxy = environment_proxy(self.url.host, self.port, (self.url.scheme, "all"), _PROXY_SCHEMES)
        return None if proxy is None else _httpx_proxy(proxy)


def read_proxy(address: str) -> httpx.Proxy:
    """Read a proxy's address.

    Raises:
        ValueError: It is not the address of an HTTP or SOCKS5 proxy; the message does not repeat it.
    """
    return _httpx_proxy(parse_proxy(address, _PROXY_SCHEMES, "proxy"))


def _httpx_proxy(proxy: Proxy) -> httpx.Proxy:
    import httpx  # noqa: PLC0415 - only those who make requests need to load it

    if proxy.scheme in _SOCKS and find_spec("socksio") is None:
        raise ValueError("a SOCKS proxy needs another package: pip install 'httpx[socks]'")
    # The same to httpx, which lets the proxy resolve names in either case; its older versions know only one of them.
    address = proxy.origin.replace("socks5h://", "socks5://", 1)
    return httpx.Proxy(address, auth=None if proxy.username is None else (proxy.username, proxy.password or ""))


def _read_url(url: object) -> httpx.URL:
    import httpx  # noqa: PLC0415 - only those who make requests need to load it

    if not isinstance(url, str):
        raise TypeError(f"the url is a string, not {type(url).__name__}")
    try:
        parsed = httpx.URL(url)
        _ = parsed.host  # httpx decodes an international name only on access
    except (httpx.InvalidURL, ValueError) as error:
        problem = ValueError(f"the url is not a URL ({type(error).__name__})")
    else:
        return parsed
    raise problem


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # The only loopback address of IPv6 is ::1. IPv4-mapped addresses are not accepted.
    return address.is_loopback if isinstance(address, IPv4Address) else address == _IPV6_LOOPBACK
