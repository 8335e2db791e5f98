"""The authorization endpoints, compared with what the official library signs."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pusher
import pytest

from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.live import LivePage
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire

KEY = bytes(range(32))
SOCKET_ID = "123.456"


@pytest.fixture
def application() -> Application:
    """An application."""
    return Application(app_id="1", key="k", secret="s", master_key=KEY)


@pytest.fixture
async def http(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its endpoints."""
    app = create_app(application, Wire(), Timeouts(), LivePage(application))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield http


def library(master_key: bytes = KEY) -> pusher.Pusher:
    """Return the official library."""
    return pusher.Pusher("1", "k", "s", encryption_master_key_base64=base64.b64encode(master_key).decode())


async def test_a_private_channel_is_signed_as_the_official_library_signs(http: httpx.AsyncClient) -> None:
    """The key, a colon, the signature; nothing else."""
    answer = await http.post("/pusher/auth", data={"socket_id": SOCKET_ID, "channel_name": "private-a"})
    assert answer.json() == library().authenticate("private-a", SOCKET_ID)


async def test_an_encrypted_channel_gets_the_shared_secret(http: httpx.AsyncClient, application: Application) -> None:
    """Derived from the current master key, before and after a rotation (design.md 3.2)."""
    for master_key in (KEY, b"x" * 32):
        application.rotate_key(master_key)
        answer = await http.post("/pusher/auth", data={"socket_id": SOCKET_ID, "channel_name": "private-encrypted-a"})
        expected: dict[str, Any] = library(master_key).authenticate("private-encrypted-a", SOCKET_ID)
        assert answer.json() == {"auth": expected["auth"], "shared_secret": expected["shared_secret"].decode()}


async def test_a_presence_channel_gets_the_user_of_the_form(http: httpx.AsyncClient) -> None:
    """Signed together with the data, which the client passes on unchanged."""
    form = {"socket_id": SOCKET_ID, "channel_name": "presence-a", "user_id": "u", "user_info": '{"name": "Ann"}'}
    answer = (await http.post("/pusher/auth", data=form)).json()
    user = {"user_id": "u", "user_info": {"name": "Ann"}}
    assert json.loads(answer["channel_data"]) == user
    signed = Application(app_id="1", key="k", secret="s", master_key=KEY).sign_channel(
        SOCKET_ID, "presence-a", answer["channel_data"]
    )
    assert answer["auth"] == signed


async def test_without_a_user_the_socket_id_serves_as_one(http: httpx.AsyncClient) -> None:
    """Presence works without form fields."""
    answer = (await http.post("/pusher/auth", data={"socket_id": SOCKET_ID, "channel_name": "presence-a"})).json()
    assert json.loads(answer["channel_data"]) == {"user_id": SOCKET_ID, "user_info": {}}


async def test_who_signed_in_gets_no_channel_data(http: httpx.AsyncClient, application: Application) -> None:
    """The server knows the user; a user in the form overrides it."""
    application.users.sign_in(SOCKET_ID, lambda _: None, "u")
    form = {"socket_id": SOCKET_ID, "channel_name": "presence-a"}
    answer = await http.post("/pusher/auth", data=form)
    assert answer.json() == {"auth": application.sign_channel(SOCKET_ID, "presence-a")}
    named = (await http.post("/pusher/auth", data=form | {"user_id": "v"})).json()
    assert json.loads(named["channel_data"])["user_id"] == "v"


async def test_a_sign_in_is_signed(http: httpx.AsyncClient, application: Application) -> None:
    """For the user of the form (protocol-notes 6.4)."""
    answer = (await http.post("/pusher/user-auth", data={"socket_id": SOCKET_ID, "user_id": "u"})).json()
    assert json.loads(answer["user_data"]) == {"id": "u", "user_info": {}}
    assert answer["auth"] == application.sign_user(SOCKET_ID, answer["user_data"])


async def test_a_sign_in_may_bring_a_watchlist(http: httpx.AsyncClient) -> None:
    """Part of what is signed."""
    form = {"socket_id": SOCKET_ID, "user_id": "u", "watchlist": '["v"]'}
    answer = (await http.post("/pusher/user-auth", data=form)).json()
    assert json.loads(answer["user_data"]) == {"id": "u", "user_info": {}, "watchlist": ["v"]}
    refused = await http.post("/pusher/user-auth", data=form | {"watchlist": "["})
    assert (refused.status_code, refused.text) == (400, "watchlist is not JSON")


async def test_a_public_channel_is_refused(http: httpx.AsyncClient) -> None:
    """Public channels do not need one, so the request is a mistake."""
    answer = await http.post("/pusher/auth", data={"socket_id": SOCKET_ID, "channel_name": "a"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"channel_name": "private-a"},
        {"socket_id": "1", "channel_name": "private-a"},
        {"socket_id": "1.1:private-b", "channel_name": "private-a"},
        {"socket_id": SOCKET_ID},
        {"socket_id": SOCKET_ID, "channel_name": "private-a b"},
        {"socket_id": SOCKET_ID, "channel_name": "presence-a", "user_id": "a b"},
        {"socket_id": SOCKET_ID, "channel_name": "presence-a", "user_info": "{"},
    ],
)
async def test_a_form_that_cannot_be_signed_is_a_400_with_a_reason(
    http: httpx.AsyncClient, form: dict[str, str]
) -> None:
    """Nothing is signed that could be used as another signature."""
    answer = await http.post("/pusher/auth", data=form)
    assert answer.status_code == 400
    assert answer.text


async def test_a_body_that_is_no_text_is_a_400(http: httpx.AsyncClient) -> None:
    """And not answered with a server error."""
    assert (await http.post("/pusher/auth", content=b"\xff")).status_code == 400


async def test_a_body_above_64_kib_is_a_413(http: httpx.AsyncClient) -> None:
    """Larger bodies are refused."""
    assert (await http.post("/pusher/user-auth", content=bytes(64 * 1024 + 1))).status_code == 413
