"""Certificates, an encrypted channel, what must never be readable on the way, and clients that cannot connect."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trustme
from nacl.secret import SecretBox

from pusher_client import Event, PusherClient
from tests.support.scripted_endpoint import ScriptedEndpoint, json_answer
from tests.support.scripted_server import Scripted

__all__ = ["CHANNEL", "KEY", "SIGNED", "TOKEN", "connecting", "read_encrypted", "readable", "serving", "trusting"]

CHANNEL = "private-encrypted-orders"
KEY = "canary-key-4711"
TOKEN = "canary-token-4712"
_SIGNATURE = "canary-signature-4713"
_SHARED_SECRET = b"canary-shared-secret-4714-canary"
SIGNED = json_answer({"auth": f"{KEY}:{_SIGNATURE}", "shared_secret": base64.b64encode(_SHARED_SECRET).decode()})
"""What the endpoint answers for the channel."""

_CLEAR = (KEY, TOKEN, _SIGNATURE, CHANNEL, base64.b64encode(_SHARED_SECRET).decode(), "GET ", "POST ", "pusher:")


def readable(passed: bytes) -> list[str]:
    """Return what should have been hidden and can be read in bytes that passed."""
    return [text for text in _CLEAR if text.encode() in passed]


def serving(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    """Return a server's context with a certificate for these names, 127.0.0.1 if none is given."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("127.0.0.1",)), **options).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that knows no other authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


async def read_encrypted(client: PusherClient, peer: Scripted, endpoint: ScriptedEndpoint) -> None:
    """Subscribe with a client that is connected, and read an event that the server sends."""
    channel = await client.subscribe(CHANNEL)
    (subscription,) = [frame for frame in peer.received if frame["event"] == "pusher:subscribe"]
    assert subscription["data"]["auth"] == f"{KEY}:{_SIGNATURE}"
    assert endpoint.requests[-1].headers["authorization"] == TOKEN
    sealed = SecretBox(_SHARED_SECRET).encrypt(b'"hello"')
    nonce, ciphertext = (base64.b64encode(part).decode() for part in (sealed.nonce, sealed.ciphertext))
    await peer.publish("made", CHANNEL, json.dumps({"nonce": nonce, "ciphertext": ciphertext}))
    event: Event = await anext(aiter(channel))
    assert (event.name, event.data) == ("made", "hello")


@asynccontextmanager
async def connecting(client: PusherClient) -> AsyncGenerator[list[float]]:
    """Let a client try to connect while the block runs; yields the delays between its attempts."""
    delays: list[float] = []
    client.connection.bind("connecting_in", delays.append)
    attempt = asyncio.create_task(client.connect())
    try:
        yield delays
        assert not attempt.done()
    finally:
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        await client.disconnect()
