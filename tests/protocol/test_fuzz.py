"""Whatever a server or an endpoint sends is an event, a counted error or a typed failure, and nothing else (R8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pusher_client.authorization.batch_authorizer import _read as read_batch
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication
from tests.fuzz.run import CORPUS
from tests.fuzz.targets import BATCH, TARGETS
from tests.support.core.hostile_server import CHANNELS, STATES, Besieged, opened, subscribed, subscribing
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.example_counts import examples

EVENTS = [
    "pusher:connection_established",
    "pusher:error",
    "pusher:ping",
    "pusher:pong",
    "pusher:cache_miss",
    "pusher:signin_success",
    "pusher:subscription_error",
    "pusher:gap",
    "pusher_internal:subscription_error",
    "pusher_internal:subscription_succeeded",
    "pusher_internal:subscription_count",
    "pusher_internal:member_added",
    "pusher_internal:member_updated",
    "pusher_internal:member_removed",
    "pusher_internal:watchlist_events",
    "online",
    "client-e",
    "e",
    "",
    "e" * 100_000,
]
KEYS = [
    *("socket_id", "activity_timeout", "code", "message", "type", "error", "status", "subscription_count"),
    *("presence", "ids", "hash", "user_id", "user_info", "user_data", "id", "events", "name", "user_ids"),
    *("nonce", "ciphertext", "data", "auth", "channel_data", "shared_secret", *CHANNELS),
]

# -- JSON as text, since much of what is hostile in it has no Python value ---------------------------------------------

numbers = st.sampled_from(
    [
        *(
            "0",
            "-0",
            "1",
            "7",
            "401",
            "403",
            "500",
            "4001",
            "4004",
            "4009",
            "4200",
            "4301",
            "1e999",
            "-1e999",
            "1e-999",
        ),
        *("NaN", "Infinity", "-Infinity", "1" * 5000, "1." + "0" * 5000, "0x10", "01", "1_000", "9007199254740993"),
    ]
)
strings = st.one_of(
    st.sampled_from(['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '""', '"7"', '"7.7"', '"\\"', '"\x00"', '"1e999"']),
    st.sampled_from([*CHANNELS, "online", "offline", "#server-to-user-7"]).map(json.dumps),
    st.text(max_size=20).map(json.dumps),
    st.integers(200, 20_000).map(lambda length: json.dumps("x" * length)),
)
leaves = st.one_of(st.sampled_from(["null", "true", "false", "", "nul"]), numbers, strings)
deep = st.builds(
    lambda depth, pair, end: pair[0] * depth + "1" + pair[1] * (depth - end),
    st.sampled_from([10, 500, 2000, 20_000]),
    st.sampled_from([("[", "]"), ('{"a":', "}"), ('{"presence":', "}")]),
    st.sampled_from([0, 0, 0, 1]),
)


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Lists and objects; the same key may come twice, and values may be JSON within a string."""
    values = inner | inner.map(json.dumps)
    keys = st.sampled_from(KEYS).map(json.dumps) | strings
    pairs = st.builds("{}:{}".format, keys, values)
    return st.one_of(
        st.lists(values, max_size=4).map(lambda items: f"[{','.join(items)}]"),
        st.lists(pairs, max_size=4).map(lambda items: f"{{{','.join(items)}}}"),
    )


