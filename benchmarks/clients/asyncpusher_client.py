"""asyncpusher. It knows no encryption: handlers open what is sealed by hand, with PyNaCl's SecretBox."""

from __future__ import annotations

import base64
import json
from importlib import import_module
from typing import Any

from benchmarks.clients.meter import BEGIN, END, EVENT, Meter, Setup, run

# Peers live in environments of their own, which type checkers do not see.
asyncpusher: Any = import_module("asyncpusher")
aiohttp: Any = import_module("aiohttp")
secret: Any = import_module("nacl.secret")


def bind(channel: Any, meter: Meter, box: Any) -> None:
    """Bind the handlers of a channel."""

    async def begin(_data: Any) -> None:
        meter.begin()

    async def count(data: Any) -> None:
        meter.count(data)

    async def open_and_count(data: Any) -> None:
        nonce, ciphertext = (base64.b64decode(data[part]) for part in ("nonce", "ciphertext"))
        meter.count(json.loads(box.decrypt(ciphertext, nonce)))

    async def end(_data: Any) -> None:
        meter.end()

    channel.bind(BEGIN, begin)
    channel.bind(EVENT, open_and_count if box else count)
    channel.bind(END, end)


async def main(setup: Setup) -> None:
    """Connect, subscribe everything, and count."""
    meter = Meter(setup, lambda data: data)
    keys: list[bytes] = []

    async def authorize(form: dict[str, str]) -> Any:
        async with aiohttp.ClientSession() as session, session.post(setup.authorization_url, data=form) as response:
            granted = await response.json()
            keys.append(base64.b64decode(granted["shared_secret"]))
            return granted

    client = asyncpusher.Pusher(
        setup.key, secure=False, custom_host="127.0.0.1", custom_port=setup.port, channel_authenticator=authorize
    )
    await client.connect()
    for name in setup.channels:
        channel = await client.subscribe(name)
        bind(channel, meter, secret.SecretBox(keys[-1]) if name.startswith("private-encrypted-") else None)
    await meter.ready()


if __name__ == "__main__":
    run(main)
