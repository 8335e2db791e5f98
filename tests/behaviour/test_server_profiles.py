"""One conversation with each kind of server: over a real socket, and by the day under a virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    Channel,
    ChannelAuthorization,
    ConnectError,
    ConnectionState,
    Event,
    Gap,
    Member,
    PusherClient,
    ServerError,
    SubscriptionError,
    SubscriptionState,
)
from pusher_client.protocol.outputs import (
    Authorize,
    CloseWebSocket,
    ConnectFailed,
    ErrorRaised,
    FrameIgnored,
    OpenWebSocket,
    Result,
)
from tests.support.core.scripted_core import Core, frame
from tests.support.held_authorizer import until
from tests.support.scripted_server import scripted
from tests.support.server_profiles import (
    LARAVEL_WEBSOCKETS,
    PROFILES,
    PUSHER,
    REVERB,
    SOCKUDO,
    SOKETI,
    Admission,
    Application,
    Peer,
    Profile,
    Served,
    frame_text,
    serving,
    shared_secret,
    signed,
)

DAY = 24 * 60 * 60.0
KINDS = ["orders", "private-a", "presence-a", "private-encrypted-a"]
CACHE_KINDS = ["cache-a", "private-cache-a", "presence-cache-a", "private-encrypted-cache-a"]

every_server = pytest.mark.parametrize("profile", PROFILES, ids=str)


# -- over a real socket -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def talking(profile: Profile, **options: Any) -> AsyncGenerator[tuple[Served, PusherClient]]:
    """Run a server of this profile with a client on it."""
    async with serving(profile) as served, asyncio.timeout(20), served.client(**options) as client:
        yield served, client


@every_server
async def test_connecting(profile: Profile) -> None:
    """The handshake of each server establishes the connection, with the server's name for it (design.md 2)."""
    async with talking(profile) as (served, client):
        assert client.state.value == ConnectionState.CONNECTED
        assert client.socket_id == "1.1"
    assert client.state.value == ConnectionState.DISCONNECTED
    await until(lambda: served.application.peers == [])


@every_server
async def test_every_kind_of_channel_is_subscribed(profile: Profile) -> None:
    """Whatever shape the acknowledgement has; signatures and channel_data are byte for byte what was signed (R3)."""
    async with talking(profile) as (served, client):
        channels = await asyncio.gather(*(client.subscribe(name) for name in KINDS + CACHE_KINDS))
        assert {channel.state for channel in channels} == {SubscriptionState.SUBSCRIBED}
        assert set(served.application.peers[0].subscribed) == set(KINDS + CACHE_KINDS)


@every_server
async def test_the_acknowledgement_is_one_event_for_all(profile: Profile) -> None:
    """With data of "{}" or without any, handlers get one pusher:subscription_succeeded (design.md 2)."""
    async with talking(profile) as (_, client):
        seen: list[Event] = []
        client.bind("pusher:subscription_succeeded", seen.append)
        for name in KINDS:
            await client.subscribe(name)
        assert [event.channel for event in seen] == KINDS
        assert not seen[0].data
        assert seen[2].data == {"7": {"name": "user 7"}}
        assert seen[3].data is None


@every_server
async def test_presence(profile: Profile) -> None:
    """Ids are strings, also where the server numbers its users; members come and go as events (R3)."""
    async with talking(profile) as (served, client):
        events = client.presence("presence-a").events("pusher:member_added", "pusher:member_removed")
        room = client.presence("presence-a")
        await room.subscribe()
        assert room.me == Member("7", {"name": "user 7"})
        async with served.client("8") as other:
            theirs = other.presence("presence-a")
            await theirs.subscribe()
            assert dict(theirs.members) == {"7": {"name": "user 7"}, "8": {"name": "user 8"}}
            assert theirs.me == Member("8", {"name": "user 8"})
            assert (await anext(events)).data == Member("8", {"name": "user 8"})
            assert set(room.members) == {"7", "8"}
        gone = await anext(events)
        assert (gone.name, gone.data) == ("pusher:member_removed", Member("8", {"name": "user 8"}))
        assert set(room.members) == {"7"}


