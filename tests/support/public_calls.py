"""Everything that users can call on what they hold, one case for each; a test holds the list against the classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from pusher_client import Channel, EventStream, PresenceChannel, PusherClient
from pusher_client.delivery.value_dispatcher import ValueDispatcher
from pusher_client.user import User, Watchlist
from tests.support.handler_levels import BAD, GOOD

__all__ = ["AT_HOME", "CALLS", "Held", "public_names"]

SPECIAL = {"__aenter__", "__aexit__", "__aiter__", "__anext__"}
OWNERS = (PusherClient, Channel, PresenceChannel, EventStream, User, Watchlist, ValueDispatcher)
OF_THE_LIBRARY = {"Channel.in_use"} | {
    f"{owner}.{name}"
    for owner, own in {
        "User": {"emit"},
        "Watchlist": {"emit"},
        "ValueDispatcher": {"bindings", "emit", "on_idle", "on_async_handler", "on_discarded", "overflow_job"},
    }.items()
    for name in own
}
"""What the library itself calls, though its name has no underscore."""


def public_names() -> set[str]:
    """Return all that is public, each where it is defined first."""
    found: set[str] = set()
    for owner in OWNERS:
        ours = [base for base in owner.__bases__ if base in OWNERS]
        for name in dir(owner):
            if name.startswith("_") and (name not in SPECIAL or not hasattr(owner, name)):
                continue
            if not any(getattr(base, name, None) is getattr(owner, name) for base in ours):
                found.add(f"{owner.__name__}.{name}")
    return found - OF_THE_LIBRARY


def ignore(_value: object) -> None:
    """Do nothing."""


class Held(NamedTuple):
    """The objects that a user has of a connected client."""

    client: PusherClient
    bad: Channel
    good: Channel
    presence: PresenceChannel
    stream: EventStream

    @classmethod
    def of(cls, client: PusherClient) -> Self:
        """Take hold."""
        good = client.channel(GOOD)
        return cls(client, client.channel(BAD), good, client.presence("presence-x"), good.events("probe"))


async def _wait_closed(held: Held) -> None:
    waiting = asyncio.ensure_future(held.client.wait_closed())
    await asyncio.sleep(0)
    if not waiting.done():
        await held.client.disconnect()
    await waiting


async def _leave_and_enter(held: Held) -> None:
    await held.bad.unsubscribe()
    await held.bad.subscribe()


async def _unsubscribe_and_subscribe(held: Held) -> None:
    await held.client.unsubscribe(BAD)
    await held.client.subscribe(BAD)


async def _unsubscribe_all_and_subscribe(held: Held) -> None:
    channels = held.client.all_channels()
    await held.client.unsubscribe_all()
    for channel in channels:
        await channel.subscribe()


def _move(held: Held) -> Any:
    return held.client.switch_cluster(host="127.0.0.1", port=urlsplit(held.client._life.address.url).port)


Call = Callable[[Held], Any]
"""One call; what it returns may have to be awaited."""


def _bindings(owner: str, find: Callable[[Held], Any]) -> dict[str, Call]:
    return {
        f"{owner}.bind": lambda held: find(held).bind("x", ignore),
        f"{owner}.unbind": lambda held: find(held).unbind("x", ignore),
        f"{owner}.bind_global": lambda held: find(held).bind_global(ignore),
        f"{owner}.unbind_global": lambda held: find(held).unbind_global(ignore),
    }


READ_ANYWHERE: dict[str, Call] = {
    "PusherClient.all_channels": lambda held: held.client.all_channels(),
    "PusherClient.connection": lambda held: held.client.connection,
    "PusherClient.from_env": lambda held: type(held.client).from_env(cluster="eu"),
    "PusherClient.from_url": lambda held: type(held.client).from_url("ws://KEY@127.0.0.1"),
    "PusherClient.socket_id": lambda held: held.client.socket_id,
    "PusherClient.state": lambda held: held.client.state,
    "PusherClient.stats": lambda held: held.client.stats,
    "PusherClient.user": lambda held: held.client.user,
    "Channel.name": lambda held: held.good.name,
    "Channel.state": lambda held: held.good.state,
    "Channel.stats": lambda held: held.good.stats,
    "Channel.subscription_count": lambda held: held.good.subscription_count,
    "EventStream.__aiter__": lambda held: aiter(held.stream),
    "EventStream.__aenter__": lambda held: held.stream.__aenter__(),
    "EventStream.dropped": lambda held: held.stream.dropped,
    "PresenceChannel.me": lambda held: held.presence.me,
    "PresenceChannel.members": lambda held: held.presence.members,
    "User.id": lambda held: held.client.user.id,
    "User.user_data": lambda held: held.client.user.user_data,
    "User.watchlist": lambda held: held.client.user.watchlist,
}
"""What changes nothing."""

AT_HOME: dict[str, Call] = {
    "PusherClient.__aenter__": lambda held: held.client.__aenter__(),
    "PusherClient.__aexit__": lambda held: held.client.__aexit__(None, None, None),
    "PusherClient.channel": lambda held: held.client.channel("other"),
    "PusherClient.connect": lambda held: held.client.connect(),
    "PusherClient.disconnect": lambda held: held.client.disconnect(),
    "PusherClient.events": lambda held: held.client.events(),
    "PusherClient.presence": lambda held: held.client.presence("presence-other"),
    "PusherClient.signin": lambda held: held.client.signin(),
    "PusherClient.subscribe": lambda held: held.client.subscribe("other"),
    "PusherClient.switch_cluster": _move,
    "PusherClient.unsubscribe": _unsubscribe_and_subscribe,
    "PusherClient.unsubscribe_all": _unsubscribe_all_and_subscribe,
    "PusherClient.wait_closed": _wait_closed,
    "PusherClient.wait_for": lambda held: held.client.wait_for("probe"),
    **_bindings("PusherClient", lambda held: held.client),
    "Channel.__aiter__": lambda held: anext(aiter(held.good)),
    "Channel.events": lambda held: held.good.events(),
    "Channel.subscribe": lambda held: held.bad.subscribe(),
    "Channel.trigger": lambda held: held.bad.trigger("client-e", 1),
    "Channel.unbind_all": lambda held: held.presence.unbind_all(),
    "Channel.unsubscribe": _leave_and_enter,
    "Channel.wait_for": lambda held: held.good.wait_for("probe"),
    **_bindings("Channel", lambda held: held.good),
    "EventStream.__aexit__": lambda held: held.stream.__aexit__(None, None, None),
    "EventStream.__anext__": lambda held: anext(held.stream),
    "EventStream.close": lambda held: held.stream.close(),
    "EventStream.take": lambda held: held.stream.take(1),
    **_bindings("User", lambda held: held.client.user),
    **_bindings("Watchlist", lambda held: held.client.user.watchlist),
    **_bindings("ValueDispatcher", lambda held: held.client.connection),
}
"""What is for the event loop and the thread in which the client is connected."""

CALLS = {**READ_ANYWHERE, **AT_HOME}
"""All of it."""
