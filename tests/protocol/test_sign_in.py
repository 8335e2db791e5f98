"""Signing a user in, in the core: every race is a few plain calls."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.events import ConnectionState
from pusher_client.exceptions import AuthorizationError, NotConnectedError, SubscriptionError
from pusher_client.protocol.outputs import AuthorizeBatch, Cancel, ConnectFailed, SubscriptionRetried
from pusher_client.protocol.signatures import UserAuthentication
from tests.support.core.scripted_core import Core, frame
from tests.support.core.sign_in_core import USER_CHANNEL, USER_DATA, UserCore, in_band


@pytest.fixture
def core() -> UserCore:
    """A core whose link is up."""
    core = UserCore()
    core.up()
    return core


def refuse(core: UserCore, status: int | None, *, retryable: bool = False, retry_after: float | None = None) -> None:
    """Let the endpoint refuse the latest request."""
    asked = core.authentications()[-1]
    error = AuthorizationError(None, "refused", status=status)
    core.connection.authorization_failed(
        asked.request_id, error, retryable=retryable, retry_after=retry_after, now=core.now
    )
    core.drain()


def test_signing_in(core: UserCore) -> None:
    """The user is authenticated for this socket, the frame sent byte for byte, and the call ends with the answer."""
    call = core.sign_in()
    assert core.authentications()[-1].socket_id == "1.1"
    core.authenticate()
    assert core.frames("pusher:signin") == [{"auth": "key:1.1", "user_data": USER_DATA}]
    assert core.connection.sign_in.user is None
    core.welcome()
    assert core.result(call).error is None
    assert core.connection.sign_in.user == {"id": "7", "name": "Ada"}
    assert [(event.name, event.data) for event in core.user_events()] == [
        ("pusher:signin_success", {"id": "7", "name": "Ada"})
    ]


def test_signing_in_twice_is_harmless(core: UserCore) -> None:
    """A second call joins the first, and one that comes later ends at once; the endpoint is asked once."""
    first, second = core.sign_in(), core.sign_in()
    core.authenticate()
    core.welcome()
    third = core.sign_in()
    assert [core.result(call).error for call in (first, second, third)] == [None, None, None]
    assert len(core.authentications()) == 1


def test_it_takes_a_connection() -> None:
    """Outside of connect … disconnect it is a NotConnectedError."""
    with pytest.raises(NotConnectedError):
        UserCore().sign_in()


def test_before_the_link_is_up_it_waits() -> None:
    """A call made while connecting is carried out once the link is established."""
    core = UserCore()
    core.connection.connect(core.now)
    call = core.sign_in()
    assert not core.authentications()
    core.up()
    core.authenticate()
    core.welcome()
    assert core.result(call).error is None


def test_it_is_repeated_on_every_link(core: UserCore) -> None:
    """After a drop the user is authenticated anew for the new socket id, without a call (design.md 2)."""
    core.signed_in()
    core.lose()
    assert core.connection.sign_in.user is None
    core.back()
    assert core.authentications()[-1].socket_id == "1.2"
    core.authenticate()
    core.welcome()
    assert core.connection.sign_in.user_id == "7"


def test_a_late_answer_for_the_old_socket_is_ignored(core: UserCore) -> None:
    """An authentication that was requested on a lost link signs no user in on the next (R3)."""
    core.sign_in()
    old = core.authentications()[-1]
    assert Cancel(old.request_id) in core.lose()
    core.back()
    core.authenticate(old)
    assert core.frames("pusher:signin") == []
    core.authenticate()
    assert core.frames("pusher:signin") == [{"auth": "key:1.2", "user_data": USER_DATA}]


@pytest.mark.parametrize("status", [401, 403, 400, None])
def test_a_refusal_of_the_first_is_final(core: UserCore, status: int | None) -> None:
    """It is raised with its status and sent as pusher:signin_error; a later call tries anew (R3)."""
    call = core.sign_in()
    refuse(core, status)
    error = core.result(call).error
    assert isinstance(error, AuthorizationError)
    assert error.status == status
    told = core.user_events()[-1]
    assert (told.name, told.data["status"], told.data["type"]) == ("pusher:signin_error", status, "AuthError")
    core.wait(100)
    assert len(core.authentications()) == 1
    core.sign_in()
    assert len(core.authentications()) == 2


def test_what_may_mend_itself_is_tried_again(core: UserCore) -> None:
    """A failing endpoint is asked again, no sooner than it wishes; the call waits (R3)."""
    call = core.sign_in()
    refuse(core, 503, retryable=True, retry_after=4)
    core.wait(3.9)
    assert len(core.authentications()) == 1
    core.wait(0.2)
    core.authenticate()
    core.welcome()
    assert core.result(call).error is None


def test_an_endpoint_that_hangs_is_asked_again(core: UserCore) -> None:
    """A request that takes too long is cancelled and repeated; in the end the call fails and the wish goes (R6)."""
    call = core.sign_in()
    core.wait(29.9)
    assert len(core.authentications()) > 1
    core.wait(0.2)
    error = core.result(call).error
    assert isinstance(error, AuthorizationError)
    assert "not signed in within 30 s; the last error was: the authentication request" in str(error)
    asked = len(core.authentications())
    core.wait(100)
    assert len(core.authentications()) == asked


def test_refused_again_after_a_reconnect(core: UserCore) -> None:
    """401 and 403 are final there only at the second attempt, a second later; then it is reported (R3)."""
    core.signed_in()
    core.lose()
    core.back()
    refuse(core, 401)
    assert core.user_events()[-1].name == "pusher:signin_success"
    before = len(core.authentications())
    core.wait(0.9)
    assert len(core.authentications()) == before
    core.wait(0.2)
    refuse(core, 403)
    assert core.user_events()[-1].name == "pusher:signin_error"
    asked = len(core.authentications())
    core.lose()
    core.back()
    assert len(core.authentications()) == asked


def test_a_call_after_a_user_was_given_up_is_a_first_one(core: UserCore) -> None:
    """Its refusal is final, and what the endpoint did before does not delay it (R3)."""
    core.signed_in()
    core.lose()
    core.back()
    for _ in range(2):
        refuse(core, 403)
        core.wait(1.1)
    call = core.sign_in()
    refuse(core, 400)
    assert isinstance(core.result(call).error, AuthorizationError)
    core.sign_in()
    refuse(core, 503, retryable=True)
    (retried,) = [output for output in core.outputs if isinstance(output, SubscriptionRetried)][1:]
    assert retried.delay == 0.75


@pytest.mark.parametrize(
    ("statuses", "given_up"),
    [((400, 400, 400), False), ((403, 503, 503), False), ((403, 503, 403), True), ((503, 401, 401), True)],
)
def test_refusals_among_other_failures_on_a_link(core: UserCore, statuses: tuple[int, ...], *, given_up: bool) -> None:
    """Two of 401 and 403 give the user up, whatever comes between them, and nothing else does (R3)."""
    core.signed_in()
    core.lose()
    core.back()
    for status in statuses:
        assert core.user_events()[-1].name == "pusher:signin_success"
        refuse(core, status, retryable=status == 503)
        core.wait(9)
    assert (core.user_events()[-1].name == "pusher:signin_error") is given_up


@pytest.mark.parametrize("between", ["another link", "an authentication"])
def test_two_refusals_that_do_not_follow_each_other(core: UserCore, between: str) -> None:
    """Each has its second attempt, and a new link has the shortest delays (R3)."""
    core.signed_in()
    core.lose()
    core.back()
    refuse(core, 403)
    if between == "another link":
        core.lose()
        core.back()
    else:
        core.wait(1.1)
        core.authenticate()
        core.wait(35)
    refuse(core, 403)
    assert core.user_events()[-1].name == "pusher:signin_success"
    core.lose()
    core.back()
    refuse(core, 503, retryable=True)
    retried = [output for output in core.outputs if isinstance(output, SubscriptionRetried)]
    assert retried[-1].delay == 0.75


def test_signing_in_during_an_outage(core: UserCore) -> None:
    """It waits for the next link and asks once, for that socket (R3)."""
    core.lose()
    core.sign_in()
    core.back()
    assert [asked.socket_id for asked in core.authentications()] == ["1.2"]


def test_other_refusals_after_a_reconnect_are_tried_again(core: UserCore) -> None:
    """An endpoint's failure for another reason does not end the sign-in of a user who was signed in (R3)."""
    core.signed_in()
    core.lose()
    core.back()
    refuse(core, 400)
    core.wait(5)
    core.authenticate()
    core.welcome()
    assert core.connection.sign_in.user_id == "7"


