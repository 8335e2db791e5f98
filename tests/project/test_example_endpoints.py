"""The examples of authorization endpoints, each as a separate program, with the local server beside it."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pusher_client import AuthorizationError, HTTPAuthorizer, HTTPUserAuthenticator, Member
from pusher_client.testing import PusherServer

EXAMPLES = Path(__file__).parents[2] / "examples"
ORDERS = "private-encrypted-orders"
SECONDS = 60.0

ENDPOINTS = {
    "fastapi_endpoint.py": ("-m", "uvicorn", "fastapi_endpoint:app", "--port"),
    "flask_endpoint.py": ("-m", "flask", "--app", "flask_endpoint", "run", "--port"),
    "django_endpoint.py": ("django_endpoint.py", "runserver", "--noreload"),
}


@asynccontextmanager
async def serving(name: str, server: PusherServer, token: str) -> AsyncGenerator[str]:
    """Run an endpoint the way that its first line says; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "PUSHER_APP_ID": server.app_id,
        "PUSHER_KEY": server.key,
        "PUSHER_SECRET": server.secret,
        "PUSHER_ENCRYPTION_MASTER_KEY_BASE64": server.encryption_master_key_base64,
        "DEMO_TOKEN": token,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, *ENDPOINTS[name], str(port), cwd=EXAMPLES, env=environment, stdout=DEVNULL, stderr=PIPE
    )
    try:
        async with asyncio.timeout(SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while True:
                assert process.returncode is None, (await process.communicate())[1].decode()
                try:
                    await http.get(f"http://127.0.0.1:{port}/")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    break
        yield f"http://127.0.0.1:{port}/pusher"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_an_endpoint_lets_in_whom_it_knows(name: str, pusher_server: PusherServer) -> None:
    """It hands out the key of an encrypted channel, presents a member, and refuses with 403 (design.md 2)."""
    token = secrets.token_hex()
    async with serving(name, pusher_server, token) as address:
        authorizer = HTTPAuthorizer(f"{address}/auth", headers=headers(token))
        options: dict[str, Any] = {"authorizer": authorizer}
        if name != "django_endpoint.py":
            options["user_authenticator"] = HTTPUserAuthenticator(f"{address}/user-auth", headers=headers(token))
        async with pusher_server.client(**options) as client:
            orders = await client.subscribe(ORDERS)
            await pusher_server.trigger(ORDERS, "order-created", {"id": 1})
            assert (await anext(aiter(orders))).data == {"id": 1}
            await client.subscribe("private-user-ann")
            lobby = client.presence("presence-lobby")
            await lobby.subscribe()
            assert lobby.me == Member("ann", {"name": "Ann"})
            for refused in ("private-encrypted-payroll", "private-user-bob", "presence-board"):
                with pytest.raises(AuthorizationError) as caught:
                    await client.subscribe(refused)
                assert caught.value.status == 403
            if "user_authenticator" in options:
                await client.signin()
                assert client.user.id == "ann"
        stranger = HTTPAuthorizer(f"{address}/auth", headers=headers("a token of nobody"))
        async with pusher_server.client(authorizer=stranger) as client:
            with pytest.raises(AuthorizationError) as caught:
                await client.subscribe(ORDERS)
            assert caught.value.status == 403
