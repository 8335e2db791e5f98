"""The steps of an examination below the WebSocket: DNS, TCP and TLS."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from ipaddress import ip_address
from socket import SOCK_STREAM
from typing import Any, NamedTuple

from pusher_client.cli.findings import StepError, StepSkipped
from pusher_client.transport.proxy import Proxy

__all__ = ["Hop", "connect_tcp", "connect_tls", "next_hop", "resolve"]


class Hop(NamedTuple):
    """The peer of the first TCP connection.

    Attributes:
        host: Its name or address.
        port: Its port.
        note: Text that says whether it is a proxy.
    """

    host: str
    port: int
    note: str = ""


def next_hop(server: Hop, proxy: Proxy | None) -> Hop:
    """Return the server, or the proxy that the connection goes through."""
    return server if proxy is None else Hop(proxy.host, proxy.port, " (the proxy)")


async def resolve(hop: Hop) -> str:
    """Resolve the host, and describe its addresses."""
    host, port, note = hop
    with suppress(ValueError):
        ip_address(host)
        raise StepSkipped(f"{host} is an address{note}")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    except OSError as error:
        cure = "check the spelling of --cluster or --host, and this machine's DNS"
        raise StepError(f"{host}{note}: {error.strerror or type(error).__name__}", cure) from None
    addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
    more = f" and {len(addresses) - 2} more" if len(addresses) > 2 else ""  # noqa: PLR2004 - two fit on the line
    return f"{host}{note} is {', '.join(addresses[:2])}{more}"


async def connect_tcp(hop: Hop) -> str:
    """Open a TCP connection and close it, and describe the peer."""
    host, port, note = hop
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        cure = "start the server, or check --host and --port"
        raise StepError(f"{host}{note} refuses connections at port {port}", cure) from None
    peer = writer.get_extra_info("peername")
    writer.transport.abort()
    return f"connected to {peer[0]} port {peer[1]}{note}"


async def connect_tls(server: Hop) -> str:
    """Open a TLS connection and close it, and describe version and certificate."""
    try:
        _, writer = await asyncio.open_connection(
            server.host, server.port, ssl=ssl.create_default_context(), server_hostname=server.host
        )
    except ssl.SSLCertVerificationError as error:
        cure = "check --host against the names in the certificate; for a private authority set SSL_CERT_FILE"
        raise StepError(f"the certificate was refused: {error.verify_message}", cure) from None
    except (ssl.SSLError, ConnectionError):
        cure = "check --port; if the server does not speak TLS there, give --no-tls"
        raise StepError("the server does not speak TLS, or only versions that are not supported", cure) from None
    version = writer.get_extra_info("ssl_object").version()
    certificate: dict[str, Any] = writer.get_extra_info("peercert")
    writer.transport.abort()
    return f"{version}; the certificate is valid until {certificate['notAfter']}"
