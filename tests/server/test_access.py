"""``Host`` and ``Origin`` of requests to the local server: the rules, every route, and pages in a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from pusher_client.server import LocalServer
from pusher_client.server.access import AccessRules
from tests.support.browser import CHROMIUM, Page, opened
from tests.support.websocket_peer import websocket_url

FORM = {"socket_id": "1.1", "channel_name": "private-encrypted-orders"}
ROUTES = [
    ("GET", "/"),
    ("GET", "/live"),
    ("GET", "/live.js"),
    ("POST", "/pusher/auth"),
    ("POST", "/pusher/user-auth"),
    ("POST", "/apps/1001/events"),
    ("GET", "/apps/1001/channels"),
    ("POST", "/users/ada/terminate_connections"),
    ("GET", "/elsewhere"),
]
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:80"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "127.0.0.1@evil.example"},
    {"Host": "127.0.0.1/apps/1001/events?"},
    {"Host": "0.0.0.0"},  # noqa: S104 - a name for this machine that browsers accept
    {"Host": "192.168.0.7"},
    {"Host": "["},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://localhost@evil.example"},
    {"Origin": "null"},
    {"Origin": "file://"},
    {"Origin": ""},
]
LOCAL: list[dict[str, str]] = [
    {},
    {"Host": "localhost"},
    {"Host": "LOCALHOST:6001"},
    {"Host": "[::1]:6001"},
    {"Host": "127.1.2.3"},
    {"Host": "app.localhost:6001"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "https://127.0.0.1"},
    {"Origin": "http://[::1]:8080"},
]


def raw(headers: dict[str, str], host: str = "127.0.0.1:6001") -> list[tuple[bytes, bytes]]:
    """Return the headers of an ASGI scope."""
    return [(name.lower().encode(), value.encode()) for name, value in {"Host": host, **headers}.items()]


@pytest.mark.parametrize("headers", FOREIGN)
def test_foreign_hosts_and_origins_are_refused(headers: dict[str, str]) -> None:
    """The reason names the option that allows them."""
    assert "--allow-" in str(AccessRules().refusal(raw(headers)))


@pytest.mark.parametrize("headers", LOCAL)
def test_loopback_hosts_and_origins_are_accepted(headers: dict[str, str]) -> None:
    """With any port; clients other than browsers send no ``Origin``."""
    assert AccessRules().refusal(raw(headers)) is None


def test_a_request_has_one_host() -> None:
    """None or two are refused, and so is one wrong origin of two."""
    rules = AccessRules()
    assert rules.refusal([]) is not None
    assert rules.refusal([(b"host", b"localhost"), (b"Host", b"localhost")]) is not None
    origins = [(b"origin", b"http://localhost"), (b"Origin", b"http://evil.example")]
    assert rules.refusal([(b"host", b"localhost"), *origins]) is not None


def test_further_hosts_and_origins_are_options() -> None:
    """A host allows its own origin, too; an origin is a scheme, a name and a port."""
    rules = AccessRules(["Docker.Internal", "[fd00::1]"], ["https://app.test:443/", "http://app.test:3000"])
    for headers in (
        {"Host": "docker.internal:6001"},
        {"Host": "[fd00::1]:6001"},
        {"Origin": "http://docker.internal:6001"},
        {"Origin": "https://app.test"},
        {"Origin": "http://APP.test:3000"},
    ):
        assert rules.refusal(raw(headers)) is None
    for headers in (
        {"Host": "app.test"},
        {"Origin": "http://app.test"},
        {"Origin": "https://app.test:3000"},
        {"Host": "a.docker.internal"},
    ):
        assert rules.refusal(raw(headers)) is not None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"allow_hosts": "localhost"}, TypeError),
        ({"allow_origins": "http://localhost"}, TypeError),
        ({"allow_hosts": ["app.test:80"]}, ValueError),
        ({"allow_hosts": ["http://app.test"]}, ValueError),
        ({"allow_hosts": [""]}, ValueError),
        ({"allow_origins": ["app.test"]}, ValueError),
        ({"allow_origins": ["ftp://app.test"]}, ValueError),
        ({"allow_origins": ["http://app.test/page"]}, ValueError),
        ({"allow_origins": ["http://user@app.test"]}, ValueError),
        ({"allow_origins": ["http://app.test?page"]}, ValueError),
        ({"allow_origins": ["http://app.test#page"]}, ValueError),
        ({"allow_origins": ["*"]}, ValueError),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], error: type[Exception]) -> None:
    """The message has an example."""
    with pytest.raises(error, match="allow_"):
        LocalServer(**options)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_is_protected(method: str, path: str) -> None:
    """403 before anything else, also for unknown paths; no secret in the answer (C3)."""
    async with LocalServer() as server, httpx.AsyncClient(trust_env=False) as http:
        url = f"http://{server.host}:{server.port}{path}"
        for headers in ({"Host": f"evil.example:{server.port}"}, {"Origin": "http://evil.example"}):
            answer = await http.request(method, url, headers=headers, data=FORM if method == "POST" else None)
            assert answer.status_code == 403
            assert "shared_secret" not in answer.text


async def test_the_websocket_is_protected() -> None:
    """403 at the upgrade; the application gets no connection. A page on localhost is accepted."""
    async with LocalServer() as server:
        evil = websockets.Origin("http://evil.example")
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(websocket_url(server), proxy=None, origin=evil)
        assert caught.value.response.status_code == 403
        origin = websockets.Origin("http://localhost:3000")
        async with websockets.connect(websocket_url(server), proxy=None, origin=origin) as websocket:
            assert json.loads(await websocket.recv())["event"] == "pusher:connection_established"
    async with (
        LocalServer(allow_origins=["http://evil.example"]) as server,
        websockets.connect(websocket_url(server), proxy=None, origin=evil) as websocket,
    ):
        assert json.loads(await websocket.recv())["event"] == "pusher:connection_established"


@asynccontextmanager
async def site() -> AsyncGenerator[int]:
    """Serve an empty page on a port of this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()  # a browser also opens connections on which it sends nothing
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\nConnection: close\r\n\r\n.")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


