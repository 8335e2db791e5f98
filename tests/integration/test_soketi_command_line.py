"""The command line against soketi: publishing, and the doctor's green."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from pusher_client import PusherClient
from pusher_client.cli import app
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.signing_endpoint import AuthorizationEndpoint
from tests.support.real.soketi import APP, Soketi

pytestmark = pytest.mark.node

CHANNEL = "private-encrypted-orders"


@pytest.fixture
def command(soketi: Soketi, endpoint: AuthorizationEndpoint, pusher_http: PusherHTTP) -> Callable[..., Result]:
    """Run the command with the variables of a trusted machine."""
    assert pusher_http.master_key is not None
    bare = {name: None for name in os.environ if name.startswith("PUSHER_")}
    variables = {
        "PUSHER_APP_ID": APP.id,
        "PUSHER_KEY": APP.key,
        "PUSHER_SECRET": APP.secret,
        "PUSHER_ENCRYPTION_MASTER_KEY_BASE64": base64.b64encode(pusher_http.master_key).decode(),
        "PUSHER_HOST": "127.0.0.1",
        "PUSHER_PORT": str(soketi.port),
        "PUSHER_TLS": "no",
        "PUSHER_AUTH_URL": endpoint.url,
    }
    return lambda *arguments: CliRunner().invoke(app, list(arguments), env={**bare, **variables})


async def test_trigger_publishes_what_a_client_decrypts(
    command: Callable[..., Result], new_client: Callable[..., PusherClient]
) -> None:
    """With a plain channel in the same call."""
    async with asyncio.timeout(30), new_client() as client, client.events("order-created") as stream:
        for name in ("orders", CHANNEL):
            await client.subscribe(name)
        arguments = ("trigger", "orders", CHANNEL, "--event", "order-created", "--data", '{"id": 7}')
        result = await asyncio.to_thread(command, *arguments)
        assert result.exit_code == 0, result.output
        events = [await anext(stream), await anext(stream)]
    assert [(event.channel, event.data) for event in events] == [("orders", {"id": 7}), (CHANNEL, {"id": 7})]


async def test_a_wrong_secret_is_told(command: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever status the server refuses with."""
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_text("wrong", encoding="utf-8")
    arguments = ("trigger", "orders", "-e", "e", "-d", "1", "--secret-file", str(file))
    result = await asyncio.to_thread(command, *arguments)
    assert result.exit_code == 4, result.output


async def test_the_doctor_finds_nothing_wrong(command: Callable[..., Result]) -> None:
    """Every step that there is without TLS."""
    result = await asyncio.to_thread(command, "doctor", "--channel", CHANNEL)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("OK ") == 6