def test_a_close_with_4009_is_the_answer_to_a_pending_sign_in(core: UserCore) -> None:
    """The sign-in fails, and the link returns without it (design.md 2)."""
    call = core.sign_in()
    core.authenticate()
    core.lose(4009)
    error = core.result(call).error
    assert isinstance(error, AuthorizationError)
    assert error.status == 4009
    assert core.connection.state is ConnectionState.CONNECTING
    core.back()
    assert len(core.authentications()) == 1


def test_a_close_with_4009_after_the_error_is_forgiven(core: UserCore) -> None:
    """Soketi sends the error first and closes then; any time may pass between them."""
    call = core.sign_in()
    core.authenticate()
    core.receive(in_band(4009, "not you"))
    core.wait(1.1)
    error = core.result(call).error
    assert isinstance(error, AuthorizationError)
    assert (error.status, "not you" in str(error)) == (4009, True)
    core.wait(5)
    core.lose(4009)
    assert core.connection.state.value == ConnectionState.CONNECTING
    core.back()
    core.lose(4009)
    assert core.connection.state is ConnectionState.FAILED


@pytest.mark.parametrize("given_up", ["by the caller", "by the clock"])
def test_a_close_with_4009_after_the_sign_in_was_given_up_is_forgiven(core: UserCore, given_up: str) -> None:
    """The caller may be gone, or its timeout over: it is the sign-in that is refused (protocol-notes 13.2)."""
    call = core.sign_in()
    core.authenticate()
    if given_up == "by the caller":
        core.connection.abandon_sign_in(call, core.now)
    else:
        core.wait(31)
    core.lose(4009)
    assert core.connection.state is ConnectionState.CONNECTING


