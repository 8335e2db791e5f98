"""Print the events of an encrypted channel, decrypted, as they arrive."""

from __future__ import annotations

import asyncio

from pusher_client import PusherClient


async def main() -> None:
    """Connect, subscribe, print."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = await client.subscribe("private-encrypted-orders")  # raises AuthorizationError if refused
        async for event in orders:  # decrypted, in order
            print(event.name, event.data)


asyncio.run(main())
