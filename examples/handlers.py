"""Handle the events of an encrypted channel with functions, and those that were lost as well."""

from __future__ import annotations

import asyncio

from pusher_client import DecryptionFailure, Event, Gap, PusherClient


async def main() -> None:
    """Bind handlers, subscribe, and wait until the link is closed."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = client.channel("private-encrypted-orders")  # a handle; nothing is sent yet

        @orders.bind("order-created")
        async def on_created(event: Event) -> None:
            print("created:", event.data)

        @orders.bind("order-cancelled")
        def on_cancelled(event: Event) -> None:  # plain functions do as well
            print("cancelled:", event.data)

        @client.bind("pusher:decryption_failure")  # on the client: of every channel
        def on_failure(event: Event) -> None:
            failure: DecryptionFailure = event.data
            print(f"lost: {failure.event_name} could not be decrypted ({failure.reason})")

        @client.bind("pusher:gap")
        def on_gap(event: Event) -> None:
            gap: Gap = event.data
            print(f"lost: perhaps events of {gap.channel}, while the connection was down")

        await orders.subscribe()
        await client.wait_closed()  # raises ConnectError if the connection failed and is not retried


asyncio.run(main())
