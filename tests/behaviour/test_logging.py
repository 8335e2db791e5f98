"""What the log has, and at which level: warnings need attention, errors are failures that are not retried."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from pusher_client import AuthorizationError, ChannelAuthorization, ConnectError, SecretAuthorizer
from pusher_client.testing import PusherServer

CHANNEL = "private-encrypted-orders"
LOGGERS = ("pusher_client", "pusher_client.retries")


class Guard:
    """An authorizer, one channel or many at a time, that lets in once and then refuses.

    Args:
        server: Whose keys it has.
    """

    def __init__(self, server: PusherServer) -> None:
        master_key = server.encryption_master_key_base64
        self._sign = SecretAuthorizer(server.key, server.secret, encryption_master_key_base64=master_key)
        self._asked = False

    async def one(self, channel: str, socket_id: str) -> ChannelAuthorization:
        if self._asked:
            raise AuthorizationError(channel, "not any more", status=403)
        self._asked = True
        return await self._sign(channel, socket_id)

    async def many(self, channels: Sequence[str], socket_id: str) -> dict[str, Any]:
        return {channel: await self.one(channel, socket_id) for channel in channels}


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return what the client has logged: level and words."""
    return [(entry.levelname, entry.getMessage()) for entry in caplog.records if entry.name in LOGGERS]


@pytest.mark.parametrize("way", ["one", "many"])
async def test_a_key_that_is_refused(way: str, pusher_server: PusherServer, caplog: pytest.LogCaptureFixture) -> None:
    """The request is information; that it failed, and why, is a warning, as is every event that it costs (R5)."""
    guard = Guard(pusher_server)
    options: dict[str, Any] = {
        "one": {"authorizer": guard.one},
        "many": {"authorizer": None, "batch_authorizer": guard.many},
    }
    caplog.set_level(logging.DEBUG)
    async with pusher_server.client(**options[way]) as client:
        await client.subscribe(CHANNEL)
        assert not any(level == "WARNING" for level, _ in said(caplog))
        assert not any("asking" in words for _, words in said(caplog))
        async with client.events("pusher:decryption_failure") as failures:
            await pusher_server.rotate_key()
            await pusher_server.trigger(CHANNEL, "order-created", 1)
            await anext(failures)
    entries = said(caplog)
    assert ("INFO", f"{CHANNEL}: an event does not open; asking for the channel's key anew") in entries
    (refused,) = [words for level, words in entries if level == "WARNING" and words.startswith("there is no new key: ")]
    assert "not any more" in refused
    lost = f"{CHANNEL}: an event 'order-created' could not be opened: authorization_failed"
    assert ("WARNING", lost) in entries


async def test_the_link(pusher_server: PusherServer, caplog: pytest.LogCaptureFixture) -> None:
    """Connects and disconnects are INFO; a loss is a WARNING with its cause, and a final failure an ERROR (R2)."""
    caplog.set_level(logging.INFO)
    async with pusher_server.client() as client:
        assert said(caplog)[-1] == ("INFO", "connection state: connecting -> connected")
        async with client.events("pusher:gap") as gaps:
            await client.subscribe(CHANNEL)
            pusher_server.close(4200, "again, please")
            await anext(gaps)
        entries = said(caplog)
        assert any(level == "WARNING" and "again, please" in words for level, words in entries)
        assert any(level == "WARNING" and words.endswith(" s may be missing") for level, words in entries)
        assert not any(level == "ERROR" for level, _ in entries)
        pusher_server.close(4001, "no such key")
        with pytest.raises(ConnectError, match="no such key"):
            await client.wait_closed()
    errors = [words for level, words in said(caplog) if level == "ERROR"]
    assert any("is not retried" in words and "no such key" in words for words in errors)