values = st.recursive(leaves | deep, containers, max_leaves=8) | st.sampled_from(
    [sealed(OLD, "1"), sealed(NEW, "1"), sealed(OLD, b"\xff"), sealed(OLD, "1e999")]
)
presence = st.builds('{{"presence":{{"ids":{},"hash":{},"count":{}}}}}'.format, values, values, leaves)
watchlist = st.builds('{{"events":[{{"name":{},"user_ids":{}}}]}}'.format, leaves, values)
data = st.one_of(values, values.map(json.dumps), presence, watchlist)
frames = (
    st.tuples(
        st.builds("{}:{}".format, st.just('"event"'), st.sampled_from(EVENTS).map(json.dumps) | values),
        st.one_of(
            st.sampled_from([*CHANNELS, "#server-to-user-7", "nobody's"]).map('"channel":"{}"'.format),
            values.map('"channel":{}'.format),
            st.just('"x":1'),
        ),
        data.map('"data":{}'.format),
        st.just('"x":1') | values.map('"user_id":{}'.format),
    )
    .flatmap(st.permutations)
    .map(lambda pairs: f"{{{','.join(pairs)}}}")
)
usual_frames = st.builds(
    lambda event, channel, inner: json.dumps({"event": event, "channel": channel, "data": inner}),
    st.sampled_from(EVENTS),
    st.sampled_from([*CHANNELS, "#server-to-user-7", None]),
    data,
)

Step = Callable[[Besieged], object]


def text(sent: str) -> Step:
    """A text frame; a WebSocket lets no lone surrogate through."""
    whole = sent.encode("utf-8", "replace").decode()
    return lambda core: core.receive(whole)


def binary(core: Besieged) -> None:
    """A binary frame."""
    core.connection.receive_binary(core.now)
    core.drain()


def closing(code: int | None, reason: str) -> Step:
    """The end of a WebSocket."""

    def close(core: Besieged) -> None:
        core.connection.websocket_closed(code, reason, core.now)
        core.drain()

    return close


def waiting(seconds: float) -> Step:
    """Time."""
    return lambda core: core.wait(seconds)


steps = st.one_of(
    *[usual_frames.map(text), frames.map(text)] * 2,
    st.builds(lambda whole, at: text(whole[: at % (len(whole) + 1)]), frames, st.integers(0)),
    st.text(max_size=50).map(text),
    st.just(binary),
    st.builds(closing, st.none() | st.integers(0, 5000), st.text(max_size=130)),
    st.sampled_from([0.5, 2.0, 31.0]).map(waiting),
)


HOSTILE = [
    *(
        "",
        "null",
        "true",
        "0",
        "[]",
        "{}",
        '""',
        "nul",
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "1" * 5000,
        "1." + "0" * 5000,
    ),
    *('"\\ud800"', '{"\\udc00":1}', '"\\u0000"', '{"a":1,"a":2}', json.dumps("x" * 5000), "\x00", '"\x00"', "\ufeff{}"),
    *("[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000, "[" * 3000),
]


@pytest.mark.parametrize("state", [opened, subscribing, subscribed])
@pytest.mark.parametrize("event", [*EVENTS[:-1], "a long name"])
def test_every_kind_of_nonsense_under_every_name(state: Callable[[Besieged], None], event: str) -> None:
    """As data, as a part of it, as JSON within JSON, and in the place of every other field (R5, R7, R8)."""
    core = Besieged()
    state(core)
    name = json.dumps("e" * 100_000 if event == "a long name" else event)
    for number, value in enumerate(HOSTILE):
        channel = json.dumps([CHANNEL, "orders", "presence-room", "#server-to-user-7"][number % 4])
        whole = "{" + ",".join(f'"{key}":{value}' for key in KEYS[number % 3 :: 3]) + "}"
        for data in (value, json.dumps(value), whole, json.dumps(whole)):
            core.receive(f'{{"event":{name},"channel":{channel},"data":{data}}}')
        core.receive(f'{{"event":{name},"channel":{value},"data":"1"}}')
        core.receive(f'{{"event":{name},"channel":{channel},"data":"1","user_id":{value},"x":{value}}}')
        core.receive(f'{{"event":{value},"channel":{channel},"data":"1"}}')
        core.receive(value)
        core.check_accounts()
    core.check()


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=examples(20))
@given(sent=st.lists(steps, min_size=1, max_size=5), shortcut=st.booleans())
def test_nothing_that_a_server_sends_breaks_anything(
    state: Callable[[Besieged], None], *, sent: list[Step], shortcut: bool
) -> None:
    """The counts add up after every frame and close, and what a good server sends then arrives (R5, R7, R8)."""
    core = Besieged(shortcut=shortcut)
    state(core)
    for step in sent:
        step(core)
        core.check_accounts()
    core.check()


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=examples(40))
@given(chosen=st.integers(0), edits=st.lists(st.tuples(st.integers(0), st.binary(max_size=3)), max_size=6))
def test_no_bytes_break_anything(target: str, chosen: int, edits: list[tuple[int, bytes]]) -> None:
    """Bytes that were changed within what is usual or known to be odd do no harm (R8)."""
    known = sorted((CORPUS / target).iterdir())
    content = bytearray(known[chosen % len(known)].read_bytes())
    for place, replacement in edits:
        start = place % (len(content) + 1)
        content[start : start + 1] = replacement
    TARGETS[target](bytes(content))


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=examples(20))
@given(content=st.binary(max_size=200))
def test_no_noise_breaks_anything(target: str, content: bytes) -> None:
    """Neither do any bytes at all (R8)."""
    TARGETS[target](content)


