"""Give what a channel carries its types, and go on when something does not fit them."""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

import msgspec

from pusher_client import PusherClient


class OrderCreated(msgspec.Struct, tag="created", frozen=True):
    """What a publisher sends as ``{"type": "created", "id": 1, "total": 9.5}``."""

    id: int
    total: float
    currency: Literal["EUR", "USD"] = "EUR"


class OrderCancelled(msgspec.Struct, tag="cancelled", frozen=True):
    """What it sends as ``{"type": "cancelled", "id": 1}``."""

    id: int
    reason: str | None = None


Order: TypeAlias = OrderCreated | OrderCancelled

# The type stands in the payload. An event's name is not authenticated on an encrypted channel; what it carries is.
decode = msgspec.json.Decoder(Order).decode


def answer(order: Order) -> str:
    """Say something about an order; a type checker knows each field."""
    match order:
        case OrderCreated():
            return f"order {order.id} brings {order.total:.2f} {order.currency}"
        case OrderCancelled():
            return f"order {order.id} is off: {order.reason or 'nobody said why'}"


async def main() -> None:
    """Answer every order."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        async for event in await client.subscribe("private-encrypted-orders"):
            try:
                order: Order = decode(event.raw)  # the plaintext, so that JSON is read once more, but into the types
            except msgspec.DecodeError as error:
                # A publisher that is newer, or wrong. To stop here would be to stop here again after every restart.
                print(f"skipped {event.name!r}: {error}")
            else:
                print(answer(order))


if __name__ == "__main__":
    asyncio.run(main())
