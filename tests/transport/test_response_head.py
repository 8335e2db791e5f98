"""The head of an HTTP response, read from bytes."""

from __future__ import annotations

import pytest

from pusher_client.transport.response_head import HeadReader


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_head_in_pieces(size: int) -> None:
    """However it is cut: status, headers, and what follows (RFC 9112)."""
    reader, tail = HeadReader(), b""
    data = b"HTTP/1.1 102 Wait\r\nA: 1\r\n\r\nHTTP/1.0 200\r\nA: 2\r\na: 3\r\nB : 4\r\nodd\r\n\r\nrest"
    for start in range(0, len(data), size):
        if reader.head is None:
            reader.feed(data[start : start + size])
            tail = data[start + size :]
    assert (reader.status, reader.head) == (200, b"A: 2\r\na: 3\r\nB : 4\r\nodd\r\n\r\n")
    assert reader.headers == {"a": "3", "b": "4"}
    assert reader.rest + tail == b"rest"


def test_a_status_is_known_before_the_head_is_complete() -> None:
    """The rest of a refusal may never come; interim responses are not one (C5)."""
    reader = HeadReader()
    reader.feed(b"HTTP/1.1 100 Continue\r\n")
    assert not reader.status
    reader.feed(b"\r\nHTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent")
    assert reader.head is None
    assert (reader.status, reader.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"nonsense", "something other than HTTP"),
        (b"HTTP/2 200\r\n", "something other than HTTP"),
        (b"HTTP/1.1 20\r\n", "something other than HTTP"),
        (b"HTTP/1.1 2000\r\n", "something other than HTTP"),
        (b"HTTP/1." + b"1" * 9000, "something other than HTTP"),
        (b"\r\n", "something other than HTTP"),
        (b"\x16\x03\x01", "tls=True"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000, "headers of more than 65536 bytes"),
        (b"HTTP/1.1 103\r\n\r\n" * 17, "more than 16 interim HTTP responses"),
    ],
)
def test_what_is_not_a_head(data: bytes, words: str) -> None:
    """The error says what came instead, and is bounded (R6, R8)."""
    with pytest.raises(ValueError, match=words):
        HeadReader().feed(data)
