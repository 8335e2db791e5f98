"""An encrypted channel's events: opened, held in order, or failed."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.events import DecryptionFailure, Event
from pusher_client.events import DecryptionFailureReason as Reason
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.backlog import Backlog, Held, ReleasedEvents
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.encrypted_events import EncryptedEvents
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame
from pusher_client.protocol.key_refresh import RefreshGuard
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import Authorize, Cancel, Deliver, Purpose
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.signatures import ChannelAuthorization
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, UNKNOWN, Core, frame, sealed


def ready(**policy: float) -> Core:
    """Return a core with one encrypted channel subscribed."""
    core = Core(key_rotation=KeyRotationPolicy(**policy))  # type: ignore[arg-type]  # counts are whole floats here
    core.up()
    core.subscribed()
    core.events.clear()
    return core


def event(core: Core, key: bytes, name: str, plaintext: str | bytes = "{}", channel: str = CHANNEL) -> None:
    """Receive a sealed event."""
    core.receive(frame(name, channel, sealed(key, plaintext)))


def refreshes(core: Core) -> list[Authorize]:
    """Return the requests for keys."""
    return [request for request in core.requests() if request.purpose is Purpose.REFRESH]


def test_a_rotation_costs_one_request_and_no_order() -> None:
    """Events behind the unopened one wait, old and new keys alternate, one request serves all (design.md 3.4, 3.5)."""
    core = ready()
    for number in range(10):
        event(core, NEW if number % 2 else OLD, f"e{number}", f"{number}")
    assert core.names() == ["e0"]
    core.answer(NEW)
    assert core.names() == [f"e{number}" for number in range(10)]
    assert [one.data for one in core.events] == list(range(10))
    event(core, OLD, "straggler")
    assert core.names()[-1] == "straggler"
    assert len(refreshes(core)) == core.counts[CHANNEL].key_refreshes == 1


def test_what_came_later_asks_for_itself() -> None:
    """An event that waited when the request started fails with its answer; a later one asks again (design.md 3.4)."""
    core = ready()
    envelope = sealed(UNKNOWN, "x")
    core.receive(frame("first", CHANNEL, envelope))
    event(core, NEW, "second")
    core.answer(OLD)
    assert [one.data for one in core.events] == [DecryptionFailure(CHANNEL, "first", Reason.WRONG_KEY, envelope)]
    assert len(refreshes(core)) == 2
    core.answer(NEW)
    assert core.names()[-1] == "second"


def test_an_error_fails_what_asked_and_keeps_the_ring() -> None:
    """A refusal gives authorization_failed, and the old key goes on opening (design.md 3.8)."""
    core = ready()
    event(core, NEW, "lost")
    asked = core.requests()[-1]
    core.wait(10.0)
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]
    assert Cancel(asked.request_id) in core.outputs
    core.answer(NEW, asked)
    event(core, OLD, "kept")
    assert core.names()[-1] == "kept"


@pytest.mark.parametrize("status", [401, 503, None])
def test_a_refused_refresh_is_not_tried_again(status: int | None) -> None:
    """Whatever the endpoint says of trying again, the next event that does not open asks anew (design.md 3.4, 3.8)."""
    core = ready()
    event(core, NEW, "lost")
    asked = core.requests()[-1]
    error = AuthorizationError(CHANNEL, "no", status=status)
    core.connection.authorization_failed(asked.request_id, error, retryable=True, retry_after=1.0, now=core.now)
    core.drain()
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]
    event(core, OLD, "kept")
    core.wait(30.0)
    assert (core.names()[-1], len(refreshes(core))) == ("kept", 1)
    event(core, NEW, "opened")
    core.answer(NEW)
    assert (core.names()[-1], len(refreshes(core))) == ("opened", 2)


def test_an_answer_without_a_key_is_none() -> None:
    """An endpoint that omits the key on a refresh counts as failed, and the ring stays (design.md 3.2, 3.8)."""
    core = ready()
    event(core, NEW, "lost")
    core.answer(None)
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]
    event(core, OLD, "kept")
    assert (core.names()[-1], len(refreshes(core))) == ("kept", 1)


def test_a_malformed_envelope_fails_in_its_place_without_a_request() -> None:
    """No request starts, at once or behind others, and the raw data is in the failure alone (design.md 3.3)."""
    core = ready()
    core.receive(frame("bad", CHANNEL, "plaintext"))
    assert core.failures() == [Reason.MALFORMED]
    assert core.events[0].raw == ""
    assert (core.events[0].data.event_name, core.events[0].data.raw) == ("bad", "plaintext")
    assert "plaintext" not in repr(core.events[0])
    assert refreshes(core) == []
    event(core, NEW, "waits")
    core.receive(frame("bad", CHANNEL, {"nonce": 1}))
    core.receive(frame("none", CHANNEL))
    core.answer(NEW)
    assert core.names()[1:] == ["waits", "pusher:decryption_failure", "pusher:decryption_failure"]
    assert core.events[-1].data == DecryptionFailure(CHANNEL, "none", Reason.MALFORMED, "")


def test_plaintext_that_is_not_utf8_fails_without_a_request() -> None:
    """The key was right, so another cannot help (design.md 3.9)."""
    core = ready()
    event(core, OLD, "bytes", b"\xff\xfe")
    assert core.failures() == [Reason.INVALID_UTF8]
    failure = core.events[0].data
    assert failure.event_name == "bytes"
    assert set(json.loads(failure.raw)) == {"nonce", "ciphertext"}
    assert refreshes(core) == []


def test_plaintext_is_json_or_text() -> None:
    """JSON is decoded, other text delivered as it is, the empty one too; raw is the plaintext (design.md 3.9)."""
    core = ready()
    for plaintext in ('{"a": 1}', "plain", ""):
        event(core, OLD, "e", plaintext)
    assert [(one.data, one.raw) for one in core.events] == [({"a": 1}, '{"a": 1}'), ("plain", "plain"), ("", "")]


def test_client_events_never_ask_and_keep_their_place() -> None:
    """A client event that does not open fails with wrong_key at its place (design.md 3.4, 9)."""
    core = ready()
    event(core, UNKNOWN, "client-a")
    assert core.failures() == [Reason.WRONG_KEY]
    assert refreshes(core) == []
    event(core, NEW, "e")
    event(core, UNKNOWN, "client-b")
    event(core, NEW, "client-c")
    core.answer(NEW)
    assert core.names()[1:] == ["e", "pusher:decryption_failure", "client-c"]
    assert core.failures() == [Reason.WRONG_KEY] * 2
    event(core, b"4" * 32, "e")
    event(core, UNKNOWN, "client-d")
    fail_refresh(core, 503)
    assert core.failures()[2:] == [Reason.AUTHORIZATION_FAILED, Reason.WRONG_KEY]
    assert len(refreshes(core)) == 2


def test_a_full_backlog_ends_the_wait_but_not_the_request() -> None:
    """What the ring opens is delivered, the rest fails, and the key still joins the ring (design.md 3.6)."""
    core = ready(backlog=3)
    for number, key in enumerate((NEW, OLD, NEW, OLD)):
        event(core, key, f"e{number}")
    assert core.names() == ["pusher:decryption_failure", "e1", "pusher:decryption_failure", "e3"]
    assert set(core.failures()) == {Reason.BACKLOG_OVERFLOW}
    core.answer(NEW)
    event(core, NEW, "after")
    assert core.names()[-1] == "after"
    assert len(refreshes(core)) == 1


def test_the_clients_bytes_bound_the_backlog_too() -> None:
    """An event that finds no room in buffer_bytes ends the wait, and still asks for the key (design.md 3.6, R6)."""
    budget = ByteBudget(100)
    core = Core()
    core.connection = Connection(ConnectionSettings(), lambda: 0.5, budget)
    core.up()
    core.subscribed()
    event(core, NEW, "big")
    assert core.failures() == [Reason.BACKLOG_OVERFLOW]
    assert len(refreshes(core)) == 1
    assert budget.used == 0
    core.answer(NEW)
    event(core, NEW, "after")
    assert core.names()[-1] == "after"


def test_fruitless_requests_are_suspended_and_probed() -> None:
    """After the limit nothing is held or asked, until one probe that waits for no event (design.md 3.7)."""
    core = ready(fruitless_limit=2, max_delay=30.0)
    for _ in range(2):
        event(core, UNKNOWN, "garbage")
        core.answer(OLD)
    assert core.failures() == [Reason.WRONG_KEY] * 2
    event(core, NEW, "meanwhile")
    assert core.failures()[-1] == Reason.REFRESH_SUSPENDED
    assert len(refreshes(core)) == 2
    core.wait(1.0)
    assert len(refreshes(core)) == 3
    core.answer(NEW)
    event(core, NEW, "again")
    assert core.names()[-1] == "again"
    for _ in range(2):
        event(core, UNKNOWN, "garbage")
        core.answer(NEW)
    assert core.failures()[-2:] == [Reason.WRONG_KEY] * 2


def test_a_new_key_that_opens_nothing_is_neither_good_nor_bad() -> None:
    """A neutral refresh does not count, and does not reset the count (design.md 9)."""
    core = ready(fruitless_limit=2)
    event(core, UNKNOWN, "garbage")
    core.answer(OLD)
    event(core, UNKNOWN, "garbage")
    core.answer(NEW)
    event(core, UNKNOWN, "garbage")
    assert len(refreshes(core)) == 3
    core.answer(NEW)
    event(core, UNKNOWN, "garbage")
    assert core.failures()[-1] == Reason.REFRESH_SUSPENDED


def test_new_keys_that_open_nothing_are_neutral_once_in_a_row() -> None:
    """An endpoint with another useless key for each request is spaced like one that has none (design.md 3.7)."""
    core = ready(fruitless_limit=2)
    for number in range(3):
        event(core, UNKNOWN, "garbage")
        core.answer(number.to_bytes(32, "big"))
    event(core, UNKNOWN, "garbage")
    assert core.failures() == [Reason.WRONG_KEY] * 3 + [Reason.REFRESH_SUSPENDED]
    core.wait(1.0)
    core.answer(NEW)
    event(core, NEW, "opened")
    assert core.names()[-1] == "opened"
    event(core, UNKNOWN, "garbage")
    core.answer(b"9" * 32)
    event(core, UNKNOWN, "garbage")
    assert len(refreshes(core)) == 6


def test_useless_new_keys_of_many_channels_suspend_the_client() -> None:
    """The first new key of each channel is neutral; the others share the limit of the client (design.md 3.7, C6)."""
    core = Core(key_rotation=KeyRotationPolicy(fruitless_limit=5))
    core.up()
    channels = [f"private-encrypted-{number}" for number in range(30)]
    for channel in channels:
        core.subscribed(channel)
    since = len(core.outputs)
    for turn in range(2):
        for number, channel in enumerate(channels):
            asked = len(core.requests())
            event(core, UNKNOWN, "garbage", channel=channel)
            if len(core.requests()) > asked:
                core.answer((turn * 100 + number).to_bytes(32, "big"))
    assert len(core.requests(since)) == 30 + 20


def test_later_events_fail_when_the_suspension_begins_under_them() -> None:
    """What waited behind the last fruitless request is not held any longer (design.md 3.7)."""
    core = ready(fruitless_limit=1)
    event(core, UNKNOWN, "asks")
    event(core, UNKNOWN, "later")
    event(core, UNKNOWN, "latest")
    core.answer(OLD)
    assert core.failures() == [Reason.WRONG_KEY, Reason.REFRESH_SUSPENDED, Reason.REFRESH_SUSPENDED]


@pytest.mark.parametrize(
    ("brings", "lots"),
    [
        ("the same key", 0.0),
        ("the same key", 0.5),
        ("the same key", 1.0),
        ("another key", 0.5),
        ("an error", 0.5),
        ("", 0.5),
    ],
)
def test_garbage_does_not_flood_the_endpoint(brings: str, lots: float) -> None:
    """10,000 events cost five requests, and then one after each delay: up to max_delay, of which at least half (C6)."""
    core = Core(lots=lots, key_rotation=KeyRotationPolicy(fruitless_limit=5, max_delay=30.0, timeout=10.0))
    core.up()
    core.subscribed()
    asked: list[float] = []
    garbage = frame("garbage", CHANNEL, sealed(UNKNOWN, "x"))
    core.outputs.clear()
    for _ in range(10_000):
        core.receive(garbage)
        core.wait(0.06)
        core.receive(frame("pusher:pong"))
        for request in core.requests():
            asked.append(core.now)
            if brings == "the same key":
                core.answer(OLD, request)
            elif brings == "another key":
                core.answer(len(asked).to_bytes(32, "big"), request)
            elif brings == "an error":
                refuse(core, request)
        core.outputs.clear()
    core.wait(60.0)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert len(gaps) > 15
    free = 5 if brings == "another key" else 4  # the first new key that opens nothing is neutral
    for number, gap in enumerate(gaps[free:]):
        expected = min(30.0, 2.0**number) * (1 + lots) / 2 + (0.0 if brings else 10.0)
        assert abs(gap - expected) <= 0.13  # looked at every 0.06 s
    counts = core.counts[CHANNEL]
    assert counts.received == counts.undecryptable == 10_000


def refuse(core: Core, request: Authorize) -> None:
    """Answer a request with an error that may mend itself."""
    error = AuthorizationError(CHANNEL, "no", status=503)
    core.connection.authorization_failed(request.request_id, error, retryable=True, retry_after=0.0, now=core.now)
    core.drain()


def test_garbage_takes_no_more_memory_than_allowed() -> None:
    """However fast it comes and slow the endpoint is, no more waits than the backlog and the bytes (C6, R6)."""
    budget = ByteBudget(500_000)
    core = Core()
    settings = ConnectionSettings(
        key_rotation=KeyRotationPolicy(backlog=100, fruitless_limit=99), buffer_bytes=budget.limit
    )
    core.connection = Connection(settings, lambda: 0.5, budget)
    core.up()
    core.subscribed()
    counts, most, taken = core.counts[CHANNEL], 0, 0
    request = core.requests()[-1]
    for number in range(10_000):
        core.outputs.clear()
        core.receive(frame("garbage", CHANNEL, sealed(UNKNOWN, "x" * (number % 3000))))
        request = (core.requests() or [request])[-1]
        most, taken = max(most, counts.waiting), max(taken, budget.used)
        if number % 1000 == 999:
            core.answer(number.to_bytes(32, "big"), request)
    assert most == 100
    assert 400_000 < taken <= budget.limit
    core.wait(60.0)
    assert (counts.waiting, counts.undecryptable, budget.used) == (0, 10_000, 0)


@pytest.mark.parametrize("brings", [OLD, NEW])
def test_a_cached_event_under_a_key_that_is_long_gone_fails_once(brings: bytes) -> None:
    """A cache channel's last event may be older than its key: one request and one failure (design.md 3.4, C6)."""
    channel = "private-encrypted-cache-orders"
    core = Core()
    core.up()
    core.subscribe(channel)
    for _ in range(3):
        core.answer(OLD)
        core.acknowledge(channel)
        core.events.clear()
        before = len(core.requests())
        core.receive(frame("cached", channel, sealed(UNKNOWN, "x")))
        core.receive(frame("live", channel, sealed(OLD, "1")))
        assert len(core.requests()) == before + 1
        core.answer(brings)
        core.wait(60.0)
        assert core.names() == ["pusher:decryption_failure", "live"]
        assert core.failures() == ["wrong_key"]
        assert len(core.requests()) == before + 1
        core.lose(4200)
        core.back()
    snapshot = core.counts[channel].snapshot()
    assert (snapshot.received, snapshot.delivered, snapshot.undecryptable, snapshot.waiting) == (6, 3, 3, 0)


