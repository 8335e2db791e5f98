"""The end of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from pusher_client.session.shutdown import Shutdown


async def test_all_who_ask_wait_for_the_same_end() -> None:
    """Starting twice does the work once, and a cancelled waiter does not stop it (R6)."""
    done, go = [0], asyncio.Event()

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        await go.wait()
        done[0] += 1

    shutdown = Shutdown(work)
    await shutdown.wait()
    shutdown.start()
    shutdown.start()
    assert shutdown.running
    waiting = [asyncio.ensure_future(shutdown.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    go.set()
    await waiting[1]
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [1]
    assert not shutdown.running


async def test_only_tasks_are_spared() -> None:
    """A caller that runs in no task, as a plain handler called by a timer, has none that could be cancelled (R6)."""

    async def work(_callers: Collection[asyncio.Task[Any]]) -> None:
        raise AssertionError  # nothing starts it

    shutdown, called = Shutdown(work), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_soon(shutdown.spare_caller)
    loop.call_soon(called.set)
    await called.wait()
    assert shutdown.callers == set()


async def test_callers_are_known_until_the_end() -> None:
    """The work is told whom to spare, those who come late included (design.md 2)."""
    seen: list[bool] = []

    async def work(callers: Collection[asyncio.Task[Any]]) -> None:
        await asyncio.sleep(0)
        seen.append(here in callers)

    shutdown = Shutdown(work)
    here = asyncio.current_task()
    await shutdown.wait()
    assert shutdown.callers == set()  # nothing is under way, so nobody has to be spared
    shutdown.start()
    await shutdown.wait()
    assert seen == [True]
    assert shutdown.callers == set()
