"""What is made of an endpoint's answers, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from pusher_client.exceptions import AuthorizationError
from tests.support.canaries import texts_of_error
from tests.support.endpoint_requests import (
    CHANNEL,
    GOOD,
    GOOD_BODY,
    SIGNATURE,
    ask,
    authorizer,
    endless,
)
from tests.support.scripted_endpoint import Received, Script, answer, json_answer, serve_endpoint


@pytest.mark.parametrize("status", ["200 OK", "201 Created"])
async def test_success(status: str) -> None:
    """Status 200 and 201 are success (6.5)."""
    async with serve_endpoint(json_answer(GOOD, status)) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]


@pytest.mark.parametrize(
    ("status", "words"),
    [(status, " failed") for status in (202, 205, 206, 500, 502, 503, 504, 599)]
    + [(status, " refused") for status in (400, 401, 403, 404, 405, 408, 410, 413, 418, 422, 425, 429, 451)]
    + [(status, "redirects are never followed") for status in (300, 301, 302, 303, 305, 307, 308)],
)
async def test_every_other_status_is_an_error(status: int, words: str) -> None:
    """Any other status is an AuthorizationError that has it, whatever the body says (6.5, R3)."""
    async with serve_endpoint(json_answer(GOOD, f"{status} Canary")) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert (error.channel, error.status, error.retry_after) == (CHANNEL, status, None)
    assert words in str(error)


async def test_retry_after() -> None:
    """A Retry-After of the endpoint is handed on in seconds (R3)."""
    async with serve_endpoint(json_answer({}, "503 Later", retry_after="7")) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert error.retry_after == 7.0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_reach_nobody(status: int) -> None:
    """A redirect is an error, and its target gets no request and no connection (C4)."""
    async with (
        serve_endpoint(json_answer(GOOD)) as target,
        serve_endpoint(json_answer(GOOD, f"{status} Moved", location=target.url)) as endpoint,
    ):
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert error.status == status
    assert (target.connections, len(endpoint.requests)) == (0, 1)


async def test_redirects_to_anywhere_are_not_followed() -> None:
    """Nor does one to the same origin lead to a second request, on which the form could go another way (C4)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        for status in (300, 301, 302, 303, 304, 305, 307, 308):
            for where in ("/other", "//localhost/auth", "?again", "https://127.0.0.1/auth", ""):
                endpoint.script = answer(f"{status} Moved", location=where)
                endpoint.requests.clear()
                with pytest.raises(AuthorizationError) as caught:
                    await authorize(CHANNEL, "12.34")
                assert caught.value.status == status
                assert len(endpoint.requests) == 1


async def test_no_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc for the endpoint's host is not read (C4)."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\ndefault login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        await authorizer(endpoint, headers=None)(CHANNEL, "12.34")
    assert "authorization" not in endpoint.requests[0].headers


BAD_ANSWERS: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"<html>canary-signature-4713</html>", "not JSON"),
    (b'{"auth": "KEY:canary-signature-4713"', "not JSON"),
    (b'{"auth": "\\ud800"}', "not JSON"),
    (b'{"auth": "\xff"}', "not JSON"),
    (b"[" * 60_000, "not JSON"),
    (b"null", "not a JSON object"),
    (b'"canary-signature-4713"', "not a JSON object"),
    (b'["canary-signature-4713"]', "not a JSON object"),
    (b"{}", "'auth'"),
    (b'{"auth": null}', "'auth'"),
    (b'{"auth": ""}', "'auth'"),
    (b'{"auth": ["canary-signature-4713"]}', "'auth'"),
    (b'{"auth": "KEY:canary-signature-4713", "channel_data": {}}', "'channel_data'"),
    (b'{"auth": "KEY:canary-signature-4713", "shared_secret": 5}', "'shared_secret' is not a string"),
    (b'{"auth": "KEY:canary-signature-4713", "shared_secret": "canary-signature-4713"}', "canonical base64"),
    (b'{"auth": "KEY:canary-signature-4713", "shared_secret": "Y2FuYXJ5"}', "6 bytes, not 32"),
]


@pytest.mark.parametrize(("body", "words"), BAD_ANSWERS)
async def test_an_answer_that_cannot_be_used(body: bytes, words: str) -> None:
    """A success without a usable object is an AuthorizationError with the reason (6.1, R3)."""
    async with serve_endpoint(answer(body=body)) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert words in str(error)
    assert (error.channel, error.status) == (CHANNEL, 200)
    assert SIGNATURE not in texts_of_error(error, __file__)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "identity, gzip", "x"])
async def test_a_compressed_answer_is_not_inflated(coding: str) -> None:
    """What was not asked for is refused before a byte of it is read, so that no bomb goes off (C4)."""
    bomb = gzip.compress(b" " * 50_000_000)
    async with serve_endpoint(answer(body=bomb, content_encoding=coding)) as endpoint:
        error = await ask(endpoint)
    assert "compressed" in str(error)


