"""The user that a client signs in: who it is, and the handlers of what comes for that user (protocol-notes 13)."""

from __future__ import annotations

from typing import Any

from pusher_client.delivery.bindings import Bindable, Bindings
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.value_dispatcher import ValueDispatcher
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import Event
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.sign_in import SignIn

__all__ = ["User", "Watchlist"]


class Watchlist(Bindable[Event]):
    """The users that the signed-in one watches: bind ``online`` and ``offline``.

    An event's data is ``{"name": "online", "user_ids": [...]}``. The server sends who is online after each sign-in.
    """

    __slots__ = ("_events",)

    def __init__(self, on_handler_error: ErrorHandler | None, pool: WorkerPool, budget: ByteBudget) -> None:
        self._events = ValueDispatcher(on_handler_error, pool, "the watchlist", budget)

    def emit(self, event: Event) -> None:
        """Call the handlers of an event; the client's call."""
        self._events.emit(event.name, event)

    @property
    def _handlers(self) -> Bindings:
        return self._events.bindings


class User(Bindable[Event]):
    """The signed-in user of one client: ``client.user``.

    Handlers hear what the server sends to this user alone, ``pusher:signin_success``, ``pusher:signin_error``,
    ``pusher:gap`` where something may be missing after a reconnect, and ``pusher:overflow`` where async handlers were
    too slow. They stay bound, signed in or not.

    Attributes:
        watchlist: The users that this one watches.
    """

    __slots__ = ("_events", "_sign_in", "watchlist")

    def __init__(
        self, sign_in: SignIn, on_handler_error: ErrorHandler | None, pool: WorkerPool, budget: ByteBudget
    ) -> None:
        self._sign_in = sign_in
        self._events = ValueDispatcher(on_handler_error, pool, "the user", budget)
        self.watchlist: Watchlist = Watchlist(on_handler_error, pool, budget)

    @property
    def id(self) -> str | None:
        """The user's id; None while nobody is signed in."""
        return self._sign_in.user_id

    @property
    def user_data(self) -> dict[str, Any] | None:
        """What the endpoint said of the user, the id included; None while nobody is signed in."""
        return self._sign_in.user

    def emit(self, event: Event) -> None:
        """Call the handlers of an event; the client's call."""
        self._events.emit(event.name, event)

    @property
    def _handlers(self) -> Bindings:
        return self._events.bindings

    def __repr__(self) -> str:
        return "<User signed in>" if self.id is not None else "<User not signed in>"
