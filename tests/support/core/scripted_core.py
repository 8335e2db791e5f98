"""A core driven by plain calls, with a server and an endpoint that are a few lines each."""

from __future__ import annotations

import base64
import json
from typing import Any

from nacl.secret import SecretBox

from pusher_client.events import DECRYPTION_FAILURE, Event
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.outputs import Authorize, AuthorizeBatch, Deliver, OpenWebSocket, Output
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.signatures import ChannelAuthorization

CHANNEL = "private-encrypted-orders"
OLD, NEW, UNKNOWN = b"1" * 32, b"2" * 32, b"3" * 32
_TURNS = 1000
"""More deadlines than anything has in one instant."""


def sealed(key: bytes, plaintext: str | bytes) -> str:
    """Return the envelope, as JSON text, of a plaintext under a key."""
    content = plaintext.encode() if isinstance(plaintext, str) else plaintext
    message = SecretBox(key).encrypt(content)
    pair = {"nonce": message.nonce, "ciphertext": message.ciphertext}
    return json.dumps({name: base64.b64encode(value).decode() for name, value in pair.items()})


def frame(event: str, channel: str | None = None, data: Any = None) -> str:
    """Return a frame's text."""
    content: dict[str, Any] = {"event": event}
    if channel is not None:
        content["channel"] = channel
    if data is not None:
        content["data"] = data
    return json.dumps(content)


class Core:
    """A connection, the time, and everything that came out of it."""

    def __init__(self, *, shortcut: bool = True, lots: float = 0.5, **settings: Any) -> None:
        self.connection = Connection(ConnectionSettings(**settings), lambda: lots, shortcut=shortcut)
        self.now = 100.0
        self.sent: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.outputs: list[Output] = []
        self.events: list[Event] = []
        self.counts: dict[str, EventCounts] = {}
        self.sockets = 0
        self.calls = 0

    def drain(self) -> list[Output]:
        """Take what came out, count it as a dispatcher would, and return it."""
        new = list(self.connection.outputs())
        for output in new:
            if isinstance(output, Deliver):
                self.deliver(output.event)
        self.outputs += new
        texts = self.connection.text_to_send()
        self.texts += texts
        self.sent += [json.loads(text) for text in texts]
        return new

    def deliver(self, event: Event) -> None:
        """Count an event as delivered."""
        self.events.append(event)
        counts = self.counts.get(event.channel or "")
        if counts is not None:
            counts.undecryptable += event.name == DECRYPTION_FAILURE
            counts.delivered += not event.name.startswith("pusher:")

    def up(self) -> None:
        """Connect, or establish the next link."""
        self.connection.connect(self.now)
        self.drain()
        self.sockets += 1
        self.connection.websocket_opened(self.now)
        data = json.dumps({"socket_id": f"1.{self.sockets}", "activity_timeout": 120})
        self.receive(frame("pusher:connection_established", data=data))

    def receive(self, text: str) -> list[Output]:
        """Receive a frame."""
        event = self.connection.receive_text(text, self.now)
        if event is not None:
            self.deliver(event)
        return self.drain()

    def subscribe(self, channel: str = CHANNEL) -> int:
        """Call subscribe; return the call's number."""
        self.calls += 1
        counts = self.counts.setdefault(channel, EventCounts())
        self.connection.subscribe(channel, self.calls, counts, self.now)
        self.drain()
        return self.calls

    def requests(self, since: int = 0) -> list[Authorize]:
        """Return the authorization requests so far."""
        return [output for output in self.outputs[since:] if isinstance(output, Authorize)]

    def batches(self) -> list[AuthorizeBatch]:
        """Return the batches of such requests so far."""
        return [output for output in self.outputs if isinstance(output, AuthorizeBatch)]

    def answer(self, key: bytes | None = OLD, request: Authorize | None = None) -> list[Output]:
        """Answer the latest authorization request."""
        asked = request if request is not None else self.requests()[-1]
        authorization = ChannelAuthorization(f"key:{asked.socket_id}", shared_secret=key)
        self.connection.authorized(asked.request_id, authorization, self.now)
        return self.drain()

    def acknowledge(self, channel: str = CHANNEL, data: Any = "{}") -> list[Output]:
        """Acknowledge a subscription."""
        return self.receive(frame("pusher_internal:subscription_succeeded", channel, data))

    def subscribed(self, channel: str = CHANNEL, key: bytes | None = OLD) -> None:
        """Bring a channel into the subscribed state."""
        self.subscribe(channel)
        if channel.startswith(("private-", "presence-")):
            self.answer(key if channel.startswith("private-encrypted-") else None)
        self.acknowledge(channel)

    def lose(self, code: int | None = None) -> list[Output]:
        """Lose the link."""
        self.connection.websocket_closed(code, "", self.now)
        return self.drain()

    def wait(self, seconds: float) -> list[Output]:
        """Let time pass, from one deadline to the next."""
        end, before, turns = self.now + seconds, len(self.outputs), 0
        while (due := self.connection.deadline()) is not None and due <= end:
            turns = turns + 1 if due <= self.now else 0
            assert turns < _TURNS, "a deadline stays in the past"
            self.now = max(self.now, due)
            self.connection.handle_deadline(self.now)
            self.drain()
        self.now = end
        return self.outputs[before:]

    def until(self, kind: type[Output]) -> None:
        """Let time pass until such an output comes."""
        for _ in range(_TURNS):
            due = self.connection.deadline()
            assert due is not None
            self.now = max(self.now, due)
            self.connection.handle_deadline(self.now)
            if any(isinstance(output, kind) for output in self.drain()):
                return
        raise AssertionError(f"no {kind.__name__} came")

    def back(self) -> None:
        """Wait for the next connect and establish the link."""
        self.until(OpenWebSocket)
        self.up()

    def names(self) -> list[str]:
        """Return the names of the events that were delivered."""
        return [event.name for event in self.events]

    def failures(self) -> list[str]:
        """Return the reasons of the events that were not opened."""
        return [str(event.data.reason) for event in self.events if event.name == DECRYPTION_FAILURE]