@every_server
@pytest.mark.parametrize("name", KINDS)
async def test_events(profile: Profile, name: str) -> None:
    """In order, decoded where they are JSON and as text where not, opened where they are sealed (R4, C1)."""
    async with talking(profile) as (served, client):
        channel = await client.subscribe(name)
        for data in ('{"n":1}', "plain words", "0", "null", '"ä"'):
            await served.publish("e", name, data)
        events = [event async for event in first(channel, 5)]
        assert [event.data for event in events] == [{"n": 1}, "plain words", 0, None, "ä"]
        assert [event.raw for event in events] == ['{"n":1}', "plain words", "0", "null", '"ä"']
        assert channel.stats.undecryptable == 0


async def first(channel: Channel, count: int) -> AsyncGenerator[Event]:
    """Yield so many events of the channel's own stream."""
    stream = aiter(channel)
    for _ in range(count):
        yield await anext(stream)


@every_server
@pytest.mark.parametrize("name", CACHE_KINDS)
async def test_cache_channels(profile: Profile, name: str) -> None:
    """The last event or pusher:cache_miss, with or without data, comes behind the acknowledgement (design.md 2).

    Where a server has no such cache nothing comes, and nothing waits for it.
    """
    async with talking(profile) as (served, client):
        events = client.channel(name).events("pusher:cache_miss", "e", "later")
        await client.subscribe(name)
        caches = name.startswith(profile.caches)
        if caches:
            miss = await anext(events)
            assert (miss.name, miss.data) == ("pusher:cache_miss", None)
        await served.publish("e", name, '{"n":1}')
        assert (await anext(events)).data == {"n": 1}
        async with served.client("8") as other:
            theirs = other.channel(name).events("pusher:cache_miss", "e", "later")
            await other.subscribe(name)
            await served.publish("later", name, "2")
            expected = ["e", "later"] if caches else ["later"]
            assert [(await anext(theirs)).name for _ in expected] == expected


@every_server
@pytest.mark.parametrize("name", ["private-a", "presence-a"])
async def test_client_events(profile: Profile, name: str) -> None:
    """The others get them, on presence channels with the sender's id as a string, and the sender does not (12)."""
    async with talking(profile) as (served, client), served.client("8") as other:
        mine = await client.subscribe(name)
        theirs = await other.subscribe(name)
        await mine.trigger("client-typing", {"n": 1})
        event = await anext(aiter(theirs))
        assert (event.name, event.data) == ("client-typing", {"n": 1})
        assert event.user_id == ("7" if name.startswith("presence-") else None)
        await served.publish("e", name, "2")
        assert (await anext(aiter(mine))).name == "e"


@every_server
async def test_refused_client_events_are_told_and_nothing_else(profile: Profile) -> None:
    """A 4301, as object or text, with or without a channel, reaches the connection's error; the link stays (R7)."""
    async with talking(profile) as (served, client):
        errors: list[Any] = []
        client.connection.bind("error", errors.append)
        channel = await client.subscribe("private-a")
        served.application.client_events = False
        await channel.trigger("client-typing", None)
        await until(lambda: bool(errors))
        assert errors == [ServerError(4301, "The app does not allow client messages")]
        await served.publish("e", "private-a", "1")
        assert (await anext(aiter(channel))).data == 1
        assert served.application.accepted == 1


@every_server
async def test_pings_of_the_server_are_answered(profile: Profile) -> None:
    """With data or without, a pusher:ping gets its pusher:pong (R1)."""
    async with talking(profile) as (served, _):
        peer = served.application.peers[0]
        for _ in range(2):
            peer.ping(0.0)
            await served.flush()
        await until(lambda: len(peer.received) == 2)
        assert [one["event"] for one in peer.received] == ["pusher:pong"] * 2


@every_server
async def test_pings_of_the_client_are_answered(profile: Profile) -> None:
    """The pong of each server, with data or without, keeps the link (R1)."""
    async with talking(profile, activity_timeout=0.02, pong_timeout=5) as (served, client):
        peer = served.application.peers[0]
        await until(lambda: len(peer.received) >= 3)
        assert {one["event"] for one in peer.received} == {"pusher:ping"}
        assert (client.socket_id, served.application.accepted) == ("1.1", 1)