def test_no_event_waits_longer_than_two_timeouts() -> None:
    """Requests that hang end each after one timeout, and nothing waits for more than two (design.md 3.6)."""
    core = ready(timeout=10.0)
    event(core, UNKNOWN, "first")
    core.wait(9.0)
    event(core, UNKNOWN, "second")
    core.wait(1.0)
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]
    core.wait(10.0)
    assert core.failures() == [Reason.AUTHORIZATION_FAILED] * 2


def test_a_drop_keeps_what_waits_for_one_timeout() -> None:
    """The refresh is cancelled, and without a new link the events are settled (design.md 3.8)."""
    core = ready(timeout=10.0)
    event(core, NEW, "waits")
    event(core, OLD, "opens")
    asked = core.requests()[-1]
    core.lose()
    assert Cancel(asked.request_id) in core.outputs
    assert core.names() == []
    core.wait(10.0)
    assert core.names() == ["pusher:decryption_failure", "opens"]
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]


def test_the_next_authorization_answers_for_what_waited() -> None:
    """The re-authorization is the request of all that waits, and they come before the gap (design.md 3.8)."""
    core = ready()
    event(core, NEW, "waits")
    event(core, UNKNOWN, "lost")
    core.lose(4200)
    core.wait(0.1)
    core.up()
    core.answer(NEW)
    assert core.names() == ["waits", "pusher:decryption_failure"]
    assert core.failures() == [Reason.WRONG_KEY]
    core.acknowledge()
    assert core.names()[-1] == "pusher:subscription_succeeded"


