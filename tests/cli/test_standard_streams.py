"""The replaced standard streams, in this process; tests/cli/test_edges.py has the processes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pusher_client.cli.standard_streams import OutputError, check_text, end_output, guard_streams


def use(monkeypatch: pytest.MonkeyPatch, *names: str, path: str = os.devnull) -> None:
    """Replace the standard streams of this process."""
    for name in ("stdin", "stdout", "stderr"):
        stream = Path(path).open("r" if name == "stdin" else "w", encoding="ascii") if name in names else None  # noqa: SIM115 - closed by end()
        monkeypatch.setattr(sys, name, stream)


def end() -> None:
    """Close the streams and their descriptors."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(OSError, OutputError):
            stream.close()


def test_closed_streams_fail_where_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is the exception: the complaint has no other place."""
    with monkeypatch.context() as replaced:
        use(replaced)
        guard_streams()
        with pytest.raises(OSError, match="Bad file descriptor"):
            sys.stdin.read()
        sys.stderr.write("lost\n")
        sys.stderr.flush()
        sys.stdout.write("lost\n")
        assert end_output() == "standard output cannot be written: it is closed"
        assert end_output() is None
        end()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the write or at the flush, whichever notices it."""
    with monkeypatch.context() as replaced:
        use(replaced, "stdin", "stdout", "stderr", path="/dev/full")
        guard_streams()
        sys.stdout.write("é")
        with pytest.raises(OutputError) as caught:
            sys.stdout.flush()
        assert (caught.value.code, caught.value.message) == (
            1,
            "standard output cannot be written: No space left on device",
        )
        with pytest.raises(OutputError):
            sys.stdout.write("x" * 100_000)
        assert sys.stderr.write("x" * 100_000) == 100_000
        assert end_output() is not None
        end()


def test_a_reader_that_is_gone_is_a_normal_end() -> None:
    """Exit code 0, without a line."""
    error = OutputError(BrokenPipeError(32, "Broken pipe"))
    assert (error.code, error.message) == (0, None)


def test_characters_that_the_encoding_lacks_are_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In both outputs; lone surrogates, too."""
    with monkeypatch.context() as replaced:
        buffers = {name: io.BytesIO() for name in ("stdout", "stderr")}
        for name, buffer in buffers.items():
            replaced.setattr(sys, name, io.TextIOWrapper(buffer, encoding="ascii"))
        guard_streams()
        for stream in (sys.stdout, sys.stderr):
            stream.write("é\udcff")
            stream.flush()
        assert end_output() is None
        assert {buffer.getvalue() for buffer in buffers.values()} == {b"\\xe9\\udcff"}


def test_bytes_that_are_not_text_are_named_without_their_value() -> None:
    """Variables of other programs may be anything."""
    assert check_text(["a", "b"], {"PUSHER_KEY": "é", "PATH": "\udcff"}) is None
    assert str(check_text(["a", "\udcff"], {})).startswith("argument 2 is not text in ")
    assert str(check_text([], {"PUSHER_KEY": "\udcff"})).startswith("PUSHER_KEY is not text in ")


@pytest.mark.parametrize(("given", "used"), [("0", None), ("", None), ("100", "100"), ("x", "x")])
def test_a_width_of_nothing_is_ignored(monkeypatch: pytest.MonkeyPatch, given: str, used: str | None) -> None:
    """Output would be cut to nothing."""
    with monkeypatch.context() as replaced:
        replaced.setenv("COLUMNS", given)
        for name in ("stdout", "stderr"):
            replaced.setattr(sys, name, io.TextIOWrapper(io.BytesIO()))
        guard_streams()
        assert os.environ.get("COLUMNS") == used