async def test_the_identity_coding_is_plain() -> None:
    """An answer that says it is not compressed is read (C4)."""
    async with serve_endpoint(json_answer(GOOD, content_encoding=" Identity ")) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]


async def test_the_longest_answer() -> None:
    """64 KiB are read; one byte more is refused (C4)."""
    padding = b" " * (64 * 1024 - len(GOOD_BODY))
    async with serve_endpoint(answer(body=GOOD_BODY + padding)) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]
        endpoint.script = answer(body=GOOD_BODY + padding + b" ")
        assert "longer than 65536 bytes" in str(await ask(endpoint))


@pytest.mark.parametrize("script", [answer(body=GOOD_BODY + b" " * 10_000_000), endless], ids=["10 MB", "endless"])
async def test_a_huge_answer(script: Script) -> None:
    """A huge or endless answer is refused at the cap, and its connection closed (C4, R6)."""
    async with serve_endpoint(script) as endpoint:
        assert "longer than 65536 bytes" in str(await ask(endpoint))


def chunked(*chunks: bytes, head: str = "") -> Script:
    """Return a script that answers these chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body + b"0\r\n\r\n")

    return script


async def test_the_longest_answer_in_chunks() -> None:
    """The limit counts what comes, and not what a header says of it (C4)."""
    rest = b" " * (64 * 1024 - len(GOOD_BODY))
    async with serve_endpoint(chunked(GOOD_BODY, rest)) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]
        endpoint.script = chunked(GOOD_BODY, rest, b" ")
        assert "longer than 65536 bytes" in str(await ask(endpoint))
        endpoint.script = chunked(*([b" " * 16] * 4_097))
        assert "longer than 65536 bytes" in str(await ask(endpoint))


@pytest.mark.parametrize(
    ("length", "outcome"),
    [
        ("10", AuthorizationError),  # what follows is not the answer's any more, and half of JSON is none
        ("0", AuthorizationError),
        ("100000000000", ConnectionError),  # and then it hangs up
        ("-1", ConnectionError),
        ("one", ConnectionError),
        (f"{len(GOOD_BODY)}, {len(GOOD_BODY) + 1}", ConnectionError),
    ],
)
async def test_a_length_that_lies(length: str, outcome: type[Exception]) -> None:
    """Nothing is made of the rest, and no secret of either part is shown (C4, C3)."""

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + GOOD_BODY)
        writer.close()

    async with serve_endpoint(script) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, outcome)
    assert SIGNATURE not in texts_of_error(error, __file__)


async def test_what_is_compressed_in_secret_is_not_json() -> None:
    """Bytes that are compressed without a word of it are not inflated either (C4)."""
    async with serve_endpoint(answer(body=gzip.compress(GOOD_BODY))) as endpoint:
        assert "not JSON" in str(await ask(endpoint))


def bomb(*pieces: bytes) -> Script:
    """Return a script that sends the last piece for ever."""

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
        while True:
            writer.write(pieces[-1] * 100)
            await writer.drain()

    return script


BOMBS: dict[str, Script] = {
    "one header": bomb(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000),
    "many headers": bomb(b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n" * 100),
    "a status line": bomb(b"HTTP/1.1 200 ", b"O" * 1000),
    "a trailer": bomb(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: 1\r\n" * 100),
    "the length of a chunk": bomb(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b"0" * 1000),
    "early hints": bomb(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("script", BOMBS.values(), ids=BOMBS)
async def test_what_comes_beside_a_body_is_bounded_too(script: Script) -> None:
    """Headers, trailers and what precedes an answer are cut off, by their size or by the timeout (C4, R6)."""
    tracemalloc.start()
    try:
        async with serve_endpoint(script) as endpoint:
            error = await ask(endpoint, timeout=0.3)
        assert isinstance(error, OSError)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


async def test_a_byte_order_mark_is_skipped() -> None:
    """Some servers write one before UTF-8 (R8)."""
    body = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    async with serve_endpoint(answer(body=body, content_type="application/json")) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]


@pytest.mark.parametrize("text", [json.dumps(json.dumps(GOOD)), json.dumps(" " + json.dumps(GOOD))])
async def test_json_inside_of_json_is_named(text: str) -> None:
    """An endpoint that encodes twice learns it, and nothing is repeated (C3)."""
    async with serve_endpoint(answer(body=text.encode())) as endpoint:
        error = await ask(endpoint)
    assert "its answer is a JSON string with JSON in it: encode the object once, not twice" in str(error)
    assert SIGNATURE not in str(error)


@pytest.mark.parametrize("text", ['"{"', '"{canary"', '"text"'])
async def test_another_string_is_not_an_object(text: str) -> None:
    """It is not taken for JSON inside of JSON."""
    async with serve_endpoint(answer(body=text.encode())) as endpoint:
        error = await ask(endpoint)
    assert "inside" not in str(error)
    assert "JSON in it" not in str(error)