async def attempts(page: Page, host: str, port: int) -> dict[str, str]:
    """Try everything that a page's script can, and return what it could read."""
    await page.until("true")
    await page.evaluate(
        """
        window.found = {};
        const post = {method: 'POST', body: new URLSearchParams(FORM)};
        const read = (name, path, options) => fetch('http://HOST' + path, options)
            .then(answer => answer.text()).catch(String).then(text => { found[name] = text; });
        read('auth', '/pusher/auth', post);
        read('page', '/', {});
        const socket = new WebSocket('ws://HOST/app/app-key?protocol=7');
        socket.onmessage = message => { found.websocket = message.data; };
        socket.onerror = () => { found.websocket = 'refused'; };
        undefined
        """.replace("HOST", f"{host}:{port}").replace("FORM", json.dumps(FORM))
    )
    await page.until("window.found && Object.keys(found).length === 3")
    found: dict[str, str] = await page.evaluate("found")
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
async def test_a_page_of_another_site_reads_nothing() -> None:
    """Neither from its own origin, nor when its name resolves to the server's address (DNS rebinding)."""
    async with LocalServer() as server, site() as port:
        options = "--host-resolver-rules=MAP evil.example 127.0.0.1"
        async with opened(f"http://evil.example:{port}/", options) as page:
            across = await attempts(page, "127.0.0.1", server.port)
        async with opened(f"http://evil.example:{server.port}/", options) as page:
            rebound = await attempts(page, "evil.example", server.port)
        failed = "TypeError: Failed to fetch"
        assert across == {"auth": failed, "page": failed, "websocket": "refused"}
        assert rebound["websocket"] == "refused"
        for text in (rebound["auth"], rebound["page"]):
            assert text.startswith("this Host is not allowed")
        async with opened(f"http://localhost:{server.port}/") as page:
            allowed = await attempts(page, "localhost", server.port)
        assert "shared_secret" in allowed["auth"]
        assert "connection_established" in allowed["websocket"]