def test_a_second_drop_does_not_prolong_the_wait() -> None:
    """What is held is kept for one timeout after the first drop, however many follow (design.md 3.8)."""
    core = ready(timeout=10.0)
    event(core, NEW, "waits")
    lost = core.now
    core.lose(1006)
    core.back()
    core.lose(1006)
    core.wait(lost + 9.5 - core.now)
    assert core.failures() == []
    core.wait(0.5)
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]


def test_a_drop_does_not_prolong_the_wait_beyond_two_timeouts() -> None:
    """An event that waited for two requests is not kept for a whole timeout after a drop (design.md 3.6)."""
    core = ready(timeout=10.0)
    event(core, UNKNOWN, "first")
    core.wait(0.5)
    event(core, UNKNOWN, "second")
    core.wait(9.0)
    core.answer(NEW)
    assert core.failures() == [Reason.WRONG_KEY]
    core.wait(5.5)
    core.lose(1006)
    core.wait(5.0)
    assert core.failures() == [Reason.WRONG_KEY]
    core.wait(0.5)
    assert core.failures() == [Reason.WRONG_KEY, Reason.AUTHORIZATION_FAILED]


def test_unsubscribing_counts_what_waits_as_dropped() -> None:
    """Held events are dropped and their bytes given back (design.md 3.8, R5)."""
    core = ready()
    event(core, NEW, "waits")
    event(core, OLD, "behind")
    core.receive(frame("pusher:cache_miss", CHANNEL))
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    counts = core.counts[CHANNEL].snapshot()
    assert (counts.received, counts.dropped, counts.waiting) == (2, 2, 0)
    assert core.names() == []


