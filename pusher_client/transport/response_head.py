"""Reads the head of an HTTP/1 response as far as an opening needs it: status, headers, and what follows (RFC 9112)."""

from __future__ import annotations

import http
import re
from collections.abc import Mapping

__all__ = ["HeadReader"]

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?: [^\r\n]*)?\r?\n")
_BEGINNING = b"HTTP/1."
_LONGEST_LINE = 8192
_LONGEST_HEAD = 64 * 1024
_MOST_INTERIM_HEADS = 16
_END = b"\r\n\r\n"


class HeadReader:
    """Reads bytes until the head of the final response is complete; interim responses (1xx) are skipped.

    Attributes:
        status: The status of the final response, as soon as its status line is complete; the rest of a refusal may not
            come (promise C5).
        head: The final response's head, from the status line's end to the empty line, once it is complete.
        rest: What followed the head.
    """

    def __init__(self) -> None:
        self._data = b""
        self._interim = 0
        self.status: int | None = None
        self.head: bytes | None = None
        self.rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Read the bytes that follow.

        Raises:
            ValueError: They are not the head of an HTTP/1 response; the message says what they are.
        """
        self._data += data
        while self.head is None and self._read_head():
            pass

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that have come so far, by their names in lower case; of a repeated one the last."""
        lines = (self._data if self.head is None else self.head).split(b"\n")
        fields = (line.decode("latin-1").partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, colon, value in fields if colon}

    def _read_head(self) -> bool:
        """Read one head; return whether it was an interim one, behind which another follows."""
        data = self._data
        match = _STATUS_LINE.match(data)
        if match is None:
            self._check_beginning()
            return False
        status = int(match[1])
        end = data.find(_END, match.end() - 2)
        interim = status < http.HTTPStatus.OK and status != http.HTTPStatus.SWITCHING_PROTOCOLS
        if not interim:
            self.status = status
        if end < 0:
            if len(data) > _LONGEST_HEAD:
                raise ValueError(f"an HTTP response with headers of more than {_LONGEST_HEAD} bytes")
            return False
        following = data[end + len(_END) :]
        if interim:
            self._data = following
            self._interim += 1
            if self._interim > _MOST_INTERIM_HEADS:
                raise ValueError(f"more than {_MOST_INTERIM_HEADS} interim HTTP responses (1xx)")
            return True
        self.head, self.rest = data[match.end() : end + len(_END)], following
        return False

    def _check_beginning(self) -> None:
        """Hold that what has come may become a status line."""
        data = self._data
        if data.startswith((b"\x15\x03", b"\x16\x03")):
            raise ValueError("TLS, so the port speaks TLS (tls=True)")
        if data[: len(_BEGINNING)] != _BEGINNING[: len(data)] or b"\n" in data or len(data) > _LONGEST_LINE:
            raise ValueError("something other than HTTP")
