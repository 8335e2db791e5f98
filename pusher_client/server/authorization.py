"""The authorization endpoints that an application would have, for channels and for users."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pusher_client.protocol.names import channel_kind, check_channel_name
from pusher_client.server.application import Application
from pusher_client.server.channel import check_user_id
from pusher_client.server.frames import json_text
from pusher_client.server.request_body import read_body

__all__ = ["AuthorizationEndpoints", "granted"]

BODY_LIMIT = 64 * 1024
"""Maximum size of a request body in bytes."""

_SOCKET_ID = re.compile(r"[0-9]+\.[0-9]+")


class AuthorizationEndpoints:
    """``/pusher/auth`` and ``/pusher/user-auth``, which grant every well-formed request.

    For presence channels and signing in, a form may contain ``user_id`` (the default is the user who is signed in on
    the connection, else the socket id) and ``user_info`` (JSON), and for signing in ``watchlist`` (a JSON array of user
    ids).

    Args:
        application: Signs authorizations and derives shared secrets.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def routes(self) -> list[Route]:
        """Return the routes for Starlette."""
        return [
            Route("/pusher/auth", self._authorize_channel, methods=["POST"]),
            Route("/pusher/user-auth", self._authenticate_user, methods=["POST"]),
        ]

    async def _authorize_channel(self, request: Request) -> Response:
        return JSONResponse(self.channel_answer(await _read_form(request)))

    def channel_answer(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the authorization of a channel.

        Args:
            form: The fields of the request.

        Raises:
            HTTPException: The request is refused; the detail says why.
        """
        socket_id, name = form["socket_id"], form.get("channel_name", "")
        try:
            check_channel_name(name)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        kind = channel_kind(name)
        if not kind.authorized:
            raise HTTPException(403, "only private, encrypted and presence channels need an authorization")
        is_known = "user_id" not in form and self._application.users.user_id(socket_id) is not None
        channel_data = _channel_data(form) if kind.presence and not is_known else None
        answer = {"auth": self._application.sign_channel(socket_id, name, channel_data)}
        if channel_data is not None:
            answer["channel_data"] = channel_data
        if kind.encrypted:
            secret = self._application.shared_secret(name)
            answer["shared_secret"] = binascii.b2a_base64(secret, newline=False).decode()
        return answer

    async def _authenticate_user(self, request: Request) -> Response:
        return JSONResponse(self.user_answer(await _read_form(request)))

    def user_answer(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the authentication of a user; arguments and errors as for `channel_answer`."""
        user = {"id": _user_id(form), "user_info": _json(form, "user_info", "{}")}
        if "watchlist" in form:
            user["watchlist"] = _json(form, "watchlist", "[]")
        user_data = json_text(user)
        return {"auth": self._application.sign_user(form["socket_id"], user_data), "user_data": user_data}


def granted(
    application: Application, socket_id: str, user_id: str | None, channel: str | None = None
) -> dict[str, str]:
    """Return what an endpoint answers, without a request.

    Args:
        application: Signs authorizations and derives shared secrets.
        socket_id: The connection.
        user_id: The user; None for the default.
        channel: The channel to authorize; None to authenticate the user.

    Raises:
        ValueError: The endpoint refuses.
    """
    endpoints = AuthorizationEndpoints(application)
    form = {"socket_id": socket_id} | ({} if user_id is None else {"user_id": user_id})
    try:
        return (
            endpoints.user_answer(form)
            if channel is None
            else endpoints.channel_answer({**form, "channel_name": channel})
        )
    except HTTPException as error:
        problem = error.detail
    raise ValueError(problem)


async def _read_form(request: Request) -> dict[str, str]:
    body = await read_body(request, BODY_LIMIT)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        raise HTTPException(400, "the body is not a form such as socket_id=...&channel_name=...") from None
    if not _SOCKET_ID.fullmatch(form.get("socket_id", "")):
        raise HTTPException(400, "the form lacks socket_id: digits, a dot, digits")
    return form


def _channel_data(form: Mapping[str, str]) -> str:
    return json_text({"user_id": _user_id(form), "user_info": _json(form, "user_info", "{}")})


def _user_id(form: Mapping[str, str]) -> str:
    user_id = form.get("user_id", form["socket_id"])
    try:
        check_user_id(user_id)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return user_id


def _json(form: Mapping[str, str], field: str, default: str) -> Any:
    try:
        return msgspec.json.decode(form.get(field, default))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    raise HTTPException(400, f"{field} is not JSON")
