"""Authorize subscriptions with Django; run it with ``python django_endpoint.py runserver``."""

from __future__ import annotations

import os
from typing import Any

import pusher
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

channels = pusher.Pusher(
    os.environ["PUSHER_APP_ID"],
    os.environ["PUSHER_KEY"],
    os.environ["PUSHER_SECRET"],
    encryption_master_key_base64=os.environ["PUSHER_ENCRYPTION_MASTER_KEY_BASE64"],
)
SESSIONS = {f"Bearer {os.environ['DEMO_TOKEN']}": "ann"}  # stands in for how your application knows its users


def authorize(request: HttpRequest) -> HttpResponse:
    """Sign what this user may subscribe to; the answer has the key of an encrypted channel."""
    user, channel_name = SESSIONS.get(request.META.get("HTTP_AUTHORIZATION", "")), request.POST.get("channel_name")
    if not user or channel_name not in {"private-encrypted-orders", "presence-lobby", f"private-user-{user}"}:
        return HttpResponseForbidden()
    member = {"user_id": user, "user_info": {"name": user.title()}} if channel_name.startswith("presence-") else None
    answer: dict[str, Any] = channels.authenticate(channel_name, request.POST.get("socket_id"), member)
    if "shared_secret" in answer:
        answer["shared_secret"] = answer["shared_secret"].decode()  # the library leaves it as bytes, which are no JSON
    return JsonResponse(answer)


# No browser sends a token in a header on its own; where cookies tell who asks, leave out `csrf_exempt`.
urlpatterns = [path("pusher/auth", csrf_exempt(require_POST(authorize)))]

if __name__ == "__main__":  # in a project of its own there are settings for these, and a manage.py
    settings.configure(ROOT_URLCONF=__name__, SECRET_KEY=os.urandom(32).hex(), ALLOWED_HOSTS=["localhost", "127.0.0.1"])
    execute_from_command_line()
