"""The rules of events that a client sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client import NotConnectedError, RateLimitError, SubscriptionError, SubscriptionState, UnsupportedError
from pusher_client.protocol.client_events import ClientEvents
from pusher_client.protocol.settings import ConnectionSettings
from tests.support.core.scripted_core import Core

SUBSCRIBED = SubscriptionState.SUBSCRIBED
ITSELF: list[Any] = []
ITSELF.append(ITSELF)
LARGEST = "x" * (10 * 1024 - 2)  # with the two quotes it is 10 kB of JSON


def send(
    events: ClientEvents | None = None,
    channel: str = "private-a",
    event: str = "client-a",
    data: Any = None,
    *,
    linked: bool = True,
    state: SubscriptionState = SUBSCRIBED,
    now: float = 0.0,
) -> str:
    """Send a client event."""
    return (events or ClientEvents(None)).text(channel, event, data, linked=linked, state=state, now=now)


@pytest.mark.parametrize("channel", ["private-a", "presence-a"])
def test_a_client_event_is_written_with_its_data_as_it_is(channel: str) -> None:
    """The data is in the frame as JSON, not as a string of it (protocol-notes 12)."""
    text = send(None, channel, "client-typing", {"who": "ü"})
    assert json.loads(text) == {"event": "client-typing", "channel": channel, "data": {"who": "ü"}}


def test_a_wrong_name_is_the_callers_mistake_even_without_a_link() -> None:
    """A name that does not start with client- is a ValueError before anything else (design.md 9)."""
    with pytest.raises(ValueError, match="client-"):
        send(event="typing", linked=False)


def test_without_a_link_nothing_is_queued() -> None:
    """No link comes before every other error that is not the caller's (design.md 9)."""
    with pytest.raises(NotConnectedError):
        send(None, "private-encrypted-a", data=LARGEST * 2, linked=False)


@pytest.mark.parametrize("channel", ["private-encrypted-a", "private-encrypted-cache-a", "orders", "cache-orders"])
@pytest.mark.parametrize("state", [SUBSCRIBED, SubscriptionState.UNSUBSCRIBED])
def test_encrypted_and_public_channels_have_no_client_events(channel: str, state: SubscriptionState) -> None:
    """The protocol has no client events there, subscribed or not, large or small (design.md 2)."""
    kind = "encrypted" if channel.startswith("private-") else "public"
    with pytest.raises(UnsupportedError, match=f"no client events on {kind} channels"):
        send(None, channel, data=LARGEST * 2, state=state)


@pytest.mark.parametrize("state", [one for one in SubscriptionState if one is not SUBSCRIBED])
def test_a_channel_has_to_be_subscribed(state: SubscriptionState) -> None:
    """A client event on a channel that is not subscribed is a SubscriptionError naming it (design.md 2)."""
    with pytest.raises(SubscriptionError) as caught:
        send(data=LARGEST * 2, state=state)
    assert caught.value.channel == "private-a"


def test_data_that_is_no_json_is_the_callers_mistake() -> None:
    """What JSON cannot express is a TypeError at the call (R7)."""
    with pytest.raises(TypeError):
        send(data=object())


@pytest.mark.parametrize("data", ["\ud800", ["a", {"\ud800": 1}], ITSELF])
def test_data_that_json_has_no_text_for_is_the_callers_mistake(data: Any) -> None:
    """Half a character, or a list that holds itself, is a ValueError without the data in it (R7, C3)."""
    with pytest.raises(ValueError, match="nested too deeply for JSON, or has a lone surrogate") as caught:
        send(data=data)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "data", [LARGEST, {"a": "x" * (10 * 1024 - 8)}, "ü" * (5 * 1024 - 1), [0] * (5 * 1024 - 2) + [10]]
)
def test_ten_kilobytes_are_sent(data: Any) -> None:
    """What counts is the bytes of the data as JSON (protocol-notes 12)."""
    assert json.loads(send(data=data))["data"] == data


@pytest.mark.parametrize("data", [LARGEST + "x", {"a": "x" * (10 * 1024 - 7)}, "ü" * (5 * 1024), [0] * 5 * 1024])
def test_more_is_the_callers_mistake_with_the_cure(data: Any) -> None:
    """A byte more is a ValueError, which comes before the limit and counts for nothing (protocol-notes 12)."""
    events = ClientEvents(1)
    with pytest.raises(ValueError, match=r"1024\d bytes as JSON; at most 10240 .* send less"):
        send(events, data=data)
    send(events)
    with pytest.raises(ValueError, match="bytes as JSON"):
        send(events, data=data)


@pytest.mark.parametrize("data", ["x" * 100, "ü" * 50, {"a": "x" * 94}, LARGEST * 2])
def test_a_frame_as_large_as_the_limit_is_sent(data: Any) -> None:
    """The bytes of the whole frame count, also where they are more than 10 kB of data (protocol-notes 12)."""
    text = send(ClientEvents(None, 1_000_000), data=data)
    assert send(ClientEvents(None, len(text.encode())), data=data) == text


