"""Authorize subscriptions with FastAPI; run it with ``uvicorn fastapi_endpoint:app``."""

from __future__ import annotations

import os
from typing import Annotated, Any

import pusher
from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()
channels = pusher.Pusher(
    os.environ["PUSHER_APP_ID"],
    os.environ["PUSHER_KEY"],
    os.environ["PUSHER_SECRET"],
    encryption_master_key_base64=os.environ["PUSHER_ENCRYPTION_MASTER_KEY_BASE64"],
)
SESSIONS = {os.environ["DEMO_TOKEN"]: "ann"}  # stands in for how your application knows its users


def current_user(token: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    """Tell who asks."""
    if token.credentials not in SESSIONS:
        raise HTTPException(403, "unknown token")
    return SESSIONS[token.credentials]


@app.post("/pusher/auth")
def authorize(
    user: Annotated[str, Depends(current_user)], channel_name: Annotated[str, Form()], socket_id: Annotated[str, Form()]
) -> dict[str, Any]:
    """Sign what this user may subscribe to; the answer has the key of an encrypted channel."""
    if channel_name not in {"private-encrypted-orders", "presence-lobby", f"private-user-{user}"}:
        raise HTTPException(403, "not for you")
    member = {"user_id": user, "user_info": {"name": user.title()}} if channel_name.startswith("presence-") else None
    answer: dict[str, Any] = channels.authenticate(channel_name, socket_id, member)
    return answer


@app.post("/pusher/user-auth")
def sign_in(user: Annotated[str, Depends(current_user)], socket_id: Annotated[str, Form()]) -> dict[str, Any]:
    """Sign the user in."""
    answer: dict[str, Any] = channels.authenticate_user(socket_id, {"id": user})
    return answer
