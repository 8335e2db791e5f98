"""One connection's side of the protocol, without a socket."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pusher_client.protocol.signatures import sign_channel, sign_user
from pusher_client.server.application import Application
from pusher_client.server.connection import Connection
from pusher_client.server.settings import Settings

SUCCEEDED = "pusher_internal:subscription_succeeded"


class Client:
    """A connection, with what it was sent and how it was closed."""

    def __init__(self, application: Application) -> None:
        self.frames: list[dict[str, Any]] = []
        self.closed: list[tuple[int, str]] = []
        self.now = 0.0
        self.connection = Connection(
            application, self._sent, lambda code, reason: self.closed.append((code, reason)), lambda: self.now
        )
        application.connect(self.connection)

    def _sent(self, text: str) -> None:
        self.frames.append(json.loads(text))

    @property
    def socket_id(self) -> str:
        return self.connection.socket_id

    def send(self, event: str, data: object = None, **more: object) -> list[dict[str, Any]]:
        """Send a frame and return the answers."""
        self.frames.clear()
        self.connection.receive_text(json.dumps({"event": event, "data": data, **more}))
        return list(self.frames)

    def subscribe(self, channel: str, channel_data: str | None = None) -> list[dict[str, Any]]:
        """Subscribe with a right signature."""
        auth = sign_channel("k", "s", self.socket_id, channel, channel_data)
        return self.send("pusher:subscribe", {"channel": channel, "auth": auth, "channel_data": channel_data})

    def sign_in(self, user_data: str, secret: str = "s") -> list[dict[str, Any]]:
        """Sign a user in."""
        auth = sign_user("k", secret, self.socket_id, user_data)
        return self.send("pusher:signin", {"auth": auth, "user_data": user_data})


@pytest.fixture
def application() -> Application:
    """An application."""
    return Application(app_id="1", key="k", secret="s", master_key=bytes(32))


@pytest.fixture
def client(application: Application) -> Client:
    """A client of it."""
    return Client(application)


def test_a_socket_id_is_two_numbers_of_its_own(application: Application) -> None:
    """Digits, a dot, digits; the official libraries refuse anything else."""
    one, two = Client(application), Client(application)
    assert re.fullmatch(r"\d+\.\d+", one.socket_id)
    assert one.socket_id != two.socket_id


def test_a_ping_is_answered_and_a_pong_is_not(client: Client) -> None:
    """Both sides may send pings (R1)."""
    assert client.send("pusher:ping", {}) == [{"event": "pusher:pong", "data": "{}"}]
    assert client.send("pusher:pong", {}) == []


def test_a_public_channel_takes_no_signature(client: Client) -> None:
    """pusher-js sends an empty one."""
    assert client.send("pusher:subscribe", {"channel": "a", "auth": ""}) == [
        {"event": SUCCEEDED, "channel": "a", "data": "{}"}
    ]


@pytest.mark.parametrize("channel", ["private-a", "private-encrypted-a"])
def test_a_right_signature_subscribes(client: Client, channel: str) -> None:
    """For this socket id and this channel."""
    assert client.subscribe(channel) == [{"event": SUCCEEDED, "channel": channel, "data": "{}"}]


@pytest.mark.parametrize("auth", [None, "", "k:0", "ü"])
@pytest.mark.parametrize("channel", ["private-a", "private-encrypted-a", "presence-a"])
def test_a_wrong_signature_is_refused_with_the_channels_name(client: Client, channel: str, auth: str | None) -> None:
    """The message does not contain the right one."""
    answer = client.send("pusher:subscribe", {"channel": channel, "auth": auth})[0]
    assert answer["event"] == "pusher:subscription_error"
    assert answer["channel"] == channel
    assert answer["data"]["status"] == 401
    assert sign_channel("k", "s", client.socket_id, channel) not in str(answer)


def test_a_signature_for_another_socket_is_refused(client: Client, application: Application) -> None:
    """A signature covers the socket id (R3)."""
    auth = sign_channel("k", "s", Client(application).socket_id, "private-a")
    answer = client.send("pusher:subscribe", {"channel": "private-a", "auth": auth})[0]
    assert answer["event"] == "pusher:subscription_error"


def test_a_second_subscription_is_an_error_that_changes_nothing(client: Client, application: Application) -> None:
    """As on Pusher's servers."""
    client.subscribe("private-a")
    answer = client.subscribe("private-a")[0]
    assert answer["event"] == "pusher:error"
    assert answer["channel"] == "private-a"
    assert application.channel("private-a").subscription_count == 1


def test_an_unsubscription_is_not_answered(client: Client, application: Application) -> None:
    """Repeating it has no effect."""
    client.subscribe("private-a")
    assert client.send("pusher:unsubscribe", {"channel": "private-a"}) == []
    assert client.send("pusher:unsubscribe", {"channel": "private-a"}) == []
    assert application.channel("private-a").subscription_count == 0


