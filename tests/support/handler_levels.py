"""Every place where a handler may be bound, and what causes an event there."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from pusher_client import Event, PusherClient, ServerError, UserAuthentication
from tests.support.scripted_server import Scripted, scripted

__all__ = ["BAD", "GOOD", "LEVELS", "Level", "caused", "flows", "serving", "settle"]

BAD, SEALED, GOOD = "private-bad", "private-encrypted-bad", "good"


async def authorize(channel: str, _socket_id: str) -> dict[str, Any]:
    """Authorize every client."""
    secret = {"shared_secret": base64.b64encode(bytes(32)).decode()} if "encrypted" in channel else {}
    return {"auth": "KEY:x", **secret}


async def authenticate(_socket_id: str) -> UserAuthentication:
    """Authenticate every client as the same user."""
    return UserAuthentication("KEY:x", '{"id":"1"}')


class SigningIn(Scripted):
    """A server that knows users, too."""

    async def react(self, socket: Any, frame: dict[str, Any]) -> None:
        """Answer a frame."""
        if frame["event"] == "pusher:signin":
            await socket.send('{"event":"pusher:signin_success","data":{"user_data":"{\\"id\\":\\"1\\"}"}}')
        await super().react(socket, frame)

    async def say(self, event: str, data: Any) -> None:
        """Send a message that belongs to no channel to everyone."""
        for socket in self.sockets:
            await socket.send(json.dumps({"event": event, "data": data}))


class Level(NamedTuple):
    """One place.

    Attributes:
        bind: Binds a handler there.
        cause: Makes the server send the event for the handler.
        option: The option that takes the handler instead, if there is one.
    """

    bind: Callable[[PusherClient, Callable[..., Any]], object]
    cause: Callable[[SigningIn], Awaitable[object]]
    option: str | None = None


def _on_channel(peer: SigningIn) -> Awaitable[object]:
    return peer.publish("e", BAD, 1)


def _on_connection(peer: SigningIn) -> Awaitable[object]:
    return peer.say("pusher:error", {"code": 4300, "message": "no"})


def _on_user(peer: SigningIn) -> Awaitable[object]:
    return peer.publish("e", "#server-to-user-1", 1)


def _on_watchlist(peer: SigningIn) -> Awaitable[object]:
    return peer.say("pusher_internal:watchlist_events", {"events": [{"name": "online", "user_ids": ["1"]}]})


def _unopened(peer: SigningIn) -> Awaitable[object]:
    return peer.publish("e", SEALED, "nothing that opens")


def _fail(_event: Event) -> None:
    raise ZeroDivisionError


LEVELS = {
    "channel": Level(lambda client, handler: client.channel(BAD).bind("e", handler), _on_channel),
    "channel, global": Level(lambda client, handler: client.channel(BAD).bind_global(handler), _on_channel),
    "client": Level(lambda client, handler: client.bind("e", handler), _on_channel),
    "client, global": Level(lambda client, handler: client.bind_global(handler), _on_channel),
    "connection": Level(lambda client, handler: client.connection.bind("error", handler), _on_connection),
    "connection, global": Level(lambda client, handler: client.connection.bind_global(handler), _on_connection),
    "user": Level(lambda client, handler: client.user.bind("e", handler), _on_user),
    "user, global": Level(lambda client, handler: client.user.bind_global(handler), _on_user),
    "watchlist": Level(lambda client, handler: client.user.watchlist.bind("online", handler), _on_watchlist),
    "on_decryption_failure": Level(lambda *_: None, _unopened, "on_decryption_failure"),
    "on_handler_error": Level(
        lambda client, _handler: client.channel(BAD).bind("e", _fail), _on_channel, "on_handler_error"
    ),
}


def caused(value: object) -> bool:
    """Return whether this is what ``cause`` made a handler get, and not another event of global handlers."""
    if isinstance(value, Event):
        return value.name in {"e", "online", "pusher:decryption_failure"}
    return isinstance(value, ServerError | Exception)


async def settle(client: PusherClient) -> None:
    """See to it that the client is connected, signed in, and on its channels."""
    await client.connect()
    for channel in (BAD, SEALED, GOOD):
        await client.subscribe(channel)
    if client.user.id is None:
        await client.signin()


@asynccontextmanager
async def serving(
    level: Level | None = None, handler: Callable[..., Any] | None = None, **options: Any
) -> AsyncGenerator[tuple[SigningIn, PusherClient]]:
    """Connect a client that may do everything, with a handler bound somewhere."""
    async with scripted(SigningIn()) as peer:
        assert isinstance(peer, SigningIn)
        if level is not None and level.option is not None:
            options[level.option] = handler
        client = peer.client(authorizer=authorize, user_authenticator=authenticate, **options)
        async with client:
            await settle(client)
            if level is not None and handler is not None:
                level.bind(client, handler)
            yield peer, client


async def flows(peer: Scripted, client: PusherClient, count: int = 3) -> None:
    """Check that the good channel gets what is published there, in order."""
    stream = client.channel(GOOD).events("probe")
    for number in range(count):
        await peer.publish("probe", GOOD, number)
    assert [(await anext(stream)).data for _ in range(count)] == list(range(count))
    stream.close()
