from __future__ import annotations

import pytest

from pusher_client import PusherClient


@pytest.mark.parametrize(
    ("where", "name", "words"),
    [
        ("channel", "pusher:subscription_suceeded", "the nearest name is 'pusher:subscription_succeeded'"),
        ("client", "pusher:decryption_failed", "the nearest name is 'pusher:decryption_failure'"),
        ("user", "pusher:sign_in_success", "the nearest name is 'pusher:signin_success'"),
        ("channel", "pusher:connection_established", "use client.connection.bind('connected', …)"),
        ("connection", "pusher:connection_established", "client.connection has no event"),
        ("connection", "pusher:connection_established", "bind 'connected'"),
        ("connection", "pusher:error", "the nearest name is 'error'"),
        ("client", "pusher:" + "x" * 500, "x" * 193 + "'"),
    ],
)
def test_binding_an_unknown_name_of_the_protocol_warns(
    where: str, name: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning has the name that was probably meant; the handler is bound all the same."""
    client = PusherClient("KEY", cluster="eu")
    sources = {
        "client": client,
        "channel": client.channel("orders"),
        "connection": client.connection,
        "user": client.user,
    }
    sources[where].bind(name, print)
    (record,) = caplog.records
    assert words in record.getMessage()
    assert record.levelname == "WARNING"


@pytest.mark.parametrize("name", ["order-created", "pusher:gap", "pusher:subscription_count", "pusher:error"])
def test_known_names_and_those_of_the_application_do_not_warn(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """No warning for names that events have, nor for global handlers."""
    client = PusherClient("KEY", cluster="eu")
    client.bind(name, print)
    client.channel("orders").bind_global(print)
    client.connection.bind("connected", print)
    client.connection.bind_global(print)
    assert caplog.records == []
