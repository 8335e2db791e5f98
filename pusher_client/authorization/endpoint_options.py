"""Reads the options ``ssl``, ``proxy`` and ``transport`` of an endpoint (protocol-notes 6.3)."""

from __future__ import annotations

import asyncio
from ssl import CERT_REQUIRED, PROTOCOL_TLS_CLIENT, SSLContext, create_default_context
from threading import Lock
from typing import TYPE_CHECKING, cast

from pusher_client.authorization.origin import read_proxy
from pusher_client.transport.tls import is_context

if TYPE_CHECKING:
    import httpx

__all__ = ["TrustedAuthorities", "read_proxy_option", "read_transport"]


class TrustedAuthorities:
    """The TLS context of an endpoint.

    Args:
        ssl: A context that verifies certificates; None or True for the system's certificate authorities.
        plain: Whether the endpoint is reached without TLS. Then no authorities are read.

    Raises:
        TypeError: It is not a context.
        ValueError: The context does not verify certificates.
    """

    __slots__ = ("_context", "_loaded", "_lock", "_plain")

    def __init__(self, ssl: object, *, plain: bool) -> None:
        if ssl is False:
            raise ValueError(
                "ssl=False would accept any certificate; for a private authority give "
                "ssl.create_default_context(cafile=…)"
            )
        if ssl is not None and ssl is not True and not is_context(ssl):
            raise TypeError(f"ssl is an ssl.SSLContext or None, not {type(ssl).__name__}")
        self._context: SSLContext | None = cast("SSLContext", ssl) if is_context(ssl) else None
        if self._context is not None and (
            self._context.verify_mode is not CERT_REQUIRED or not self._context.check_hostname
        ):
            raise ValueError(
                "ssl must verify: verify_mode CERT_REQUIRED and check_hostname, as create_default_context() has"
            )
        self._plain = plain
        self._loaded: SSLContext | None = None
        self._lock = Lock()

    async def context(self) -> SSLContext:
        """Return the context. It is made once, in a thread: reading the system's authorities takes 20 to 100 ms.

        The modules that httpx imports at its first request are imported in that thread, too.
        """
        return (
            await asyncio.get_running_loop().run_in_executor(None, self._load) if self._loaded is None else self._loaded
        )

    def _load(self) -> SSLContext:
        with self._lock:
            if self._loaded is None:
                context = self._context
                if context is None:
                    # httpx wants a context for a plain request, too.
                    context = SSLContext(PROTOCOL_TLS_CLIENT) if self._plain else create_default_context()
                _import_for_requests(context)
                self._loaded = context
            return self._loaded


def _import_for_requests(context: SSLContext) -> None:
    """Import what a first request needs: httpcore, which a transport imports, and the asyncio backend of anyio."""
    import anyio  # noqa: PLC0415 - only those who make requests need to load it
    import httpx  # noqa: PLC0415 - the same

    httpx.AsyncHTTPTransport(verify=context)
    anyio.run(anyio.sleep, 0)


def read_proxy_option(proxy: object) -> httpx.Proxy | None:
    """Return the proxy that the option names; None for a bool or None.

    Raises:
        TypeError: It is neither a string nor a bool nor None.
        ValueError: It is not the address of a proxy; the message does not repeat it.
    """
    if proxy is None or isinstance(proxy, bool):
        return None
    if not isinstance(proxy, str):
        raise TypeError("proxy is True for the environment's, None for none, or an address as 'http://host:port'")
    return read_proxy(proxy)


def read_transport(transport: object) -> httpx.AsyncBaseTransport | None:
    """Return the transport that was given, or None.

    Raises:
        TypeError: It is not a transport of httpx.
    """
    if transport is None:
        return None
    import httpx  # noqa: PLC0415 - only those who make requests need to load it

    if not isinstance(transport, httpx.AsyncBaseTransport):
        raise TypeError(f"transport is an httpx.AsyncBaseTransport, not {type(transport).__name__}")
    return transport
