"""Lines on standard output, flushed one by one, without blocking the event loop."""

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

    If standard output is a pipe with a slow reader, only the caller of `write` waits: the client goes on to answer
    pings, and events for which the stream's queue has no room become a marker.

    Args:
        stream: Standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._descriptor = _descriptor(stream)

    @property
    def takes_unicode(self) -> bool:
        """Whether the encoding has every character."""
        return self._encoding.lower().replace("-", "") == "utf8"

    async def write(self, line: str) -> None:
        """Write a line and a line break.

        Raises:
            BrokenPipeError: The reader has closed the pipe.
            OSError: The output cannot be written.
            OutputError: The same, on a system where standard output is not a descriptor.
        """
        if self._descriptor is None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
            return
        left = memoryview(f"{line}\n".encode(self._encoding, "backslashreplace"))
        while left:
            await self._writable(self._descriptor)
            # A writable pipe accepts this many bytes without blocking.
            left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]

    @contextmanager
    def watched(self) -> Generator[asyncio.Future[None]]:
        """Yield a future that is done when the reader closes the pipe, even if nothing is written."""
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        descriptor = self._descriptor
        if descriptor is None or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            yield gone
            return

        def finish() -> None:
            loop.remove_reader(descriptor)
            gone.set_result(None)

        # The writing end of a pipe becomes readable only when the other end is closed.
        loop.add_reader(descriptor, finish)
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

        def finish() -> None:
            loop.remove_writer(descriptor)
            ready.set_result(None)

        loop.add_writer(descriptor, finish)
        try:
            await ready
        finally:
            loop.remove_writer(descriptor)


def _descriptor(stream: TextIO) -> int | None:
    """Return the file descriptor, if the event loop can wait for it (not on Windows)."""
    try:
        return stream.fileno() if os.name == "posix" else None
    except (OSError, ValueError):
        return None
