"""The HTTP API: requests of the official server library over a real socket, and handmade ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pusher
import pusher.errors
import pusher.http
import pytest
from starlette.applications import Starlette

from pusher_client.protocol.encryption import open_secretbox, read_envelope
from pusher_client.server import LocalServer
from pusher_client.server.app import create_app
from pusher_client.server.application import Application
from pusher_client.server.http_api import HTTPAPI
from pusher_client.server.live import LivePage
from pusher_client.server.settings import Settings
from pusher_client.server.websocket import Timeouts
from pusher_client.server.wire import Wire
from tests.support.websocket_peer import Peer, connected, server_library


class API:
    """The API in this process; requests are signed by the official library's own class."""

    key, secret = "k", "s"
    scheme, host, port = "http", "127.0.0.1", 80

    def __init__(self, http: httpx.AsyncClient, application: Application) -> None:
        self.application = application
        self._http = http

    async def post(self, path: str, body: object, app_id: str = "1") -> httpx.Response:
        """Post a body that may be invalid."""
        request = pusher.http.Request(self, "POST", f"/apps/{app_id}{path}", body)
        return await self._http.post(request.url, content=request.body)

    async def get(self, path: str, **params: str) -> httpx.Response:
        """Get."""
        return await self._http.get(pusher.http.Request(self, "GET", f"/apps/1{path}", params).url)

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request unchanged."""
        return await self._http.request(method, f"http://127.0.0.1{path}", **options)

    def subscribed(self, *channels: str) -> list[dict[str, Any]]:
        """Subscribe to channels, and return the list that collects their events."""
        received: list[dict[str, Any]] = []
        for channel in channels:
            self.application.subscribe("1.1", lambda text: received.append(json.loads(text)), channel, None)
        received.clear()
        return received


async def sign_in(server: LocalServer, peer: Peer, user_id: str) -> None:
    """Sign a user in, as the server's endpoint allows."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(server.user_auth_url, data={"socket_id": peer.socket_id, "user_id": user_id})
    await peer.send("pusher:signin", answer.json())
    assert (await peer.receive())["event"] == "pusher:signin_success"


@pytest.fixture
async def api() -> AsyncIterator[API]:
    """The API of an application."""
    application = Application(app_id="1", key="k", secret="s", master_key=bytes(32), settings=Settings(event_limit=100))
    app = create_app(application, Wire(), Timeouts(), LivePage(application))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
        yield API(http, application)


async def test_the_official_library_publishes() -> None:
    """To one and to several channels, in a batch, and past the connection that it names."""
    async with LocalServer() as server, connected(server) as one, connected(server) as two:
        library = server_library(server)
        for peer in (one, two):
            await peer.subscribe(server, "private-a")
            await peer.subscribe(server, "private-b")
        assert await asyncio.to_thread(library.trigger, ["private-a", "private-b"], "e", {"x": 1}) == {}
        batch = [
            {"channel": "private-a", "name": "f", "data": "1"},
            {"channel": "private-b", "name": "g", "data": [2]},
        ]
        assert await asyncio.to_thread(library.trigger_batch, batch) == {}
        assert await asyncio.to_thread(library.trigger, "private-a", "h", "for two", one.socket_id) == {}
        assert await asyncio.to_thread(library.trigger, "private-a", "i", "for both") == {}
        both = [("e", "private-a", '{"x": 1}'), ("e", "private-b", '{"x": 1}')]
        both += [("f", "private-a", "1"), ("g", "private-b", "[2]")]
        for peer, more in ((one, []), (two, [("h", "private-a", "for two")])):
            wanted = [*both, *more, ("i", "private-a", "for both")]
            frames = [await peer.receive() for _ in wanted]
            assert [(frame["event"], frame["channel"], frame["data"]) for frame in frames] == wanted


async def test_what_the_official_library_encrypts_opens_with_the_secret_of_the_endpoint() -> None:
    """The server passes the envelope on unchanged (design.md 3.2, 3.3)."""
    name = "private-encrypted-a"
    async with LocalServer(master_key=bytes(32)) as server, connected(server) as peer:
        await peer.subscribe(server, name)
        await asyncio.to_thread(server_library(server).trigger, name, "e", {"x": 1})
        frame = await peer.receive()
    envelope = read_envelope(frame["data"])
    assert envelope is not None
    secret = Application(app_id="1", key="k", secret="s", master_key=bytes(32)).shared_secret(name)
    assert open_secretbox(*envelope, secret) == b'{"x": 1}'


