"""What httpcore tells of a request while it runs: what must not be logged of it, and what it would leave open."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["Trace"]

_SOCKS = "setup_socks5_connection"


class Trace:
    """The trace hook of one request, which httpcore calls before and after each step (promises C3 and R6).

    At DEBUG httpcore writes what it gives to the hook: a SOCKS proxy's password, the answer's headers, and what the
    server sent where a header was expected. What a step starts with is in use, and can only be hidden; of its end only
    httpcore's own copy is emptied.

    Where a SOCKS proxy refuses, or an opening is cut off, httpcore forgets the connection that it has. asyncio would
    keep it for as long as the other side does.
    """

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, name: str, info: dict[str, Any]) -> None:
        """Take news of a step.

        Raises:
            httpx.ProxyError: What a SOCKS proxy said was no good; httpcore's own error may be of any type.
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
    """A user's name and password, which are used and not shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(…)"
