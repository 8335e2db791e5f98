"""The environment's proxy, read alike for the connection and for authorizations (protocol-notes 1.1, 6.3)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.request import getproxies, proxy_bypass

__all__ = ["environment_proxy"]


def environment_proxy(host: str, port: int, schemes: Iterable[str]) -> str | None:
    """Return the address of the environment's proxy for a host; None for none.

    Args:
        host: Where the connection shall go.
        port: To which port.
        schemes: Which proxies will do, the best one first: ``"https"`` stands for the variable ``https_proxy``.
    """
    if proxy_bypass(f"{host}:{port}"):
        return None
    proxies = getproxies()
    for scheme in schemes:
        address = proxies.get(scheme)
        if address:
            # Some systems list a SOCKS proxy by this name, and with the scheme of an HTTP proxy.
            kind = "socks5h" if scheme == "socks" else "http"
            rest = address.removeprefix("http://") if scheme == "socks" else address
            return rest if "://" in rest else f"{kind}://{rest}"
    return None
