"""Watch a channel's key rotate: tell a rotation that went well from one that loses events, and raise an alarm."""

from __future__ import annotations

import asyncio
import os

from pusher_client import Channel, DecryptionFailure, DecryptionFailureReason, Event, PusherClient

INTERVAL = float(os.environ.get("INTERVAL", "10"))
CURES = {
    DecryptionFailureReason.WRONG_KEY: "do the publishers and the endpoint have the same master key?",
    DecryptionFailureReason.REFRESH_SUSPENDED: "no key of the endpoint opened anything lately: it is asked less often",
    DecryptionFailureReason.AUTHORIZATION_FAILED: "is the endpoint up, and does it still let us in?",
    DecryptionFailureReason.MALFORMED: "does somebody publish here without encrypting?",
    DecryptionFailureReason.BACKLOG_OVERFLOW: "is the endpoint slow? Too much waited for the key",
    DecryptionFailureReason.INVALID_UTF8: "what is published here?",
}


def on_failure(event: Event) -> None:
    """Say what was lost and what to look at. The name is not authenticated, so it is shown as it is: as a name."""
    failure: DecryptionFailure = event.data
    print(f"lost {failure.event_name!r}: {failure.reason}: {CURES[failure.reason]}")


async def watch(channel: Channel) -> None:
    """Compare the counts now and then. A request for the key is a rotation, unless what asked for it is lost anyway."""
    before = channel.stats
    while True:
        await asyncio.sleep(INTERVAL)
        stats = channel.stats
        requests, lost = stats.key_refreshes - before.key_refreshes, stats.undecryptable - before.undecryptable
        if stats.waiting:
            continue  # what becomes of these is counted next time, with the request that they wait for
        if requests and lost:
            print(f"ALARM: the key was asked for, requests: {requests}, and events were lost all the same: {lost}")
        elif lost:
            print(f"ALARM: events were lost: {lost}")
        elif requests:
            print(f"the key was rotated, requests: {requests}, and nothing was lost")
        before = stats


async def main() -> None:
    """Subscribe and watch until interrupted."""
    async with PusherClient.from_env() as client:  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
        orders = client.channel("private-encrypted-orders")
        orders.bind("pusher:decryption_failure", on_failure)
        await orders.subscribe()
        await watch(orders)


asyncio.run(main())
