"""A Flask application that publishes, and the test of what it publishes, without asyncio."""

from __future__ import annotations

import pusher
import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from pusher_client.testing import PusherServer

CHANNEL = "private-encrypted-orders"


def create_app(channels: pusher.Pusher) -> Flask:
    """Make the application: it publishes every order on an encrypted channel."""
    app = Flask(__name__)

    @app.post("/orders")
    def create() -> tuple[dict[str, str], int]:
        order = {"item": request.form["item"]}
        channels.trigger(CHANNEL, "order-created", order)
        return order, 201

    return app


@pytest.fixture
def shop(pusher_server: PusherServer) -> FlaskClient:
    """Point the application at the server of this test."""
    channels = pusher.Pusher(
        pusher_server.app_id,
        pusher_server.key,
        pusher_server.secret,
        host=pusher_server.host,
        port=pusher_server.port,
        ssl=False,
        encryption_master_key_base64=pusher_server.encryption_master_key_base64,
    )
    return create_app(channels).test_client()


def test_an_order_is_published(pusher_server: PusherServer, shop: FlaskClient) -> None:
    """It is decrypted as a subscriber would; an order that is refused is not published."""
    assert shop.post("/orders").status_code == 400
    assert shop.post("/orders", data={"item": "tea"}).status_code == 201
    event = pusher_server.wait_for_event(CHANNEL, "order-created")
    assert event.data == {"item": "tea"}
    assert len(pusher_server.published) == 1
