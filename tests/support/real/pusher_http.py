"""The official server library, pusher-http-python, as publisher and as signer."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import Any

import pusher
from nacl.secret import SecretBox

from tests.support.real.soketi import APP, App

__all__ = ["PusherHTTP"]


class PusherHTTP:
    """The library with one master key, against a server on loopback.

    Args:
        port: The server's port.
        app: The application to publish for.
        master_key: 32 bytes, or None where nothing is to be encrypted.

    Attributes:
        official: The library itself; its calls block.
    """

    def __init__(self, port: int, *, app: App = APP, master_key: bytes | None = None) -> None:
        self._port = port
        self._app = app
        self.master_key = master_key
        self.official = pusher.Pusher(
            app.id,
            app.key,
            app.secret,
            ssl=False,
            host="127.0.0.1",
            port=port,
            timeout=20,
            proxies={"http": ""},  # none of the environment's leads to this machine
            encryption_master_key_base64=None if master_key is None else base64.b64encode(master_key).decode(),
        )

    def rotated(self) -> PusherHTTP:
        """The same application under a new master key."""
        return PusherHTTP(self._port, app=self._app, master_key=secrets.token_bytes(32))

    def signing_wrongly(self) -> PusherHTTP:
        """The same application with a secret that the server does not know."""
        stranger = App(self._app.id, self._app.key, secrets.token_hex(16))
        return PusherHTTP(self._port, app=stranger, master_key=secrets.token_bytes(32))

    async def trigger(self, channel: str, event: str, data: object) -> None:
        """Publish one event, encrypted on encrypted channels."""
        _check(await asyncio.to_thread(self.official.trigger, channel, event, data))

    async def trigger_as_it_is(self, channel: str, event: str, data: str) -> None:
        """Publish a string that is not encrypted whatever the channel's name says."""
        batch = [{"channel": channel, "name": event, "data": data}]
        _check(await asyncio.to_thread(self.official.trigger_batch, batch, already_encoded=True))

    async def occupied(self, channel: str) -> bool:
        """Ask the server whether a channel has a subscriber."""
        answer: dict[str, Any] = await asyncio.to_thread(self.official.channel_info, channel)
        return bool(answer["occupied"])

    def authenticate(self, channel: str, socket_id: str, user: dict[str, Any] | None = None) -> dict[str, str]:
        """Sign a subscription, on presence channels for a user; an endpoint's answer, ready for JSON."""
        answer: dict[str, Any] = self.official.authenticate(channel, socket_id, user)
        # The library leaves the shared secret as bytes, which json.dumps() refuses.
        return {name: value.decode() if isinstance(value, bytes) else value for name, value in answer.items()}

    def seal(self, channel: str, nonce: bytes, plaintext: bytes) -> dict[str, str]:
        """Encrypt as the library does, for what it does not send itself."""
        shared_secret = base64.b64decode(self.authenticate(channel, "1.1")["shared_secret"])
        sealed = SecretBox(shared_secret).encrypt(plaintext, nonce)
        return {
            name: base64.b64encode(part).decode()
            for name, part in (("nonce", sealed.nonce), ("ciphertext", sealed.ciphertext))
        }


def _check(answer: object) -> None:
    """Hold the server to its word: soketi refuses with HTTP 200, and then the library raises nothing."""
    if answer not in ({"ok": True}, {}):
        raise RuntimeError(f"the server did not take the event: {answer}")
