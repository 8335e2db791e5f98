"""sockudo-python, with protocol 7 as Pusher's servers speak it."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from benchmarks.clients.meter import BEGIN, END, EVENT, Meter, Setup, run

# Peers live in environments of their own, which type checkers do not see.
sockudo: Any = import_module("sockudo_python")


async def subscribe(client: Any, name: str, meter: Meter) -> None:
    """Subscribe a channel with its handlers."""
    subscribed = asyncio.Event()
    meter_count = meter.count

    def begin(_data: Any, _metadata: Any) -> None:
        meter.begin()

    def count(data: Any, _metadata: Any) -> None:
        meter_count(data)

    def end(_data: Any, _metadata: Any) -> None:
        meter.end()

    def succeeded(_data: Any, _metadata: Any) -> None:
        subscribed.set()

    channel = client.subscribe(name)
    channel.bind("pusher:subscription_succeeded", succeeded)
    channel.bind(BEGIN, begin)
    channel.bind(EVENT, count)
    channel.bind(END, end)
    await subscribed.wait()


async def main(setup: Setup) -> None:
    """Connect, subscribe everything, and count."""
    meter = Meter(setup, lambda data: data)
    options = sockudo.SockudoOptions(
        cluster="none",
        protocol_version=1,  # any below 2 stands for Pusher's names of events
        force_tls=False,
        ws_host="127.0.0.1",
        ws_port=setup.port,
        enabled_transports=[sockudo.SockudoTransport.WS],
        channel_authorization=sockudo.ChannelAuthorizationOptions(endpoint=setup.authorization_url),
    )
    client = sockudo.SockudoClient(setup.key, options)
    await client.connect()
    for name in setup.channels:
        await subscribe(client, name, meter)
    await meter.ready()


if __name__ == "__main__":
    run(main)
