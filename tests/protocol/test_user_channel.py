"""What comes for a signed-in user: the user's own channel, and the watchlist."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.protocol.frames import decode_frame
from pusher_client.protocol.outputs import ErrorRaised, GapFound, UserEvent
from pusher_client.protocol.user_channel import read_watchlist
from tests.support.core.scripted_core import frame
from tests.support.core.sign_in_core import USER_CHANNEL, UserCore


@pytest.fixture
def core() -> UserCore:
    """A core whose user is signed in."""
    core = UserCore()
    core.up()
    core.signed_in()
    return core


def test_it_is_subscribed_without_an_authorization(core: UserCore) -> None:
    """Being signed in allows it; no authorization is requested (protocol-notes 13.3)."""
    assert core.frames("pusher:subscribe") == [{"channel": USER_CHANNEL}]
    assert core.requests() == []


def test_its_events_go_to_the_user_alone(core: UserCore) -> None:
    """They are decoded like any others, and no channel gets them."""
    core.receive(frame("greeting", USER_CHANNEL, '{"text":"hello"}'))
    event = core.user_events()[-1]
    assert (event.name, event.channel, event.data, event.raw) == (
        "greeting",
        USER_CHANNEL,
        {"text": "hello"},
        '{"text":"hello"}',
    )
    assert core.events == []


def test_another_users_channel_is_nobodys(core: UserCore) -> None:
    """What comes for a user who is not signed in here is ignored, application and protocol events alike (C1)."""
    ignored = core.connection.ignored_frames
    core.receive(frame("greeting", "#server-to-user-8", "1"))
    core.receive(frame("pusher_internal:subscription_succeeded", "#server-to-user-8"))
    core.receive(frame("pusher_internal:subscription_count", USER_CHANNEL, {"subscription_count": 1}))
    assert core.connection.ignored_frames == ignored + 3
    assert [event.name for event in core.user_events()] == ["pusher:signin_success"]


def test_nothing_comes_before_the_user_is_signed_in() -> None:
    """Events for a user are ignored while no user is signed in."""
    core = UserCore()
    core.up()
    core.receive(frame("greeting", USER_CHANNEL, "1"))
    assert core.user_events() == []
    assert core.connection.ignored_frames == 1


def test_nothing_comes_before_the_user_is_signed_in_again(core: UserCore) -> None:
    """On the next link it is a user's channel only once that user is signed in there (protocol-notes 13.3)."""
    core.lose()
    core.back()
    before, ignored = core.user_events(), core.connection.ignored_frames
    core.receive(frame("greeting", USER_CHANNEL, "1"))
    assert (core.user_events(), core.connection.ignored_frames) == (before, ignored + 1)
    core.authenticate()
    core.receive(frame("greeting", USER_CHANNEL, "1"))
    assert core.user_events() == before


def test_a_drop_leaves_a_gap(core: UserCore) -> None:
    """What may be missing is said once per hole, before what comes afterwards (R5)."""
    core.now += 10
    core.receive(frame("greeting", USER_CHANNEL, "1"))
    core.now += 5
    core.lose()
    dropped = core.now
    core.back()
    core.lose()
    core.back()
    core.authenticate()
    core.welcome()
    core.acknowledge(USER_CHANNEL)
    gaps = [output for output in core.outputs if isinstance(output, GapFound)]
    assert gaps == [GapFound(USER_CHANNEL, dropped - 5, dropped, core.now)]


def test_the_gap_comes_before_an_event_that_comes_before_the_acknowledgement(core: UserCore) -> None:
    """Soketi sends to every signed-in user, subscribed or not; the gap keeps its place and is reported once (R5)."""
    core.lose()
    core.back()
    core.authenticate()
    core.welcome()
    before = len(core.outputs)
    core.receive(frame("greeting", USER_CHANNEL, "1"))
    core.acknowledge(USER_CHANNEL)
    assert [type(output) for output in core.outputs[before:]] == [GapFound, UserEvent]


def test_another_user_after_a_reconnect_has_no_gap(core: UserCore) -> None:
    """What the one before missed is not missing there, however many links it takes to be subscribed (R5)."""
    for _ in range(2):
        core.lose()
        core.back()
        core.authenticate()
        core.welcome('{"id":"8"}')
    core.acknowledge("#server-to-user-8")
    assert not any(isinstance(output, GapFound) for output in core.outputs)


def test_an_acknowledgement_is_not_awaited_on_another_link() -> None:
    """What was asked on a link that is gone is asked again only when the user is signed in on the next (R3)."""
    core = UserCore()
    core.up()
    core.sign_in()
    core.authenticate()
    core.welcome()
    core.lose()
    core.back()
    core.wait(35)
    assert core.frames("pusher:subscribe") == [{"channel": USER_CHANNEL}]
    assert core.frames("pusher:unsubscribe") == []


