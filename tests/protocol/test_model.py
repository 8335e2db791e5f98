"""The core against a model of a server, an endpoint and a caller, in whatever order they act."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pusher_client.events import DECRYPTION_FAILURE, ConnectionState, Event, SubscriptionState
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.authorization import ChannelAuthorization
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import Authorize, AuthorizeBatch, Cancel, Deliver, Output, SubscriptionEnded
from tests.protocol.scripted import NEW, OLD, UNKNOWN, Core, frame, sealed

ENCRYPTED = [f"private-encrypted-{number}" for number in range(8)]
CHANNELS = [*ENCRYPTED, "orders", "private-a", "presence-b"]
KEYS = {"old": OLD, "new": NEW, "unknown": UNKNOWN}
BACKLOG = 4
BATCH = 3
channels = st.sampled_from(CHANNELS)
crowded = st.sampled_from(ENCRYPTED[:2])


class Watched(Core):
    """A core whose outputs are checked in the order in which a driver carries them out."""

    def __init__(self, *, shortcut: bool, batch_size: int | None) -> None:
        policy = KeyRotationPolicy(backlog=BACKLOG, fruitless_limit=2)
        super().__init__(shortcut=shortcut, key_rotation=policy, batch_size=batch_size)
        self.batched: dict[int, AuthorizeBatch] = {}
        self.running: dict[int, Authorize] = {}
        self.past: list[Authorize] = []
        self.open: set[str] = set()
        self.sealed: dict[str, int] = {}
        self.authentic: set[tuple[str, int]] = set()
        self.last: dict[str, int] = {}

    def drain(self) -> list[Output]:
        """Carry out what came out, one output after the other."""
        new: list[Output] = []
        for output in self.connection.outputs():
            new.append(output)
            if isinstance(output, Deliver):
                self.deliver(output.event)
            elif isinstance(output, Authorize):
                self.start(output)
                assert len(self.running) <= 8
            elif isinstance(output, AuthorizeBatch):
                assert 1 <= len(output.requests) <= BATCH
                self.batched[output.batch_id] = output
                for request in output.requests:
                    self.start(request)
            elif isinstance(output, Cancel) and output.request_id in self.batched:
                for request in self.batched[output.request_id].requests:
                    self.running.pop(request.request_id, None)
            elif isinstance(output, Cancel):
                del self.running[output.request_id]
            elif isinstance(output, SubscriptionEnded):
                self.open.discard(output.channel)
        if self.batched:
            # A request that is given up leaves the others of its batch alone, and nothing tells the endpoint.
            wanted = self.connection._requests._call_of
            self.running = {number: request for number, request in self.running.items() if number in wanted}
        self.outputs += new
        texts = self.connection.text_to_send()
        assert not texts or self.connection.socket_id is not None
        self.sent += [json.loads(text) for text in texts]
        return new

    def start(self, request: Authorize) -> None:
        """Let the endpoint work on a request."""
        assert request.socket_id == self.connection.socket_id
        self.running[request.request_id] = request
        self.past.append(request)

    def deliver(self, event: Event) -> None:
        """Check that the event is wanted, in order, and authentic where that can be known."""
        super().deliver(event)
        channel = event.channel or ""
        assert channel in self.open, f"{event.name} for {channel}, which nobody wants"
        if event.name == DECRYPTION_FAILURE:
            number = self.sealed[event.data.raw]
        elif event.name.startswith("pusher:"):
            return
        else:
            number = event.data
            assert channel not in ENCRYPTED or (channel, number) in self.authentic
        assert number > self.last.get(channel, -1)
        self.last[channel] = number

    def answered(self, request: Authorize, key: bytes | None) -> None:
        """Answer a request, whether it runs or not."""
        self.running.pop(request.request_id, None)
        if not request.channel.startswith("private-encrypted-"):
            key = None
        authorization = ChannelAuthorization(f"key:{request.socket_id}", shared_secret=key)
        self.connection.authorized(request.request_id, authorization, self.now)
        self.drain()


class World(RuleBasedStateMachine):
    """A caller, an endpoint and a server, each acting when it likes."""

    shortcut = True
    batch_size: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.core = Watched(shortcut=self.shortcut, batch_size=self.batch_size)
        self.granted: set[str] = set()
        self.unsent: list[tuple[float, str, str, Any]] = []
        self.mood = "grant"
        self.heard = 0
        self.number = 0
        self.core.up()
        self.serve()

    # -- the server -----------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Let the server read what was sent; its answers stay on their way until they are delivered."""
        core = self.core
        core.drain()
        while self.heard < len(core.sent):
            message = core.sent[self.heard]
            self.heard += 1
            event, data = message["event"], message["data"]
            if event == "pusher:ping":
                core.receive(frame("pusher:pong"))
            elif event == "pusher:unsubscribe":
                self.granted.discard(data["channel"])
            elif event == "pusher:subscribe":
                self.read_subscribe(data)

    def read_subscribe(self, data: dict[str, str]) -> None:
        """Grant or refuse a subscription, or lose the frame."""
        channel = data["channel"]
        if channel.startswith(("private-", "presence-")):
            assert data["auth"] == f"key:{self.core.connection.socket_id}"
        assert set(data) <= {"channel", "auth"}
        if self.mood == "grant":
            self.granted.add(channel)
            self.unsent.append((self.core.now, "pusher_internal:subscription_succeeded", channel, "{}"))
        elif self.mood in ("401", "500"):
            refusal = {"type": "AuthError", "error": "no", "status": int(self.mood)}
            self.unsent.append((self.core.now, "pusher:subscription_error", channel, refusal))

    def deliver_answer(self) -> None:
        """Deliver the server's oldest answer."""
        _, name, channel, data = self.unsent.pop(0)
        self.core.receive(frame(name, channel, data))

    @rule(mood=st.sampled_from(["grant", "grant", "401", "500", "silent"]))
    def change_mood(self, mood: str) -> None:
        """From now on, the server treats subscriptions so."""
        self.mood = mood

    @precondition(lambda self: self.unsent)
    @rule(count=st.integers(1, 4))
    def answers_arrive(self, count: int) -> None:
        """Some of the server's answers arrive, in order."""
        for _ in range(min(count, len(self.unsent))):
            self.deliver_answer()
        self.serve()

    @rule(channel=crowded | channels, key=st.sampled_from(sorted(KEYS)), regretted=st.integers(0, 5))
    def event(self, channel: str, key: str, regretted: int) -> None:
        """An event arrives; now and then the caller unsubscribes before the driver has handed it on."""
        self.number += 1
        text = str(self.number)
        if channel in ENCRYPTED:
            text = sealed(KEYS[key], text)
            self.core.sealed[text] = self.number
            self.core.authentic.add((channel, self.number))
        event = self.core.connection.receive_text(frame("e", channel, text), self.core.now)
        if event is not None:
            self.core.deliver(event)
        self.every_event_is_accounted_for()
        if regretted == 1:
            self.unsubscribe(channel)
        self.serve()

    @rule(channel=crowded, name=st.sampled_from(["e", "client-e", "pusher:e", "pusher:decryption_failure", ""]))
    def forgery(self, channel: str, name: str) -> None:
        """Something that nobody sealed arrives on an encrypted channel."""
        self.number += 1
        text = json.dumps({"forged": self.number})
        self.core.sealed[text] = self.number
        self.core.receive(frame(name, channel, text))
        self.serve()

    @rule(channel=channels)
    def count(self, channel: str) -> None:
        """The server tells how many are subscribed."""
        self.core.receive(frame("pusher_internal:subscription_count", channel, {"subscription_count": 1}))
        self.serve()

    @rule(channel=st.none() | channels)
    def refusal_inside_the_link(self, channel: str | None) -> None:
        """Some authorization was wrong; the server may say which."""
        self.core.receive(frame("pusher:error", channel, {"code": 4009, "message": "no"}))
        self.serve()

    # -- the link -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.core.connection.socket_id is not None)
    @rule(code=st.sampled_from([None, 1000, 1006, 4100, 4200, 4301]))
    def lose(self, code: int | None) -> None:
        """The link breaks, and with it everything that was on its way."""
        self.core.lose(code)
        self.forget_link()

    def forget_link(self) -> None:
        """What the server knew of the link is gone; so is every request that was signed for it."""
        assert self.core.running == {}
        self.heard = len(self.core.sent)
        self.granted.clear()
        self.unsent.clear()

    @precondition(lambda self: self.core.connection.active and self.core.connection.socket_id is None)
    @rule()
    def come_back(self) -> None:
        """The next link stands."""
        self.core.back()
        self.serve()

    @rule()
    def disconnect_and_connect(self) -> None:
        """The caller closes the connection, which ends everything, and opens it again."""
        self.core.connection.disconnect(self.core.now)
        self.core.drain()
        self.forget_link()
        assert self.core.open == set()
        assert all(tally.waiting == 0 for tally in self.core.tallies.values())
        assert self.core.connection.state is ConnectionState.DISCONNECTED
        self.core.up()
        self.serve()

    # -- the caller -----------------------------------------------------------------------------------------------

    @rule(channel=crowded | channels)
    def subscribe(self, channel: str) -> None:
        """The caller wants a channel."""
        self.core.open.add(channel)
        self.core.subscribe(channel)
        self.serve()

    @rule()
    def subscribe_all(self) -> None:
        """The caller wants every channel."""
        for channel in CHANNELS:
            self.subscribe(channel)

    @rule(channel=crowded | channels)
    def unsubscribe(self, channel: str) -> None:
        """The caller wants a channel no longer; from this moment on nothing of it is delivered."""
        self.core.connection.unsubscribe(channel, self.core.now)
        self.core.open.discard(channel)
        self.serve()
        tally = self.core.tallies.get(channel)
        assert tally is None or tally.waiting == 0

    @precondition(lambda self: self.core.calls)
    @rule(channel=crowded | channels, data=st.data())
    def abandon(self, channel: str, data: st.DataObject) -> None:
        """A caller no longer waits."""
        call = data.draw(st.integers(1, self.core.calls))
        self.core.connection.abandon(channel, call, self.core.now)
        self.serve()

    # -- the endpoint ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.core.running)
    @rule(data=st.data(), answer=st.sampled_from(["old", "old", "new", "new", "no key", "403", "404", "503"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        """The endpoint answers one of the running requests."""
        core = self.core
        request = data.draw(st.sampled_from(list(core.running.values())))
        if answer.isdigit():
            del core.running[request.request_id]
            error = AuthorizationError(request.channel, status=int(answer))
            core.connection.authorization_failed(
                request.request_id, error, retryable=answer == "503", retry_after=None, now=core.now
            )
        else:
            core.answered(request, KEYS.get(answer))
        self.serve()

    @precondition(lambda self: self.core.running)
    @rule()
    def answer_all(self) -> None:
        """The endpoint answers everything."""
        while self.core.running:
            self.core.answered(next(iter(self.core.running.values())), OLD)
        self.serve()

    @rule(data=st.data())
    def late_answer(self, data: st.DataObject) -> None:
        """An answer comes to a request that no longer runs; it changes nothing."""
        self.serve()
        over = [request for request in self.core.past if request.request_id not in self.core.running]
        if over:
            before = (len(self.core.outputs), len(self.core.sent))
            self.core.answered(data.draw(st.sampled_from(over)), UNKNOWN)
            assert (len(self.core.outputs), len(self.core.sent)) == before

    # -- time -----------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes; an answer of the server takes less than a second, or never comes.

        Answers carry no number: one that is later than that cannot be told from the answer to the next frame.
        """
        while self.unsent and self.unsent[0][0] + 1.0 <= self.core.now + seconds:
            self.deliver_answer()
        self.serve()
        self.core.wait(seconds)
        if self.core.connection.socket_id is None:
            self.forget_link()
        self.serve()
        due = self.core.connection.deadline()
        assert due is None or due > self.core.now

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def every_event_is_accounted_for(self) -> None:
        """What the counts call waiting is exactly what is held, or on its way to dispatch (R5)."""
        connection = self.core.connection
        waiting = dict.fromkeys(self.core.tallies, 0)
        for name, subscription in connection._subscriptions.items():
            hold = subscription.inbox._hold
            if hold is not None:
                assert len(hold) <= BACKLOG
                waiting[name] += sum(item.application for item in hold._held)
        for output in connection._outputs:
            if isinstance(output, Deliver):
                name = output.event.channel or ""
                waiting[name] += output.event.name in (DECRYPTION_FAILURE, "e", "client-e", "")
        assert waiting == {name: tally.waiting for name, tally in self.core.tallies.items()}

    @invariant()
    def requests_have_an_owner(self) -> None:
        """What runs at the endpoint is what the core waits for, eight at most (R3)."""
        if not self.core.connection._outputs:
            requests = self.core.connection._requests
            assert set(self.core.running) == set(requests._call_of)
            assert len(requests._calls) <= 8
            assert all(call.wanted for call in requests._calls.values())

    @invariant()
    def memory_is_given_back(self) -> None:
        """The allowance of bytes is taken by what is held, and by nothing else (R6)."""
        connection = self.core.connection
        holds = [subscription.inbox._hold for subscription in connection._subscriptions.values()]
        held = sum(item.size for hold in holds if hold is not None for item in hold._held)
        assert connection._context.budget.used == held

    def teardown(self) -> None:
        """Once everyone is patient and kind, the server has the wanted channels and no other (R3)."""
        core = self.core
        self.serve()
        self.mood = "grant"
        for _ in range(200):
            if core.connection.socket_id is None:
                self.come_back()
            while core.running or self.unsent:
                self.quiet()
            wanted = {channel for channel in CHANNELS if core.connection.wanted(channel)}
            states = {core.connection.subscription_state(channel) for channel in wanted}
            if states <= {SubscriptionState.SUBSCRIBED}:
                break
            self.wait(1.0)
        else:
            pytest.fail("the subscriptions never came to rest")
        assert self.granted == wanted
        assert wanted <= core.open
        self.wait(20.0)
        self.quiet()
        self.every_event_is_accounted_for()

    def quiet(self) -> None:
        """Let everything that is on its way arrive."""
        if self.core.running:
            self.answer_all()
        while self.unsent:
            self.deliver_answer()
            self.serve()


class WorldWithoutShortcut(World):
    """The same, with every event among the outputs."""

    shortcut = False


class WorldOfBatches(World):
    """The same, with a batch authorizer."""

    batch_size = BATCH


@pytest.mark.parametrize("world", [World, WorldWithoutShortcut, WorldOfBatches])
def test_whatever_happens_the_promises_hold(world: type[World]) -> None:
    """The promises hold at every step, and the server ends with the wanted set (R3, R4, R5, R6, C1)."""
    chosen = settings(max_examples=70, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(world, settings=chosen)
