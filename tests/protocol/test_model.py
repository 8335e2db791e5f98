"""The core against a model of a server, an endpoint and a caller, in whatever order they act."""

from __future__ import annotations

import json
import math
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pusher_client.events import (
    DECRYPTION_FAILURE,
    ConnectionState,
    Event,
    SubscriptionState,
)
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import (
    Authorize,
    AuthorizeBatch,
    Cancel,
    Deliver,
    GapFound,
    OpenWebSocket,
    Output,
    Purpose,
    Result,
    StateChanged,
    SubscriptionEnded,
)
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.signatures import ChannelAuthorization
from pusher_client.protocol.timers import Timed
from tests.support.core.reference_model import Guard, Reference, Sent
from tests.support.core.scripted_core import NEW, OLD, UNKNOWN, Core, frame, sealed
from tests.support.core.twin_cores import Twins
from tests.support.example_counts import examples

ENCRYPTED = [f"private-encrypted-{number}" for number in range(8)]
CHANNELS = [*ENCRYPTED, "orders", "private-a", "presence-b"]
KEYS = {"old": OLD, "new": NEW, "third": b"4" * 32, "fourth": b"5" * 32, "unknown": UNKNOWN}
POLICY = KeyRotationPolicy(backlog=4, fruitless_limit=1, grace=25.0, max_delay=3.0)
BUFFER = 5000
"""Bytes: events of a few channels at a time, less than their backlogs could hold."""
BATCH = 3
LINK_TIMEOUT = 120.0 + 30.0 + 1.0
channels = st.sampled_from(CHANNELS)
crowded = st.sampled_from(ENCRYPTED[:2])
arrivals = st.tuples(
    st.sampled_from(["e"] * 7 + ["client-e"]),
    st.sampled_from(["old", "old", "new", "new", "third", "fourth", "unknown"]),
    st.sampled_from(["usual"] * 17 + ["no text", "regretted", "regretted later"]),
)
rotations = st.tuples(
    st.sampled_from(sorted(KEYS)),
    st.sampled_from(["its key"] * 10 + [*KEYS, "503"]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
seldom = st.sampled_from([False, False, True])


class Watched(Core):
    """A core whose outputs are checked in the order in which a driver carries them out."""

    def __init__(self, *, shortcut: bool, batch_size: int | None) -> None:
        settings: dict[str, Any] = {"key_rotation": POLICY, "batch_size": batch_size, "buffer_bytes": BUFFER}
        super().__init__(shortcut=shortcut, **settings)
        if shortcut:
            second = Connection(ConnectionSettings(**settings), lambda: 0.5, shortcut=False)
            self.connection = cast("Connection", Twins(self.connection, second))
        self.batched: dict[int, AuthorizeBatch] = {}
        self.running: dict[int, Authorize] = {}
        self.past: list[Authorize] = []
        self.open: set[str] = set()
        self.pending: dict[int, tuple[str, float]] = {}
        self.connects: list[float] = []
        self.heard_at: set[float] = set()
        self.sealed: dict[str, int] = {}
        self.regretted: set[int] = set()
        client = Guard(4 * POLICY.fruitless_limit, POLICY.max_delay)
        self.references = {name: Reference(POLICY, client, name in ENCRYPTED) for name in CHANNELS}

    def drain(self) -> list[Output]:
        """Carry out what came out, one output after the other."""
        for name, counts in self.counts.items():
            self.references[name].asks(counts.key_refreshes, self.now)
        self.drop_unwanted()
        new: list[Output] = []
        for output in self.connection.outputs():
            new.append(output)
            self.carry_out(output)
        self.drop_unwanted()
        self.outputs += new
        texts = self.connection.text_to_send()
        assert not texts or self.connection.socket_id is not None
        self.sent += [json.loads(text) for text in texts]
        return new

    def drop_unwanted(self) -> None:
        """An abandoned request leaves the others of its batch alone, and the endpoint is not notified."""
        if self.batched:
            wanted = self.connection._requests._call_of
            for number in [number for number in self.running if number not in wanted]:
                self.cancel(number)

    def carry_out(self, output: Output) -> None:
        """Do what a driver does, and check that it makes sense at this place."""
        match output:
            case Deliver(event):
                self.deliver(event)
            case Authorize():
                self.start(output)
                assert len(self.running) <= 8
            case AuthorizeBatch(batch_id, requests):
                assert 1 <= len(requests) <= BATCH
                self.batched[batch_id] = output
                for request in requests:
                    self.start(request)
                self.drop_unwanted()  # what was gathered too late may have been abandoned in the same moment
            case Cancel(number) if number in self.batched:
                for request in self.batched[number].requests:
                    self.cancel(request.request_id)
            case Cancel(number):
                assert number in self.running
                self.cancel(number)
            case SubscriptionEnded(channel):
                self.open.discard(channel)
                self.references[channel].forget()
            case GapFound(channel, last_received, lost, now):
                assert channel in self.open
                assert lost <= now == self.now
                assert last_received in self.heard_at
                self.references[channel].told_of_the_hole(last_received, lost)
            case StateChanged(ConnectionState.CONNECTED):
                for reference in self.references.values():
                    reference.lost(self.now)
            case Result(call):
                del self.pending[call]
            case OpenWebSocket():
                self.connects.append(self.now)
                assert len([time for time in self.connects if self.now - time < 60.0]) <= 12
            case _:
                pass

    def start(self, request: Authorize) -> None:
        """Let the endpoint work on a request."""
        assert request.socket_id == f"1.{self.sockets}"  # the latest, which may have been lost a moment ago
        self.running[request.request_id] = request
        self.past.append(request)

    def cancel(self, number: int) -> None:
        """Let the endpoint stop working on a request, perhaps because it took too long."""
        request = self.running.pop(number, None)
        if request is not None and request.purpose is Purpose.REFRESH:
            reference = self.references[request.channel]
            if self.now >= reference.asked_at + POLICY.timeout:
                reference.brought_nothing(self.now)
            else:
                assert self.connection.subscription_state(request.channel) is not SubscriptionState.SUBSCRIBED

    def deliver(self, event: Event) -> None:
        """Check that the event is wanted and in its place; its handler may unsubscribe."""
        super().deliver(event)
        channel = event.channel or ""
        assert channel in self.open, f"{event.name} for {channel}, which is not wanted"
        reference = self.references[channel]
        if event.name == DECRYPTION_FAILURE:
            number, reason = self.sealed[event.data.raw], event.data.reason
        elif event.name == "pusher:subscription_count":
            reference.passes(event.data["subscription_count"])
            return
        elif event.name.startswith("pusher:"):
            assert channel not in ENCRYPTED or "forged" not in repr(event)  # unsealed data (C1)
            reference.protocol_event(event.name, self.now)
            return
        else:
            number, reason = event.data, None
        reference.leaves(number, reason, self.now)
        if number in self.regretted:
            self.connection.unsubscribe(channel, self.now)
            self.open.discard(channel)
            reference.forget()

    def receive(self, text: str) -> list[Output]:
        """Receive a frame, and remember when something came."""
        self.heard_at.add(self.now)
        return super().receive(text)

    def subscribe(self, channel: str = ENCRYPTED[0]) -> int:
        """Call subscribe; its outcome is due in time."""
        self.open.add(channel)
        self.pending[self.calls + 1] = (channel, self.now + self.connection.settings.subscribe_timeout)
        return super().subscribe(channel)

    def answered(self, request: Authorize, key: bytes | None) -> None:
        """Answer a request, whether it runs or not."""
        if not request.channel.startswith("private-encrypted-"):
            key = None
        if self.running.pop(request.request_id, None) is not None:
            self.references[request.channel].answered(key, self.now, refresh=request.purpose is Purpose.REFRESH)
        authorization = ChannelAuthorization(f"key:{request.socket_id}", shared_secret=key)
        self.connection.authorized(request.request_id, authorization, self.now)
        self.drain()

    def refused(self, request: Authorize, status: int) -> None:
        """Refuse a request that runs."""
        del self.running[request.request_id]
        if request.purpose is Purpose.REFRESH:
            self.references[request.channel].answered(None, self.now, refresh=True)
        error = AuthorizationError(request.channel, status=status)
        self.connection.authorization_failed(
            request.request_id, error, retryable=status == 503, retry_after=None, now=self.now
        )
        self.drain()


class World(RuleBasedStateMachine):
    """A caller, an endpoint and a server, each acting when it likes."""

    shortcut = True
    batch_size: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.core = Watched(shortcut=self.shortcut, batch_size=self.batch_size)
        self.granted: set[str] = set()
        self.asked: set[str] = set()
        self.asked_at: dict[str, float] = {}
        self.unsent: list[tuple[float, str, str, Any]] = []
        self.mood = "grant"
        self.heard = 0
        self.number = 0
        self.core.up()
        self.serve()

    @initialize(count=st.sampled_from([0, 2, 2, 2, len(CHANNELS)]))
    def begin(self, count: int) -> None:
        """Most of what happens, happens to channels that are subscribed."""
        for channel in CHANNELS[:count]:
            self.subscribe(channel)
        while self.core.running or self.unsent:
            self.quiet()

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
                self.asked.discard(data["channel"])
            elif event == "pusher:subscribe":
                self.read_subscribe(data)
        assert self.asked <= core.open

    def read_subscribe(self, data: dict[str, str]) -> None:
        """Grant or refuse a subscription, or lose the frame."""
        channel = data["channel"]
        if channel.startswith(("private-", "presence-")):
            assert data["auth"] == f"key:{self.core.connection.socket_id}"
        assert set(data) <= {"channel", "auth"}
        assert channel not in self.asked  # a refresh never subscribes again (design.md 3.8)
        self.asked_at[channel] = self.core.now
        if self.mood in ("grant", "silent"):
            self.asked.add(channel)
        if self.mood == "grant":
            self.granted.add(channel)
            self.unsent.append((self.core.now, "pusher_internal:subscription_succeeded", channel, '{"forged": 0}'))
        elif self.mood in ("401", "500"):
            refusal = {"type": "AuthError", "error": "no", "status": int(self.mood), "forged": 0}
            self.unsent.append((self.core.now, "pusher:subscription_error", channel, refusal))

    def deliver_answer(self) -> None:
        """Deliver the server's oldest answer."""
        _, name, channel, data = self.unsent.pop(0)
        self.core.receive(frame(name, channel, data))

    @rule(mood=st.sampled_from(["grant", "grant", "grant", "401", "500", "silent"]))
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

    @rule(place=st.integers(0, 29), sent=st.lists(arrivals, min_size=1, max_size=6))
    def events(self, place: int, sent: list[tuple[str, str, str]]) -> None:
        """Events arrive, most of them on channels with a consumer.

        Some make the caller unsubscribe, before the driver has handed it on or in its handler.
        """
        where = self.listening() if place < 24 else []
        channel = (where or CHANNELS)[place % len(where or CHANNELS)]
        for name, key, kind in sent:
            self.number += 1
            text = (
                self.seal(KEYS[key], b"\xff" if kind == "no text" else None)
                if channel in ENCRYPTED
                else str(self.number)
            )
            if kind == "regretted later":
                self.core.regretted.add(self.number)
            self.arrive(name, channel, text, KEYS[key])
            if kind == "regretted":
                self.unsubscribe(channel)
            self.serve()

    def arrive(self, name: str, channel: str, text: str, key: bytes | None) -> None:
        """Let an application event arrive, and hand on what comes out of it at once."""
        core = self.core
        state = core.connection.subscription_state(channel)
        if state is SubscriptionState.SUBSCRIBING or core.connection._channels._owed.owes(channel):
            return  # it would be held or counted as dropped, see test_early_events.py
        if state is SubscriptionState.SUBSCRIBED:
            core.references[channel].arrives(Sent(self.number, name, key, core.now))
        core.heard_at.add(core.now)
        event = core.connection.receive_text(frame(name, channel, text), core.now)
        if event is not None:
            core.deliver(event)
        self.every_event_is_accounted_for()

    def seal(self, key: bytes, content: bytes | None = None) -> str:
        """Return the event's number, or other content, under a key, and remember whose envelope it is."""
        text = sealed(key, str(self.number) if content is None else content)
        self.core.sealed[text] = self.number
        return text

    def listening(self) -> list[str]:
        """Return the encrypted channels that are subscribed."""
        state = self.core.connection.subscription_state
        return [name for name in ENCRYPTED if state(name) is SubscriptionState.SUBSCRIBED]

    @precondition(lambda self: self.listening())
    @rule(place=st.integers(0, 29), steps=st.lists(rotations, min_size=1, max_size=5))
    def rotate(self, place: int, steps: list[tuple[str, str, float]]) -> None:
        """Events come under one key or another, and the endpoint answers at once, to the point or not."""
        channel = self.listening()[place % len(self.listening())]
        for key, answer, seconds in steps:
            if channel not in self.listening():
                return
            self.number += 1
            self.arrive("e", channel, self.seal(KEYS[key]), KEYS[key])
            self.serve()
            for request in self.asked_for(channel):
                if answer == "503":
                    self.core.refused(request, 503)
                else:
                    self.core.answered(request, KEYS[key if answer == "its key" else answer])
            self.serve()
            self.wait(seconds)

    @precondition(lambda self: self.listening())
    @rule(
        place=st.integers(0, 29), pauses=st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=2, max_size=6), now=seldom
    )
    def ask_in_vain(self, place: int, pauses: list[float], *, now: bool) -> None:
        """Every event is under a key that the endpoint does not have, so it is asked less and less (design.md 3.7)."""
        if not now:
            return
        channel = self.listening()[place % len(self.listening())]
        for seconds in pauses:
            self.number += 1
            if channel in self.listening():
                self.arrive("e", channel, self.seal(UNKNOWN), UNKNOWN)
            self.serve()
            self.wait(seconds)
            self.grant(channel)

    def asked_for(self, channel: str) -> list[Authorize]:
        """Return the requests that run for a channel."""
        return [request for request in self.core.running.values() if request.channel == channel]

    @precondition(lambda self: self.listening() and not self.unsent)
    @rule(place=st.integers(0, 29), which=st.integers(0, 2), seconds=st.sampled_from([1.0, 10.0, 25.0]))
    def busy(self, place: int, which: int, seconds: float) -> None:
        """An event is read after deadlines that have passed meanwhile; its key is as old as before."""
        rings = {name: list(self.core.references[name].ring(self.core.now)) for name in self.listening()}
        rotated = [name for name, ring in rings.items() if len(ring) > 1] or list(rings)
        channel = rotated[place % len(rotated)]
        key = rings[channel][which % len(rings[channel])]
        self.number += 1
        self.core.now += seconds
        self.arrive("e", channel, self.seal(key), key)
        self.wait(0.0)

    @precondition(lambda self: self.listening())
    @rule(place=st.integers(0, 29), key=st.sampled_from(["new", "third", "fourth"]), now=seldom)
    def answer_slowly(self, place: int, key: str, *, now: bool) -> None:
        """The first answer is another event's, and the link breaks while the second request runs (design.md 3.6)."""
        if not now:
            return
        channel = self.listening()[place % len(self.listening())]
        for seconds in (0.5, POLICY.timeout - 1.0):
            if channel in self.listening():
                self.number += 1
                self.arrive("e", channel, self.seal(UNKNOWN), UNKNOWN)
            self.wait(seconds)
        for request in self.asked_for(channel):
            self.core.answered(request, KEYS[key])
        self.wait(POLICY.timeout / 2)
        self.lose_if_there()
        self.wait(POLICY.timeout / 2 + 2.0)

    @precondition(lambda self: self.listening())
    @rule(place=st.integers(0, 29), key=st.sampled_from(sorted(KEYS)), end=st.sampled_from(["late", "back", "lost"]))
    def lose_in_between(self, place: int, key: str, end: str) -> None:
        """The link breaks while an event waits: for the next authorization, but not for long (design.md 3.8)."""
        channel = self.listening()[place % len(self.listening())]
        self.number += 1
        self.arrive("e", channel, self.seal(KEYS[key]), KEYS[key])
        if not self.core.references[channel].waiting:
            return
        self.wait(0.5)
        self.lose_if_there()
        if end != "late":
            self.come_back()
        if end == "back":
            for request in self.asked_for(channel):
                self.core.answered(request, KEYS[key])
            self.serve()
            return
        self.wait(2.0)
        self.lose_if_there()
        self.wait(POLICY.timeout - 1.0)

    def lose_if_there(self) -> None:
        """The link breaks, unless it has."""
        if self.core.connection.socket_id is not None:
            self.lose(1006, None, now=True)

    @rule(channel=crowded, name=st.sampled_from(["e", "client-e", "pusher:e", "pusher:decryption_failure", ""]))
    def forgery(self, channel: str, name: str) -> None:
        """An unsealed event arrives on an encrypted channel."""
        self.number += 1
        text = json.dumps({"forged": self.number})
        self.core.sealed[text] = self.number
        if name.startswith("pusher:"):
            self.core.receive(frame(name, channel, text))
        else:
            self.arrive(name, channel, text, None)
        self.serve()

    @rule(channel=crowded | channels)
    def count(self, channel: str) -> None:
        """The server sends the number of subscribers, which has its place among the events; one is close behind."""
        core = self.core
        self.number += 1
        core.heard_at.add(core.now)
        text = frame("pusher_internal:subscription_count", channel, {"subscription_count": self.number})
        assert core.connection.receive_text(text, core.now) is None
        self.number += 1
        self.arrive("e", channel, self.seal(OLD) if channel in ENCRYPTED else str(self.number), OLD)
        self.serve()

    @rule(channel=st.none() | channels)
    def refusal_inside_the_link(self, channel: str | None) -> None:
        """Some authorization was wrong; the server may say which."""
        self.core.receive(frame("pusher:error", channel, {"code": 4009, "message": "no"}))
        self.serve()

    # -- the link -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.core.connection.socket_id is not None)
    @rule(code=st.sampled_from([None, 1000, 1006, 4100, 4200, 4301]), regretted=st.none() | channels, now=seldom)
    def lose(self, code: int | None, regretted: str | None, *, now: bool) -> None:
        """The link breaks, and with it everything that was on its way, which may be what the caller has just done."""
        if not now and not any(reference.waiting for reference in self.core.references.values()):
            return
        if regretted is not None:
            self.core.connection.unsubscribe(regretted, self.core.now)
            self.core.open.discard(regretted)
            self.core.references[regretted].forget()
        self.core.lose(code)
        self.forget_link()

    def forget_link(self) -> None:
        """What the server knew of the link is gone; so is every request that was signed for it."""
        assert self.core.running == {}
        self.heard = len(self.core.sent)
        self.granted.clear()
        self.asked.clear()
        self.unsent.clear()

    @precondition(lambda self: self.core.connection.active and self.core.connection.socket_id is None)
    @rule()
    def come_back(self) -> None:
        """The next link is established."""
        self.core.back()
        self.serve()

    @precondition(lambda self: self.core.connection.socket_id is not None)
    @rule(now=seldom)
    def vanish(self, *, now: bool) -> None:
        """The server is gone without a close; the silence shows it (R1)."""
        if not now:
            return
        self.core.wait(LINK_TIMEOUT)
        assert self.core.connection.socket_id is None
        self.forget_link()

    @rule(now=seldom)
    def disconnect_and_connect(self, *, now: bool) -> None:
        """The caller closes the connection, which ends everything, and opens it again."""
        if not now:
            return
        self.core.connection.disconnect(self.core.now)
        self.core.drain()
        self.forget_link()
        assert self.core.open == set()
        assert all(counts.waiting == 0 for counts in self.core.counts.values())
        assert self.core.connection.state is ConnectionState.DISCONNECTED
        self.core.connects.clear()  # how often the caller connects is the caller's to say
        self.core.up()
        self.serve()

    # -- the caller -----------------------------------------------------------------------------------------------

    @rule(channel=crowded | channels)
    def subscribe(self, channel: str) -> None:
        """The caller subscribes to a channel."""
        self.core.subscribe(channel)
        self.serve()

    @rule()
    def subscribe_all(self) -> None:
        """The caller subscribes to every channel."""
        for channel in CHANNELS:
            self.subscribe(channel)

    @rule(channel=crowded | channels)
    def unsubscribe(self, channel: str) -> None:
        """The caller unsubscribes from a channel; from this moment on nothing of it is delivered."""
        self.core.connection.unsubscribe(channel, self.core.now)
        self.core.open.discard(channel)
        self.core.references[channel].forget()
        self.serve()
        counts = self.core.counts.get(channel)
        assert counts is None or counts.waiting == 0

    @precondition(lambda self: self.core.connection.socket_id is not None)
    @rule(channel=channels, mood=st.sampled_from(["401", "500", "silent"]))
    def hesitate(self, channel: str, mood: str) -> None:
        """The caller unsubscribes and subscribes again, and the server acknowledges only the first."""
        before, self.mood = self.mood, "grant"
        self.subscribe(channel)
        self.grant(channel)
        self.unsubscribe(channel)
        self.mood = mood
        self.subscribe(channel)
        self.grant(channel)
        self.mood = before

    @precondition(lambda self: self.core.calls)
    @rule(channel=crowded | channels, data=st.data())
    def abandon(self, channel: str, data: st.DataObject) -> None:
        """A caller no longer waits."""
        call = data.draw(st.integers(1, self.core.calls))
        if self.core.pending.get(call, ("",))[0] == channel:
            del self.core.pending[call]
        self.core.connection.abandon(channel, call, self.core.now)
        self.serve()

    # -- the endpoint ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.core.running)
    @rule(
        data=st.data(),
        answer=st.sampled_from(["old", "old", "new", "new", "new", "third", "fourth", "no key", "403", "404", "503"]),
    )
    def answer(self, data: st.DataObject, answer: str) -> None:
        """The endpoint answers one of the running requests."""
        request = data.draw(st.sampled_from(list(self.core.running.values())))
        if answer.isdigit():
            self.core.refused(request, int(answer))
        else:
            self.core.answered(request, KEYS.get(answer))
        self.serve()

    @precondition(lambda self: self.core.running)
    @rule()
    def answer_all(self) -> None:
        """The endpoint answers everything."""
        while self.core.running:
            self.core.answered(next(iter(self.core.running.values())), OLD)
        self.serve()

    def grant(self, channel: str) -> None:
        """The endpoint grants what is asked for a channel."""
        for request in self.asked_for(channel):
            self.core.answered(request, OLD)
        self.serve()

    @precondition(lambda self: self.core.connection.socket_id is not None)
    @rule(channel=crowded, now=seldom)
    def revoke(self, channel: str, *, now: bool) -> None:
        """After a drop the endpoint refuses a channel twice, which is final until the caller asks anew (R3, R5)."""
        if not now:
            return
        self.lose(1006, None, now=True)
        self.come_back()
        for _ in range(2):
            for request in self.asked_for(channel):
                self.core.refused(request, 403)
            self.serve()
            self.wait(10.0)
        self.subscribe(channel)
        self.grant(channel)

    @rule(data=st.data())
    def late_answer(self, data: st.DataObject) -> None:
        """An answer arrives for a request that has ended; it changes nothing."""
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

        Answers carry no number: one that is later than that is not distinguishable from the answer to the next frame.
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
        """What the counts call waiting is what has arrived and not left (R5)."""
        for name, counts in self.core.counts.items():
            assert counts.waiting == len(self.core.references[name].waiting)
            assert min(counts.delivered, counts.dropped, counts.undecryptable) >= 0

    @invariant()
    def nothing_waits_that_need_not(self) -> None:
        """Held events wait for a request that was made, within the bounds of time and number (design.md 3.4 to 3.8)."""
        connection = self.core.connection
        asking = [request.requester.name for request in connection._requests._requests.values()]
        assert len(asking) == len(set(asking))
        for name, reference in self.core.references.items():
            state = connection.subscription_state(name)
            subscribed = state is SubscriptionState.SUBSCRIBED
            if state is SubscriptionState.SUBSCRIBING:
                assert self.core.now < self.asked_at[name] + connection.settings.subscribe_timeout
            if not subscribed:
                reference.probe_by = math.inf
            reference.check(self.core.now)
            assert len(reference.waiting) <= POLICY.backlog
            assert not (subscribed and reference.waiting) or name in asking

    @invariant()
    def the_ring_is_what_was_endorsed(self) -> None:
        """A channel has exactly the keys that answers named and whose grace has not ended (design.md 3.5, C7)."""
        for name, reference in self.core.references.items():
            subscription = self.core.connection._channels.get(name)
            encrypted = None if subscription is None else subscription.frames._encrypted
            entries = [] if encrypted is None else encrypted._ring._entries
            assert {entry.key: entry.expires for entry in entries} == reference.ring(self.core.now)
            assert len({entry.key for entry in entries}) == len(entries)

    @invariant()
    def events_are_taken_while_subscribed(self) -> None:
        """Whatever channel is subscribed has a way in, and an encrypted one's leads to what decrypts them (C1, R3)."""
        channels = self.core.connection._channels
        subscribed = {name for name in channels.subscriptions if channels.state(name) is SubscriptionState.SUBSCRIBED}
        receivers = channels._context.receivers
        assert set(receivers) == subscribed
        for name, receiver in receivers.items():
            frames = channels.subscriptions[name].frames
            assert receiver is (frames._encrypted if frames.kind.encrypted else frames)

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """No deadline has passed unnoticed, the next one is known, and every call ends within its timeout (R6)."""
        core, connection = self.core, self.core.connection
        due = connection.deadline()
        assert due is None or due >= core.now
        own: list[Timed] = [connection._link, connection._requests, *connection._channels.subscriptions.values()]
        times = [time for each in own if (time := each.deadline()) is not None]
        assert not times or (due is not None and due <= min(times))
        assert all(core.now < time for _, time in core.pending.values())

    @invariant()
    def what_is_subscribed_was_granted(self) -> None:
        """Once the server's answers have come, nothing is taken for subscribed that it did not grant (R3)."""
        state = self.core.connection.subscription_state
        if not self.unsent:
            assert {name for name in CHANNELS if state(name) is SubscriptionState.SUBSCRIBED} <= self.granted

    @invariant()
    def the_short_cut_changes_nothing(self) -> None:
        """With it and without it the same comes out, and is counted (design.md 5)."""
        if isinstance(self.core.connection, Twins):
            self.core.connection.compare_counts()

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
        encrypted = [subscription.frames._encrypted for subscription in connection._channels.subscriptions.values()]
        held = sum(item.size for events in encrypted if events is not None for item in events.items)
        assert connection._channels._context.budget.used == held

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

    @rule()
    def settle(self) -> None:
        """For a moment everyone is patient and kind."""
        if self.core.connection.socket_id is None:
            self.come_back()
        self.quiet()

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

    @precondition(lambda self: self.core.running)
    @rule(data=st.data())
    def refuse_batch(self, data: st.DataObject) -> None:
        """The endpoint refuses a whole batch, which is asked for again in halves (protocol-notes 6.6)."""
        calls = self.core.connection._requests._call_of
        batch = data.draw(st.sampled_from(sorted({calls[number] for number in self.core.running})))
        asked = [number for number in self.core.running if calls[number] == batch]
        if len({self.core.running[number].channel for number in asked}) > 1:
            for number in asked:
                del self.core.running[number]
            self.core.connection.batch_refused(batch, self.core.now)
            self.serve()


@pytest.mark.parametrize("world", [World, WorldWithoutShortcut, WorldOfBatches])
def test_whatever_happens_the_promises_hold(world: type[World]) -> None:
    """The promises hold at every step, and the server ends with the wanted set (R3, R4, R5, R6, C1)."""
    chosen = settings(max_examples=examples(50))
    run_state_machine_as_test(world, settings=chosen)
