"""The HTTP API of server libraries: publishing and queries (protocol-notes 11)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pusher_client.server.application import Application
from pusher_client.server.channel import Channel, check_destination, check_user_id
from pusher_client.server.http_signature import check_http_signature
from pusher_client.server.request_body import read_body

__all__ = ["HTTPAPI"]

BODY_LIMIT = 1024 * 1024
"""Maximum size of a request body in bytes."""

BATCH_LIMIT = 10
CHANNELS_LIMIT = 100
NAME_LIMIT = 200

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LIMIT)]
_Body = TypeVar("_Body")
_Answer = Callable[[Request, bytes], dict[str, Any]]


class _Event(msgspec.Struct):
    name: _Name
    data: str
    channel: str | None = None
    channels: Annotated[list[str], msgspec.Meta(min_length=1, max_length=CHANNELS_LIMIT)] | None = None
    socket_id: str | None = None
    info: str = ""

    @property
    def destinations(self) -> list[str]:
        """The channels, from ``channels`` or ``channel``."""
        return self.channels or ([] if self.channel is None else [self.channel])


class _Batch(msgspec.Struct):
    batch: Annotated[list[_Event], msgspec.Meta(max_length=BATCH_LIMIT)]


class HTTPAPI:
    """The routes under ``/apps/{id}``.

    Args:
        application: The application.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def routes(self) -> list[Route]:
        """Return the routes for Starlette."""
        return [
            Route("/apps/{app_id}/events", self._signed(self._events), methods=["POST"]),
            Route("/apps/{app_id}/batch_events", self._signed(self._batch_events), methods=["POST"]),
            Route("/apps/{app_id}/channels", self._signed(self._channels), methods=["GET"]),
            Route("/apps/{app_id}/channels/{name}", self._signed(self._channel), methods=["GET"]),
            Route("/apps/{app_id}/channels/{name}/users", self._signed(self._users), methods=["GET"]),
            *(
                Route(path + "/users/{user_id}/terminate_connections", self._signed(self._terminate), methods=["POST"])
                for path in ("/apps/{app_id}", "")  # pusher-http-python 3.3 omits the application
            ),
        ]

    def _signed(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.path_params.get("app_id", self._application.app_id) != self._application.app_id:
                raise HTTPException(404, "this server has no application with this id")
            body = await read_body(request, BODY_LIMIT)
            try:
                check_http_signature(
                    self._application.key,
                    self._application.secret,
                    method=request.method,
                    path=request.scope["path"],  # as routed; request.url depends on the Host header
                    params=request.query_params,
                    body=body,
                    now=time.time(),
                )
            except ValueError as error:
                raise HTTPException(401, str(error)) from None
            return JSONResponse(answer(request, body))

        return endpoint

    def _events(self, _request: Request, body: bytes) -> dict[str, Any]:
        event = _decoded(body, _Event)
        self._check(event)
        self._publish(event)
        if not event.info:
            return {}
        return {"channels": {name: self._information(name, event.info) for name in event.destinations}}

    def _batch_events(self, _request: Request, body: bytes) -> dict[str, Any]:
        batch = _decoded(body, _Batch).batch
        for event in batch:
            self._check(event)
        for event in batch:
            self._publish(event)
        if not any(event.info for event in batch):
            return {}
        return {"batch": [self._information(event.destinations[0], event.info) for event in batch]}

    def _check(self, event: _Event) -> None:
        if not event.destinations:
            raise HTTPException(400, "the event names neither channel nor channels")
        for name in event.destinations:
            try:
                check_destination(name)
            except ValueError as error:
                raise HTTPException(400, str(error)) from None
            self._information(name, event.info)
        limit = self._application.settings.event_limit
        if len(event.data.encode()) > limit:
            raise HTTPException(413, f"the event's data has more than {limit} bytes")

    def _publish(self, event: _Event) -> None:
        for name in event.destinations:
            self._application.publish(name, event.name, event.data, but=event.socket_id)

    def _channels(self, request: Request, _body: bytes) -> dict[str, Any]:
        prefix, info = request.query_params.get("filter_by_prefix", ""), request.query_params.get("info", "")
        if "user_count" in info.split(",") and not prefix.startswith("presence-"):
            raise HTTPException(400, "user_count is for presence channels: give filter_by_prefix=presence-")
        occupied = [channel for channel in self._application.occupied() if channel.name.startswith(prefix)]
        return {"channels": {channel.name: self._information(channel.name, info) for channel in occupied}}

    def _channel(self, request: Request, _body: bytes) -> dict[str, Any]:
        channel = self._named(request)
        information = self._information(channel.name, request.query_params.get("info", ""))
        return {"occupied": bool(channel.subscription_count), **information}

    def _users(self, request: Request, _body: bytes) -> dict[str, Any]:
        channel = self._named(request)
        if not channel.kind.presence:
            raise HTTPException(400, "only presence channels have users")
        return {"users": [{"id": member.user_id} for member in channel.members]}

    def _terminate(self, request: Request, _body: bytes) -> dict[str, Any]:
        user_id = request.path_params["user_id"]
        try:
            check_user_id(user_id)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        self._application.terminate(user_id)
        return {}

    def _named(self, request: Request) -> Channel:
        name = request.path_params["name"]
        try:
            check_destination(name)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        return self._application.channel(name)

    def _information(self, name: str, info: str) -> dict[str, Any]:
        channel = self._application.channel(name)
        information: dict[str, Any] = {}
        for attribute in filter(None, info.split(",")):
            match attribute:
                case "subscription_count":
                    information[attribute] = channel.subscription_count
                case "user_count" if channel.kind.presence:
                    information[attribute] = len(list(channel.members))
                case "cache" if channel.kind.cache:
                    information[attribute] = None if channel.last_event is None else {"data": channel.last_event[1]}
                case _:
                    raise HTTPException(400, f"such a channel has no info {attribute!r}")
        return information


def _decoded(body: bytes, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        message = str(error)
    raise HTTPException(400, f"the request's body: {message}")
