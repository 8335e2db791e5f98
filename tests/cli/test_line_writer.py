"""Lines on standard output: flushed, whole, and without blocking the event loop."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Generator
from contextlib import suppress

import pytest

from pusher_client.cli.line_writer import LineWriter


@pytest.fixture
def pipe() -> Generator[tuple[int, io.TextIOWrapper]]:
    """A pipe: the end to read from, and the stream to write to."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield reading, stream


async def test_a_line_is_there_at_once(pipe: tuple[int, io.TextIOWrapper]) -> None:
    """Nothing stays in a buffer."""
    reading, stream = pipe
    await LineWriter(stream).write("grüße")
    assert os.read(reading, 100).decode() == "grüße\n"
    os.close(reading)


async def test_a_slow_reader_does_not_hold_up_the_loop(pipe: tuple[int, io.TextIOWrapper]) -> None:
    """The writer waits for room while the event loop runs; nothing is lost or reordered."""
    reading, stream = pipe
    lines = [str(number) * 1000 for number in range(300)]

    async def write_all() -> None:
        writer = LineWriter(stream)
        for line in lines:
            await writer.write(line)

    writing, turns, read = asyncio.create_task(write_all()), 0, b""
    while turns < 100:  # the pipe is full long before
        await asyncio.sleep(0)
        turns += 1
    assert not writing.done()
    os.set_blocking(reading, False)
    while read.count(b"\n") < len(lines):
        with suppress(BlockingIOError):
            read += os.read(reading, 65536)
        await asyncio.sleep(0)
    await writing
    os.close(reading)
    assert read.decode().splitlines() == lines


async def test_waiting_for_room_can_be_cancelled(pipe: tuple[int, io.TextIOWrapper]) -> None:
    """A stopped reader does not keep the command from ending."""
    reading, stream = pipe
    writing = asyncio.create_task(LineWriter(stream).write("x" * 1_000_000))
    for _ in range(100):
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    os.close(reading)


async def test_a_reader_that_is_gone_is_an_error(pipe: tuple[int, io.TextIOWrapper]) -> None:
    """The next line raises BrokenPipeError."""
    reading, stream = pipe
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        await LineWriter(stream).write("x")


async def test_a_reader_that_leaves_is_noticed_without_a_line(pipe: tuple[int, io.TextIOWrapper]) -> None:
    """The future stays pending until then."""
    reading, stream = pipe
    with LineWriter(stream).watched() as gone:
        await asyncio.sleep(0)
        assert not gone.done()
        closing = threading.Timer(0, os.close, (reading,))
        closing.start()
        await gone
        closing.join()


async def test_what_is_no_pipe_has_no_reader_to_watch(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file never counts as closed by its reader."""
    path = tmp_path_factory.mktemp("out") / "lines"
    with path.open("w", encoding="utf-8") as stream:
        writer = LineWriter(stream)
        with writer.watched() as gone:
            await writer.write("a")
            assert not gone.done()
    assert path.read_text(encoding="utf-8") == "a\n"


async def test_a_stream_without_a_descriptor_is_written_to_as_it_is() -> None:
    """As in a program that replaced sys.stdout."""
    stream = io.StringIO()
    await LineWriter(stream).write("a")
    assert stream.getvalue() == "a\n"


async def test_a_character_that_cannot_be_written_is_escaped() -> None:
    """Characters that the locale lacks are escaped."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="ascii") as stream:
        writer = LineWriter(stream)
        assert not writer.takes_unicode
        await writer.write("ü")
        assert os.read(reading, 100) == b"\\xfc\n"
    os.close(reading)
    assert LineWriter(io.StringIO()).takes_unicode
