"""The signed-in user of a synchronous client."""

from __future__ import annotations

from typing import Any

import pusher_client
from pusher_client.sync.bindings import Bindable
from pusher_client.sync.thread import ClientThread

__all__ = ["User"]


class User(Bindable):
    """The user that ``client.signin()`` signs in; `pusher_client.User`, with plain handlers.

    Attributes:
        watchlist: Where ``online`` and ``offline`` of watched users are bound.
    """

    def __init__(self, thread: ClientThread, user: pusher_client.User) -> None:
        super().__init__(thread, user)
        self._user = user
        self.watchlist: Bindable = Bindable(thread, user.watchlist)

    @property
    def id(self) -> str | None:
        """The user's id; None while nobody is signed in."""
        return self._user.id

    @property
    def user_data(self) -> dict[str, Any] | None:
        """What the endpoint said about the user; None while nobody is signed in."""
        return self._user.user_data
