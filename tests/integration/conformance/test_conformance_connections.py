"""The handshake and its refusals, signs of life, and closes by the server (protocol-notes 1 to 4)."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from pusher_client import ConnectError, ConnectionState, PusherClient
from tests.support.real.bare_socket import bare_socket
from tests.support.real.conformance_servers import Part, Server, Setting, Target
from tests.support.real.receiving import SECONDS


async def refusal(target: Target, key: str, query: str = "protocol=7") -> tuple[str, int | None, int | None]:
    """Connect, and return the first event, its code, and the code that the server closes with if it sends an error."""
    url = f"ws://127.0.0.1:{target.port}/app/{key}?{query}"
    async with connect(url, proxy=None) as websocket, asyncio.timeout(SECONDS):
        frame = json.loads(await websocket.recv())
        if frame["event"] != "pusher:error":
            return frame["event"], None, None
        await websocket.wait_closed()
        return frame["event"], frame["data"]["code"], websocket.close_code


async def test_an_unknown_key_is_refused_for_good(target: Target) -> None:
    """``pusher:error`` and a close frame with 4001 (R2)."""
    assert await refusal(target, "nobody") == ("pusher:error", 4001, 4001)
    client = PusherClient("nobody", host="127.0.0.1", port=target.port, tls=False)
    with pytest.raises(ConnectError) as caught:
        await client.connect()
    assert (caught.value.code, client.state) == (4001, ConnectionState.FAILED)


async def test_a_disabled_application_is_refused_for_good(server: Server) -> None:
    """``pusher:error`` and a close frame with 4003 (R2)."""
    target = server.target(Setting.DISABLED)
    assert await refusal(target, target.app.key) == ("pusher:error", 4003, 4003)
    with pytest.raises(ConnectError) as caught:
        await target.client().connect()
    assert caught.value.code == 4003


async def test_a_connection_over_the_quota_is_refused(server: Server) -> None:
    """With 4004; soketi says 4100. Another one that leaves makes room (R2)."""
    target = server.target(Setting.SINGLE)
    code = 4004 if server.does(Part.QUOTA_IS_FATAL) else 4100
    async with target.client() as first:
        assert await refusal(target, target.app.key) == ("pusher:error", code, code)
        assert first.state == ConnectionState.CONNECTED
    async with asyncio.timeout(SECONDS):
        while (await refusal(target, target.app.key))[0] != "pusher:connection_established":
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("query", "code"), [("protocol=99", 4007), ("client=test", 4008)])
async def test_an_unknown_version_is_refused(server: Server, target: Target, query: str, code: int) -> None:
    """A version that does not exist, or none at all; soketi accepts any."""
    refused = ("pusher:error", code, code)
    established = ("pusher:connection_established", None, None)
    expected = refused if server.does(Part.PROTOCOL_VERSION) else established
    assert await refusal(target, target.app.key, query) == expected


async def test_another_path_is_refused_for_good(server: Server, target: Target) -> None:
    """With 4005, or before there is a WebSocket with 404, as soketi does (R2)."""
    with pytest.raises(ConnectError) as caught:
        await target.client(path="/elsewhere").connect()
    assert caught.value.code == (4005 if server.does(Part.PATH_CODE) else 404)


async def test_a_ping_is_answered(target: Target) -> None:
    """So that a silent link differs from a dead one (R1)."""
    async with bare_socket(target.port) as socket:
        await socket.send("pusher:ping", {})
        assert (await socket.receive())["event"] == "pusher:pong"


async def test_clients_of_a_server_that_stops_are_closed(server: Server, target: Target) -> None:
    """With 4200, after which they come back at once; the local server's 1012 brings them back, too (R2)."""
    async with bare_socket(target.port) as socket:
        await asyncio.to_thread(server.stop)
        assert await socket.closed() == (4200 if server.does(Part.STOP_CODE) else 1012)
