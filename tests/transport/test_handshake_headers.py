"""``Origin`` and further headers of the handshake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pusher_client import ConnectError, PusherClient
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.handshake_headers import HandshakeHeaders
from pusher_client.transport.open_error import OpenError
from tests.support.canaries import texts_of_error
from tests.support.scripted_server import scripted

CANARY = "canary-4711"


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.com", "http://localhost:8000", "http://[::1]:8000", "chrome-extension://abc", "null"],
)
def test_origins(origin: str) -> None:
    """What browsers send (RFC 6454 7)."""
    assert HandshakeHeaders(origin, None).origin == origin


@pytest.mark.parametrize(
    "origin",
    ["", "app.example.com", "https://", "https://a/", "https://a/b", "https://a?b", "https://u@a", "https://a:x",
     "https://a\r\nX: y", "https://münchen.example", "https://[", "https://a:0", " https://a"],
)  # fmt: skip
def test_what_is_not_an_origin(origin: str) -> None:
    """The error shows the form."""
    with pytest.raises(ValueError, match=r"^origin .* 'https://app\.example\.com'"):
        HandshakeHeaders(origin, None)


def test_an_origin_of_another_type() -> None:
    """It is an error at construction."""
    with pytest.raises(TypeError, match="origin is a string"):
        HandshakeHeaders(1, None)  # type: ignore[arg-type]  # the mistake that is tested


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"X Y": CANARY}, "a name that HTTP does not allow"),
        ({"": CANARY}, "a name that HTTP does not allow"),
        ({"X:": CANARY}, "a name that HTTP does not allow"),
        ({1: CANARY}, "a name that HTTP does not allow"),
        ({"origin": CANARY}, "origin="),
        ({"Host": CANARY}, "which the handshake sets itself"),
        ({"Sec-WebSocket-Protocol": CANARY}, "which the handshake sets itself"),
        ({"X": f"{CANARY}\r\nY: z"}, "the value of X contains a line break"),
        ({"X": f"{CANARY}\0"}, "the value of X contains a line break"),
        ({"X": f"{CANARY}\ud800"}, "the value of X contains a line break"),
        ({"X": CANARY.encode()}, "the value of X is a string"),
        ({"X": None}, "the value of X is a string"),
        (CANARY, "a mapping of names to values"),
        ([("X", CANARY)], "a mapping of names to values"),
    ],
)
async def test_headers_that_cannot_be_sent(headers: Any, words: str) -> None:
    """They are an error at construction, or of the attempt; its text has the name and not the value (C3)."""
    with pytest.raises((TypeError, ValueError), match=words) as caught:
        PusherClient("KEY", cluster="eu", headers=headers)
    assert CANARY not in texts_of_error(caught.value, __file__)

    async def function() -> Any:
        return headers

    with pytest.raises(OpenError) as failed:
        await HandshakeHeaders(None, function).evaluate()
    assert failed.value.failure is OpenFailure.OPTION
    assert CANARY not in failed.value.reason


async def test_a_function_that_is_not_async() -> None:
    """It is found at the first attempt, which is final."""

    def function() -> Any:
        return {"X": "y"}

    with pytest.raises(ConnectError, match="is an async function"):
        await PusherClient("KEY", host="127.0.0.1", tls=False, headers=function).connect()


async def test_a_function_that_fails() -> None:
    """Its token may be available later, so the attempt is repeated; its message is not shown (R2, C3)."""

    async def function() -> Mapping[str, str]:
        raise LookupError(CANARY)

    with pytest.raises(OpenError, match="raised LookupError") as failed:
        await HandshakeHeaders(None, function).evaluate()
    assert failed.value.failure is OpenFailure.NETWORK
    assert failed.value.__context__ is None
    assert CANARY not in failed.value.reason


async def test_headers_are_sent_with_each_handshake(caplog: pytest.LogCaptureFixture) -> None:
    """A function is called for each attempt; no log shows a value (design.md 10, C3)."""
    caplog.set_level(1)
    tokens = iter(range(10))

    async def function() -> Mapping[str, str]:
        return {"Authorization": f"{CANARY}-{next(tokens)}", "X-Name": "é"}

    async with scripted() as peer, peer.client(origin="https://app.example.com", headers=function) as client:
        requests = [peer.sockets[0].request]
        await peer.sockets[0].close()
        await peer.connected(2)
        requests.append(peer.sockets[-1].request)
        sent = [request.headers for request in requests if request is not None]
        assert [headers["Authorization"] for headers in sent] == [f"{CANARY}-0", f"{CANARY}-1"]
        assert [headers["Origin"] for headers in sent] == ["https://app.example.com"] * 2
        assert CANARY not in repr(client) + repr(vars(client))
    assert CANARY not in caplog.text


async def test_a_mapping_and_the_environment_s_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixed headers go out as they are; ``PUSHER_ORIGIN`` is read by `PusherClient.from_env` (design.md 2)."""
    async with scripted() as peer:
        for name, value in {"KEY": "KEY", "HOST": "127.0.0.1", "PORT": str(peer.port), "TLS": "0"}.items():
            monkeypatch.setenv(f"PUSHER_{name}", value)
        monkeypatch.setenv("PUSHER_ORIGIN", "http://localhost")
        async with PusherClient.from_env(headers={"User-Agent": "mine"}, proxy=None):
            request = peer.sockets[0].request
            assert request is not None
            assert (request.headers["Origin"], request.headers["User-Agent"]) == ("http://localhost", "mine")