async def test_the_official_library_asks_what_is_occupied() -> None:
    """Channels by prefix, one channel, and the users of a presence channel."""
    async with LocalServer() as server, connected(server) as peer:
        library = server_library(server)
        await peer.subscribe(server, "presence-a", user_id="u")
        await peer.subscribe(server, "private-b")
        assert await asyncio.to_thread(library.channels_info) == {"channels": {"presence-a": {}, "private-b": {}}}
        assert await asyncio.to_thread(library.channels_info, "presence-", ["user_count"]) == {
            "channels": {"presence-a": {"user_count": 1}}
        }
        assert await asyncio.to_thread(library.channel_info, "presence-a", ["user_count", "subscription_count"]) == {
            "occupied": True,
            "user_count": 1,
            "subscription_count": 1,
        }
        assert await asyncio.to_thread(library.channel_info, "c") == {"occupied": False}
        assert await asyncio.to_thread(library.users_info, "presence-a") == {"users": [{"id": "u"}]}


async def test_the_official_library_ends_a_users_connections() -> None:
    """With 4009, which is final; other connections stay open."""
    async with LocalServer() as server, connected(server) as peer, connected(server) as other:
        await sign_in(server, peer, "u")
        await sign_in(server, other, "v")
        assert await asyncio.to_thread(server_library(server).terminate_user_connections, "u") == {}
        assert (await peer.closed())[0] == 4009
        await other.send("pusher:ping")
        assert (await other.receive())["event"] == "pusher:pong"


async def test_a_users_connections_are_ended_by_the_documented_path(api: API) -> None:
    """With the application in the path; an invalid user id is a 400."""
    assert (await api.post("/users/u/terminate_connections", {})).json() == {}
    assert (await api.post("/users/u!/terminate_connections", {})).status_code == 400


@pytest.mark.skipif(not hasattr(pusher.Pusher, "send_to_user"), reason="this version of the library cannot")
async def test_the_official_library_sends_to_a_user() -> None:
    """Through the channel of the user who signed in."""
    async with LocalServer() as server, connected(server) as peer:
        await sign_in(server, peer, "u")
        await peer.send("pusher:subscribe", {"channel": "#server-to-user-u"})
        await peer.receive()
        await asyncio.to_thread(server_library(server).send_to_user, "u", "e", "1")
        assert await peer.receive() == {"event": "e", "channel": "#server-to-user-u", "data": "1"}


async def test_the_official_library_hears_that_its_secret_is_wrong() -> None:
    """401, with the reason."""
    async with LocalServer(secret="right") as server:
        library = pusher.Pusher(
            server.app_id, server.key, "wrong", ssl=False, host=server.host, port=server.port, proxies={"http": ""}
        )
        with pytest.raises(pusher.errors.PusherBadAuth, match="auth_signature does not fit"):
            await asyncio.to_thread(library.trigger, "a", "e", "1")


async def test_an_event_may_name_one_channel_and_ask_for_counts(api: API) -> None:
    """``channel`` and ``info`` of the HTTP API, which the official library does not use."""
    received = api.subscribed("a")
    answer = await api.post("/events", {"name": "e", "data": "1", "channel": "a", "info": "subscription_count"})
    assert answer.json() == {"channels": {"a": {"subscription_count": 1}}}
    assert received == [{"event": "e", "channel": "a", "data": "1"}]


async def test_a_batch_may_ask_for_counts(api: API) -> None:
    """One answer for each event, in order."""
    api.subscribed("a")
    events = [
        {"name": "e", "data": "1", "channel": "a", "info": "subscription_count"},
        {"name": "e", "data": "1", "channel": "b"},
    ]
    assert (await api.post("/batch_events", {"batch": events})).json() == {"batch": [{"subscription_count": 1}, {}]}


