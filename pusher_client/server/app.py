"""The ASGI application with every route of the server."""

from __future__ import annotations

from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from pusher_client.server.access import AccessCheck, AccessRules
from pusher_client.server.application import Application
from pusher_client.server.authorization import AuthorizationEndpoints
from pusher_client.server.http_api import HTTPAPI
from pusher_client.server.live import LivePage
from pusher_client.server.websocket import Timeouts, WebSocketLink
from pusher_client.server.wire import Wire

__all__ = ["create_app"]


def create_app(
    application: Application, wire: Wire, timeouts: Timeouts, page: LivePage, access: AccessRules | None = None
) -> ASGIApp:
    """Return the ASGI application.

    Args:
        application: Keys, channels and connections.
        wire: The sockets of the WebSockets.
        timeouts: Time limits for silent clients.
        page: The page for browsers.
        access: The accepted hosts and origins; None for loopback only.
    """

    async def serve(websocket: WebSocket) -> None:
        await WebSocketLink(websocket, application, wire, timeouts).run()

    app = Starlette(
        exception_handlers={HTTPException: _refuse},
        routes=[
            WebSocketRoute("/app/{key}", serve),
            WebSocketRoute("/{path:path}", serve),  # refused with a close code of the protocol
            *HTTPAPI(application).routes(),
            *AuthorizationEndpoints(application).routes(),
            *page.routes(),
        ],
    )
    return AccessCheck(app, access or AccessRules())


async def _refuse(_request: Request, error: Exception) -> Response:
    # Starlette's own handler is not a coroutine, and would run on a thread.
    refusal = cast("HTTPException", error)
    return PlainTextResponse(refusal.detail, refusal.status_code, refusal.headers)