@every_server
async def test_dropping_and_returning(profile: Profile) -> None:
    """Every channel comes back, signed for the new socket, with one gap each, and the events go on (R3, R5)."""
    names = KINDS + CACHE_KINDS
    async with talking(profile) as (served, client):
        gaps = client.events("pusher:gap")
        await asyncio.gather(*(client.subscribe(name) for name in names))
        await client.subscribe("private-left")
        await client.unsubscribe("private-left")
        old = served.application.peers[0]
        await until(lambda: "private-left" not in old.subscribed)
        served.sockets[old].transport.abort()
        found = [(await anext(gaps)).data for _ in names]
        assert all(isinstance(gap, Gap) for gap in found)
        assert sorted(gap.channel for gap in found) == sorted(names)
        await until(lambda: old not in served.application.peers)
        assert client.socket_id == "2.2"
        assert set(served.application.peers[0].subscribed) == set(names)
        events = client.events("after")
        for name in names:
            await served.publish("after", name, "1")
        assert sorted([(await anext(events)).channel or "" for _ in names]) == sorted(names)
        assert dict(client.presence("presence-a").members) == {"7": {"name": "user 7"}}


@every_server
@pytest.mark.parametrize(
    ("admission", "code"), [(Admission.UNKNOWN_APPLICATION, 4001), (Admission.FOREIGN_ORIGIN, 4009)]
)
async def test_a_connection_that_is_rejected(profile: Profile, admission: Admission, code: int) -> None:
    """Said first, by the close code, or both, the socket left open or not: connect() raises it, once (R2, R6)."""
    async with serving(profile) as served, asyncio.timeout(20):
        served.application.admission = admission
        client = served.client()
        with pytest.raises(ConnectError) as caught:
            await client.connect()
        assert caught.value.code == code
        assert client.state is ConnectionState.FAILED
        await until(lambda: served.application.peers == [])
        assert served.application.accepted == 1


async def test_presence_where_php_writes_an_empty_list() -> None:
    """An empty hash is [], infos may be null, ids may be numbers that the hash has as text (R8)."""
    presence: dict[str, Any] = {"count": 0, "ids": [], "hash": []}
    async with scripted() as peer:
        acknowledgement = {"event": "pusher_internal:subscription_succeeded", "channel": "presence-a"}
        peer.answers["presence-a"] = [{**acknowledgement, "data": json.dumps({"presence": presence})}]

        async def authorize(_channel: str, socket_id: str) -> dict[str, str]:
            return {"auth": f"key:{socket_id}", "channel_data": '{"user_id":7}'}

        async with peer.client(authorizer=authorize) as client:
            room = client.presence("presence-a")
            await room.subscribe()
            assert (dict(room.members), room.me) == ({}, None)
            events = room.events("pusher:member_*")
            added = {"event": "pusher_internal:member_added", "channel": "presence-a", "data": {"user_id": 8}}
            await peer.sockets[0].send(json.dumps(added))
            assert (await anext(events)).data == Member("8", None)
            presence.update(count=2, ids=[7, 8], hash={"7": None, "8": {"name": "Ada"}})
            peer.answers["presence-a"] = [{**acknowledgement, "data": {"presence": presence}}]
            peer.sockets[0].transport.abort()
            await until(lambda: room.me is not None)
            assert room.me == Member("7", None)
            assert dict(room.members) == {"7": None, "8": {"name": "Ada"}}


# -- under a virtual clock --------------------------------------------------------------------------------------------


