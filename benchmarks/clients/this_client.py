"""This client: a plain function bound to the event (``handler``), or ``async for`` (``iterator``)."""

from __future__ import annotations

import asyncio
from operator import attrgetter

from benchmarks.clients.meter import BEGIN, END, EVENT, Meter, Setup, run
from pusher_client import Channel, ChannelAuthorization, Event, HTTPAuthorizer, KeyRotationPolicy, PusherClient

SECRET = bytes(range(32))


def client_for(setup: Setup) -> PusherClient:
    """Return a client for the server."""

    async def authorize(_channel: str, _socket_id: str) -> ChannelAuthorization:
        return ChannelAuthorization(f"{setup.key}:signature", shared_secret=SECRET)

    return PusherClient(
        setup.key,
        host="127.0.0.1",
        port=setup.port,
        tls=False,
        authorizer=HTTPAuthorizer(setup.authorization_url) if setup.authorization_url else authorize,
        key_rotation=KeyRotationPolicy(backlog=setup.backlog),
        proxy=None,
    )


def ignore(_event: Event) -> None:
    """Be one handler among many."""


async def bind(channel: Channel, meter: Meter, handlers: int) -> None:
    """Subscribe with a handler that counts."""
    channel.bind(BEGIN, meter.begin)
    for _ in range(handlers - 1):
        channel.bind(EVENT, ignore)
    channel.bind(EVENT, meter.count)
    channel.bind(END, meter.end)
    await channel.subscribe()


async def iterate(channel: Channel, meter: Meter) -> None:
    """Read the channel's own stream."""
    async for event in channel:
        if event.name == EVENT:
            meter.count(event)
        else:
            meter.hear(event.name, event)


async def main(setup: Setup) -> None:
    """Connect, subscribe everything, and count."""
    meter = Meter(setup, attrgetter("data"))
    clients = [client_for(setup) for _ in range(setup.clients)]
    await asyncio.gather(*(client.connect() for client in clients))
    channels = [client.channel(name) for client in clients for name in setup.channels]
    async with asyncio.TaskGroup() as group:
        if setup.reader == "iterator":
            for channel in channels:
                await channel.subscribe()
                group.create_task(iterate(channel, meter))
        else:
            await asyncio.gather(*(bind(channel, meter, setup.handlers) for channel in channels))
        await meter.ready()


if __name__ == "__main__":
    run(main)