@pytest.mark.parametrize("data", ["x" * 100, "ü" * 50, {"a": "x" * 94}, LARGEST])
def test_a_frame_larger_than_the_limit_is_not_sent(data: Any) -> None:
    """A byte more is a ValueError with size, limit and option, without the data; it does not count (R7, C3)."""
    size = len(send(data=data).encode())
    events = ClientEvents(1, size - 1)
    with pytest.raises(ValueError, match=f"private-a takes {size} bytes; client_event_limit .* {size - 1}") as caught:
        send(events, data=data)
    assert "xx" not in str(caught.value)
    assert "ü" not in str(caught.value)
    assert events.only_channel(0.0) is None
    send(events, data="")


def test_the_limit_of_a_connection_is_that_of_its_settings() -> None:
    """An event of one byte more than ``client_event_limit`` is refused by a connection (design.md 2)."""
    frame_text = send(None, "private-a", data="x" * 100)
    core = Core(client_event_limit=len(frame_text))
    core.up()
    core.subscribed("private-a")
    with pytest.raises(ValueError, match="client_event_limit"):
        core.connection.trigger("private-a", "client-a", "x" * 101, core.now)
    assert core.connection.trigger("private-a", "client-a", "x" * 100, core.now) == frame_text


@pytest.mark.parametrize(("limit", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_the_limit_is_a_whole_number_of_bytes(limit: Any, error: type[Exception]) -> None:
    """A value that is none is refused with the option's name, when it is given (design.md 2)."""
    with pytest.raises(error, match="client_event_limit"):
        ConnectionSettings(client_event_limit=limit)


def test_without_a_limit_everything_is_sent() -> None:
    """The limiter is off unless the client was given one (protocol-notes 12)."""
    events = ClientEvents(None)
    assert all(send(events) for _ in range(1000))


def test_any_second_sees_no_more_than_the_limit() -> None:
    """The second slides, all channels count together, and the error says how long to wait (protocol-notes 12)."""
    events = ClientEvents(2)
    send(events, "private-a", now=10.0)
    send(events, "private-b", now=10.75)
    with pytest.raises(RateLimitError) as caught:
        send(events, "private-c", now=10.75)
    assert (caught.value.channel, caught.value.retry_after) == ("private-c", 0.25)
    assert "private-c" in str(caught.value)
    assert "0.250" in str(caught.value)
    send(events, now=11.0)
    with pytest.raises(RateLimitError):
        send(events, now=11.5)
    send(events, now=11.75)


def test_what_was_refused_does_not_count() -> None:
    """Nothing was sent, so nothing has to be waited for (protocol-notes 12)."""
    events = ClientEvents(1)
    send(events, now=0.0)
    for tenth in range(1, 10):
        with pytest.raises(RateLimitError):
            send(events, "private-b", now=tenth / 10)
    assert events.only_channel(0.9) == "private-a"
    send(events, "private-b", now=1.0)


def test_a_new_link_counts_anew() -> None:
    """The server counts per connection (protocol-notes 12)."""
    events = ClientEvents(1)
    send(events)
    events.clear()
    send(events)


@given(st.integers(1, 5), st.lists(st.integers(0, 1024), max_size=60))
def test_the_limit_holds_and_is_used(limit: int, steps: list[int]) -> None:
    """No sliding second sees more than the limit, and nothing is refused that fits (protocol-notes 12)."""
    events = ClientEvents(limit)
    now, sent = 0.0, list[float]()
    for step in steps:
        now += step / 1024  # exact in binary
        recent = [time for time in sent if now - time < 1.0]
        if len(recent) < limit:
            send(events, now=now)
            sent.append(now)
            continue
        with pytest.raises(RateLimitError) as caught:
            send(events, now=now)
        assert now + caught.value.retry_after == recent[0] + 1.0


def test_the_one_channel_that_was_sent_to_is_known_for_five_seconds() -> None:
    """Two channels are ambiguous, and without any there is none to name (protocol-notes 12)."""
    events = ClientEvents(None)
    assert events.only_channel(0.0) is None
    send(events, "private-a", now=0.0)
    send(events, "private-a", now=1.0)
    assert events.only_channel(6.0) == "private-a"
    send(events, "private-b", now=6.0)
    assert events.only_channel(6.0) is None
    send(events, "private-b", now=6.5)
    assert events.only_channel(6.001) == "private-b"
    assert events.only_channel(11.5) == "private-b"
    assert events.only_channel(11.501) is None
    send(events, "private-a", now=12.0)
    events.clear()
    assert events.only_channel(12.0) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40))
def test_what_is_remembered_is_what_was_sent_of_late(steps: list[tuple[str, int]]) -> None:
    """The one channel of the last five seconds, whatever the order (protocol-notes 12)."""
    events = ClientEvents(None)
    now, sent = 0.0, list[tuple[float, str]]()
    for name, step in steps:
        now += step
        recent = {channel for time, channel in sent if now - time <= 5.0}
        assert events.only_channel(now) == (recent.pop() if len(recent) == 1 else None)
        send(events, f"private-{name}", now=now)
        sent.append((now, f"private-{name}"))
