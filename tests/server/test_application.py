"""The application: keys, channels, cached events and mangled events."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from pusher_client.server.application import Application
from pusher_client.server.settings import Settings

KEY = bytes(range(32))


class Recorder:
    """A connection that records its frames and close."""

    def __init__(self, socket_id: str) -> None:
        self.socket_id = socket_id
        self.frames: list[dict[str, Any]] = []
        self.closed: list[tuple[int, str]] = []

    def send(self, text: str) -> None:
        self.frames.append(json.loads(text))

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))

    @property
    def names(self) -> list[str]:
        return [frame["event"] for frame in self.frames]


def make_application(**options: Any) -> Application:
    """Return an application with defaults for its options."""
    given: dict[str, Any] = {"app_id": "1", "key": "k", "secret": "s", "master_key": KEY, **options}
    return Application(**given)


@pytest.fixture
def application() -> Application:
    """An application."""
    return make_application()


@pytest.mark.parametrize("options", [{"app_id": "x"}, {"app_id": ""}, {"app_id": "²"}, {"key": ""}, {"secret": ""}])
def test_wrong_credentials_are_refused_at_once(options: dict[str, str]) -> None:
    """The official libraries would refuse them later, with less clear messages."""
    with pytest.raises(ValueError, match=r"app_id must consist of digits|must not be empty"):
        make_application(**options)


def test_a_master_key_of_another_length_is_refused(application: Application) -> None:
    """At construction and at a rotation; the message does not contain the key."""
    with pytest.raises(ValueError, match=r"^master_key must be 32 bytes long, not 3$"):
        make_application(master_key=b"abc")
    with pytest.raises(ValueError, match=r"^master_key must be 32 bytes long, not 3$"):
        application.rotate_key(b"abc")
    assert application.master_key == KEY


def test_a_shared_secret_is_derived_as_the_official_servers_do(application: Application) -> None:
    """SHA-256 of the channel's name and the master key (protocol-notes 7.2)."""
    expected = hashlib.sha256(b"private-encrypted-a" + KEY).digest()
    assert application.shared_secret("private-encrypted-a") == expected


def test_a_rotation_changes_the_shared_secrets(application: Application) -> None:
    """From the given key, or from a random one."""
    application.rotate_key(b"x" * 32)
    assert application.master_key == b"x" * 32
    application.rotate_key()
    assert application.master_key not in {KEY, b"x" * 32}


def test_an_event_reaches_who_is_subscribed(application: Application) -> None:
    """Nothing is sent after the end of the subscription."""
    one, two = Recorder("1.1"), Recorder("2.2")
    application.subscribe("1.1", one.send, "a", None)
    application.subscribe("2.2", two.send, "b", None)
    application.publish("a", "e", "1")
    application.unsubscribe("1.1", "a")
    application.unsubscribe("1.1", "a")
    application.publish("a", "e", "2")
    assert one.frames[1:] == [{"event": "e", "channel": "a", "data": "1"}]
    assert two.names == ["pusher_internal:subscription_succeeded"]


def test_a_connection_that_goes_leaves_nothing_behind(application: Application) -> None:
    """All its subscriptions end, others stay."""
    one, two = Recorder("1.1"), Recorder("2.2")
    application.connect(one)
    application.connect(two)
    application.subscribe("1.1", one.send, "a", None)
    application.subscribe("2.2", two.send, "b", None)
    application.disconnect(one)
    assert [channel.name for channel in application.occupied()] == ["b"]
    assert application.connections() == [two]


def test_a_cache_channel_keeps_its_last_event_without_subscribers(application: Application) -> None:
    """A later subscriber receives it right after the acknowledgement; before the first event it is a cache miss."""
    early, late = Recorder("1.1"), Recorder("2.2")
    application.subscribe("1.1", early.send, "cache-a", None)
    application.unsubscribe("1.1", "cache-a")
    application.publish("cache-a", "e", "1")
    application.publish("cache-a", "e", "2")
    application.publish("b", "e", "3")
    assert list(application.occupied()) == []
    application.subscribe("2.2", late.send, "cache-a", None)
    assert early.names == ["pusher_internal:subscription_succeeded", "pusher:cache_miss"]
    assert late.frames[1:] == [{"event": "e", "channel": "cache-a", "data": "2"}]
    application.unsubscribe("2.2", "cache-a")
    assert application.channel("cache-a").last_event == ("e", "2")


def test_mangling_strikes_encrypted_events_only_and_keeps_what_was_published(application: Application) -> None:
    """The cached event is stored unchanged; whether it is mangled is decided when it is sent (C2)."""
    data = json.dumps({"nonce": "n", "ciphertext": base64.b64encode(bytes(32)).decode()})
    one, two = Recorder("1.1"), Recorder("2.2")
    for name in ("private-a", "private-encrypted-cache-a"):
        application.subscribe("1.1", one.send, name, None)
    application.mangle = True
    application.publish("private-a", "e", data)
    application.publish("private-encrypted-cache-a", "e", data)
    application.mangle = False
    application.subscribe("2.2", two.send, "private-encrypted-cache-a", None)
    plain, encrypted = one.frames[-2:]
    assert plain["data"] == data
    assert encrypted["data"] != data
    assert two.frames[-1]["data"] == data


def test_subscribers_hear_how_many_they_are_where_that_is_asked_for() -> None:
    """At each change, except on presence channels, which announce their members."""
    application = make_application(settings=Settings(subscription_counts=True))
    one, two = Recorder("1.1"), Recorder("2.2")
    for name in ("cache-a", "presence-a"):
        application.subscribe("1.1", one.send, name, None)
        application.subscribe("2.2", two.send, name, None)
        application.unsubscribe("2.2", name)
        application.unsubscribe("2.2", name)
    counts = [json.loads(frame["data"]) for frame in one.frames if frame["event"].endswith(":subscription_count")]
    assert counts == [{"subscription_count": count} for count in (1, 2, 1)]
    assert one.names[:3] == [
        "pusher_internal:subscription_succeeded",
        "pusher:cache_miss",
        "pusher_internal:subscription_count",
    ]


def test_nobody_is_told_of_counts_by_default(application: Application) -> None:
    """Pusher does not send them on small channels, either."""
    one = Recorder("1.1")
    application.subscribe("1.1", one.send, "a", None)
    assert one.names == ["pusher_internal:subscription_succeeded"]


def test_a_users_connections_are_ended_together(application: Application) -> None:
    """With 4009; other users' connections stay open."""
    recorders = [Recorder("1.1"), Recorder("2.2"), Recorder("3.3")]
    for recorder, user_id in zip(recorders, ("ann", "bob", "ann"), strict=True):
        application.connect(recorder)
        application.users.sign_in(recorder.socket_id, recorder.send, user_id)
    application.terminate("ann")
    assert [[code for code, _ in recorder.closed] for recorder in recorders] == [[4009], [], [4009]]


def test_a_connection_that_goes_signs_its_user_out(application: Application) -> None:
    """The user is offline then, and has no connections to terminate."""
    one = Recorder("1.1")
    application.connect(one)
    application.users.sign_in("1.1", one.send, "ann")
    application.disconnect(one)
    assert application.users.sockets("ann") == set()
    application.terminate("ann")
    assert one.closed == []
