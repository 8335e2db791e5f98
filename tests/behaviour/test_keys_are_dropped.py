"""Once a key is of no more use, nothing in the process refers to it (protocol-notes 7.2, C7).

The collector is asked for every object that came into being since the test began, and for all that these refer to. The
test itself knows the key only backwards, and makes it anew whenever it is given to the client.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import httpx
import pytest

from pusher_client import ChannelAuthorization, HTTPAuthorizer, KeyRotationPolicy, PusherClient, PusherError
from tests.support.core.scripted_core import CHANNEL, Core, frame, sealed
from tests.support.held_authorizer import text_of, until
from tests.support.scripted_server import Scripted, scripted

BACKWARDS = bytes(range(224, 256))


def made(number: int = 0) -> bytes:
    """Make a key without any other reference."""
    return bytes([*reversed(BACKWARDS[:-1]), number])


def is_key(value: object, number: int = 0) -> bool:
    """Return whether a value is the key, or has it somewhere in it, as it is or in base64."""
    if isinstance(value, str):
        return text_of(made(number)) in value
    return isinstance(value, bytes | bytearray) and (made(number) in value or text_of(made(number)).encode() in value)


@pytest.fixture(scope="module", autouse=True)
def _only_what_is_new() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def holders(number: int = 0) -> list[str]:
    """Name the types of all that refer to the key."""
    gc.collect()
    modules = [vars(module) for name, module in sys.modules.items() if name.startswith("pusher_client")]
    rest: list[object] = [*modules, *gc.get_objects()]
    with suppress(RuntimeError):
        rest.append(asyncio.get_running_loop())
    seen: set[int] = set()
    found: list[str] = []
    while rest:
        one = rest.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        referents = gc.get_referents(one)
        found += [type(one).__qualname__ for other in referents if is_key(other, number)]
        # The collector lists all that it watches; what it does not watch is found by way of that.
        rest += [other for other in referents if not gc.is_tracked(other)]
    return found


# -- the whole client -------------------------------------------------------------------------------------------------


async def one(_channel: str, _socket_id: str) -> ChannelAuthorization:
    return ChannelAuthorization("KEY:signature", shared_secret=made())


async def answered(_channel: str, _socket_id: str) -> dict[str, str]:
    return {"auth": "KEY:signature", "shared_secret": text_of(made())}


async def many(channels: Sequence[str], _socket_id: str) -> dict[str, dict[str, str]]:
    return {channel: {"auth": "KEY:signature", "shared_secret": text_of(made())} for channel in channels}


def over_http(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"auth": "KEY:signature", "shared_secret": text_of(made())})


def asked() -> dict[str, dict[str, Any]]:
    """Return the options of clients that get the key in different ways."""
    http = HTTPAuthorizer("https://example.com/auth", transport=httpx.MockTransport(over_http))
    return {
        "a value": {"authorizer": one},
        "a mapping": {"authorizer": answered},
        "a batch": {"batch_authorizer": many},
        "HTTP": {"authorizer": http},
    }


async def unsubscribe(client: PusherClient, _peer: Scripted) -> None:
    await client.unsubscribe(CHANNEL)


async def disconnect(client: PusherClient, _peer: Scripted) -> None:
    await client.disconnect()


async def fatal_close(client: PusherClient, peer: Scripted) -> None:
    await peer.sockets[0].close(4001, "no such application")
    with pytest.raises(PusherError):
        await client.wait_closed()


async def refused(client: PusherClient, peer: Scripted) -> None:
    peer.answers[CHANNEL] = []
    await client.unsubscribe(CHANNEL)
    again = asyncio.ensure_future(client.subscribe(CHANNEL))
    await peer.heard("pusher:subscribe", 2)
    await until(lambda: bool(holders()))
    await peer.publish("pusher:subscription_error", CHANNEL, {"status": 401})
    # The first refusal may belong to the frame that was abandoned; the second is this one's.
    while not again.done():
        await peer.publish("pusher:subscription_error", CHANNEL, {"status": 401})
        await asyncio.sleep(0.05)
    assert isinstance(again.exception(), PusherError)


ENDS: list[Callable[[PusherClient, Scripted], Awaitable[None]]] = [unsubscribe, disconnect, fatal_close, refused]


@pytest.mark.parametrize("way", asked())
@pytest.mark.parametrize("end", ENDS)
async def test_no_reference_remains(end: Callable[[PusherClient, Scripted], Awaitable[None]], way: str) -> None:
    """After unsubscribe(), disconnect(), a final refusal and a fatal close, however the key came (C7)."""
    async with scripted() as peer:
        client = peer.client(**asked()[way])
        async with client:
            channel = await client.subscribe(CHANNEL)
            await peer.publish("e", CHANNEL, sealed(made(), "1"))
            assert (await anext(aiter(channel))).data == 1
            assert "_Entry" in holders()
            await end(client, peer)
            assert holders() == []
    assert channel.name == CHANNEL


async def test_no_reference_remains_of_a_subscription_given_up() -> None:
    """Nor when the answer came and the acknowledgement did not (C7)."""
    async with scripted() as peer, peer.client(authorizer=answered) as client:
        peer.answers[CHANNEL] = []
        pending = asyncio.ensure_future(client.subscribe(CHANNEL))
        await peer.heard("pusher:subscribe")
        assert "_Entry" in holders()
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)
        assert holders() == []


async def test_no_reference_remains_of_a_request_given_up() -> None:
    """Nor when an authorizer that has the key already is cancelled, or answers too late (C7)."""
    started, late = asyncio.Event(), asyncio.Event()

    async def slow(_channel: str, _socket_id: str) -> ChannelAuthorization:
        authorization = ChannelAuthorization("KEY:signature", shared_secret=made())
        started.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        late.set()
        return authorization

    async with scripted() as peer, peer.client(authorizer=slow) as client:
        pending = asyncio.ensure_future(client.subscribe(CHANNEL))
        await started.wait()
        assert holders() == ["ChannelAuthorization"]
        await client.unsubscribe(CHANNEL)
        await asyncio.gather(pending, return_exceptions=True)
        await late.wait()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert holders() == []


# -- the core ---------------------------------------------------------------------------------------------------------


def rotated(core: Core, *numbers: int) -> None:
    """Let the endpoint answer these keys, one after another."""
    for number in numbers:
        core.receive(frame("e", CHANNEL, sealed(made(number), "1")))
        core.answer(made(number))


def test_no_reference_remains_of_an_old_key() -> None:
    """When its grace has ended, without anything that arrives; and at once when there are too many of them (C7)."""
    core = Core(key_rotation=KeyRotationPolicy(grace=300.0, old_keys=2))
    core.up()
    core.subscribed(key=made())
    rotated(core, 1, 2)
    assert [sorted(holders(number)) for number in range(3)] == [["_Entry"], ["_Entry"], ["Keyring", "_Entry"]]
    rotated(core, 3)
    assert holders(0) == []
    for _ in range(31):
        core.wait(10.0)
        core.receive(frame("pusher:pong"))
    assert [sorted(holders(number)) for number in range(4)] == [[], [], [], ["Keyring", "_Entry"]]
    core.connection.disconnect(core.now)
    core.drain()
    assert holders(3) == []


def test_no_reference_comes_with_a_late_answer() -> None:
    """An answer to an abandoned request is ignored, key and all (C7)."""
    core = Core()
    core.up()
    core.subscribe()
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    core.answer(made())
    core.subscribe()
    assert holders() == []