class Together:
    """A core and a server of some profile, on one clock, with nothing between them.

    Attributes:
        core: The client.
        application: The server.
        peer: The connection as the server has it; None without one.
        forged: Channels that are authorized with a wrong signature.
    """

    def __init__(self, profile: Profile, admission: Admission = Admission.WELCOME, **settings: Any) -> None:
        self.core = Core(**settings)
        self.application = Application(profile, admission)
        self.peer: Peer | None = None
        self.forged: set[str] = set()
        self._outputs = self._texts = 0
        self.core.connection.connect(self.core.now)
        self.core.drain()
        self.settle()

    def settle(self) -> None:
        """Carry everything back and forth until nobody has anything to say."""
        while self._exchange():
            pass

    def subscribe(self, channel: str) -> int:
        """Subscribe as a caller does; return the call's number."""
        call = self.core.subscribe(channel)
        self.settle()
        return call

    def run(self, seconds: float, every: float | None = None, act: Callable[[], None] = lambda: None) -> None:
        """Let time pass from one deadline of either side to the next; act at an interval."""
        core, end = self.core, self.core.now + seconds
        act_at = end + 1 if every is None else core.now + every
        while True:
            deadlines = [core.connection.deadline(), self.peer.deadline() if self.peer is not None else None, act_at]
            due = min(one for one in deadlines if one is not None)
            if due > end:
                break
            core.now = max(core.now, due)
            if self.peer is not None:
                self.peer.handle_deadline(core.now)
            core.connection.handle_deadline(core.now)
            core.drain()
            if every is not None and core.now >= act_at:
                act()
                act_at += every
            self.settle()
        core.now = end

    def result(self, call: int) -> object:
        """Return how a call of subscribe ended; False while it has not."""
        return next((one.error for one in self.core.outputs if isinstance(one, Result) and one.call_id == call), False)

    def errors(self) -> list[object]:
        """Return what the connection's error handlers are told."""
        return [output.error for output in self.core.outputs if isinstance(output, ErrorRaised)]

    def _exchange(self) -> bool:
        core = self.core
        outputs, texts = core.outputs[self._outputs :], core.texts[self._texts :]
        self._outputs, self._texts = len(core.outputs), len(core.texts)
        for output in outputs:
            match output:
                case OpenWebSocket():
                    core.connection.websocket_opened(core.now)
                    self.peer = self.application.accept(core.now)
                case CloseWebSocket() if self.peer is not None:
                    self._hang_up()
                case Authorize():
                    self._authorize(output)
                case _:
                    pass
        for text in texts:
            if self.peer is not None:
                self.peer.receive(text, core.now)
        return self._listen() or bool(outputs or texts)

    def _authorize(self, asked: Authorize) -> None:
        channel = asked.channel
        auth = signed("0.0" if channel in self.forged else asked.socket_id, channel)
        secret = shared_secret(channel) if channel.startswith("private-encrypted-") else None
        answer = ChannelAuthorization(auth, shared_secret=secret)
        self.core.connection.authorized(asked.request_id, answer, self.core.now)
        self.core.drain()

    def _listen(self) -> bool:
        peer = self.peer
        if peer is None:
            return False
        said = peer.take()
        for text in said:
            self.core.receive(text)
        if peer.closed is not None and self.peer is peer and not peer.out:
            self._hang_up()
            self.core.lose(peer.closed)
            return True
        return bool(said)

    def _hang_up(self) -> None:
        assert self.peer is not None
        self.peer.gone(self.core.now)
        self.peer = None


@every_server
@pytest.mark.parametrize("own_timeout", [120.0, 45.0, 1000.0])
def test_an_idle_day_without_a_cut(profile: Profile, own_timeout: float) -> None:
    """Nobody says anything for 24 hours but pings and pongs, and the server never gives the link up (R1)."""
    together = Together(profile, activity_timeout=own_timeout)
    together.subscribe("orders")
    together.run(DAY)
    assert (together.application.cut, together.application.accepted) == (0, 1)
    assert together.core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


@every_server
@pytest.mark.parametrize("every", [7.0, 29.0, 119.0])
def test_a_busy_day_without_a_cut(profile: Profile, every: float) -> None:
    """Events come for 24 hours and nothing is said in turn but what keeps the link; none is lost (R1, R4)."""
    together = Together(profile)
    together.subscribe("orders")
    core, application = together.core, together.application
    numbers = iter(range(int(DAY)))
    together.run(DAY, every, lambda: application.publish("e", "orders", str(next(numbers)), core.now))
    assert (application.cut, application.accepted) == (0, 1)
    events = [event.data for event in core.events if event.name == "e"]
    assert events == list(range(int(DAY / every)))


@every_server
@pytest.mark.parametrize("every", [10.0, 119.0])
def test_a_day_of_talking_without_a_cut(profile: Profile, every: float) -> None:
    """A client that sends client events all day, and hears nothing, is not cut where only sending counts (R1)."""
    together = Together(profile)
    together.subscribe("private-a")
    connection, core = together.core.connection, together.core

    def talk() -> None:
        connection.trigger("private-a", "client-x", 1, core.now)
        core.drain()

    together.run(DAY, every, talk)
    assert (together.application.cut, together.application.accepted) == (0, 1)