def test_disconnecting_settles_what_waits() -> None:
    """What the ring opens is delivered, the rest fails, before the end (design.md 3.8)."""
    core = ready()
    event(core, NEW, "waits")
    event(core, OLD, "behind")
    core.connection.disconnect(core.now)
    core.drain()
    assert core.names() == ["pusher:decryption_failure", "behind"]
    assert core.failures() == [Reason.AUTHORIZATION_FAILED]


def test_unsubscribing_stops_what_disconnecting_settles() -> None:
    """A handler that unsubscribes while the end hands on what was held sees no more of it (design.md 3.4, R5)."""
    core = ready()
    for name in ("first", "second", "third"):
        event(core, NEW, name)
    core.connection.disconnect(core.now)
    for output in core.connection.outputs():
        if isinstance(output, Deliver):
            core.deliver(output.event)
            core.connection.unsubscribe(CHANNEL, core.now)
    assert [one.data.event_name for one in core.events] == ["first"]
    counts = core.counts[CHANNEL].snapshot()
    assert (counts.undecryptable, counts.dropped, counts.waiting) == (1, 2, 0)


@given(st.lists(st.sampled_from(["old", "new", "unknown", "malformed", "miss", "answer old", "answer new", "wait"])))
def test_nothing_is_lost_or_reordered(steps: list[str]) -> None:
    """Whatever comes, every event leaves once and in its order, and the counts add up (R4, R5)."""
    core = ready(backlog=4, timeout=10.0)
    keys = {"old": OLD, "new": NEW, "unknown": UNKNOWN}
    for number, step in enumerate(steps):
        if step in keys:
            event(core, keys[step], f"e{number}", str(number))
        elif step == "malformed":
            core.receive(frame(f"e{number}", CHANNEL, json.dumps({"n": number})))
        elif step == "miss":
            core.receive(frame("pusher:cache_miss", CHANNEL))
        elif step == "wait":
            core.wait(3.0)
        elif core.requests():
            core.answer(OLD if step == "answer old" else NEW)
        counts = core.counts[CHANNEL]
        assert counts.received == counts.delivered + counts.undecryptable + counts.dropped + counts.waiting
    core.wait(60.0)
    arrived = [f"e{number}" for number, step in enumerate(steps) if step in keys or step == "malformed"]
    left = [one.data.event_name if one.name == "pusher:decryption_failure" else one.name for one in core.events]
    assert [name for name in left if name != "pusher:cache_miss"] == arrived