@pytest.mark.parametrize("late", [True, False])
def test_the_answer_to_a_sign_in_that_was_given_up(core: UserCore, *, late: bool) -> None:
    """It says nothing about a later sign-in as another user; that answer follows, and closes are fatal again (R2)."""
    first = core.sign_in()
    core.authenticate()
    core.connection.abandon_sign_in(first, core.now)
    second = core.sign_in()
    request = core.authentications()[-1]
    core.connection.authorized(request.request_id, UserAuthentication("key:2", '{"id":"8"}'), core.now)
    if late:
        core.welcome()
        assert core.connection.sign_in.user_id is None
    core.welcome('{"id":"8"}')
    assert core.connection.sign_in.user_id == "8"
    assert core.result(second).error is None
    core.lose(4009)
    assert core.connection.state.value == ConnectionState.FAILED


def test_the_server_says_who_is_signed_in(core: UserCore) -> None:
    """Where no other answer can be on its way, the user is whom it names (protocol-notes 13.1)."""
    core.sign_in()
    core.authenticate()
    core.welcome('{"id":"8"}')
    assert core.connection.sign_in.user_id == "8"
    assert core.frames("pusher:subscribe") == [{"channel": "#server-to-user-8"}]


def test_a_close_with_4009_without_a_sign_in_is_fatal(core: UserCore) -> None:
    """Signed in or not, no call waits for that answer (R2)."""
    core.signed_in()
    assert any(isinstance(output, ConnectFailed) for output in core.lose(4009))


def test_a_server_that_knows_no_sign_in(core: UserCore) -> None:
    """Reverb answers with an error that means nothing else: the call ends a second later, with its words."""
    call = core.sign_in()
    core.authenticate()
    core.receive(in_band(4200, "Unknown Pusher event"))
    core.wait(1.1)
    error = core.result(call).error
    assert isinstance(error, AuthorizationError)
    assert (error.status, "Unknown Pusher event" in str(error)) == (None, True)
    assert core.connection.state is ConnectionState.CONNECTED


