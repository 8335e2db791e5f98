"""Unexpected errors in the opener, the reader and the writer of a connection (promise R7)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from pusher_client import ConnectError, ConnectionState, PusherClient
from pusher_client.transport.opener import WebSocketOpener
from pusher_client.transport.websocket import WebSocket
from tests.support.scripted_server import scripted

SECRET = "a secret in a message"


async def fail(*_: object) -> Any:
    raise LookupError(SECRET)


async def test_an_error_while_opening_ends_connect(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The error names type and place, never the message, and the client is down (R2, C3)."""
    monkeypatch.setattr(WebSocketOpener, "open", fail)
    client = PusherClient("key", host="127.0.0.1", port=9, tls=False)
    with pytest.raises(ConnectError, match=r"unexpected LookupError in test_unexpected_errors.py, line \d+"):
        await client.connect()
    assert client.state is ConnectionState.FAILED
    assert SECRET not in caplog.text


@pytest.mark.parametrize("error", [OSError(5, "input/output error"), RuntimeError(SECRET), TimeoutError()])
async def test_an_error_that_may_pass_is_retried(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a failed attempt with its cause in the log (R2)."""
    real = WebSocketOpener.open
    errors = [error]

    async def open_later(*arguments: Any) -> WebSocket:
        if errors:
            raise errors.pop()
        return await real(*arguments)

    monkeypatch.setattr(WebSocketOpener, "open", open_later)
    async with scripted() as peer, peer.client():
        assert len([text for text in caplog.messages if "could not connect" in text]) == 1
    assert SECRET not in caplog.text


async def test_an_error_while_reading_costs_one_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is closed and another one opened (R7, C3)."""
    real, failures = WebSocket.read, [fail]

    async def read(*arguments: Any) -> None:
        await (failures.pop() if failures else real)(*arguments)

    monkeypatch.setattr(WebSocket, "read", read)
    async with scripted() as peer, peer.client():
        assert failures == []
    assert "the connection is closed after an unexpected LookupError" in caplog.text
    assert SECRET not in caplog.text


async def test_an_error_while_sending_costs_one_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is closed and another one opened, on which the subscription is made (R7, C3)."""
    real, failures = WebSocket.drain, [fail]

    async def drain(*arguments: Any) -> Any:
        return await (failures.pop() if failures else real)(*arguments)

    monkeypatch.setattr(WebSocket, "drain", drain)
    async with scripted() as peer, peer.client() as client:
        await client.subscribe("orders")
    assert "sending failed with an unexpected LookupError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("name", ["pusher_client socket", "pusher_client shutdown"])
async def test_a_cancelled_task_ends_the_client(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A task of the connection that something else cancels: one warning, no other connection (R6)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        (task,) = (task for task in asyncio.all_tasks() if task.get_name() == name)
        task.cancel()
        await client.wait_closed()
        assert client.state is ConnectionState.DISCONNECTED
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
    assert len([text for text in caplog.messages if "still connected when its tasks were cancelled" in text]) == 1