def test_what_is_acknowledged_is_not_sent_again(core: UserCore) -> None:
    """However long the link lasts (R3)."""
    core.wait(100)
    assert len(core.frames("pusher:subscribe")) == 1


@pytest.mark.parametrize("acknowledged", [True, False])
def test_disconnecting_forgets_the_user(*, acknowledged: bool) -> None:
    """Nothing is sent for that user on a later connection, and no gap covers the time between (design.md 2)."""
    core = UserCore()
    core.up()
    core.sign_in()
    core.authenticate()
    core.welcome()
    if acknowledged:
        core.acknowledge(USER_CHANNEL)
    core.connection.disconnect(core.now)
    core.up()
    core.wait(35)
    assert len(core.frames("pusher:subscribe")) == 1
    core.lose()
    core.back()
    core.signed_in()
    assert not any(isinstance(output, GapFound) for output in core.outputs)


def test_what_is_not_acknowledged_is_sent_again(core: UserCore) -> None:
    """The channel is the server's to acknowledge like any other (R3)."""
    core.lose()
    core.back()
    core.authenticate()
    core.welcome()
    core.wait(31)
    subscribed = [sent["event"] for sent in core.sent if sent["data"].get("channel") == USER_CHANNEL]
    assert subscribed == ["pusher:subscribe", "pusher:subscribe", "pusher:unsubscribe", "pusher:subscribe"]


def test_nothing_but_an_answer_is_taken_for_one(core: UserCore) -> None:
    """Another of the protocol's own events is ignored, and the acknowledgement still awaited (R3)."""
    core.lose()
    core.back()
    core.authenticate()
    core.welcome()
    ignored = core.connection.ignored_frames
    core.receive(frame("pusher_internal:subscription_count", USER_CHANNEL, {"subscription_count": 1}))
    assert core.connection.ignored_frames == ignored + 1
    assert not any(isinstance(output, GapFound) for output in core.outputs)
    core.acknowledge(USER_CHANNEL)
    assert sum(isinstance(output, GapFound) for output in core.outputs) == 1


def test_a_refusal_is_told(core: UserCore) -> None:
    """A server that refuses the user's own channel is an error of the connection, and asked again later."""
    core.lose()
    core.back()
    core.authenticate()
    core.welcome()
    core.receive(frame("pusher:subscription_error", USER_CHANNEL, {"error": "no\nway", "status": 401}))
    errors = [str(output.error) for output in core.outputs if isinstance(output, ErrorRaised)]
    assert errors == [f"{USER_CHANNEL}: the server refused the user's own channel: no way"]


def test_a_new_sign_in_after_a_failure_has_no_old_gap(core: UserCore) -> None:
    """The gap of an earlier user is not reported to the next."""
    core.lose()
    core.back()
    core.authenticate()
    core.receive(frame("pusher:error", data={"code": 4009, "message": "no"}))
    core.wait(1.1)
    core.signed_in()
    assert not any(isinstance(output, GapFound) for output in core.outputs)


def watched(event: str, data: Any) -> list[tuple[str, Any]] | None:
    """Read a frame without a channel."""
    events = read_watchlist(decode_frame(frame(event, data=data)))
    return None if events is None else [(one.name, one.data["user_ids"]) for one in events]


def test_a_watchlist_has_several_events() -> None:
    """Each event has its own name, in order, its ids as strings; invalid entries are left out (R8)."""
    told: list[Any] = [{"name": "online", "user_ids": ["1", 2, None]}, 5, {"name": "offline", "user_ids": []}]
    assert watched("pusher_internal:watchlist_events", {"events": told}) == [("online", ["1", "2"]), ("offline", [])]


def test_a_watchlist_event_may_have_a_frame_of_its_own() -> None:
    """Sockudo sends a frame for each (protocol-notes 13.3)."""
    assert watched("offline", '{"user_ids":["1"]}') == [("offline", ["1"])]


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"events": {}}, {"events": []}, {"events": [{"name": "online"}]}]
    + [{"events": [{"name": name, "user_ids": []}]} for name in (None, "x" * 201)],
)
def test_a_malformed_watchlist_is_none(data: Any) -> None:
    """What cannot be read says nothing (R8)."""
    assert watched("pusher_internal:watchlist_events", data) is None


def test_other_frames_are_no_watchlist() -> None:
    """Only these names speak of the watchlist."""
    assert watched("pusher_internal:else", {"events": [{"name": "online", "user_ids": []}]}) is None
