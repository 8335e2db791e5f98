"""The opening handshake without a socket; tests/transport/test_opener.py has refusals over real sockets."""

from __future__ import annotations

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.handshake import Handshake
from pusher_client.transport.open_error import OpenError

URL = "ws://localhost:6001/app/KEY?protocol=7"


def exchange(handshake: Handshake) -> tuple[Request, bytes]:
    """Return the request as a server reads it, and the answer that accepts it."""
    server = ServerProtocol()
    server.receive_data(handshake.request())
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    return request, b"".join(server.data_to_send())


def refusal(answer: bytes) -> OpenError:
    """Return the error for an answer."""
    handshake = Handshake(URL)
    handshake.request()
    with pytest.raises(OpenError) as caught:
        handshake.receive(answer)
    assert caught.value.__cause__ is None
    return caught.value


def test_the_request() -> None:
    """It has what RFC 6455 4.1 demands, offers no compression, and says who asks."""
    request, _ = exchange(Handshake(URL))
    assert request.path == "/app/KEY?protocol=7"
    assert dict(request.headers.raw_items()).keys() == {
        "Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "User-Agent",
    }  # fmt: skip
    assert request.headers["Host"] == "localhost:6001"
    assert request.headers["User-Agent"] == "pusher-client-python"


def test_origin_and_headers() -> None:
    """Further headers go out as they are given, repeated ones too; a user agent replaces ours (design.md 2)."""
    headers = [("X-One", "1"), ("X-One", "2"), ("user-agent", "other")]
    request, _ = exchange(Handshake(URL, origin="https://a.example", headers=headers))
    assert request.headers["Origin"] == "https://a.example"
    assert request.headers.get_all("X-One") == ["1", "2"]
    assert request.headers.get_all("User-Agent") == ["other"]


@pytest.mark.parametrize("reason", [b"Switching Protocols", b"", b"\xff"])
@pytest.mark.parametrize(
    "before", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3, b"HTTP/1.1 100\r\n\r\n"]
)
def test_an_upgrade_is_accepted(before: bytes, reason: bytes) -> None:
    """Interim responses before it are skipped; its reason phrase does not matter, or is missing (RFC 9110 15.2)."""
    handshake = Handshake(URL)
    _, answer = exchange(handshake)
    handshake.receive(before + answer.replace(b"101 Switching Protocols", b"101 " + reason) + b"rest")
    assert handshake.rest == b"rest"
    assert not handshake.refused


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x", "header Sec-WebSocket-Accept"),
        (b"Upgrade: websocket", b"Upgrade: h2c", "header Upgrade"),
        (b"Connection: Upgrade", b"Connection: close", "header Connection"),
        (b"Connection: Upgrade", b"Connection", "malformed"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: canary\r\n\r\n", "is invalid"),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: canary\r\n\r\n", "is invalid"),
    ],
)
def test_an_upgrade_that_does_not_fit_the_request(old: bytes, new: bytes, words: str) -> None:
    """The error names the header, and repeats nothing of it (R2, C3)."""
    handshake = Handshake(URL)
    _, answer = exchange(handshake)
    with pytest.raises(OpenError, match=words) as caught:
        handshake.receive(answer.replace(old, new))
    assert (caught.value.failure, caught.value.status) == (OpenFailure.NETWORK, None)
    assert "canary" not in caught.value.reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS, so the port speaks TLS (tls=True)"),
        (b"220 mail.example ESMTP\r\n", "something other than HTTP"),
        (b"-ERR unknown command\r\n", "something other than HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "something other than HTTP"),
    ],
)
def test_an_answer_that_is_not_http(answer: bytes, words: str) -> None:
    """The error says what the server speaks (R2)."""
    error = refusal(answer)
    assert (error.failure, error.reason) == (OpenFailure.NETWORK, f"the server answered {words}")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 426, 500])
def test_a_refusal_has_its_status(status: int) -> None:
    """Neither its headers nor its text are shown (R2, C3)."""
    error = refusal(f"HTTP/1.1 {status} canary\r\nX-Secret: canary\r\n\r\ncanary".encode())
    assert (error.failure, error.status, error.retry_after) == (OpenFailure.HTTP, status, None)
    assert error.reason == f"the server refused the upgrade with HTTP {status}"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://login.example:8443/a/b/sign-in?token=canary", "https://login.example:8443/…/sign-in"),
        ("https://user:canary@login.example/login", "https://login.example/login"),
        ("/login/", "/login"),
        ("//other.example", "//other.example/"),
        ("https://[canary", None),
        ("https://a.example:canary/", None),
        ("/log\x1bin", None),
        ("", None),
    ],
)
def test_a_redirect_names_its_target(location: str, shown: str | None) -> None:
    """Its origin and the last part of its path: the rest may hold a secret (C3, C5)."""
    error = refusal(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode())
    words = "" if shown is None else f", a redirect to {shown}, which is not followed"
    assert error.reason == f"the server refused the upgrade with HTTP 302{words}"


def test_retry_after() -> None:
    """The server's wish is part of the failure (R2)."""
    assert refusal(b"HTTP/1.1 429 Slow\r\nRetry-After: 6\r\n\r\n").retry_after == 6
