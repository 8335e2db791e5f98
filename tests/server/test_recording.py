"""The record of what was published."""

from __future__ import annotations

import asyncio
import secrets
import threading

import pytest

from pusher_client import DecryptionFailure
from pusher_client.protocol.encryption import NONCE_BYTES, seal
from pusher_client.server.application import Application
from pusher_client.server.recording import Recording

CHANNEL = "private-encrypted-orders"


@pytest.fixture
def application() -> Application:
    """An application without a server."""
    return Application(app_id="1", key="k", secret="s", master_key=secrets.token_bytes(32))


def test_events_are_recorded_as_subscribers_get_them(application: Application) -> None:
    """Decoded, and decrypted with the key of their time; changes of subscriptions are not recorded."""
    recording = Recording(application)
    for number in (1, 2):
        text = seal(f'{{"id":{number}}}', secrets.token_bytes(NONCE_BYTES), application.shared_secret(CHANNEL))
        application.publish(CHANNEL, "created", text)
        application.rotate_key()
    application.publish("orders", "note", "text")
    application.subscribe("1.1", lambda _: None, "orders", None)
    assert [(event.channel, event.name, event.data) for event in recording.events] == [
        (CHANNEL, "created", {"id": 1}),
        (CHANNEL, "created", {"id": 2}),
        ("orders", "note", "text"),
    ]
    assert recording.events[0].raw == '{"id":1}'
    recording.clear()
    assert recording.events == []


def test_what_the_key_does_not_open_is_a_failure(application: Application) -> None:
    """The application publishes with another master key, or without one, or bytes that are not text."""
    recording = Recording(application)
    application.publish(CHANNEL, "created", seal("1", secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(32)))
    application.publish(CHANNEL, "created", "{}")
    for event in recording.events:
        assert (event.name, type(event.data)) == ("created", DecryptionFailure)


def test_each_event_is_returned_once(application: Application) -> None:
    """Also one that was published before; without a name, the next of the channel."""
    recording = Recording(application)
    for number, name in enumerate(["a", "b", "a"]):
        application.publish("orders", name, str(number))
    application.publish("other", "a", "3")
    assert [recording.wait("orders", name, 0).data for name in ("a", "a", None)] == [0, 2, 1]
    assert recording.wait("other", None, 0).data == 3


def test_a_failure_lists_what_came(application: Application) -> None:
    """Names, and not data; the latest if there are many."""
    recording = Recording(application)
    with pytest.raises(AssertionError, match=r"no event was published on 'orders' within 0 s; nothing was published"):
        recording.wait("orders", None, 0)
    for name in ("created", "deleted"):
        application.publish("orders", name, "canary-4711")
    recording.wait("orders", "created", 0)
    with pytest.raises(AssertionError) as caught:
        recording.wait("orders", "created", 0)
    assert str(caught.value).splitlines() == [
        "no event 'created' was published on 'orders' within 0 s; published were:",
        "  'created' on 'orders' (returned before)",
        "  'deleted' on 'orders'",
    ]
    for _ in range(30):
        application.publish("orders", "updated", "1")
    with pytest.raises(AssertionError, match="and 12 earlier"):
        recording.wait("orders", "created", 0)


def test_a_thread_waits_until_it_comes(application: Application) -> None:
    """The server's thread publishes meanwhile."""
    recording = Recording(application)
    thread = threading.Timer(0.05, application.publish, ("orders", "created", "1"))
    thread.start()
    assert recording.wait("orders", "created", 60).data == 1
    thread.join()


async def test_a_coroutine_waits_until_it_comes(application: Application) -> None:
    """Several may wait at once, and the event loop goes on meanwhile."""
    recording = Recording(application)
    application.publish("orders", "created", "0")
    waiting = [asyncio.ensure_future(recording.wait_in_loop("orders", "created", 60)) for _ in range(3)]
    assert (await waiting[0]).data == 0
    await asyncio.to_thread(application.publish, "orders", "other", "1")
    for number in (2, 3):
        await asyncio.to_thread(application.publish, "orders", "created", str(number))
    assert sorted([(await one).data for one in waiting]) == [0, 2, 3]
    with pytest.raises(AssertionError, match="no event 'created'"):
        await recording.wait_in_loop("orders", "created", 0.01)
