"""Lines on standard output, each as soon as it is there, without ever holding up the connection."""

from __future__ import annotations

import asyncio
import os
import select
import stat
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["LineWriter"]


class LineWriter:
    """Writes lines to standard output.

    Where that is a pipe whose reader is slow, the writer waits and the event loop goes on: pings are answered
    meanwhile, and what a queue has no room for becomes a marker.

    Args:
        stream: Standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._descriptor = _descriptor(stream)

    @property
    def takes_unicode(self) -> bool:
        """Whether any character can be written."""
        return self._encoding.lower().replace("-", "") == "utf8"

    async def write(self, line: str) -> None:
        """Write a line and its end.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        if self._descriptor is None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
            return
        left = memoryview(f"{line}\n".encode(self._encoding, "backslashreplace"))
        while left:
            await self._writable(self._descriptor)
            # So many bytes a pipe takes without blocking once it can be written to.
            left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]

    @contextmanager
    def watched(self) -> Generator[asyncio.Future[None]]:
        """Return what is done when the reader of a pipe is gone, although nothing is written."""
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        descriptor = self._descriptor
        if descriptor is None or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            yield gone
            return

        def tell() -> None:
            loop.remove_reader(descriptor)
            gone.set_result(None)

        # Nothing can be read from the writing end: it wakes up only when the other end is closed.
        loop.add_reader(descriptor, tell)
        try:
            yield gone
        finally:
            loop.remove_reader(descriptor)

    @staticmethod
    async def _writable(descriptor: int) -> None:
        if select.select((), (descriptor,), (), 0)[1]:
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            loop.remove_writer(descriptor)
            ready.set_result(None)

        loop.add_writer(descriptor, tell)
        try:
            await ready
        finally:
            loop.remove_writer(descriptor)


def _descriptor(stream: TextIO) -> int | None:
    """Return the descriptor that can be waited for; None where there is none, or none that can be (on Windows)."""
    try:
        return stream.fileno() if os.name == "posix" else None
    except (OSError, ValueError):
        return None
