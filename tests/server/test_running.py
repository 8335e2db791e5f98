"""``LocalServer``, as users run it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import threading
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import websockets

from pusher_client.server import LocalServer
from tests.support.websocket_peer import SECONDS, authorization, connected, server_library, websocket_url


async def test_it_runs_in_this_loop_and_can_run_again() -> None:
    """On a free port each time."""
    server = LocalServer()
    for _ in range(2):
        async with server, connected(server) as peer:
            await peer.send("pusher:ping")
            assert (await peer.receive())["event"] == "pusher:pong"


async def test_it_takes_the_port_that_is_asked_for() -> None:
    """A restarted server has the same address."""
    async with LocalServer() as first:
        port = first.port
    async with LocalServer(port=port) as second:
        assert second.port == port
        assert second.auth_url == f"http://127.0.0.1:{port}/pusher/auth"
        assert second.user_auth_url == f"http://127.0.0.1:{port}/pusher/user-auth"


async def test_it_runs_on_a_thread_and_can_run_again() -> None:
    """Independently of the caller's event loop."""
    server = LocalServer()
    for _ in range(2):
        with server:
            assert threading.active_count() > 1
            async with connected(server) as peer:
                await peer.send("pusher:ping")
                assert (await peer.receive())["event"] == "pusher:pong"


def test_a_start_that_fails_on_its_thread_is_raised_here() -> None:
    """No thread is left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = LocalServer(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"), server:
            pytest.fail("it cannot have started")
    with server:
        assert server.port


async def test_it_runs_once_at_a_time() -> None:
    """Entering it again is an error, and the running server goes on."""
    async with LocalServer() as server:
        with pytest.raises(RuntimeError, match="already running"):
            await server.__aenter__()
        with pytest.raises(RuntimeError, match="already running"):
            server.__enter__()
        async with connected(server) as peer:
            await peer.send("pusher:ping")
            assert (await peer.receive())["event"] == "pusher:pong"


def test_what_needs_a_running_server_says_so() -> None:
    """The message has the cure."""
    server = LocalServer()
    for use in (lambda: server.port, server.drop, server.stall, lambda: server.close(4200), lambda: server.auth_url):
        with pytest.raises(RuntimeError, match="not running: enter it with 'async with' or 'with'"):
            use()


async def test_it_says_loudly_what_it_is_for(caplog: pytest.LogCaptureFixture) -> None:
    """For development and tests; its secrets are not logged at any level (C3)."""
    with caplog.at_level(logging.DEBUG):
        async with LocalServer() as server, connected(server) as peer:
            answer = await authorization(server, peer.socket_id, "private-encrypted-a")
            await asyncio.to_thread(server_library(server).trigger, "private-encrypted-a", "e", "1")
            secrets = [server.secret, server.encryption_master_key_base64, answer["shared_secret"]]
    ours = [record for record in caplog.records if record.name == "pusher_client.server"]
    assert [record.levelno for record in ours] == [logging.WARNING]
    assert "FOR DEVELOPMENT AND TESTS ONLY" in ours[0].getMessage()
    assert "127.0.0.1" in ours[0].getMessage()
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("pusher", "uvicorn"))
    )
    assert not [secret for secret in secrets if secret in logged]
    assert "auth_signature" not in logged


def test_keys_are_random_unless_given() -> None:
    """Each server has its own."""
    one, two = LocalServer(), LocalServer()
    assert one.secret != two.secret
    assert one.encryption_master_key_base64 != two.encryption_master_key_base64
    given = LocalServer(app_id="7", key="k", secret="s", master_key=b"x" * 32)
    assert (given.app_id, given.key, given.secret) == ("7", "k", "s")
    assert base64.b64decode(given.encryption_master_key_base64) == b"x" * 32


@pytest.mark.parametrize(
    "options",
    [
        {"activity_timeout": 0},
        {"pong_timeout": -1},
        {"port": 65536},
        {"port": -1},
        {"app_id": "x"},
        {"master_key": b""},
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any]) -> None:
    """Refused at construction."""
    with pytest.raises(ValueError, match=r"must be|digits|seconds"):
        LocalServer(**options)


async def test_a_rotation_changes_what_the_endpoint_answers_and_what_is_published_with() -> None:
    """From one thread as from another (design.md 3.5)."""
    with LocalServer(master_key=bytes(32)) as server:
        before = (await authorization(server, "1.1", "private-encrypted-a"))["shared_secret"]
        old = server.encryption_master_key_base64
        server.rotate_key()
        assert server.encryption_master_key_base64 != old
        assert (await authorization(server, "1.1", "private-encrypted-a"))["shared_secret"] != before
        server.rotate_key(bytes(32))
        assert (await authorization(server, "1.1", "private-encrypted-a"))["shared_secret"] == before


async def test_every_connection_is_closed_with_the_code_that_is_asked_for() -> None:
    """From another thread, too."""
    with LocalServer() as server:
        async with connected(server) as one, connected(server) as two:
            server.close(4200, "again")
            assert [await one.closed(), await two.closed()] == [(4200, "again")] * 2


@pytest.mark.parametrize(
    ("code", "reason"), [(999, ""), (1005, ""), (1006, ""), (1015, ""), (5000, ""), (4000, "ü" * 62)]
)
def test_what_no_close_frame_carries_is_refused(code: int, reason: str) -> None:
    """Refused before any connection is closed."""
    with pytest.raises(ValueError, match="a close frame"):
        LocalServer().close(code, reason)


async def test_encrypted_events_are_mangled_while_asked_for() -> None:
    """The event that was published differs from what arrives, until the switch is off (C2)."""
    name = "private-encrypted-a"
    with LocalServer() as server:
        async with connected(server) as peer:
            await peer.subscribe(server, name)
            envelope = json.dumps({"nonce": "n", "ciphertext": base64.b64encode(bytes(16)).decode()})
            arrived = []
            for on in (True, False):
                server.mangle(on)
                batch = [{"channel": name, "name": "e", "data": envelope}]
                await asyncio.to_thread(server_library(server).trigger_batch, batch, already_encoded=True)
                arrived.append((await peer.receive())["data"])
    assert arrived[0] != envelope
    assert arrived[1] == envelope


async def test_a_stalled_server_stops() -> None:
    """Neither paused readers nor paused writers delay it."""
    async with AsyncExitStack() as clients:
        async with LocalServer() as server:
            peer = await clients.enter_async_context(connected(server))
            await peer.subscribe(server, "private-a")
            server.stall()
            await asyncio.to_thread(server_library(server).trigger, "private-a", "e", "1")
        assert (await peer.closed())[0] == 1012


async def test_a_stalled_server_stops_while_a_client_waits_for_its_handshake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client is accepted and closed, nothing is cancelled, and the next run is not stalled."""
    server = LocalServer()
    async with server:
        server.stall()
        waiting = asyncio.create_task(websockets.connect(websocket_url(server), proxy=None).__aenter__())
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"http://{server.host}:{server.port}/")  # the handshake has come by then
    async with asyncio.timeout(SECONDS), await waiting as websocket:
        await websocket.wait_closed()
        assert websocket.close_code == 1012
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    async with server, connected(server) as peer:
        await peer.send("pusher:ping")
        assert (await peer.receive())["event"] == "pusher:pong"


async def test_clients_hear_that_the_server_stops() -> None:
    """With 1012, after which clients reconnect (R2)."""
    async with AsyncExitStack() as clients:
        async with LocalServer() as server:
            peer = await clients.enter_async_context(connected(server))
        assert (await peer.closed())[0] == 1012
