"""Host names and addresses: parsed, and written as DNS and sockets take them (RFC 3986 3.2.2, RFC 5891, RFC 6874)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import idna

__all__ = ["parse_host", "without_zone"]

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9\-_]{0,61}[A-Za-z0-9_])?")
_LONGEST_NAME = 253
_HOST_AND_PORT = re.compile(r"(\[.*\]|[^:\[\]]*):[0-9]*")


def parse_host(host: str) -> str:
    """Return a host as it is resolved and connected to.

    Args:
        host: A name, an international one too, an IPv4 address, or an IPv6 address with or without brackets and zone.

    Returns:
        The name in ASCII, or the address without brackets.

    Raises:
        ValueError: It is none of these; the message is the end of a sentence that names the option.
    """
    if "://" in host:
        raise ValueError("is a host name or address alone, without a scheme; PusherClient.from_url() takes a URL")
    if _HOST_AND_PORT.fullmatch(host):
        raise ValueError("is a host name or address alone; the port has an option of its own, port=")
    if "/" in host or "?" in host or "#" in host or "@" in host:
        raise ValueError("is a host name or address alone; what stands before /app/ has an option of its own, path=")
    if ":" in host or host.startswith("["):
        return _parse_ipv6(host)
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        name = ""
    labels = name.removesuffix(".").split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("is a host name or address, as 'ws.example.com', '192.0.2.1' or '[2001:db8::1]'")
    if labels[-1].isdigit():
        return _parse_ipv4(name)
    return name


def without_zone(host: str) -> str:
    """Return a host without the zone of an IPv6 address, which means something on this machine only."""
    return host.partition("%")[0]


def _parse_ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        pass
    raise ValueError("ends in a number, but is not an IPv4 address, as '192.0.2.1'")


def _parse_ipv6(host: str) -> str:
    inside = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(IPv6Address(inside.replace("%25", "%", 1)))
    except ValueError:
        pass
    raise ValueError("has colons, but is not an IPv6 address, as '2001:db8::1'; a port has an option of its own, port=")
