"""TCP connections to hosts with several addresses: happy eyeballs (RFC 8305, promise R2).

asyncio's ``happy_eyeballs_delay`` does the same, but uvloop does not have it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Resolved", "connect_to_first", "resolve"]

ATTEMPT_DELAY = 0.25
"""Seconds until the next address is tried beside one that does not answer; what RFC 8305 recommends."""

Resolved = tuple[Any, ...]
"""One entry of ``getaddrinfo``: family, type, protocol, canonical name, socket address."""


async def resolve(host: str, port: int) -> Sequence[Resolved]:
    """Return the addresses of a host, in the order in which to try them: the families take turns.

    Raises:
        OSError: The name cannot be resolved.
    """
    try:
        # A literal address needs no name server, and so no thread.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = await _look_up(host, port)
    return _interleaved(found)


async def _look_up(host: str, port: int) -> list[Resolved]:
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _interleaved(found: Iterable[Resolved]) -> list[Resolved]:
    """Let the families take turns, beginning with that of the first address."""
    families: dict[int, deque[Resolved]] = {}
    for entry in found:
        families.setdefault(entry[0], deque()).append(entry)
    ordered: list[Resolved] = []
    while families:
        for family in tuple(families):
            ordered.append(families[family].popleft())
            if not families[family]:
                del families[family]
    return ordered


async def connect_to_first(addresses: Sequence[Resolved]) -> socket.socket:
    """Connect to the first address that answers; the next one is tried `ATTEMPT_DELAY` seconds after the last.

    Returns:
        A socket that does not block.

    Raises:
        OSError: None of them could be connected to; the error of the first one.
    """
    waiting, running = deque(addresses), set[asyncio.Task[socket.socket]]()
    errors: list[OSError] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(_connect(waiting.popleft())))
            delay = ATTEMPT_DELAY if waiting else None
            done, _ = await asyncio.wait(running, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                try:
                    return task.result()
                except OSError as error:
                    errors.append(error)
    finally:
        _cancel(running)
    raise errors[0] if errors else OSError("the host has no address")


async def _connect(address: Resolved) -> socket.socket:
    family, kind, protocol, _, where = address
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)  # noqa: FBT003 - its parameter has no name
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connection, where)
    except BaseException:
        connection.close()
        raise
    return connection


def _cancel(running: Iterable[asyncio.Task[socket.socket]]) -> None:
    """Cancel the attempts that came second, and close what they have opened."""
    for task in running:
        task.cancel()
        task.add_done_callback(_close_result)


def _close_result(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
