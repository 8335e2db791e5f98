"""Every call on what users hold, inside handlers and from where it must not come (promises R6 and R7)."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.handler_levels import LEVELS, caused, flows, serving, settle
from tests.support.public_calls import AT_HOME, CALLS, Held, public_names


def test_no_call_is_forgotten() -> None:
    """What is new among the public names needs a case in the list, on which the tests below rely."""
    assert set(CALLS) == public_names()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have in the environment what one of the calls reads there."""
    monkeypatch.setenv("PUSHER_KEY", "KEY")


async def carried_out(call: Callable[[Held], Any], held: Held) -> None:
    """Make a call, and await what it returns if that is to be awaited."""
    result = call(held)
    if inspect.isawaitable(result):
        await result


@pytest.mark.parametrize("kind", ["async", "plain"])
@pytest.mark.parametrize("name", LEVELS)
async def test_every_call_is_legal_inside_a_handler(name: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever it is bound: each ends, and other channels flow then (R7); a plain one starts a task for what waits."""
    current: list[tuple[str, Held]] = []
    done: list[str] = []
    tasks: list[asyncio.Future[Any]] = []

    async def act(value: object, *_: object) -> None:
        if caused(value) and current:
            called, held = current.pop()
            try:
                await carried_out(CALLS[called], held)
            finally:
                done.append(called)

    def start(value: object, *_: object) -> None:
        if caused(value) and current:
            called, held = current.pop()
            result = CALLS[called](held)
            if inspect.isawaitable(result):
                tasks.append(asyncio.ensure_future(result))
                tasks[-1].add_done_callback(lambda _: done.append(called))
            else:
                done.append(called)

    async with serving(LEVELS[name], act if kind == "async" else start) as (peer, client):
        for called in CALLS:
            await settle(client)
            current.append((called, Held.of(client)))
            await LEVELS[name].cause(peer)
            while called not in done:
                with suppress(ConnectionClosed):  # by the very call
                    await peer.publish("probe", "good", 0)
                await asyncio.sleep(0.001)
            await settle(client)
            await flows(peer, client, 1)
        await asyncio.gather(*tasks)
        assert done == list(CALLS)
    failures = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [failure for failure in failures if name != "on_handler_error" or "itself" in failure] == []


async def refused(held: Held) -> set[str]:
    """Make every call where the client is not at home, and return those that are refused for that."""
    found: set[str] = set()
    for name, call in CALLS.items():
        try:
            await carried_out(call, held)
        except RuntimeError as error:
            if "connected in another event loop" in str(error):
                found.add(name)
    return found


async def test_no_call_is_accepted_from_another_thread() -> None:
    """Each is refused while the client is connected, with what to do instead, and changes nothing (design.md 2)."""
    async with serving() as (peer, client):
        held = Held.of(client)
        assert await asyncio.to_thread(lambda: asyncio.run(refused(held))) == set(AT_HOME)
        await flows(peer, client)
        assert [(await anext(held.stream)).data for _ in range(3)] == [0, 1, 2]
        assert peer.connects == 1
