"""A web application that publishes, and the test that what it publishes arrives, encrypted and in the right place."""

from __future__ import annotations

import httpx
import pusher
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from pusher_client.testing import PusherServer

CHANNEL = "private-encrypted-orders"


class Order(BaseModel):
    """What is ordered."""

    item: str
    count: int = 1


def create_app(channels: pusher.Pusher) -> FastAPI:
    """Make the application: it publishes every order on an encrypted channel."""
    app = FastAPI()

    @app.post("/orders", status_code=201)
    def create(order: Order) -> Order:
        channels.trigger(CHANNEL, "order-created", order.model_dump())
        return order

    return app


@pytest.fixture
def app(pusher_server: PusherServer) -> FastAPI:
    """Point the application at the server of this test."""
    master_key = pusher_server.encryption_master_key_base64
    return create_app(
        pusher.Pusher(
            pusher_server.app_id,
            pusher_server.key,
            pusher_server.secret,
            host=pusher_server.host,
            port=pusher_server.port,
            ssl=False,
            encryption_master_key_base64=master_key,
        )
    )


@pytest.mark.asyncio
async def test_an_order_is_published(pusher_server: PusherServer, app: FastAPI) -> None:
    """Subscribers get it decrypted; a refused order is not published."""
    transport = httpx.ASGITransport(app)
    async with pusher_server.client() as client, httpx.AsyncClient(transport=transport, base_url="http://app") as http:
        orders = await client.subscribe(CHANNEL)
        assert (await http.post("/orders", json={"count": "many"})).status_code == 422
        assert (await http.post("/orders", json={"item": "tea"})).status_code == 201
        event = await anext(aiter(orders))
        assert (event.name, event.data) == ("order-created", {"item": "tea", "count": 1})
        assert orders.stats.received == 1
