"""The servers that the suite runs against, alike to the tests, and what each of them lacks."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from typing import Any

from pusher_client import PusherClient, UserAuthentication
from pusher_client.server import LocalServer
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.soketi import (
    APP,
    DISABLED_APP,
    LIMITED_APP,
    SILENT_APP,
    SINGLE_CONNECTION_APP,
    USERS_APP,
    App,
    Soketi,
)

__all__ = ["LACKS", "Local", "Part", "Real", "Server", "Setting", "Target", "unique"]


class Part(StrEnum):
    """What some server does not do, or does otherwise than Pusher."""

    CACHE_INFO = "the HTTP API tells the kept event of a cache channel"
    CLIENT_EVENTS_KEPT_PRIVATE = "client events are refused on public and encrypted channels"
    HTTP_ERRORS = "a refused HTTP API request has the status that says so"
    ONE_USER_A_CONNECTION = "a connection is not signed in as a second user"
    PATH_CODE = "another path is refused with 4005"
    PRESENCE_BY_SIGN_IN = "a presence channel takes a user who signed in for channel_data"
    PROTOCOL_VERSION = "an unknown version of the protocol is refused"
    QUOTA_IS_FATAL = "a connection over the quota is refused with 4004"
    STOP_CODE = "clients of a server that stops are closed with 4200"
    SUBSCRIPTION_COUNT = "the number of subscriptions is told"
    TERMINATE_BY_LIBRARY = "pusher-http-python's path to end a user's connections is served"
    USER_CHANNEL_GUARDED = "a user's channel is for that user alone"
    WATCHLIST = "who comes and goes of those whom a user watches is told"


LACKS: dict[str, dict[Part, str]] = {
    "local": {
        Part.STOP_CODE: "uvicorn closes with 1012, which says the same",
    },
    "soketi": {
        Part.CACHE_INFO: "its HTTP API does not know info=cache",
        Part.CLIENT_EVENTS_KEPT_PRIVATE: "it relays them wherever the sender is subscribed",
        Part.HTTP_ERRORS: "it answers 200 with an error in the body",
        Part.ONE_USER_A_CONNECTION: "the later sign-in counts",
        Part.PATH_CODE: "it refuses the handshake with HTTP 404",
        Part.PRESENCE_BY_SIGN_IN: "it parses channel_data that is not there, and refuses with 4302",
        Part.PROTOCOL_VERSION: "it does not read protocol=",
        Part.QUOTA_IS_FATAL: "it says 4100, so clients come back",
        Part.SUBSCRIPTION_COUNT: "it has no such event",
        Part.TERMINATE_BY_LIBRARY: "it serves the documented path, which has the application in it",
        Part.USER_CHANNEL_GUARDED: "it acknowledges the channel to anybody, though only the user hears anything",
        Part.WATCHLIST: "it does not read the watchlist",
    },
}
"""What a server lacks, and why. The tests assert the lack, so an entry that no longer holds fails."""


class Setting(StrEnum):
    """How an application is set."""

    USUAL = "usual"
    USERS = "users sign in"
    DISABLED = "disabled"
    SINGLE = "one connection"
    COUNTING = "subscriptions are counted"
    LIMITED = "ten client events a second, and ten kilobytes of data"
    SILENT = "no client events"


class Target:
    """One application of a server.

    Attributes:
        port: Where its server listens.
        app: The application.
        publisher: The official server library for it.
    """

    def __init__(self, port: int, app: App, master_key: bytes) -> None:
        self.port = port
        self.app = app
        self.publisher = PusherHTTP(port, app=app, master_key=master_key)

    def client(
        self,
        member: dict[str, Any] | None = None,
        *,
        user: dict[str, Any] | None = None,
        port: int | None = None,
        **options: Any,
    ) -> PusherClient:
        """Make a client that the official library authorizes.

        Args:
            member: Who it is on presence channels; without it the user who signs in, or else anybody.
            user: Who signs in.
            port: Where it connects to, if not to the server itself.
            options: The client's own.
        """

        async def authorize(channel: str, socket_id: str) -> dict[str, str]:
            if not channel.startswith("presence-") or (user is not None and member is None):
                return self.publisher.authenticate(channel, socket_id)
            return self.publisher.authenticate(channel, socket_id, member or {"user_id": socket_id})

        async def authenticate(socket_id: str) -> UserAuthentication:
            return UserAuthentication(**self.publisher.official.authenticate_user(socket_id, user))

        options.setdefault("authorizer", authorize)
        options.setdefault("user_authenticator", authenticate)
        return PusherClient(self.app.key, host="127.0.0.1", port=port or self.port, tls=False, **options)


class Server:
    """A server with its applications.

    Attributes:
        name: What it is called in ``LACKS``.
        stop: Stops what has been started of it, so that its clients lose their connections.
    """

    def __init__(self, name: str, target: Callable[[Setting], Target], stop: Callable[[], None]) -> None:
        self.name = name
        self.stop = stop
        self._target = target
        self._targets: dict[Setting, Target] = {}

    def target(self, setting: Setting = Setting.USUAL) -> Target:
        """Return the application that is set so; always the same one."""
        if setting not in self._targets:
            self._targets[setting] = self._target(setting)
        return self._targets[setting]

    def does(self, part: Part) -> bool:
        """Say whether the server does what Pusher does there."""
        return part not in LACKS[self.name]


class Local(Server):
    """The local server: one for each setting, for it has one application.

    Args:
        running: Stops the servers when it is left.
    """

    _OPTIONS: dict[Setting, dict[str, Any]] = {  # noqa: RUF012 -- never changed
        Setting.DISABLED: {"enabled": False},
        Setting.SINGLE: {"connection_limit": 1},
        Setting.COUNTING: {"subscription_counts": True},
        Setting.LIMITED: {"client_event_rate": 10},
        Setting.SILENT: {"client_events": False},
    }

    def __init__(self, running: ExitStack) -> None:
        self._running = running
        super().__init__("local", self._start, running.close)

    def _start(self, setting: Setting) -> Target:
        master_key = secrets.token_bytes(32)
        server = self._running.enter_context(LocalServer(master_key=master_key, **self._OPTIONS.get(setting, {})))
        return Target(server.port, App(server.app_id, server.key, server.secret), master_key)


class Real(Server):
    """soketi, whose applications differ in what they are set to."""

    _APPS = {  # noqa: RUF012 -- never changed
        Setting.USERS: USERS_APP,
        Setting.DISABLED: DISABLED_APP,
        Setting.SINGLE: SINGLE_CONNECTION_APP,
        Setting.LIMITED: LIMITED_APP,
        Setting.SILENT: SILENT_APP,
    }

    def __init__(self, soketi: Soketi) -> None:
        self._port = soketi.port
        super().__init__("soketi", self._choose, soketi.stop)

    def _choose(self, setting: Setting) -> Target:
        return Target(self._port, self._APPS.get(setting, APP), secrets.token_bytes(32))


def unique(prefix: str) -> str:
    """Make a channel's name that no other test has: soketi's cache outlives a test."""
    return f"{prefix}{secrets.token_hex(8)}"
