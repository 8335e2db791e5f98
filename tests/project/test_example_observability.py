"""The examples that report the state of a client, a health check and metrics, each as a separate program."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pusher_client.testing import PusherServer
from tests.support.example_programs import example, said

CHANNEL = "private-encrypted-orders"


@asynccontextmanager
async def serving(name: str, server: PusherServer, **more: str) -> AsyncGenerator[tuple[Process, httpx.AsyncClient]]:
    """Run an example the way that its first line says, and ask it."""
    async with example("-m", "uvicorn", f"{name}:app", "--port", "0", server=server, **more) as process:
        address = (await said(process, "INFO:     Uvicorn running on ")).split()[4]
        async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
            yield process, http


async def until(http: httpx.AsyncClient, path: str, satisfied: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Ask until the answer is as it should be."""
    while not satisfied(answer := await http.get(path)):
        await asyncio.sleep(0.02)
    return answer


@pytest.mark.pusher_server(activity_timeout=1)
async def test_health(pusher_server: PusherServer) -> None:
    """A silent server makes it unhealthy though the connection is open, blocked work too; both can recover (R1)."""
    async with serving("health", pusher_server, MAX_SILENCE="2", MAX_WORK="0.1") as (process, http):
        answer = await http.get("/health")
        assert answer.status_code == 200
        assert answer.json() == {"connected": True, "received lately": True, "subscribed": True, "working": True}
        pusher_server.stall()
        answer = await until(http, "/health", lambda answer: answer.status_code == 503)
        assert answer.json() == {"connected": True, "received lately": False, "subscribed": True, "working": True}
        pusher_server.stall(False)
        await until(http, "/health", lambda answer: answer.status_code == 200)
        await pusher_server.trigger(CHANNEL, "order-created", {"seconds": 1})
        answer = await until(http, "/health", lambda answer: answer.status_code == 503)
        assert answer.json() == {"connected": True, "received lately": True, "subscribed": True, "working": False}
        await until(http, "/health", lambda answer: answer.status_code == 200)
        pusher_server.close(4000)  # final
        answer = await until(http, "/health", lambda answer: answer.status_code == 503)
        assert answer.json()["connected"] is False
        assert answer.json()["working"] is False
        process.terminate()
        await said(process, "INFO:     Application shutdown complete.")


def samples(answer: httpx.Response) -> dict[str, float]:
    """Read the figures, those without a label and those with."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[" ".join((sample.name, *sample.labels.values()))] = sample.value
    return found


async def test_prometheus_metrics(pusher_server: PusherServer) -> None:
    """Every figure is there, and says what happened (R5)."""
    async with serving("prometheus_metrics", pusher_server) as (process, http):
        figures = samples(await http.get("/metrics/"))
        assert figures["pusher_connects_total"] == figures["pusher_connected"] == figures["pusher_subscribed"] == 1
        assert figures["pusher_silence"] > 0
        await pusher_server.trigger(CHANNEL, "order-created", {"id": 1})
        await pusher_server.rotate_key()
        await pusher_server.trigger(CHANNEL, "order-created", {"id": 2})
        await until(http, "/metrics/", lambda answer: samples(answer)["pusher_delivered_total"] == 2)
        pusher_server.mangle()
        await pusher_server.trigger(CHANNEL, "order-created", {"id": 3})
        failure = f"pusher_failures_total {CHANNEL} wrong_key"
        figures = samples(await until(http, "/metrics/", lambda answer: samples(answer).get(failure) == 1))
        assert (figures["pusher_received_total"], figures["pusher_undecryptable_total"]) == (3, 1)
        assert (figures["pusher_dropped_total"], figures["pusher_waiting"]) == (0, 0)
        assert figures["pusher_key_refreshes_total"] >= 1
        pusher_server.drop()
        gap = f"pusher_gaps_total {CHANNEL}"
        figures = samples(await until(http, "/metrics/", lambda answer: samples(answer).get(gap) == 1))
        assert figures["pusher_connects_total"] == 2
        assert figures["pusher_wanted"] == 1
        process.terminate()
        await said(process, "INFO:     Application shutdown complete.")
