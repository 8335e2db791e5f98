"""A health check that cannot lie, for containers; run it with ``uvicorn health:app``, and ask ``/health``."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pusher_client import Channel, ConnectionState, PusherClient, SubscriptionState

MAX_SILENCE = float(os.environ.get("MAX_SILENCE", "60"))
MAX_WORK = float(os.environ.get("MAX_WORK", "30"))


class Worker:
    """Does what the container is there for, and knows since when it is at it."""

    def __init__(self) -> None:
        self._begun = math.inf

    async def run(self, orders: Channel) -> None:
        """Work through the orders."""
        async for event in orders:
            self._begun = monotonic()
            await asyncio.sleep(event.data["seconds"])  # stands in for the work
            self._begun = math.inf

    @property
    def stuck(self) -> bool:
        """Whether one order takes too long."""
        return monotonic() - self._begun > MAX_WORK


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Any]]:
    """Work as long as the web server runs."""
    # After 20 seconds without a word the server is asked for one, so MAX_SILENCE means trouble and no quiet night.
    async with PusherClient.from_env(activity_timeout=20, pong_timeout=10) as client:
        orders, worker = await client.subscribe("private-encrypted-orders"), Worker()
        working = asyncio.create_task(worker.run(orders))
        yield {"client": client, "orders": orders, "worker": worker, "working": working}
    await asyncio.wait({working})


async def health(request: Request) -> JSONResponse:
    """Answer 200 if all is well, else 503 and what is not. A loop that hangs answers nothing, which is true as well.

    A reconnect makes this 503 for a moment: let the container be given up after several answers, not after one.
    """
    client: PusherClient = request.state.client
    checks = {
        "connected": client.state is ConnectionState.CONNECTED,
        "received lately": client.stats.silence < MAX_SILENCE,
        "subscribed": request.state.orders.state is SubscriptionState.SUBSCRIBED,
        "working": not (request.state.working.done() or request.state.worker.stuck),
    }
    return JSONResponse(checks, 200 if all(checks.values()) else 503)


app = Starlette(routes=[Route("/health", health)], lifespan=lifespan)
