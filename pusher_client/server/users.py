"""Who is signed in, through which connections, and who watches whom (protocol-notes 6.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pusher_client.server import frames
from pusher_client.server.channel import Send

__all__ = ["WATCHLIST_LIMIT", "Users"]

WATCHLIST_LIMIT = 100
"""How many users one user may watch."""


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
        """Return who is signed in on a connection, if anybody is."""
        session = self._sessions.get(socket_id)
        return None if session is None else session.user_id

    def sockets(self, user_id: str) -> set[str]:
        """Return the socket ids of a user's connections."""
        return {socket_id for socket_id, session in self._sessions.items() if session.user_id == user_id}

    def sign_in(self, socket_id: str, send: Send, user_id: str, watchlist: Iterable[str] = ()) -> None:
        """Take a session in: tell it how those whom it watches are, and tell who watches the user.

        Args:
            socket_id: Which connection it is.
            send: Takes the frames for it.
            user_id: Who signed in.
            watchlist: Whom the user watches; not more than ``WATCHLIST_LIMIT``.
        """
        is_first = not self.sockets(user_id)
        watched = list(dict.fromkeys(watchlist))
        self._sessions[socket_id] = _Session(user_id, send, frozenset(watched))
        online = [each for each in watched if self.sockets(each)]
        offline = [each for each in watched if each not in online]
        if watched:
            send(frames.watchlist_events({"online": online, "offline": offline}))
        if is_first:
            self._tell("online", user_id, but=socket_id)

    def sign_out(self, socket_id: str) -> None:
        """Forget a connection, and tell who watches the user when it was the user's last one."""
        session = self._sessions.pop(socket_id, None)
        if session is not None and not self.sockets(session.user_id):
            self._tell("offline", session.user_id)

    def _tell(self, name: str, user_id: str, *, but: str | None = None) -> None:
        text = frames.watchlist_events({name: [user_id]})
        for socket_id, session in self._sessions.items():
            if user_id in session.watchlist and socket_id != but:
                session.send(text)