async def test_what_a_cache_channel_keeps_is_told(api: API) -> None:
    """Nothing before the first event, then its data."""
    assert (await api.get("/channels/cache-a", info="cache")).json() == {"occupied": False, "cache": None}
    await api.post("/events", {"name": "e", "data": "1", "channel": "cache-a"})
    assert (await api.get("/channels/cache-a", info="cache")).json() == {"occupied": False, "cache": {"data": "1"}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "e", "data": "1"},
        {"name": "e", "data": "1", "channels": []},
        {"name": "", "data": "1", "channel": "a"},
        {"name": "e" * 201, "data": "1", "channel": "a"},
        {"name": "e", "data": {}, "channel": "a"},
        {"name": "e", "data": "1", "channel": "a b"},
        {"name": "e", "data": "1", "channels": ["a"] * 101},
        {"name": "e", "data": "1", "channel": "a", "info": "weather"},
        {"name": "e", "data": "1", "channel": "a", "info": "user_count"},
        [],
    ],
)
async def test_an_event_of_a_wrong_form_is_a_400_with_a_reason(api: API, body: object) -> None:
    """And is not sent, alone or in a batch after a valid event."""
    received = api.subscribed("a")
    alone = await api.post("/events", body)
    batch = await api.post("/batch_events", {"batch": [{"name": "e", "data": "1", "channel": "a"}, body]})
    assert (alone.status_code, batch.status_code) == (400, 400)
    assert alone.text
    assert batch.text
    assert received == []


async def test_a_batch_has_at_most_ten_events(api: API) -> None:
    """As on Pusher."""
    event = {"name": "e", "data": "1", "channel": "a"}
    assert (await api.post("/batch_events", {"batch": [event] * 10})).json() == {}
    assert (await api.post("/batch_events", {"batch": [event] * 11})).status_code == 400


async def test_data_above_the_limit_is_a_413(api: API) -> None:
    """In bytes, not characters."""
    assert (await api.post("/events", {"name": "e", "data": "ü" * 50, "channel": "a"})).status_code == 200
    refused = await api.post("/events", {"name": "e", "data": "ü" * 51, "channel": "a"})
    assert (refused.status_code, refused.text) == (413, "the event's data has more than 100 bytes")


async def test_a_body_above_a_mebibyte_is_a_413(api: API) -> None:
    """The size is checked first."""
    answer = await api.send("POST", "/apps/1/events", content=bytes(1024 * 1024 + 1))
    assert answer.status_code == 413


async def test_another_application_is_a_404(api: API) -> None:
    """The server has one application."""
    answer = await api.post("/events", {}, app_id="2")
    assert (answer.status_code, answer.text) == (404, "this server has no application with this id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/apps/1/events"),
        ("POST", "/apps/1/batch_events"),
        ("POST", "/apps/1/users/u/terminate_connections"),
        ("POST", "/users/u/terminate_connections"),
        ("GET", "/apps/1/channels"),
        ("GET", "/apps/1/channels/a"),
        ("GET", "/apps/1/channels/a/users"),
    ],
)
async def test_every_route_wants_a_signature(api: API, method: str, path: str) -> None:
    """401 without one."""
    answer = await api.send(method, path)
    assert answer.status_code == 401
    assert answer.text.startswith("the query lacks auth_key")


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.get("/channels", info="user_count"),
        lambda api: api.get("/channels/a", info="user_count"),
        lambda api: api.get("/channels/a", info="cache"),
        lambda api: api.get("/channels/a!b"),
        lambda api: api.get("/channels/private-a/users"),
    ],
)
async def test_a_question_that_has_no_answer_is_a_400(api: API, ask: Callable[[API], Any]) -> None:
    """With the reason."""
    answer = await ask(api)
    assert answer.status_code == 400
    assert answer.text


async def test_a_signature_is_bound_to_the_path_that_is_routed() -> None:
    """A signed request cannot be replayed to another path, whatever its ``Host`` contains."""
    application = Application(app_id="1", key="k", secret="s", master_key=bytes(32))
    transport = httpx.ASGITransport(app=Starlette(routes=HTTPAPI(application).routes()))
    event = {"name": "created", "data": "1", "channel": "orders"}
    async with httpx.AsyncClient(transport=transport) as http:
        signed = pusher.http.Request(API(http, application), "POST", "/apps/1/events", event)
        query, host = signed.url.partition("?")[2], {"Host": "127.0.0.1/apps/1/events?"}
        for path, status in (("/apps/1/events", 200), ("/users/ada/terminate_connections", 401)):
            answer = await http.post(f"http://127.0.0.1{path}?{query}", content=signed.body, headers=host)
            assert answer.status_code == status
