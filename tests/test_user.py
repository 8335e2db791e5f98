"""Signing in over real sockets: against the local server, and against a scripted one."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import Any

import httpx
import pytest

from pusher_client import (
    AuthorizationError,
    ConnectionState,
    Event,
    Gap,
    HTTPAuthorizer,
    HTTPUserAuthenticator,
    NotConnectedError,
    PusherClient,
    SecretAuthorizer,
    UserAuthentication,
)
from pusher_client.server import LocalServer
from tests.support.official_library import library
from tests.support.scripted_server import Scripted, scripted

USER_DATA = '{"id":"7","name":"Ada"}'
USER_CHANNEL = "#server-to-user-7"


async def authenticate(socket_id: str) -> UserAuthentication:
    """Sign every user in."""
    return UserAuthentication(f"KEY:canary-{socket_id}", USER_DATA)


class UserServer(Scripted):
    """Acknowledges sign-ins unless configured otherwise."""

    refuse: bool = False

    async def react(self, socket: Any, frame: dict[str, Any]) -> None:
        """Answer a frame."""
        if frame["event"] != "pusher:signin":
            await super().react(socket, frame)
        elif self.refuse:
            await socket.send('{"event":"pusher:error","data":{"code":4009,"message":"no"}}')
            await socket.close(4009, "no")
        else:
            data = {"user_data": frame["data"]["user_data"]}
            await socket.send(json.dumps({"event": "pusher:signin_success", "data": data}))


def local_client(server: LocalServer, **options: Any) -> PusherClient:
    """Make a client for the local server."""
    return PusherClient(server.key, host=server.host, port=server.port, tls=False, proxy=None, **options)


async def test_server_to_user_events() -> None:
    """What the official library sends to a user reaches the handlers of that user, plain and async ones."""
    heard: list[tuple[str, Any]] = []
    async with LocalServer() as server, asyncio.timeout(20):
        authenticator = HTTPUserAuthenticator(server.user_auth_url, params={"user_id": "7"})
        async with local_client(server, user_authenticator=authenticator) as client:
            done = asyncio.Event()

            @client.user.bind("greeting")
            async def on_greeting(event: Event) -> None:
                heard.append((event.name, event.data))
                done.set()

            client.user.bind_global(lambda event: heard.append((event.name, "global")))
            assert client.user.id is None
            assert "not signed in" in repr(client.user)
            await client.signin()
            assert client.user.id == "7"
            assert client.user.user_data is not None
            assert "7" not in repr(client.user)
            channel = USER_CHANNEL
            while client._core.sign_in.deadline() is not None:  # until its channel is acknowledged
                await asyncio.sleep(0.01)
            await asyncio.to_thread(library(server).trigger, channel, "greeting", {"text": "hello"})
            await done.wait()
            client.user.unbind_global()
            client.user.unbind("greeting")
        assert client.user.id is None
    assert ("greeting", {"text": "hello"}) in heard
    assert ("greeting", "global") in heard


async def test_a_flood_for_the_user_is_bounded() -> None:
    """However large what a server sends to a user, the client's bytes bound what waits for a slow handler (R5, R6)."""
    size, count = 10_000, 20
    heard: list[str] = []
    lost: list[int] = []
    released = asyncio.Event()

    async def slow(event: Event) -> None:
        await released.wait()
        heard.append(event.raw)

    async with scripted(UserServer()) as server:
        address: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "tls": False, "proxy": None}
        client = PusherClient("KEY", **address, user_authenticator=authenticate, buffer_bytes=5 * size)
        client.user.bind("greeting", slow)
        client.user.bind("pusher:overflow", lambda event: lost.append(event.data.dropped))
        client.connection.bind("error", lambda _: released.set())
        async with client:
            await client.signin()
            (socket,) = server.sockets
            for number in range(count):
                frame = {"event": "greeting", "channel": USER_CHANNEL, "data": f"{number:02}" * (size // 2)}
                await socket.send(json.dumps(frame))
            await socket.send('{"event":"pusher:error","data":{"code":null,"message":"that was all"}}')
            await released.wait()
    assert len(heard) + sum(lost) == count
    assert 2 <= len(heard) <= 4  # at most two wait, besides the one being handled


async def test_presence_as_the_signed_in_user() -> None:
    """A presence channel whose authorization has no channel_data is joined as the user (protocol-notes 13.4)."""
    async with LocalServer() as server, asyncio.timeout(20):
        signer = SecretAuthorizer(server.key, server.secret)

        async def authorize(channel: str, socket_id: str) -> dict[str, str]:
            return {"auth": server_sign(server, socket_id, channel)}

        authenticator = partial(signer.authenticate_user, user_data={"id": "7", "user_info": {"name": "Ada"}})
        async with local_client(server, authorizer=authorize, user_authenticator=authenticator) as client:
            room = client.presence("presence-room")
            await asyncio.gather(client.signin(), room.subscribe())
            assert room.me is not None
            assert (room.me.id, room.me.info) == ("7", {"name": "Ada"})


def server_sign(server: LocalServer, socket_id: str, channel: str) -> str:
    """Sign a subscription without a member, as the official library does."""
    signed: str = library(server).authenticate(channel, socket_id)["auth"]
    return signed


async def test_the_watchlist() -> None:
    """Users that come online are reported on client.user.watchlist."""
    heard: list[Any] = []
    async with scripted(UserServer()) as peer, peer.client(user_authenticator=authenticate) as client:
        client.user.watchlist.bind("online", lambda event: heard.append(event.data))
        await client.signin()
        data = {"events": [{"name": "online", "user_ids": ["1"]}]}
        await peer.sockets[0].send(json.dumps({"event": "pusher_internal:watchlist_events", "data": data}))
        while not heard:
            await asyncio.sleep(0.001)
    assert heard == [{"name": "online", "user_ids": ["1"]}]


async def test_a_reconnect_signs_in_again_and_leaves_a_gap() -> None:
    """The user is signed in again without a call, under the new socket id, and gets a gap (R5)."""
    names: list[str] = []
    gaps: list[Any] = []
    async with scripted(UserServer()) as peer, peer.client(user_authenticator=authenticate) as client:
        client.user.bind_global(lambda event: names.append(event.name))
        client.user.bind("pusher:gap", lambda event: gaps.append(event.data))
        await client.signin()
        await peer.heard("pusher:subscribe")
        await peer.publish("greeting", USER_CHANNEL, "1")
        while "greeting" not in names:
            await asyncio.sleep(0.001)
        peer.sockets[0].transport.abort()
        while "pusher:gap" not in names:
            await asyncio.sleep(0.001)
    assert names == ["pusher:signin_success", "greeting", "pusher:signin_success", "pusher:gap"]
    assert isinstance(gaps[0], Gap)
    signatures = [frame["data"]["auth"] for frame in peer.received if frame["event"] == "pusher:signin"]
    assert signatures == ["KEY:canary-1.1", "KEY:canary-1.2"]


async def test_a_refused_sign_in_leaves_the_link_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The call raises, the link that the server closed for it returns without it, and no log has the signature (C3)."""
    caplog.set_level(logging.DEBUG)
    told: list[Any] = []
    peer = UserServer()
    async with scripted(peer), peer.client(user_authenticator=authenticate) as client:
        peer.refuse = True
        client.user.bind("pusher:signin_error", lambda event: told.append(event.data))
        with pytest.raises(AuthorizationError) as caught:
            await client.signin()
        assert caught.value.status == 4009
        await peer.connected(2)
        while client.state is not ConnectionState.CONNECTED:
            await asyncio.sleep(0.001)
        await client.subscribe("orders")
        assert [frame["event"] for frame in peer.received].count("pusher:signin") == 1
    assert told[0]["status"] == 4009
    assert "canary" not in caplog.text


async def test_what_an_authenticator_may_do() -> None:
    """It may return a mapping; what it refuses, raises or answers wrongly is an AuthorizationError."""
    answers: list[Any] = [
        {"auth": "KEY:canary"},
        AuthorizationError(None, status=403),
        ValueError("canary"),
        {"auth": "KEY:canary", "user_data": USER_DATA},
    ]

    async def odd(_socket_id: str) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with scripted(UserServer()) as peer, peer.client(user_authenticator=odd) as client:
        words = ["lacks a string", "refused", "the user authenticator raised ValueError"]
        for status, said in zip((None, 403, None), words, strict=True):
            with pytest.raises(AuthorizationError, match=said) as caught:
                await client.signin()
            assert caught.value.status == status
            assert "canary" not in str(caught.value)
        await client.signin()
        assert client.user.id == "7"


async def test_what_the_caller_does_wrong() -> None:
    """No authenticator, no connection: each is said at once, with the cure."""
    with pytest.raises(NotConnectedError):
        await PusherClient("KEY", cluster="eu", user_authenticator=authenticate).signin()
    async with scripted(UserServer()) as peer, peer.client() as client:
        with pytest.raises(AuthorizationError, match="user_authenticator=HTTPUserAuthenticator"):
            await client.signin()


async def test_a_cancelled_call_withdraws_the_wish() -> None:
    """No user is signed in after the caller was cancelled; the request is cancelled (design.md 2)."""
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_socket_id: str) -> Any:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with scripted(UserServer()) as peer, peer.client(user_authenticator=hang) as client:
        call = asyncio.ensure_future(client.signin())
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await cancelled.wait()
        await client.subscribe("orders")
        assert [frame["event"] for frame in peer.received] == ["pusher:subscribe"]


async def test_both_endpoints_are_closed_at_the_end() -> None:
    """The clients of HTTP that a connection opened go with it (R6)."""
    async with LocalServer() as server, asyncio.timeout(20):
        authorizer = HTTPAuthorizer(server.auth_url)
        authenticator = HTTPUserAuthenticator(server.user_auth_url)
        client = local_client(server, authorizer=authorizer, user_authenticator=authenticator)
        for _ in range(2):
            async with client:
                await client.signin()
                await client.subscribe("private-orders")
            assert not authorizer._connections.sessions
            assert not authenticator._connections.sessions


async def test_an_endpoint_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status is the error's (R3)."""
    monkeypatch.setenv("NO_PROXY", "*")
    transport = httpx.MockTransport(lambda _request: httpx.Response(403))
    authenticator = HTTPUserAuthenticator("https://example.com/user-auth", transport=transport)
    async with scripted(UserServer()) as peer, peer.client(user_authenticator=authenticator) as client:
        with pytest.raises(AuthorizationError) as caught:
            await client.signin()
        assert caught.value.status == 403
