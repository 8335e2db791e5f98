"""A health check that cannot lie, for containers; run it with ``uvicorn health:app``, and ask ``/health``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pusher_client import Channel, ConnectionState, PusherClient

MAX_SILENCE = float(os.environ.get("MAX_SILENCE", "60"))


async def work(orders: Channel) -> None:
    """Do what the container is there for."""
    async for event in orders:
        print(event.name, event.data)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Any]]:
    """Work as long as the web server runs."""
    # After 20 seconds without a word the server is asked for one, so MAX_SILENCE means trouble and no quiet night.
    async with PusherClient.from_env(activity_timeout=20, pong_timeout=10) as client:
        orders = await client.subscribe("private-encrypted-orders")
        working = asyncio.create_task(work(orders))
        yield {"client": client, "working": working}
    await asyncio.wait({working})


async def health(request: Request) -> JSONResponse:
    """Answer 200 if all is well, else 503 and what is not. A loop that hangs answers nothing, which is true as well.

    A reconnect makes this 503 for a moment: let the container be given up after several answers, not after one.
    """
    client: PusherClient = request.state.client
    working: asyncio.Task[None] = request.state.working
    stats = client.stats
    checks = {
        "connected": client.state is ConnectionState.CONNECTED,
        "heard of lately": stats.silence < MAX_SILENCE,
        "subscribed": stats.subscribed == stats.wanted,
        "working": not working.done(),
    }
    return JSONResponse(checks, 200 if all(checks.values()) else 503)


app = Starlette(routes=[Route("/health", health)], lifespan=lifespan)