def test_an_error_that_meant_something_else(core: UserCore) -> None:
    """A sign-in acknowledged within the second was not what the error meant."""
    call = core.sign_in()
    core.authenticate()
    core.receive(in_band(4200))
    core.wait(0.5)
    core.welcome()
    core.wait(2)
    assert core.result(call).error is None
    assert core.connection.sign_in.user_id == "7"


def test_a_refused_client_event_is_no_refused_sign_in(core: UserCore) -> None:
    """A 4301 says what it means, and the sign-in may take as long as any other (R7)."""
    call = core.sign_in()
    core.authenticate()
    core.receive(in_band(4301))
    core.wait(2)
    core.welcome()
    assert core.result(call).error is None


def test_no_acknowledgement_is_tried_again(core: UserCore) -> None:
    """After a reconnect a sign-in without an answer is repeated with backoff (R3)."""
    core.signed_in()
    core.lose()
    core.back()
    core.authenticate()
    asked = len(core.authentications())
    core.wait(32)
    assert len(core.authentications()) == asked + 1


@pytest.mark.parametrize("data", [None, "{}", '{"id":7}', '{"id":""}', "[", "[1]", 5, {"id": 7}])
def test_a_user_without_an_id_is_no_user(core: UserCore, data: Any) -> None:
    """The server's word must name a user by a string (protocol-notes 13.1)."""
    call = core.sign_in()
    core.authenticate()
    core.welcome(data)
    assert isinstance(core.result(call).error, AuthorizationError)
    assert core.connection.sign_in.user is None
    assert core.frames("pusher:subscribe") == []


def test_a_success_that_nobody_asked_for_is_ignored(core: UserCore) -> None:
    """A server cannot sign in a user without a request."""
    core.welcome()
    assert core.connection.sign_in.user is None
    assert core.connection.ignored_frames == 1


def test_the_last_caller_gives_up(core: UserCore) -> None:
    """A first sign-in without waiting callers is withdrawn; with one left it continues (design.md 2)."""
    first, second = core.sign_in(), core.sign_in()
    core.connection.abandon_sign_in(first, core.now)
    assert not core.drain()
    core.connection.abandon_sign_in(second, core.now)
    assert [type(output) for output in core.drain()] == [Cancel]
    core.lose()
    core.back()
    assert len(core.authentications()) == 1


def test_disconnect_ends_the_wish(core: UserCore) -> None:
    """A pending call fails, and the next connection starts without a user (design.md 2)."""
    call = core.sign_in()
    core.connection.disconnect(core.now)
    core.drain()
    assert isinstance(core.result(call).error, SubscriptionError)
    core.up()
    assert len(core.authentications()) == 1


def test_a_new_connection_is_waited_for_like_the_first(core: UserCore) -> None:
    """Signing in while it is being opened asks once, for its own socket (R3)."""
    core.connection.disconnect(core.now)
    core.connection.connect(core.now)
    core.sign_in()
    core.up()
    assert [asked.socket_id for asked in core.authentications()] == ["1.2"]


def test_a_fatal_close_ends_the_call(core: UserCore) -> None:
    """The call raises why the link is over."""
    call = core.sign_in()
    core.lose(4001)
    error = core.result(call).error
    assert error is not None
    assert "4001" in str(error)


def test_the_watchlist(core: UserCore) -> None:
    """The watchlist events have their names, with strings as ids; invalid entries are ignored (protocol-notes 13.3)."""
    events: list[Any] = [
        {"name": "online", "user_ids": ["1", 2]},
        {"name": "offline", "user_ids": [None, "3"]},
    ]
    watch = frame("pusher_internal:watchlist_events", data={"events": events})
    core.receive(watch)
    assert core.watched() == []
    core.signed_in()
    core.receive(watch)
    core.receive(frame("online", data={"user_ids": ["9"]}))
    assert [(event.name, event.data) for event in core.watched()] == [
        ("online", {"name": "online", "user_ids": ["1", "2"]}),
        ("offline", {"name": "offline", "user_ids": ["3"]}),
        ("online", {"name": "online", "user_ids": ["9"]}),
    ]
    ignored = core.connection.ignored_frames
    nonsense: list[Any] = [{}, {"events": 1}, {"events": [1]}, {"events": [{"name": "online"}]}, [], "x", None]
    for data in nonsense:
        core.receive(frame("pusher_internal:watchlist_events", data=data))
    core.receive(frame("pusher_internal:something_else", data={}))
    assert core.connection.ignored_frames == ignored + len(nonsense) + 1
    assert len(core.watched()) == 3