def held(core: Core, *names: str) -> None:
    """Let events wait for a key, and answer with it; nothing is taken from the core yet."""
    for name in names:
        event(core, NEW, name, name)
    request = core.requests()[-1]
    authorization = ChannelAuthorization(f"key:{request.socket_id}", shared_secret=NEW)
    core.connection.authorized(request.request_id, authorization, core.now)


def test_held_events_are_handed_out_one_at_a_time() -> None:
    """The driver may stop after any of them; those not taken keep their bytes of the budget (R4, R6, design.md 10)."""
    budget = ByteBudget(1 << 20)
    core = Core()
    core.connection = Connection(ConnectionSettings(), lambda: 0.5, budget)
    core.up()
    core.subscribed()
    held(core, "1", "2", "3")
    used, taken = [budget.used], []
    while core.connection.has_outputs:
        output = next(core.connection.outputs(), None)
        taken += [output.event.name] if isinstance(output, Deliver) else []
        used.append(budget.used)
    assert taken == ["1", "2", "3"]
    assert used[0] > used[1] > used[2] > used[3] == 0


def test_new_frames_wait_behind_events_that_are_not_taken_yet() -> None:
    """While the driver hands out a burst in slices, the channel's next events keep their place (R4)."""
    core = ready()
    held(core, "1", "2")
    assert isinstance(next(core.connection.outputs()), Deliver)
    assert core.connection.receive_text(frame("3", CHANNEL, sealed(NEW, "x")), core.now) is None
    assert core.connection.receive_text(frame("pusher:cache_miss", CHANNEL), core.now) is None
    core.drain()
    assert core.names() == ["2", "3", "pusher:cache_miss"]


def test_unsubscribing_within_a_burst_drops_the_rest() -> None:
    """What was not taken yet is dropped and counted, and its bytes are given back (R3, R5, R6)."""
    budget = ByteBudget(1 << 20)
    core = Core()
    core.connection = Connection(ConnectionSettings(), lambda: 0.5, budget)
    core.up()
    core.subscribed()
    held(core, "1", "2", "3")
    counts = core.counts[CHANNEL]
    output = next(core.connection.outputs())
    assert isinstance(output, Deliver)
    core.deliver(output.event)
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    assert core.names()[1:] == ["1"]
    assert (counts.received, counts.delivered, counts.dropped, counts.waiting) == (3, 1, 2, 0)
    assert budget.used == 0


