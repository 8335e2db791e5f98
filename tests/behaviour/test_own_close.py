"""What this side closes because of what the server sent, and what it says about it."""

from __future__ import annotations

import asyncio
import http
import logging

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from pusher_client import ReconnectPolicy, SubscriptionError
from tests.support.scripted_server import scripted

POLICY = ReconnectPolicy(base=0.001, factor=1.0, cap=0.06, max_per_minute=1000)


async def test_a_message_over_the_limit_is_our_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """Log, ``error`` event and the pending subscription have the size, the limit and the option (design.md 10, R7)."""
    caplog.set_level(logging.INFO)
    errors: list[object] = []
    async with scripted() as peer:
        large = {"event": "pusher_internal:subscription_succeeded", "channel": "news", "data": "x" * 1000}
        peer.answers["news"] = [large]
        async with peer.client(max_message_size=500, subscribe_timeout=0.5, reconnect=POLICY) as client:
            client.connection.bind("error", errors.append)
            with pytest.raises(SubscriptionError) as caught:
                await client.subscribe("news")
    words = "closed the connection with code 1009: the server sent a message of 10"
    limit = "bytes or more, over max_message_size (500 bytes)"
    for shown in (str(caught.value), str(errors[0]), caplog.text):
        assert words in shown
        assert limit in shown
    assert "the server closed the connection" not in caplog.text


async def test_a_busy_server_says_when_to_return(caplog: pytest.LogCaptureFixture) -> None:
    """``Retry-After`` at the upgrade delays the next attempt, within the policy's cap (design.md 10, R2)."""
    answers = iter([http.HTTPStatus.TOO_MANY_REQUESTS])

    def answer(connection: ServerConnection, _request: Request) -> Response | None:
        status = next(answers, None)
        if status is None:
            return None
        response = connection.respond(status, "no")
        response.headers["Retry-After"] = "30"
        return response

    policy = ReconnectPolicy(base=0, cap=0.25, max_per_minute=1000)
    async with scripted(process_request=answer) as peer, asyncio.timeout(10):
        started = asyncio.get_running_loop().time()
        async with peer.client(reconnect=policy):
            assert asyncio.get_running_loop().time() >= started + 0.2
    assert "refused the upgrade with HTTP 429" in caplog.text
    assert "next attempt in 0.2 s" in caplog.text or "next attempt in 0.3 s" in caplog.text
