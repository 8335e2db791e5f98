"""An outage of an hour, in virtual time, with all that the client logs (design.md 10, R2, R5)."""

from __future__ import annotations

import asyncio
import logging

import pytest
from websockets.asyncio.server import serve

from pusher_client import ConnectionState, Event, ReconnectPolicy
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.opener import WebSocketOpener
from tests.support.fast_forward import skipping
from tests.support.scripted_server import SILENT, Scripted

HOUR = 3600.0
POLICY = ReconnectPolicy()


def test_the_log_of_an_hour_without_a_server(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One warning per attempt, three a minute at most, then one gap; 20 channels add no line each (R2, R5)."""
    real, gaps = WebSocketOpener.open, list[Event]()

    async def outage() -> None:
        peer = Scripted()
        async with (
            serve(peer.talk, "127.0.0.1", 0, logger=SILENT) as peer.server,
            peer.client(reconnect=POLICY) as client,
        ):
            client.bind("pusher:gap", gaps.append)
            await asyncio.gather(*(client.subscribe(f"channel-{number}") for number in range(20)))
            loop = asyncio.get_running_loop()
            end = loop.time() + HOUR

            async def open_after_the_outage(*arguments: object) -> object:
                if loop.time() < end:
                    raise OpenError(OpenFailure.NETWORK, None, "the connection was refused")
                return await real(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr(WebSocketOpener, "open", open_after_the_outage)
            back = asyncio.Event()
            client.connection.bind("connected", lambda _: back.set())
            peer.sockets[-1].transport.abort()
            await back.wait()
            while len(gaps) < 20:
                await asyncio.sleep(0.1)
            assert client.state is ConnectionState.CONNECTED
            assert loop.time() - end < 70

    caplog.set_level(logging.INFO, "pusher_client")
    skipping(outage())
    records = [record for record in caplog.records if record.name.startswith("pusher_client")]
    warnings = [record.getMessage() for record in records if record.levelno >= logging.WARNING]
    refused = [text for text in warnings if "the connection was refused" in text]
    gap_lines = [text for text in warnings if "may be missing" in text]
    assert len([text for text in warnings if "lost the connection" in text]) == 1
    assert 60 <= len(refused) <= 180
    assert len(warnings) == 1 + len(refused) + len(gap_lines)
    assert len(gap_lines) <= 20
    states = [record.getMessage() for record in records if "connection state" in record.getMessage()]
    assert len(states) <= 8
    assert len(records) <= len(warnings) + len(states) + 4
