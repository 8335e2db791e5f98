"""All routes together."""

from __future__ import annotations

import httpx
import pytest

from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.live import LivePage
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/elsewhere", 404),
        ("GET", "/apps/1/events", 405),
        ("POST", "/apps/1/channels", 405),
        ("GET", "/pusher/auth", 405),
        ("GET", "/app/k", 404),
    ],
)
async def test_what_is_not_served_is_said_to_be_so(method: str, path: str, status: int) -> None:
    """404 for unknown paths, 405 for unknown methods; the WebSocket's path is not an HTTP route."""
    application = Application(app_id="1", key="k", secret="s", master_key=bytes(32))
    app = create_app(application, Wire(), Timeouts(), LivePage(application))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as http:
        assert (await http.request(method, path)).status_code == status
