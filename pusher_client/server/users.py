"""Signed-in users, their connections and watchlists (protocol-notes 6.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pusher_client.server import frames
from pusher_client.server.channel import Send

__all__ = ["WATCHLIST_LIMIT", "Users"]

WATCHLIST_LIMIT = 100
"""Maximum number of users in a watchlist."""


@dataclass(frozen=True, slots=True)
class _Session:
    """A connection on which a user is signed in."""

    user_id: str
    send: Send
    watchlist: frozenset[str]


class Users:
    """The users of an application; one is online while signed in on at least one connection."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def user_id(self, socket_id: str) -> str | None:
        """Return the id of the user who is signed in on a connection; None without one."""
        session = self._sessions.get(socket_id)
        return None if session is None else session.user_id

    def sockets(self, user_id: str) -> set[str]:
        """Return the socket ids of a user's connections."""
        return {socket_id for socket_id, session in self._sessions.items() if session.user_id == user_id}

    def sign_in(self, socket_id: str, send: Send, user_id: str, watchlist: Iterable[str] = ()) -> None:
        """Sign a user in: send the state of the watchlist, and send ``online`` to the users who watch this one.

        Args:
            socket_id: The connection.
            send: Sends frames to the connection.
            user_id: The user.
            watchlist: The watched user ids; at most ``WATCHLIST_LIMIT``.
        """
        is_first = not self.sockets(user_id)
        watched = list(dict.fromkeys(watchlist))
        self._sessions[socket_id] = _Session(user_id, send, frozenset(watched))
        online = [each for each in watched if self.sockets(each)]
        offline = [each for each in watched if each not in online]
        if watched:
            send(frames.watchlist_events({"online": online, "offline": offline}))
        if is_first:
            self._notify("online", user_id, but=socket_id)

    def sign_out(self, socket_id: str) -> None:
        """Remove a connection; if it was the user's last, send ``offline`` to the users who watch this one."""
        session = self._sessions.pop(socket_id, None)
        if session is not None and not self.sockets(session.user_id):
            self._notify("offline", session.user_id)

    def _notify(self, name: str, user_id: str, *, but: str | None = None) -> None:
        text = frames.watchlist_events({name: [user_id]})
        for socket_id, session in self._sessions.items():
            if user_id in session.watchlist and socket_id != but:
                session.send(text)
