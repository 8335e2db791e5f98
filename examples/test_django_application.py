"""A Django application that publishes, and the test of what it publishes, without asyncio."""

from __future__ import annotations

from typing import Any

import django
import pusher
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.test import Client
from django.urls import path

from pusher_client.testing import PusherServer

CHANNEL = "private-encrypted-orders"

# In a project of yours, pytest-django and its settings do this.
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], PUSHER={}, SECRET_KEY="test")  # noqa: S106 - a secret of the test
django.setup()


def create(request: HttpRequest) -> HttpResponse:
    """Publish an order on an encrypted channel."""
    if "item" not in request.POST:
        return HttpResponseBadRequest()
    order = {"item": request.POST["item"]}
    pusher.Pusher(**settings.PUSHER).trigger(CHANNEL, "order-created", order)
    return JsonResponse(order, status=201)


urlpatterns = [path("orders/", create)]


@pytest.fixture
def shop(pusher_server: PusherServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Point the application at the server of this test."""
    options = {
        "app_id": pusher_server.app_id,
        "key": pusher_server.key,
        "secret": pusher_server.secret,
        "host": pusher_server.host,
        "port": pusher_server.port,
        "ssl": False,
        "encryption_master_key_base64": pusher_server.encryption_master_key_base64,
    }
    monkeypatch.setattr(settings, "PUSHER", options)  # with pytest-django: its fixture "settings"
    return Client()


def test_an_order_is_published(pusher_server: PusherServer, shop: Any) -> None:
    """It is decrypted as a subscriber would; an order that is refused is not published."""
    assert shop.post("/orders/").status_code == 400
    assert shop.post("/orders/", {"item": "tea"}).status_code == 201
    event = pusher_server.wait_for_event(CHANNEL, "order-created")
    assert event.data == {"item": "tea"}
    assert len(pusher_server.published) == 1
