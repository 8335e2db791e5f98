"""A core with a user: the few lines that a server and an endpoint need for signing in."""

from __future__ import annotations

import json
from typing import Any

from pusher_client.events import Event
from pusher_client.protocol.outputs import AuthenticateUser, Output, Result, UserEvent, WatchlistEvent
from pusher_client.protocol.signatures import UserAuthentication
from tests.support.core.scripted_core import Core, frame

USER_CHANNEL = "#server-to-user-7"
USER_DATA = '{"id":"7","name":"Ada"}'


class UserCore(Core):
    """A core that signs in."""

    def sign_in(self) -> int:
        """Call signin(); return the call's number."""
        self.calls += 1
        self.connection.start_sign_in(self.calls, self.now)
        self.drain()
        return self.calls

    def authentications(self) -> list[AuthenticateUser]:
        """Return the requests for the user so far."""
        return [output for output in self.outputs if isinstance(output, AuthenticateUser)]

    def authenticate(self, request: AuthenticateUser | None = None) -> list[Output]:
        """Answer the latest request."""
        asked = request or self.authentications()[-1]
        self.connection.authorized(asked.request_id, UserAuthentication(f"key:{asked.socket_id}", USER_DATA), self.now)
        return self.drain()

    def welcome(self, user_data: Any = USER_DATA) -> list[Output]:
        """Acknowledge the sign-in."""
        return self.receive(frame("pusher:signin_success", data={"user_data": user_data}))

    def signed_in(self) -> None:
        """Sign in, the user's own channel included."""
        self.sign_in()
        self.authenticate()
        self.welcome()
        self.acknowledge(USER_CHANNEL)

    def user_events(self) -> list[Event]:
        """Return the events for the user."""
        return [output.event for output in self.outputs if isinstance(output, UserEvent)]

    def watched(self) -> list[Event]:
        """Return the events of the watchlist."""
        return [output.event for output in self.outputs if isinstance(output, WatchlistEvent)]

    def result(self, call: int) -> Result:
        """Return how a call ended."""
        (result,) = [output for output in self.outputs if isinstance(output, Result) and output.call_id == call]
        return result

    def frames(self, event: str) -> list[dict[str, Any]]:
        """Return the data of the frames of this name that were sent."""
        return [sent["data"] for sent in self.sent if sent["event"] == event]


def in_band(code: int | None, message: str = "no") -> str:
    """Return the text of an error that names no channel."""
    return frame("pusher:error", data=json.dumps({"code": code, "message": message}))
