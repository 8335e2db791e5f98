"""Forward the decrypted events of a channel to an MQTT broker, in order, with bounded memory while that is away."""

from __future__ import annotations

import asyncio
import logging
import os
from urllib.parse import quote

import aiomqtt
import msgspec

from pusher_client import MARKERS, DecryptionFailure, Event, EventStream, Gap, Overflow, PusherClient

BUFFERED = int(os.environ.get("BUFFERED_EVENTS", "10000"))
LONGEST_PAUSE = 30.0

logger = logging.getLogger("gateway")


def topic(event: Event) -> str:
    """Name the topic. Nobody vouches for an event's name, so ``+``, ``#`` and ``/`` in it are made harmless."""
    return f"pusher/{event.channel}/{quote(event.name, safe=':')}"


def payload(event: Event) -> bytes:
    """Return the plaintext as it is; for a loss, what is known of it."""
    match event.data:
        case Overflow(dropped=dropped):
            return msgspec.json.encode({"dropped": dropped})
        case Gap(last_received_at=since, resubscribed_at=until):
            return msgspec.json.encode({"since": since, "until": until})
        case DecryptionFailure(event_name=name, reason=reason):
            return msgspec.json.encode({"event": name, "reason": reason})
        case _:
            return event.raw.encode()


async def forward(events: EventStream) -> None:
    """Publish one event after the other, and each again until the broker has said that it has it: twice at worst.

    What comes meanwhile waits in the stream. Where that is full, it refuses what is newest, and says so in its place.
    """
    event: Event | None = None
    pause = 0.5
    while True:
        try:
            async with aiomqtt.Client(os.environ["MQTT_HOST"], int(os.environ.get("MQTT_PORT", "1883"))) as broker:
                logger.info("connected to the broker")
                while True:
                    if event is None:
                        event = await anext(events)
                    if event.name in MARKERS or not event.name.startswith("pusher:"):
                        await broker.publish(topic(event), payload(event), qos=1)
                    event, pause = None, 0.5
        except aiomqtt.MqttError as error:
            logger.warning("the broker is away: %s; next attempt in %.1f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


async def main() -> None:
    """Connect to both sides; what one of them misses does not stop the other."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = client.channel("private-encrypted-orders")
        async with orders.events("*", queue_size=BUFFERED) as events:
            await orders.subscribe()
            await forward(events)


logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
asyncio.run(main())
