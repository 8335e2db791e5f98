"""A server that runs on a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import Any

__all__ = ["running_on_a_thread"]


@contextlib.contextmanager
def running_on_a_thread(server: AbstractAsyncContextManager[object]) -> Generator[None]:
    """Run a server in an event loop on its own thread; leaving the context stops it.

    Args:
        server: Runs from entering to leaving.

    Raises:
        Exception: It could not start.
    """
    started = concurrent.futures.Future[Callable[[], object]]()
    with concurrent.futures.ThreadPoolExecutor(1, "pusher_client.server") as executor:
        run = executor.submit(asyncio.run, _serve(server, started))
        ends: list[concurrent.futures.Future[Any]] = [started, run]
        concurrent.futures.wait(ends, return_when=concurrent.futures.FIRST_COMPLETED)
        if run.done():  # it could not start
            run.result()
        stop = started.result()
        try:
            yield
        finally:
            stop()
            run.result()


async def _serve(
    server: AbstractAsyncContextManager[object], started: concurrent.futures.Future[Callable[[], object]]
) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    async with server:
        started.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
        await stopping.wait()