class Released:
    """A channel whose key requests are not answered."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def release(self, events: ReleasedEvents) -> None:
        self.events += iter(events.next_event, None)

    def request_key(self, encrypted: EncryptedEvents, now: float) -> None:
        pass

    def cancel_key_request(self, now: float) -> bool:
        return True


def lone_encrypted_events(released: Released, timeout: float) -> EncryptedEvents:
    """Return the events of an encrypted channel without a connection around them."""
    policy = KeyRotationPolicy(timeout=timeout)
    guards = (RefreshGuard(5, 30.0, lambda: 0.5), RefreshGuard(20, 30.0, lambda: 0.5))
    return EncryptedEvents(
        CHANNEL, released, policy=policy, guards=guards, budget=ByteBudget(1 << 20), counts=EventCounts()
    )


@given(st.floats(0.0, 1e6), st.floats(0.001, 60.0), st.floats(0.0, 1.0))
def test_what_is_due_is_done_at_the_deadline_itself(started: float, timeout: float, share: float) -> None:
    """Each deadline moves on once it was handled, also when the last waiting event is settled late (design.md 3.6)."""
    released = Released()
    encrypted = lone_encrypted_events(released, timeout)
    sealed_event = sealed(UNKNOWN, "x")
    encrypted.receive(Frame("first", sealed_event), started)
    encrypted.receive(Frame("second", sealed_event), started + share * timeout / 2)
    # The first deadline is met late, so that the second request outlives the bound of the event it is for.
    encrypted.handle_deadline(started + timeout * 1.75)
    for _ in range(8):
        due = encrypted.deadline()
        if due is None:
            break
        encrypted.handle_deadline(due)
        later = encrypted.deadline()
        assert later is None or later > due
    assert len(encrypted) == 0
    assert [event.data.event_name for event in released.events] == ["first", "second"]


def test_nothing_is_due_after_discarding_what_a_drop_had_kept() -> None:
    """Unsubscribing while the link is down leaves no deadline behind (design.md 3.8)."""
    encrypted = lone_encrypted_events(Released(), 10.0)
    encrypted.receive(Frame("waits", sealed(UNKNOWN, "x")), 0.0)
    encrypted.link_lost(1.0)
    assert encrypted.deadline() == 11.0
    encrypted.discard(2.0)
    assert encrypted.deadline() is None


def test_names_and_wide_characters_count_as_the_bytes_they_take() -> None:
    """A relay that sends long names or one emoji cannot hold more than buffer_bytes (design.md 3.6, R6)."""
    for name, extra in (("n" * 400_000, ""), ("n", "\N{GRINNING FACE}" + "x" * 50_000)):
        core = Core(buffer_bytes=1_000_000)
        core.up()
        core.subscribed()
        for number in range(3):
            envelope = json.dumps({**json.loads(sealed(UNKNOWN, str(number))), "x": extra}, ensure_ascii=False)
            core.receive(frame(name, CHANNEL, envelope))
        assert core.failures() == [Reason.BACKLOG_OVERFLOW] * 3


def test_channels_do_not_probe_in_the_same_instant() -> None:
    """After a suspension of the whole client the channels' requests are spread within max_delay (design.md 3.7, C6)."""
    lots = iter([index / 50 for index in range(50)] * 1000)
    core = Core()
    core.connection = Connection(
        ConnectionSettings(key_rotation=KeyRotationPolicy(fruitless_limit=2)), lambda: next(lots)
    )
    core.up()
    names = [f"private-encrypted-{number}" for number in range(8)]
    for name in names:
        core.subscribed(name)
    for _ in range(2):
        for name in names:
            before = len(core.requests())
            core.receive(frame("e", name, sealed(UNKNOWN, "x")))
            for request in core.requests()[before:]:
                core.answer(OLD, request)
    asked = len(core.requests())
    times = set[float]()
    end = core.now + 30.0
    while len(core.requests()) < asked + len(names):
        due = core.connection.deadline()
        assert due is not None
        assert due <= end
        core.now = max(core.now, due)
        core.connection.handle_deadline(core.now)
        before = len(core.requests())
        core.drain()
        if len(core.requests()) > before:
            times.add(core.now)
    assert len(times) > 2


def test_no_more_old_keys_open_than_the_policy_keeps() -> None:
    """With one old key the second rotation ends the first key, whatever its grace (design.md 3.5)."""
    core = ready(old_keys=1)
    for key in (NEW, UNKNOWN):
        event(core, key, "e")
        core.answer(key)
    event(core, NEW, "kept")
    assert core.names() == ["e", "e", "kept"]
    event(core, OLD, "too old")
    assert len(refreshes(core)) == 3


def test_what_is_open_already_counts_with_its_bytes_too() -> None:
    """An event that was opened and waits for its place takes room as received and as opened (design.md 3.6, R6)."""
    budget = ByteBudget(1 << 20)
    core = Core()
    core.connection = Connection(ConnectionSettings(), lambda: 0.5, budget)
    core.up()
    core.subscribed()
    event(core, NEW, "waits")
    before = budget.used
    event(core, OLD, "open", "x" * 10_000)
    assert budget.used - before > 24_000


def fail_refresh(core: Core, status: int) -> None:
    """Refuse the latest request for a key."""
    error = AuthorizationError(CHANNEL, "no", status=status)
    request = core.requests()[-1].request_id
    core.connection.authorization_failed(request, error, retryable=True, retry_after=None, now=core.now)
    core.drain()