@pytest.mark.parametrize("channel", ["", "a b", "#a", "a" * 201])
def test_a_name_that_no_channel_has_is_refused(client: Client, channel: str) -> None:
    """An error of the client, so the status is 400."""
    answer = client.send("pusher:subscribe", {"channel": channel})[0]
    assert answer["data"]["status"] == 400
    assert answer["event"] == "pusher:subscription_error"


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("pusher:subscribe", None),
        ("pusher:subscribe", {}),
        ("pusher:subscribe", {"channel": 1}),
        ("pusher:unsubscribe", "a"),
        ("pusher:signin", {"auth": "k:1"}),
        ("pusher:unknown", {}),
        ("anything", {}),
    ],
)
def test_an_unfit_frame_is_an_error_that_closes_nothing(client: Client, event: str, data: object) -> None:
    """The code is null, since the protocol has none."""
    answer = client.send(event, data)[0]
    assert answer["event"] == "pusher:error"
    assert answer["data"]["code"] is None
    assert client.closed == []


def test_what_is_no_json_is_an_error_that_closes_nothing(client: Client) -> None:
    """The next frame is handled normally."""
    client.connection.receive_text("{")
    client.connection.receive_binary()
    assert [frame["event"] for frame in client.frames] == ["pusher:error", "pusher:error"]
    assert client.closed == []
    assert client.send("pusher:ping") == [{"event": "pusher:pong", "data": "{}"}]


def test_a_presence_channel_tells_who_is_there(application: Application) -> None:
    """The list comes with the acknowledgement, changes afterwards; numeric ids become strings."""
    one, two = Client(application), Client(application)
    first = one.subscribe("presence-a", '{"user_id": 1, "user_info": {"name": "Ann"}}')[0]
    two.subscribe("presence-a", '{"user_id": "2"}')
    assert json.loads(first["data"]) == {"presence": {"ids": ["1"], "hash": {"1": {"name": "Ann"}}, "count": 1}}
    assert json.loads(one.frames[-1]["data"]) == {"user_id": "2", "user_info": None}
    application.disconnect(two.connection)
    assert one.frames[-1]["event"] == "pusher_internal:member_removed"


@pytest.mark.parametrize("channel_data", [None, "", "[]", "{}", '{"user_id": "a b"}', '{"user_id": null}', "[" * 9999])
def test_a_presence_channel_needs_a_user(client: Client, channel_data: str | None) -> None:
    """Even if its signature is right."""
    answer = client.subscribe("presence-a", channel_data)[0]
    assert answer["event"] == "pusher:subscription_error"
    assert answer["data"]["status"] == 401


def test_who_signed_in_needs_no_channel_data(client: Client) -> None:
    """The server knows the user (protocol-notes 6.4)."""
    user_data = '{"id": "u", "user_info": {"name": "Ann"}}'
    assert client.sign_in(user_data) == [{"event": "pusher:signin_success", "data": {"user_data": user_data}}]
    answer = client.subscribe("presence-a")[0]
    assert json.loads(answer["data"])["presence"]["hash"] == {"u": {"name": "Ann"}}


@pytest.mark.parametrize(
    ("user_data", "secret"),
    [
        ('{"id": "u"}', "other"),
        ("", "s"),
        ("{}", "s"),
        ('{"id": 1}', "s"),
        ('{"id": "a b"}', "s"),
        ("[" * 9999, "s"),
        ('{"id": "u", "watchlist": "v"}', "s"),
    ],
)
def test_a_wrong_sign_in_closes_with_4009(client: Client, user_data: str, secret: str) -> None:
    """After a ``pusher:error`` with the same message."""
    answer = client.sign_in(user_data, secret)[0]
    assert answer["event"] == "pusher:error"
    assert answer["data"]["code"] == 4009
    assert [code for code, _ in client.closed] == [4009]
    assert len(client.closed[0][1].encode()) <= 123


def test_a_users_channel_is_for_that_user(client: Client, application: Application) -> None:
    """Only after the sign-in, and only the user's own."""
    refused = client.send("pusher:subscribe", {"channel": "#server-to-user-u"})[0]
    client.sign_in('{"id": "u"}')
    foreign = client.send("pusher:subscribe", {"channel": "#server-to-user-v"})[0]
    own = client.send("pusher:subscribe", {"channel": "#server-to-user-u"})[0]
    application.publish("#server-to-user-u", "e", "1")
    assert [refused["data"]["status"], foreign["data"]["status"]] == [401, 401]
    assert own["event"] == SUCCEEDED
    assert client.frames[-1] == {"event": "e", "channel": "#server-to-user-u", "data": "1"}


def test_a_client_event_reaches_the_others(application: Application) -> None:
    """Data is sent as text, and not to the sender."""
    one, two = Client(application), Client(application)
    one.subscribe("private-a")
    two.subscribe("private-a")
    two.frames.clear()
    assert one.send("client-e", {"x": 1}, channel="private-a") == []
    assert one.send("client-e", "text", channel="private-a") == []
    assert two.frames == [
        {"event": "client-e", "channel": "private-a", "data": '{"x":1}'},
        {"event": "client-e", "channel": "private-a", "data": "text"},
    ]


