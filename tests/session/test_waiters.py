"""Callers that wait for a result or for the end of a connection."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ConnectionState,
    Event,
)
from tests.support.scripted_server import scripted


@pytest.mark.parametrize("cancelled", ["before", "behind"])
async def test_a_result_that_nobody_waits_for_any_more_is_no_alarm(
    cancelled: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that is cancelled just as its call fails leaves nothing behind, in the log either (R6)."""
    async with scripted() as peer, peer.client() as client:
        peer.answers["orders"] = []
        pending = asyncio.ensure_future(client.subscribe("orders"))
        await peer.heard("pusher:subscribe")
        if cancelled == "before":
            pending.cancel()
        await client.unsubscribe("orders")
        if cancelled == "behind":
            pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        del pending
        gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_the_end_is_told_to_those_who_still_wait_for_it() -> None:
    """A call of wait_closed() that is cancelled just as the connection ends costs the others nothing (R6)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect()
        given_up, patient = (asyncio.ensure_future(client.wait_closed()) for _ in range(2))
        await asyncio.sleep(0)
        given_up.cancel()
        await client.disconnect()
        await patient
        assert given_up.cancelled()
        assert client.state is ConnectionState.DISCONNECTED


async def test_a_handler_may_give_up_the_call_whose_failure_it_hears_of() -> None:
    """The pending result is discarded then, and everything else continues (R6, R7)."""

    async def refuse(channel: str, _socket_id: str) -> Any:
        raise AuthorizationError(channel, "no", status=403)

    async with scripted() as peer, peer.client(authorizer=refuse) as client:
        channel, call = client.channel("private-a"), client.subscribe("private-a")
        stream, given_up = channel.events(), list[str]()

        @channel.bind("pusher:subscription_error")
        def give_up(event: Event) -> None:
            with pytest.raises(asyncio.CancelledError):
                call.throw(asyncio.CancelledError())
            given_up.append(event.name)

        call.send(None)
        with pytest.raises(AuthorizationError):
            await anext(stream)
        assert given_up == ["pusher:subscription_error"]
        await client.subscribe("orders")
        assert peer.connects == 1