@settings(max_examples=examples(40))
@given(nonce=values, ciphertext=values, more=values)
def test_no_envelope_breaks_anything(nonce: str, ciphertext: str, more: str) -> None:
    """Every envelope is read as its rules say, and none that is wrong does more than fail (C2, R8)."""
    for envelope in (
        f'{{"nonce":{nonce},"ciphertext":{ciphertext}}}',
        f'{{"nonce":{nonce},"ciphertext":"","x":{more}}}',
    ):
        TARGETS["envelopes"](envelope.encode("utf-8", "replace"))


@settings(max_examples=examples(40))
@given(kind=st.sampled_from(["c", "u", "b"]), status=st.integers(100, 999), body=values, fields=st.booleans())
@example(kind="c", status=200, body="[" * 60_000, fields=False)
def test_no_answer_of_an_endpoint_breaks_anything(kind: str, status: int, body: str, *, fields: bool) -> None:
    """An answer is an authorization or an `AuthorizationError` (R7, R8)."""
    whole = f'{{"auth":{body},"shared_secret":{body},"channel_data":{body},"user_data":{body}}}' if fields else body
    for code in (200, status):
        TARGETS["answers"](f"{kind}{code}\n{whole}".encode("utf-8", "replace"))


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=44)
    | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.integers(), inner, max_size=4)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("read", [ChannelAuthorization.from_response, UserAuthentication.from_response])
@given(answer=odd)
def test_no_mapping_of_an_authorizer_breaks_anything(read: Callable[[Mapping[str, Any]], object], answer: Any) -> None:
    """What a callable returns may be any Python value, and it is read or refused (R7)."""
    try:
        outcome = read(answer)
    except AuthorizationError as error:
        outcome = error
    assert isinstance(outcome, ChannelAuthorization | UserAuthentication | AuthorizationError)


@given(answer=st.dictionaries(st.sampled_from(CHANNELS), odd) | odd)
def test_no_batch_of_answers_breaks_anything(answer: Any) -> None:
    """Each channel has its own authorization or refusal, and an invalid one affects no other (R7)."""
    try:
        outcomes = read_batch("https://example.com", BATCH, answer)
    except AuthorizationError:
        assert not isinstance(answer, dict)
        return
    assert set(outcomes) == set(BATCH) & set(answer)
    for channel, outcome in outcomes.items():
        assert isinstance(outcome, ChannelAuthorization) or outcome.channel == channel


def test_an_event_that_is_lost_is_seen() -> None:
    """What all of these rest on can fail: an event that was counted and is nowhere is noticed (R5)."""
    core = Besieged()
    subscribed(core)
    core.counts[CHANNEL].received += 1
    with pytest.raises(AssertionError):
        core.check()
