"""Users who are online, and their watchlists (protocol-notes 6.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pusher_client.server.users import Users


class Sessions:
    """Connections of users, with the frames of each."""

    def __init__(self) -> None:
        self.users = Users()
        self.told: dict[str, list[tuple[str, list[str]]]] = {}

    def sign_in(self, socket_id: str, user_id: str, *watchlist: str) -> None:
        """Sign a user in."""
        told = self.told.setdefault(socket_id, [])

        def send(text: str) -> None:
            frame: dict[str, Any] = json.loads(text)
            assert frame["event"] == "pusher_internal:watchlist_events"
            told.extend((event["name"], event["user_ids"]) for event in json.loads(frame["data"])["events"])

        self.users.sign_in(socket_id, send, user_id, watchlist)


@pytest.fixture
def sessions() -> Sessions:
    """No session yet."""
    return Sessions()


def test_who_signs_in_hears_how_the_watched_are(sessions: Sessions) -> None:
    """Each user once, online or offline; without a watchlist nothing is sent."""
    sessions.sign_in("1.1", "ann")
    sessions.sign_in("2.2", "bob", "ann", "cleo", "ann")
    assert sessions.told == {"1.1": [], "2.2": [("online", ["ann"]), ("offline", ["cleo"])]}


def test_watchers_hear_of_the_first_and_of_the_last_connection(sessions: Sessions) -> None:
    """A user is online while signed in on at least one."""
    sessions.sign_in("1.1", "ann", "bob")
    sessions.sign_in("2.2", "bob")
    sessions.sign_in("3.3", "bob")
    sessions.users.sign_out("2.2")
    assert sessions.told["1.1"] == [("offline", ["bob"]), ("online", ["bob"])]
    assert sessions.users.sockets("bob") == {"3.3"}
    assert (sessions.users.user_id("3.3"), sessions.users.user_id("2.2")) == ("bob", None)
    sessions.users.sign_out("3.3")
    sessions.users.sign_out("3.3")
    assert sessions.told["1.1"] == [("offline", ["bob"]), ("online", ["bob"]), ("offline", ["bob"])]


def test_who_watches_itself_is_told_once(sessions: Sessions) -> None:
    """In the list of online users, without another event."""
    sessions.sign_in("1.1", "ann", "ann")
    assert sessions.told["1.1"] == [("online", ["ann"])]


def test_a_repeated_sign_in_is_no_news_to_others(sessions: Sessions) -> None:
    """The later watchlist replaces the earlier one."""
    sessions.sign_in("1.1", "ann", "bob")
    sessions.sign_in("2.2", "bob", "ann")
    sessions.sign_in("1.1", "ann")
    sessions.users.sign_out("2.2")
    assert sessions.told["1.1"] == [("offline", ["bob"]), ("online", ["bob"])]
    assert sessions.told["2.2"] == [("online", ["ann"])]