def test_refused_requests_are_fruitless_too() -> None:
    """An endpoint that refuses or omits the key is asked less and less (design.md 3.7, C6)."""
    core = ready(fruitless_limit=2)
    event(core, NEW, "first")
    fail_refresh(core, 503)
    event(core, NEW, "second")
    core.answer(None)
    event(core, NEW, "third")
    assert core.failures() == [Reason.AUTHORIZATION_FAILED] * 2 + [Reason.REFRESH_SUSPENDED]
    assert core.counts[CHANNEL].key_refreshes == len(refreshes(core)) == 2


def test_only_the_first_event_under_a_new_key_ends_the_spacing() -> None:
    """A request is fruitful once; what its key opens later does not count for later requests (design.md 3.7)."""
    core = ready(fruitless_limit=2)
    event(core, NEW, "e")
    core.answer(NEW)
    for _ in range(2):
        event(core, UNKNOWN, "garbage")
        core.answer(NEW)
        event(core, NEW, "e")
    event(core, UNKNOWN, "garbage")
    assert core.failures() == [Reason.WRONG_KEY] * 2 + [Reason.REFRESH_SUSPENDED]


def test_plaintext_that_is_not_utf8_fails_behind_what_waited_too() -> None:
    """Its failure carries what came, as one that is opened at once does (design.md 3.9)."""
    core = ready()
    envelope = sealed(NEW, b"\xff")
    core.receive(frame("bytes", CHANNEL, envelope))
    core.answer(NEW)
    (failed,) = core.events
    assert failed.data.reason == Reason.INVALID_UTF8
    assert (failed.data.event_name, failed.data.raw) == ("bytes", envelope)


def test_when_the_suspension_is_over_an_event_asks_at_once() -> None:
    """Its last instant is the first of the time after it (design.md 3.7)."""
    core = ready(fruitless_limit=1)
    event(core, UNKNOWN, "garbage")
    core.answer(OLD)
    core.wait(0.75)
    assert len(refreshes(core)) == 1
    event(core, NEW, "e")
    assert len(refreshes(core)) == 2
    core.answer(NEW)
    assert core.names()[-1] == "e"


@pytest.mark.parametrize(
    ("own", "client", "probe"),
    [(0.0, 1.5, 2.5), (0.0, 20.5, 30.5), (0.0, 40.5, 40.5), (1.5, 1.5, 1.5), (2.0, 1.5, 2.0)],
)
def test_a_probe_is_put_off_no_longer_than_it_waits_already(own: float, client: float, probe: float) -> None:
    """Only that of a client's suspension is put off, and never beyond the longest delay (design.md 3.7, C6)."""
    policy = KeyRotationPolicy(max_delay=30.0)
    guards = (RefreshGuard(1, 30.0, lambda: 1.0), RefreshGuard(1, 30.0, lambda: 1.0))
    encrypted = EncryptedEvents(
        CHANNEL, Released(), policy=policy, guards=guards, budget=ByteBudget(1 << 20), counts=EventCounts()
    )
    guards[0].suspended_until, guards[1].suspended_until = own, client
    failed = encrypted.receive(Frame("e", sealed(UNKNOWN, "x")), 0.5)
    assert failed is not None
    assert failed.data.reason == Reason.REFRESH_SUSPENDED
    assert encrypted.deadline() == probe


def test_a_drop_sets_one_deadline_for_what_waits() -> None:
    """None where nothing waits, and a second drop does not lengthen the wait (design.md 3.8)."""
    encrypted = lone_encrypted_events(Released(), 10.0)
    encrypted.link_lost(0.0)
    assert encrypted.deadline() is None
    encrypted.receive(Frame("waits", sealed(UNKNOWN, "x")), 0.0)
    encrypted.link_lost(1.0)
    encrypted.link_lost(5.0)
    assert encrypted.deadline() == 11.0


def test_the_bound_of_two_timeouts_is_a_deadline_of_its_own() -> None:
    """The bound holds also when a request that was started late would take longer (design.md 3.6)."""
    released = Released()
    encrypted = lone_encrypted_events(released, 10.0)
    encrypted.receive(Frame("first", sealed(UNKNOWN, "x")), 0.0)
    encrypted.receive(Frame("second", sealed(UNKNOWN, "x")), 4.0)
    encrypted.handle_deadline(17.5)
    assert [event.data.event_name for event in released.events] == ["first"]
    assert encrypted.deadline() == 24.0
    encrypted.handle_deadline(24.0)
    assert [event.data.event_name for event in released.events] == ["first", "second"]


def test_the_end_of_a_grace_is_a_deadline() -> None:
    """A key is dropped when its time is over, whether or not anything arrives (design.md 3.5, C7)."""
    encrypted = lone_encrypted_events(Released(), 10.0)
    encrypted.subscription_authorized(OLD, 0.0)
    encrypted.subscription_authorized(NEW, 1.0)
    assert encrypted.deadline() == 301.0
    encrypted.handle_deadline(301.0)
    assert encrypted.deadline() is None


