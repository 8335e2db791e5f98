"""Metrics for Prometheus: run it with ``uvicorn prometheus_metrics:app``, and let ``/metrics`` be scraped.

What is counted anyway is read when somebody asks, and costs nothing until then. What has labels of its own is an event,
and a handler counts it. OpenTelemetry's observable instruments are filled from ``client.stats`` in the same way.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.routing import Mount

from pusher_client import ConnectionState, Event, PusherClient

COUNTS = {
    "received": "Application events that arrived",
    "delivered": "Application events that were accepted by every consumer",
    "dropped": "Application events that a full queue refused",
    "undecryptable": "Application events that no key opened",
    "key_refreshes": "Requests for a new key",
    "connects": "Number of connections established",
}
GAUGES = {
    "waiting": "Application events that wait for a key",
    "wanted": "Channels that are to be subscribed",
    "subscribed": "Channels that are subscribed",
    "silence": "Seconds since the server last sent anything",
}

registry = CollectorRegistry()
failures = Counter("pusher_failures", "Events that could not be decrypted", ["channel", "reason"], registry=registry)
gaps = Counter("pusher_gaps", "Times without a subscription", ["channel"], registry=registry)


class Stats(Collector):
    """Reads the figures of a client whenever it is scraped."""

    def __init__(self, client: PusherClient) -> None:
        self._client = client

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield every figure as it stands now."""
        stats = self._client.stats
        for name, meaning in COUNTS.items():
            yield CounterMetricFamily(f"pusher_{name}", meaning, value=getattr(stats, name))
        for name, meaning in GAUGES.items():
            yield GaugeMetricFamily(f"pusher_{name}", meaning, value=getattr(stats, name))
        connected = self._client.state is ConnectionState.CONNECTED
        yield GaugeMetricFamily("pusher_connected", "Whether the connection stands", value=connected)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None]:
    """Follow the orders as long as the web server runs."""
    client = PusherClient.from_env()  # PUSHER_KEY, PUSHER_CLUSTER, PUSHER_AUTH_URL
    registry.register(Stats(client))

    @client.bind("pusher:decryption_failure")
    def on_failure(event: Event) -> None:
        failures.labels(event.channel, event.data.reason).inc()

    @client.bind("pusher:gap")
    def on_gap(event: Event) -> None:
        gaps.labels(event.channel).inc()

    async with client:
        await client.subscribe("private-encrypted-orders")
        yield


app = Starlette(routes=[Mount("/metrics", make_asgi_app(registry))], lifespan=lifespan)
