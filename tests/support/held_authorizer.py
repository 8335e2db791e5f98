"""An authorizer whose answers the test holds back, and waiting for what can be seen from outside."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

__all__ = ["HeldEndpoint", "text_of", "until"]


def text_of(key: bytes) -> str:
    """Return a key as an endpoint writes it."""
    return base64.b64encode(key).decode()


class HeldEndpoint:
    """An authorizer that answers when the test says so; each request waits in ``open`` until then.

    Attributes:
        asked: The channel and the socket id of every request so far.
        open: The answers still owed, oldest first.
        ready: What is answered at once instead, the oldest first; the last one is repeated.
    """

    def __init__(self, *ready: dict[str, Any]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.open: list[asyncio.Future[dict[str, Any]]] = []
        self.ready = list(ready)

    async def __call__(self, channel: str, socket_id: str) -> dict[str, Any]:
        self.asked.append((channel, socket_id))
        signed = {"auth": f"KEY:{socket_id}"}
        if self.ready:
            return {**signed, **(self.ready.pop(0) if len(self.ready) > 1 else self.ready[0])}
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.open.append(answer)
        try:
            return {**signed, **await answer}
        finally:
            self.open.remove(answer)

    def hold(self) -> None:
        """Answer nothing at once any more."""
        self.ready.clear()


async def until(reached: Callable[[], bool]) -> None:
    """Wait for a state that can be seen from outside."""
    while not reached():
        await asyncio.sleep(0.001)