@pytest.mark.parametrize("ran", [True, False])
def test_a_request_that_never_had_its_turn_is_not_fruitless(monkeypatch: pytest.MonkeyPatch, *, ran: bool) -> None:
    """One that ran and was not answered in time is (design.md 3.7)."""
    released = Released()
    monkeypatch.setattr(released, "cancel_key_request", lambda _now: ran)
    policy = KeyRotationPolicy(timeout=10.0)
    guards = (RefreshGuard(1, 30.0, lambda: 1.0), RefreshGuard(9, 30.0, lambda: 1.0))
    encrypted = EncryptedEvents(
        CHANNEL, released, policy=policy, guards=guards, budget=ByteBudget(1 << 20), counts=EventCounts()
    )
    encrypted.receive(Frame("e", sealed(UNKNOWN, "x")), 0.0)
    encrypted.handle_deadline(10.0)
    assert guards[0].suspended_until == (11.0 if ran else float("-inf"))


def test_a_refresh_that_takes_too_long_gives_its_place_away() -> None:
    """The next request starts at that moment, with its own time (design.md 3.8, R3)."""
    core = Core(authorization_timeout=20.0, subscribe_timeout=1000.0, key_rotation=KeyRotationPolicy(timeout=5.0))
    core.up()
    core.subscribed()
    event(core, NEW, "e")
    for number in range(8):
        core.subscribe(f"private-{number}")
    core.wait(5.0)
    last = core.requests()[-1]
    assert last.channel == "private-7"
    core.wait(20.0)
    assert Cancel(last.request_id) in core.outputs


def test_what_is_kept_after_a_drop_is_settled_however_short_the_time() -> None:
    """Also what came just before the drop (design.md 3.8)."""
    released = Released()
    encrypted = lone_encrypted_events(released, 0.5)
    encrypted.receive(Frame("e", sealed(UNKNOWN, "x")), 1.0)
    encrypted.link_lost(1.0)
    encrypted.handle_deadline(1.5)
    assert [event.data.reason for event in released.events] == [Reason.AUTHORIZATION_FAILED]


def test_a_request_has_its_whole_time() -> None:
    """Looking at the clock earlier ends nothing (design.md 3.8)."""
    released = Released()
    encrypted = lone_encrypted_events(released, 10.0)
    encrypted.receive(Frame("e", sealed(UNKNOWN, "x")), 0.0)
    encrypted.handle_deadline(9.0)
    assert released.events == []
    assert encrypted.deadline() == 10.0


def test_only_what_waits_takes_the_memory_of_a_queue() -> None:
    """Channels that wait for nothing share an empty queue, also after they have waited (design.md 8)."""
    one, other = (Backlog(1, ByteBudget(10_000)) for _ in range(2))
    assert one.items is other.items
    one.append(Held(name="e", raw="{}", arrived=0.0))
    assert (len(one), len(other)) == (1, 0)
    one.pop()
    assert one.items is other.items


def test_the_id_of_an_event_is_a_hash_of_channel_nonce_and_tag() -> None:
    """It is the same however the event was opened, and for every subscriber; no two events share one (design.md 10)."""
    core, other = ready(), ready()
    envelopes = [sealed(OLD, "1"), sealed(NEW, "2"), sealed(OLD, "3"), sealed(UNKNOWN, "4")]
    for envelope in envelopes:
        core.receive(frame("e", CHANNEL, envelope))
    core.answer(NEW)
    core.answer(NEW)
    other.receive(frame("renamed", CHANNEL, envelopes[2]))
    ids = [one.data.id if isinstance(one.data, DecryptionFailure) else one.id for one in core.events]
    assert ids == [expected_id(envelope) for envelope in envelopes]
    assert other.events[0].id == ids[2]
    assert len(set(ids)) == len(ids)
    assert core.events[-1].id is None


def test_a_failure_that_was_sealed_has_the_id_and_a_malformed_one_has_none() -> None:
    """Another subscriber that opens the event finds the same id (design.md 10)."""
    core = ready()
    envelopes = [sealed(OLD, b"\xff"), sealed(NEW, "suspended")]
    for envelope in envelopes:
        core.receive(frame("client-e" if envelope is envelopes[1] else "e", CHANNEL, envelope))
    core.receive(frame("e", CHANNEL, "malformed"))
    assert [one.data.id for one in core.events] == [*map(expected_id, envelopes), None]
    assert expected_id(envelopes[0]) not in repr(core.events[0])


def expected_id(envelope: str) -> str:
    """Compute the id of a sealed event from its text."""
    nonce, ciphertext = (base64.b64decode(json.loads(envelope)[part]) for part in ("nonce", "ciphertext"))
    return hashlib.blake2b(CHANNEL.encode() + b"\0" + nonce + ciphertext[:16], digest_size=16).hexdigest()