@pytest.mark.parametrize(
    ("profile", "busy"),
    [*[(profile, False) for profile in PROFILES], *[(one, True) for one in PROFILES if one is not SOKETI]],
    ids=str,
)
def test_these_servers_do_cut_who_says_nothing(profile: Profile, *, busy: bool) -> None:
    """Without pusher:ping and pusher:pong each would: the days above prove something (R1)."""
    application = Application(profile)
    peer = application.accept(0.0)
    peer.subscribed["orders"] = None
    now = 0.0
    while peer.closed is None and now < DAY:
        now += 1.0
        if busy:
            application.publish("e", "orders", "1", now)
        peer.handle_deadline(now)
    assert application.cut == 1
    assert peer.closed == (1000 if profile is REVERB else 4201)
    assert now <= 180.0


@every_server
def test_who_is_cut_for_silence_returns_at_once(profile: Profile) -> None:
    """By 4201, or by a pusher:error before a plain close: the link returns with its channels (R2, R3)."""
    together = Together(profile)
    together.subscribe("orders")
    assert together.peer is not None
    together.peer.give_up(together.core.now)
    together.settle()
    together.run(1.0)
    assert together.application.accepted == 2
    assert together.core.connection.state is ConnectionState.CONNECTED
    assert together.core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED
    told = [error.code for error in together.errors() if isinstance(error, ServerError)]
    assert told == ([4201] if profile is REVERB else [])


@pytest.mark.parametrize("code", [4200, 4201, 4202])
def test_pusher_s_closes_for_silence_cost_no_time(code: int) -> None:
    """4200 to 4299 mean at once: the first time there is no delay at all (R2)."""
    together = Together(PUSHER)
    together.subscribe("orders")
    together.run(3600.0)
    assert together.peer is not None
    before = together.core.now
    together.peer.close(code)
    together.settle()
    together.run(0.0)
    assert (together.core.now, together.application.accepted) == (before, 2)
    assert together.core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


@every_server
def test_an_error_inside_the_link_never_ends_it(profile: Profile) -> None:
    """Whatever its code, a pusher:error after the handshake is told and the link stays (R2)."""
    together = Together(profile)
    together.subscribe("orders")
    assert together.peer is not None
    codes = [4200, 4201, 4001, 4100, 4301, 4302, None]
    for code in codes:
        together.peer.error(code, "words", together.core.now)
    together.settle()
    together.run(60.0)
    assert together.errors() == [ServerError(code, "words") for code in codes]
    assert together.application.accepted == 1
    assert together.core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


def test_reverb_s_answer_to_what_it_does_not_understand_is_no_reason_to_reconnect() -> None:
    """It says 4200 inside the link for any unreadable frame; acting on the code would be a storm (R2)."""
    together = Together(REVERB)
    together.subscribe("orders")
    assert together.peer is not None
    for text in ("nonsense", frame_text("pusher:signin", data={"auth": "x", "user_data": "{}"})):
        together.peer.receive(text, together.core.now)
        together.settle()
    together.run(600.0)
    assert together.errors() == [ServerError(4200, "Invalid message format")] * 2
    assert (together.application.accepted, together.application.cut) == (1, 0)


REFUSALS = [
    (PUSHER, SubscriptionError, None, 30.0),
    (REVERB, AuthorizationError, 4009, 1.0),
    (SOKETI, AuthorizationError, 401, 0.0),
    (SOCKUDO, AuthorizationError, 4009, 1.0),
    (LARAVEL_WEBSOCKETS, AuthorizationError, 4009, 1.0),
]


@pytest.mark.parametrize("channel", ["private-forged", "private-encrypted-forged"])
@pytest.mark.parametrize(("profile", "kind", "status", "within"), REFUSALS, ids=[str(one[0]) for one in REFUSALS])
def test_a_refused_signature(
    profile: Profile, kind: type[Exception], status: int | None, within: float, channel: str
) -> None:
    """However the server says it, the call fails in time, can be made again, and nobody else is touched (R3, R7)."""
    together = Together(profile)
    together.subscribe("private-before")
    together.forged.add(channel)
    call = together.core.subscribe(channel)
    beside = together.core.subscribe("private-beside")
    together.settle()
    together.run(within)
    error = together.result(call)
    assert type(error) is kind
    assert getattr(error, "status", None) == status
    assert together.result(beside) is None
    assert (together.application.accepted, together.core.connection.state) == (1, ConnectionState.CONNECTED)
    for name in ("private-before", "private-beside"):
        assert together.core.connection.subscription_state(name) is SubscriptionState.SUBSCRIBED
    assert together.peer is not None
    assert set(together.peer.subscribed) == {"private-before", "private-beside"}
    together.forged.clear()
    again = together.subscribe(channel)
    together.run(30.0)
    assert together.result(again) is None


