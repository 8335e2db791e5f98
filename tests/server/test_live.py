"""The live page, without a browser and in one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from pusher_client.server import LocalServer, live
from tests.support.browser import CHROMIUM, SECONDS, opened
from tests.support.websocket_peer import connected

CHANNEL = "private-encrypted-orders"


class News:
    """The stream that a browser reads; each of its messages is one chunk, so chunks need not be put together."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def next(self, kind: str) -> dict[str, Any]:
        """Return the next message of a kind."""
        async with asyncio.timeout(SECONDS):
            while line := await self._reader.readline():
                if line == f"event: {kind}\n".encode():
                    message: dict[str, Any] = json.loads((await self._reader.readline()).removeprefix(b"data: "))
                    return message
        raise AssertionError("the stream ended")

    async def state(self, **wanted: int) -> dict[str, Any]:
        """Return the first state that has so many connections or channels."""
        while True:
            state = await self.next("state")
            if all(len(state[name]) == count for name, count in wanted.items()):
                return state

    async def ended(self) -> bool:
        """Wait for the end."""
        async with asyncio.timeout(SECONDS):
            await self._reader.read()
        return self._reader.at_eof()


@asynccontextmanager
async def reading(server: LocalServer) -> AsyncGenerator[News]:
    """Read the stream."""
    reader, writer = await asyncio.open_connection(server.host, server.port, limit=1024 * 1024)
    try:
        writer.write(f"GET /live HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\ncontent-type: text/event-stream" in head
        yield News(reader)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_it_tells_who_is_there_and_what_passes() -> None:
    """Connections, channels with their members, and events, ciphertext as ciphertext (C1)."""
    async with LocalServer() as server, reading(server) as news:
        assert (await news.next("state"))["connections"] == []
        async with connected(server) as peer, connected(server) as other:
            await peer.subscribe(server, "presence-room", user_id="ada")
            await other.subscribe(server, "presence-room", user_id="bob")
            await other.subscribe(server, CHANNEL)
            state = await news.state(connections=2, channels=2)
            assert {peer.socket_id, other.socket_id} == set(state["connections"])
            while state["channels"][0]["members"] != 2:
                state = await news.next("state")
            assert state["channels"] == [
                {"name": "presence-room", "subscriptions": 2, "members": 2},
                {"name": CHANNEL, "subscriptions": 1, "members": None},
            ]
            server.publish(CHANNEL, "created", "canary-4711")
            passed = await news.next("passed")
            assert (passed["channel"], passed["event"], passed["sealed"]) == (CHANNEL, "created", True)
            assert set(json.loads(passed["data"])) == {"nonce", "ciphertext"}
            await peer.send("client-typing", "{}", channel="presence-room")
            passed = await news.next("passed")
            assert (passed["event"], passed["data"], passed["sealed"]) == ("client-typing", "{}", False)
        assert (await news.state(connections=0, channels=0))["more_connections"] == 0


async def test_a_browser_that_does_not_keep_up_misses_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue has a limit; long data and long lists are cut."""
    monkeypatch.setattr(live, "LISTED", 1)
    monkeypatch.setattr(live, "DATA_SHOWN", 5)
    async with LocalServer() as server, reading(server) as news, connected(server) as one, connected(server) as two:
        await one.send("pusher:subscribe", {"channel": "a"})
        await two.send("pusher:subscribe", {"channel": "b"})
        state = await news.next("state")
        while not (state["more_connections"] and state["more_channels"]):
            state = await news.next("state")
        assert (len(state["connections"]), state["more_connections"]) == (1, 1)
        assert ([channel["name"] for channel in state["channels"]], state["more_channels"]) == (["a"], 1)
        for number in range(live.WAITING + 10):
            server.publish("c", str(number), "0123456")
        await asyncio.sleep(0)
        first = await news.next("passed")
        assert (first["event"], first["data"]) == ("10", "01234…")


async def test_it_keeps_the_server_from_nothing() -> None:
    """Streams end when the server stops, and may be opened again after a start."""
    server = LocalServer()
    for _ in range(2):
        async with server:
            async with reading(server) as news:
                await news.next("state")
                stopping = asyncio.create_task(server.__aexit__(None, None, None))
                assert await news.ended()
                await stopping
            await server.__aenter__()


@pytest.mark.parametrize("path", ["/", "/live.js", "/live.css", "/live"])
async def test_no_other_site_reads_it(path: str) -> None:
    """A host name that resolves to this machine is refused, and scripts are loaded from this server only."""
    async with LocalServer() as server, httpx.AsyncClient(trust_env=False) as http:
        url = f"http://{server.host}:{server.port}{path}"
        for host in (f"example.com:{server.port}", "127.0.0.1@example.com", "localhost.example.com", "["):
            assert (await http.get(url, headers={"Host": host})).status_code == 403
        async with http.stream("GET", url) as answer:
            assert answer.status_code == 200
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
async def test_a_browser_shows_it() -> None:
    """Markup in an event is shown as text; the filter hides, the pause keeps, and ciphertext is marked."""
    async with LocalServer() as server, connected(server) as peer, opened(f"http://localhost:{server.port}/") as page:
        await page.until("document.getElementById('link').textContent === 'live'")
        await peer.subscribe(server, CHANNEL)
        await page.until("document.querySelectorAll('#channels tr').length === 1")
        assert await page.evaluate("document.querySelector('#connections li').textContent") == peer.socket_id
        server.publish(CHANNEL, "created", {"id": 1})
        server.publish("news", "headline", "<img src=x onerror=alert(1)>")
        await page.until("document.querySelectorAll('#events tr').length === 2")
        assert await page.evaluate("document.querySelector('#events td:last-child').textContent") == (
            "<img src=x onerror=alert(1)>"
        )
        assert await page.evaluate("document.querySelector('#events img')") is None
        assert '"ciphertext":"' in await page.evaluate("document.querySelector('#events tr.sealed').textContent")
        await page.evaluate(
            "document.getElementById('filter').value = 'NEWS';"
            "document.getElementById('filter').dispatchEvent(new Event('input'))"
        )
        assert await page.evaluate("document.querySelector('#events tr.sealed').hidden") is True
        await page.evaluate("document.getElementById('pause').click()")
        server.publish("news", "headline", "unseen")
        await page.until("document.getElementById('event-count').textContent === '3'")
        assert await page.evaluate("document.querySelectorAll('#events tr').length") == 2
        await page.evaluate("document.getElementById('clear').click()")
        assert await page.evaluate("document.querySelectorAll('#events tr').length") == 0


async def test_a_page_that_is_opened_later_has_the_last_events() -> None:
    """With their numbers, so that a browser which reconnects gets only what it missed."""
    async with LocalServer() as server:
        for number in range(live.KEPT + 5):
            server.publish("orders", str(number), "1")
        await asyncio.sleep(0)
        async with reading(server) as news:
            events = [(await news.next("passed"))["event"] for _ in range(live.KEPT)]
        assert events == [str(number) for number in range(5, live.KEPT + 5)]
        page = server._page
        last = f"{page._token}-{live.KEPT + 4}"
        assert [event.passed.event for event in page._unread(last)] == [str(live.KEPT + 4)]
        for other in ("", "other-7", f"{page._token}-x"):
            assert len(page._unread(other)) == live.KEPT


async def test_the_page_publishes() -> None:
    """Encrypted on encrypted channels; the answer says why it was refused. Other origins cannot send its type."""
    async with LocalServer() as server, httpx.AsyncClient(trust_env=False) as http:
        url, recording = f"http://{server.host}:{server.port}/publish", server.record()
        event = {"channel": CHANNEL, "event": "created", "data": '{"id": 1}'}
        assert (await http.post(url, json=event)).text == "published"
        assert recording.events[0].data == {"id": 1}
        refused = [({"channel": "a b"}, "name"), ({"event": ""}, "1 to 200"), ({"data": "x" * 10_241}, "bytes")]
        for wrong, reason in refused:
            answer = await http.post(url, json=event | wrong)
            assert (answer.status_code, reason in answer.text) == (400, True)
        assert (await http.post(url, json={})).status_code == 400
        assert (await http.post(url, json="x" * live.BODY_LIMIT)).status_code == 413
        assert (await http.post(url, content=json.dumps(event))).status_code == 415
        assert len(recording.events) == 1


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
async def test_the_form_publishes() -> None:
    """The page shows the event, or the reason of a refusal."""
    async with LocalServer() as server, opened(f"http://localhost:{server.port}/") as page:

        async def publish(channel: str, data: str) -> str:
            values = {"publish-channel": channel, "publish-event": "created", "publish-data": data}
            for name, value in values.items():
                await page.evaluate(f"document.getElementById('{name}').value = {json.dumps(value)}")
            await page.evaluate("document.getElementById('published').textContent = ''")
            await page.evaluate("document.getElementById('publish').requestSubmit()")
            await page.until("document.getElementById('published').textContent")
            return str(await page.evaluate("document.getElementById('published').textContent"))

        await page.until("document.getElementById('link').textContent === 'live'")
        assert await publish("orders", '{"id": 7}') == "published"
        await page.until("document.querySelectorAll('#events tr').length === 1")
        assert await page.evaluate("document.querySelector('#events td:last-child').textContent") == '{"id": 7}'
        assert await publish("orders", "{id: 7}") == "published as text: the data is not JSON"
        assert "name" in await publish("a b", "{}")
