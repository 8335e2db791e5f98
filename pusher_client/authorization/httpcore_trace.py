"""Keeps secrets out of what httpx and httpcore show, and closes a connection that httpcore would leave open."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["PrivateRequest", "Trace"]

_SOCKS = "setup_socks5_connection"


class PrivateRequest(httpx.Request):
    """A request whose repr, which error reports print, does not show its address: it may contain a token (C3)."""

    def __repr__(self) -> str:
        return f"<Request {self.method!r}>"


class Trace:
    """The trace hook of one request, which httpcore calls before and after each step (promises C3 and R6).

    httpcore logs at DEBUG what it passes to the hook: a SOCKS proxy's password, the response headers, and the bytes of
    a malformed response. The arguments of a step are in use, so their repr is replaced. The result of a step is a copy
    for the hook, so it is emptied.

    When a SOCKS proxy refuses, or a TLS handshake is cut off, httpcore drops its reference to the open connection.
    asyncio would keep that connection until the peer closes it, so it is closed here.
    """

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, name: str, info: dict[str, Any]) -> None:
        """Called by httpcore before and after each step.

        Raises:
            httpx.ProxyError: The SOCKS proxy refused, or answered malformed bytes; httpcore's error may have any type.
        """
        _, step, outcome = name.rsplit(".", 2)
        if outcome == "started":
            if info.get("auth") is not None:
                info["auth"] = _Hidden(info["auth"])
            return
        error = info.get("exception")
        if step == "connect_tcp":
            self._stream = info.get("return_value")
        info.clear()
        if outcome == "failed" and step in {_SOCKS, "start_tls"}:
            await self._close()
            if step == _SOCKS and isinstance(error, Exception):
                del error
                raise httpx.ProxyError("a SOCKS proxy refused, or answered something else")

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()


class _Hidden(tuple[bytes, ...]):
    """A user name and password with a repr that does not show them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(…)"