def test_presence_without_channel_data_waits_for_the_user(core: UserCore) -> None:
    """Such a subscription follows the sign-in, and the user is who we are there (protocol-notes 13.4)."""
    core.sign_in()
    core.subscribe("presence-room")
    core.answer(None)
    assert core.frames("pusher:subscribe") == []
    core.authenticate()
    core.welcome()
    assert core.frames("pusher:subscribe") == [
        {"channel": USER_CHANNEL},
        {"channel": "presence-room", "auth": "key:1.1"},
    ]
    core.acknowledge("presence-room", {"presence": {"ids": ["7"], "hash": {"7": {"name": "Ada"}}, "count": 1}})
    events = core.connection.channel_events("presence-room")
    assert events is not None
    assert events.members is not None
    assert events.members.me is not None
    assert events.members.me.id == "7"


def test_presence_goes_on_when_the_user_is_refused(core: UserCore) -> None:
    """What waited for the sign-in is sent all the same; the server says what is missing (R7)."""
    core.sign_in()
    core.subscribe("presence-room")
    core.answer(None)
    refuse(core, 403)
    assert core.frames("pusher:subscribe") == [{"channel": "presence-room", "auth": "key:1.1"}]


def test_without_a_sign_in_presence_does_not_wait() -> None:
    """Whether ``channel_data`` may be missing is the server's to say."""
    core = Core()
    core.up()
    core.subscribe("presence-room")
    core.answer(None)
    assert [sent["event"] for sent in core.sent] == ["pusher:subscribe"]


def test_a_waiting_presence_channel_is_unsubscribed(core: UserCore) -> None:
    """A channel that is wanted no longer does not come back with the user (R3)."""
    core.sign_in()
    core.subscribe("presence-room")
    core.answer(None)
    core.connection.unsubscribe("presence-room", core.now)
    core.drain()
    core.authenticate()
    core.welcome()
    assert core.frames("pusher:subscribe") == [{"channel": USER_CHANNEL}]


def test_a_user_told_as_an_object(core: UserCore) -> None:
    """A server that does not encode twice is understood too (protocol-notes 2.1)."""
    core.sign_in()
    core.authenticate()
    core.welcome({"id": "7"})
    assert core.connection.sign_in.user == {"id": "7"}


def test_a_sign_in_is_no_part_of_a_batch() -> None:
    """Channels that are requested together with it have their own batches, and all of them are requested (R3)."""
    core = UserCore(batch_size=10)
    core.up()
    core.subscribe("private-a")
    core.sign_in()
    core.subscribe("private-b")
    core.wait(0.1)
    batches = [output for output in core.outputs if isinstance(output, AuthorizeBatch)]
    assert [[request.channel for request in batch.requests] for batch in batches] == [["private-a"], ["private-b"]]
    core.authenticate()
    core.welcome()
    assert core.connection.sign_in.user_id == "7"


def test_a_rejected_client_event_is_no_answer_to_a_sign_in(core: UserCore) -> None:
    """That error says itself what it means; the sign-in keeps its time (protocol-notes 12)."""
    call = core.sign_in()
    core.authenticate()
    core.receive(in_band(4301))
    core.wait(5)
    core.welcome()
    assert core.result(call).error is None


def test_a_presence_channel_says_what_it_waited_for(core: UserCore) -> None:
    """A subscription that ends waiting for a user names that as the reason (protocol-notes 13.4)."""
    core.sign_in()
    call = core.subscribe("presence-room")
    core.answer(None)
    core.wait(31)
    reason = "presence-room: it has no channel_data and waits for the user to sign in"
    assert str(core.result(call).error).endswith(f"; the last error was: {reason}")