def test_a_client_event_on_a_presence_channel_names_its_sender(application: Application) -> None:
    """Outside of the data, where the sender cannot forge it."""
    one, two = Client(application), Client(application)
    one.subscribe("presence-a", '{"user_id": "1"}')
    two.subscribe("presence-a", '{"user_id": "2"}')
    one.send("client-e", {}, channel="presence-a")
    assert two.frames[-1] == {"event": "client-e", "channel": "presence-a", "data": "{}", "user_id": "1"}


@pytest.mark.parametrize("channel", ["a", "private-encrypted-a", "private-other", None])
def test_a_client_event_is_refused_elsewhere(client: Client, application: Application, channel: str | None) -> None:
    """On public and encrypted channels, and on channels without a subscription."""
    other = Client(application)
    for name in ("a", "private-encrypted-a"):
        client.subscribe(name)
        other.subscribe(name)
    other.frames.clear()
    answer = client.send("client-e", {}, channel=channel)[0]
    assert answer["event"] == "pusher:error"
    assert answer["data"]["code"] == 4301
    assert answer.get("channel") == channel
    assert other.frames == []


@pytest.mark.parametrize(
    ("name", "data"), [("client-" + "e" * 194, {}), ("client-e", "ü" * 5121), ("client-e", {"x": "ü" * 5117})]
)
def test_a_client_event_is_refused_that_is_too_long(
    client: Client, application: Application, name: str, data: object
) -> None:
    """200 characters of name and 10 kB of data are allowed, in bytes of UTF-8 (protocol-notes 12)."""
    other = Client(application)
    other.subscribe("private-a")
    client.subscribe("private-a")
    answer = client.send(name, data, channel="private-a")[0]
    assert (answer["event"], answer["data"]["code"]) == ("pusher:error", 4301)
    assert client.send("client-" + "e" * 193, "ü" * 5120, channel="private-a") == []
    assert [frame["event"] for frame in other.frames[1:]] == ["client-" + "e" * 193]


def test_client_events_can_be_forbidden() -> None:
    """The sender receives the error, on the event's channel (protocol-notes 12)."""
    settings = Settings(client_events=False)
    application = Application(app_id="1", key="k", secret="s", master_key=bytes(32), settings=settings)
    one, two = Client(application), Client(application)
    one.subscribe("private-a")
    two.subscribe("private-a")
    answer = one.send("client-e", {}, channel="private-a")[0]
    assert (answer["event"], answer["channel"], answer["data"]["code"]) == ("pusher:error", "private-a", 4301)
    assert len(two.frames) == 1


def test_too_many_client_events_a_second_are_refused() -> None:
    """Each connection has its own limit, and stays open (protocol-notes 12)."""
    settings = Settings(client_event_rate=10)
    application = Application(app_id="1", key="k", secret="s", master_key=bytes(32), settings=settings)
    one, two = Client(application), Client(application)
    one.subscribe("private-a")
    two.subscribe("private-a")
    answers = [one.send("client-e", {}, channel="private-a") for _ in range(11)]
    assert answers[:10] == [[]] * 10
    assert answers[10][0]["data"]["code"] == 4301
    assert two.send("client-e", {}, channel="private-a") == []
    one.now = 1.0
    assert one.send("client-e", {}, channel="private-a") == []
    assert one.closed == []


def test_who_signs_in_with_a_watchlist_hears_of_it_after_the_acknowledgement(application: Application) -> None:
    """First the current state, then each change (protocol-notes 6.4)."""
    one, two = Client(application), Client(application)
    answers = one.sign_in('{"id": "u", "watchlist": ["v", "w"]}')
    two.sign_in('{"id": "v"}')
    application.disconnect(two.connection)
    assert [frame["event"] for frame in answers] == ["pusher:signin_success", "pusher_internal:watchlist_events"]
    assert [json.loads(frame["data"])["events"] for frame in one.frames[1:]] == [
        [{"name": "offline", "user_ids": ["v", "w"]}],
        [{"name": "online", "user_ids": ["v"]}],
        [{"name": "offline", "user_ids": ["v"]}],
    ]


def test_of_a_watchlist_that_is_too_long_the_first_hundred_are_kept(client: Client) -> None:
    """Error 4302, and the connection stays open."""
    watchlist = [f"u{number}" for number in range(101)]
    success, error, events = client.sign_in(json.dumps({"id": "u", "watchlist": watchlist}))
    assert success["event"] == "pusher:signin_success"
    assert (error["event"], error["data"]["code"]) == ("pusher:error", 4302)
    assert json.loads(events["data"])["events"] == [{"name": "offline", "user_ids": watchlist[:100]}]
    assert client.closed == []


def test_a_connection_is_one_users(client: Client) -> None:
    """Signing in again has no effect; as another user it is an error."""
    client.sign_in('{"id": "u"}')
    assert client.sign_in('{"id": "u"}')[0]["event"] == "pusher:signin_success"
    answer = client.sign_in('{"id": "v"}')[0]
    assert (answer["event"], answer["data"]["code"]) == ("pusher:error", None)
    assert client.connection.user is not None
    assert client.connection.user.user_id == "u"
    assert client.closed == []


def test_the_server_may_close_it(client: Client) -> None:
    """With a code and a reason."""
    client.connection.close(4200, "why")
    assert client.closed == [(4200, "why")]
