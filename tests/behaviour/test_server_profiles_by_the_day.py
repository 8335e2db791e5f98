"""Days of conversation with each kind of server, under a virtual clock (R1, R2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    ConnectionState,
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
    frame_text,
    shared_secret,
    signed,
)

DAY = 24 * 60 * 60.0

every_server = pytest.mark.parametrize("profile", PROFILES, ids=str)


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
        """Carry everything back and forth until there is nothing to send."""
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
        """Return what the connection's error handlers get."""
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
    """For 24 hours there are only pings and pongs, and the server never closes the link (R1)."""
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
    """A client that sends client events all day, and receives nothing, is not cut where only sending counts (R1)."""
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
    """4200 to 4299 ask for an immediate reconnect: the first time there is no delay at all (R2)."""
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
    """Whatever its code, a pusher:error after the handshake is reported and the link stays (R2)."""
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
    """Whatever its form, the call fails within its timeout, can be repeated, and no other is affected (R3, R7)."""
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
    together.peer = None  # nothing arrives any more, on either side, without a close
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