@every_server
def test_a_signature_that_is_refused_at_a_return_is_asked_for_again(profile: Profile) -> None:
    """An endpoint that signs wrongly for a while costs that channel time, and the others nothing (R3, R7)."""
    together = Together(profile)
    for name in ("private-a", "private-b"):
        together.subscribe(name)
    together.forged.add("private-a")
    assert together.peer is not None
    together.peer.close(4200)
    together.settle()
    together.run(5.0)
    assert together.core.connection.subscription_state("private-b") is SubscriptionState.SUBSCRIBED
    assert together.core.connection.subscription_state("private-a") is not SubscriptionState.SUBSCRIBED
    together.forged.clear()
    together.run(120.0)
    assert together.core.connection.subscription_state("private-a") is SubscriptionState.SUBSCRIBED
    assert together.application.accepted == 2


@every_server
def test_a_full_quota(profile: Profile) -> None:
    """4004 is final at first, also where the socket stays open; 4100 is tried again until there is room (R2)."""
    together = Together(profile, Admission.OVER_QUOTA)
    failures = [output.error for output in together.core.outputs if isinstance(output, ConnectFailed)]
    if (profile.over_quota.said or profile.over_quota.close) == 4004:
        assert [getattr(error, "code", None) for error in failures] == [4004]
        assert together.peer is None
        together.run(600.0)
        assert together.application.accepted == 1
    else:
        assert failures == []
        together.run(0.99)
        assert together.application.accepted == 1
        together.application.admission = Admission.WELCOME
        together.run(10.0)
        assert together.core.connection.state is ConnectionState.CONNECTED


@every_server
def test_a_full_quota_at_a_return_is_no_end(profile: Profile) -> None:
    """Who was connected before waits for room, at most the cap at a time (R2)."""
    together = Together(profile)
    together.subscribe("orders")
    together.application.admission = Admission.OVER_QUOTA
    assert together.peer is not None
    together.peer.close(1001)
    together.settle()
    together.run(1800.0)
    assert together.core.connection.state is ConnectionState.UNAVAILABLE
    assert 20 <= together.application.accepted <= 120
    together.application.admission = Admission.WELCOME
    together.run(61.0)
    assert together.core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


@every_server
def test_a_link_that_died_in_silence_is_left_in_time(profile: Profile) -> None:
    """Within the smaller activity timeout, the pong timeout and a second, whatever the server announced (R1)."""
    together = Together(profile, activity_timeout=120.0, pong_timeout=30.0)
    together.subscribe("orders")
    together.run(1000.0)
    together.peer = None  # nothing arrives any more, on either side, and nobody says so
    together.run(min(120.0, profile.activity_timeout) + 30.0 + 1.0)
    assert together.application.accepted == 2
    assert together.core.connection.subscription_state("orders") is SubscriptionState.SUBSCRIBED


@every_server
def test_nothing_that_these_servers_say_is_ignored(profile: Profile) -> None:
    """Every frame of a whole conversation has a meaning here (design.md 5)."""
    together = Together(profile)
    for name in ("orders", "private-a", "private-encrypted-a", "cache-a", "private-cache-a"):
        together.subscribe(name)
    together.core.receive(frame("pusher_internal:subscription_count", "orders", '{"subscription_count":3}'))
    assert together.peer is not None
    together.peer.ping(together.core.now)
    together.run(400.0)
    ignored = [output for output in together.core.outputs if isinstance(output, FrameIgnored)]
    assert ignored == []
    assert together.core.connection.ignored_frames == 0
    assert together.core.names().count("pusher:cache_miss") == 2 * bool(profile.caches)
    assert together.core.names().count("pusher:subscription_count") == 1
