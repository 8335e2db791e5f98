"""The rules of events that a client sends, and what is remembered of those that were sent (protocol-notes 12)."""

from __future__ import annotations

from collections import deque
from typing import Any

from pusher_client.events import SubscriptionState
from pusher_client.exceptions import NotConnectedError, RateLimitError, SubscriptionError, UnsupportedError
from pusher_client.protocol.frames import client_event_frame
from pusher_client.protocol.names import channel_kind, check_client_event_name

__all__ = ["ClientEvents"]

_SECOND = 1.0
_REMEMBERED_FOR = 5.0


class ClientEvents:
    """The client events of one connection; what was sent counts for the link it was sent on.

    Args:
        per_second: How many may be sent in any second; None for no limit.
        frame_limit: The largest number of bytes of a whole frame; None for at most 10 kB of data.
    """

    __slots__ = ("_frame_limit", "_last_sent", "_limit", "_times")

    def __init__(self, per_second: int | None, frame_limit: int | None = None) -> None:
        self._frame_limit = frame_limit
        self._limit = per_second
        self._times: deque[float] = deque(maxlen=per_second or 0)
        self._last_sent: dict[str, float] = {}

    def text(self, channel: str, event: str, data: Any, *, linked: bool, state: SubscriptionState, now: float) -> str:
        """Return the text that sends a client event, which counts as sent.

        Args:
            channel: The channel's name.
            event: The event's name.
            data: What JSON can express.
            linked: Whether there is a link to send it on.
            state: Where the channel stands.
            now: The time.

        Raises:
            TypeError: ``data`` cannot be written as JSON.
            ValueError: The event's name is not one for clients, or frame or data are larger than allowed.
            NotConnectedError: There is no link.
            UnsupportedError: The channel is encrypted or public, where there are no client events.
            SubscriptionError: The channel is not subscribed.
            RateLimitError: As many as may be were sent in the last second.
        """
        check_client_event_name(event)
        if not linked:
            raise NotConnectedError("there is no link to send a client event on")
        kind = channel_kind(channel)
        if kind.encrypted or not kind.authorized:
            word = "encrypted" if kind.encrypted else "public"
            raise UnsupportedError(f"{channel}: there are no client events on {word} channels")
        if state is not SubscriptionState.SUBSCRIBED:
            raise SubscriptionError(channel, "subscribe before triggering client events")
        text = client_event_frame(channel, event, data, self._frame_limit)
        self._count(channel, now)
        return text

    def only_channel(self, now: float) -> str | None:
        """Return the channel that all client events of the last five seconds went to; None without exactly one."""
        self._forget_old(now)
        return next(iter(self._last_sent)) if len(self._last_sent) == 1 else None

    def clear(self) -> None:
        """Forget everything: the link is gone."""
        self._times.clear()
        self._last_sent.clear()

    def _count(self, channel: str, now: float) -> None:
        if self._limit is not None:
            if len(self._times) == self._limit and now - self._times[0] < _SECOND:
                raise RateLimitError(channel, self._times[0] + _SECOND - now)
            self._times.append(now)
        self._forget_old(now)
        self._last_sent.pop(channel, None)  # so that the oldest stands first
        self._last_sent[channel] = now

    def _forget_old(self, now: float) -> None:
        while self._last_sent:
            channel = next(iter(self._last_sent))
            if now - self._last_sent[channel] <= _REMEMBERED_FOR:
                return
            del self._last_sent[channel]
