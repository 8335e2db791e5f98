"""Use the client from a program without asyncio: calls block, and the connection runs on a thread of its own."""

from __future__ import annotations

from pusher_client.sync import PusherClient


def main() -> None:
    """Print every new order, in a loop that may block; it raises when the subscription is refused."""
    with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = client.subscribe("private-encrypted-orders")
        for event in orders.events("order-created"):
            print(event.name, event.data)


main()
