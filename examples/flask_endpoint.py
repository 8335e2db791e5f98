"""Authorize subscriptions with Flask; run it with ``flask --app flask_endpoint run``."""

from __future__ import annotations

import os
from typing import Any

import pusher
from flask import Flask, abort, request

app = Flask(__name__)
channels = pusher.Pusher(
    os.environ["PUSHER_APP_ID"],
    os.environ["PUSHER_KEY"],
    os.environ["PUSHER_SECRET"],
    encryption_master_key_base64=os.environ["PUSHER_ENCRYPTION_MASTER_KEY_BASE64"],
)
SESSIONS = {os.environ["DEMO_TOKEN"]: "ann"}  # stands in for how your application knows its users


def current_user() -> str:
    """Tell who asks."""
    token = request.authorization.token if request.authorization else None
    return SESSIONS.get(token or "") or abort(403)


@app.post("/pusher/auth")
def authorize() -> dict[str, Any]:
    """Sign what this user may subscribe to; the answer has the key of an encrypted channel."""
    user, channel_name = current_user(), request.form["channel_name"]
    if channel_name not in {"private-encrypted-orders", "presence-lobby", f"private-user-{user}"}:
        abort(403)
    member = {"user_id": user, "user_info": {"name": user.title()}} if channel_name.startswith("presence-") else None
    answer: dict[str, Any] = channels.authenticate(channel_name, request.form["socket_id"], member)
    if "shared_secret" in answer:
        answer["shared_secret"] = answer["shared_secret"].decode()  # the library leaves it as bytes, which are no JSON
    return answer


@app.post("/pusher/user-auth")
def sign_in() -> dict[str, Any]:
    """Sign the user in."""
    answer: dict[str, Any] = channels.authenticate_user(request.form["socket_id"], {"id": current_user()})
    return answer
