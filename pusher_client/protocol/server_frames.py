"""What frames under the protocol's own names do, once the link stands (protocol-notes 2 and 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pusher_client.events import ServerError
from pusher_client.protocol.client_events import ClientEvents
from pusher_client.protocol.codes import CLIENT_EVENT_REJECTED, UNAUTHORIZED
from pusher_client.protocol.frames import PONG, Frame, decode_data
from pusher_client.protocol.link import server_error
from pusher_client.protocol.outputs import ErrorRaised, FrameIgnored, Output
from pusher_client.protocol.sign_in import SignIn
from pusher_client.protocol.subscription import Subscription
from pusher_client.protocol.subscriptions import WantedChannels
from pusher_client.protocol.timers import Timers

__all__ = ["ServerFrames"]


class ServerFrames:
    """Hands each of these frames to whom it concerns, and counts those that mean nothing.

    Among the latter are frames under the names of this library's own markers, which nobody may send.

    Args:
        channels: The channels that are wanted.
        sign_in: The user that is to be signed in.
        client_events: Which client events were sent of late.
        timers: Learns of deadlines that change.
        emit: Takes the outputs.
        send: Takes the texts to be sent.

    Attributes:
        ignored: How many frames meant nothing.
    """

    def __init__(
        self,
        channels: WantedChannels,
        sign_in: SignIn,
        client_events: ClientEvents,
        timers: Timers,
        *,
        emit: Callable[[Output], None],
        send: Callable[[str], None],
    ) -> None:
        self.ignored: int = 0
        self._channels = channels
        self._sign_in = sign_in
        self._client_events = client_events
        self._timers = timers
        self._emit = emit
        self._send = send

    def receive(self, frame: Frame, last_received: float, now: float) -> None:
        """Take a frame.

        Args:
            frame: Its name begins with one of the protocol's prefixes, or it names no channel.
            last_received: When the frame before it came.
            now: The time of a monotonic clock, in seconds.
        """
        if frame.event == "pusher:ping":
            self._send(PONG)
        elif frame.event == "pusher:error":
            self._receive_error(frame, now)
        elif frame.event != "pusher:pong":
            self._receive_of_channel(frame, last_received, now)

    def ignore(self, cause: str) -> None:
        """Count a frame that means nothing, and tell why."""
        self.ignored += 1
        self._emit(FrameIgnored(cause))

    def _receive_of_channel(self, frame: Frame, last_received: float, now: float) -> None:
        if self._channels.settle_owed(frame, now):
            return
        subscription = self._channels.get(frame.channel or "")
        if subscription is None:
            understood = self._sign_in.receive_protocol(frame, now)
        else:
            understood = subscription.receive_protocol(frame, last_received, now)
            self._timers.arm(subscription)
        if not understood:
            self.ignore("a protocol event that has no meaning here")

    def _receive_error(self, frame: Frame, now: float) -> None:
        error = server_error(decode_data(frame.data))
        self._emit(ErrorRaised(error))
        if frame.channel is None and error.code != CLIENT_EVENT_REJECTED:
            self._sign_in.doubt(error.code, error.message, now)
        for subscription in _concerned(error, frame.channel, self._channels.subscriptions, self._client_events, now):
            self._timers.arm(subscription)


def _concerned(
    error: ServerError,
    channel: str | None,
    subscriptions: Mapping[str, Subscription],
    client_events: ClientEvents,
    now: float,
) -> Iterator[Subscription]:
    """Tell the subscriptions that an error concerns, and yield each whose deadline may have moved.

    Args:
        error: What the server said.
        channel: The channel that the frame names; most servers name none.
        subscriptions: What is wanted, by name.
        client_events: What was sent of late.
        now: The time.
    """
    if error.code == CLIENT_EVENT_REJECTED:
        name = client_events.only_channel(now) if channel is None else channel
        sender = subscriptions.get(name or "")
        if sender is not None:
            sender.client_event_rejected(error)
    elif error.code in (None, UNAUTHORIZED):
        for name, subscription in subscriptions.items():
            if channel in (None, name):
                if error.code == UNAUTHORIZED:
                    subscription.suspect(now, named=channel is not None)
                elif channel is not None or subscription.frames.kind.authorized:
                    subscription.doubt(now, error.message)
                yield subscription
