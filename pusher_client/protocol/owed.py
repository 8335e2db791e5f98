"""Answers that a server still owes to subscriptions given up before they were acknowledged (protocol-notes 5.5)."""

from __future__ import annotations

import math
from collections import deque

from pusher_client.protocol.channel_events import is_refusal
from pusher_client.protocol.frames import Frame

__all__ = ["OwedAnswers"]

_OWED_FOR = 1.0
_SUCCEEDED = "pusher_internal:subscription_succeeded"


class OwedAnswers:
    """Tells the answer to an older subscribe frame from that to the current one, on one link.

    Answers come in the order of the frames. An acknowledgement is waited for no longer than a second: a server that
    never gives it must not cost the next subscription its own. A refusal is taken for the older frame's however late
    it comes, since the current one, if it was the one refused, is tried again; but not twice in a row.
    """

    def __init__(self) -> None:
        self._since: dict[str, deque[float]] = {}
        self._taken: set[str] = set()

    def owe(self, channel: str, now: float) -> None:
        """Note that a subscription was given up whose frame is not answered yet."""
        self._taken.discard(channel)
        self._since.setdefault(channel, deque()).append(now)

    def receive(self, frame: Frame, now: float) -> bool:
        """Tell whether a frame is the answer to an older one, and take that off the account."""
        refusal = is_refusal(frame)
        return (refusal or frame.event == _SUCCEEDED) and self.take(frame.channel or "", now, refusal=refusal)

    def lapse(self, channel: str) -> None:
        """Note that the current frame was waited for in vain, and that the next one follows."""
        if channel in self._taken:
            # Its answer had come, and was taken for an older frame's.
            self._taken.discard(channel)
        else:
            # As if long ago: an acknowledgement that comes now is more likely that of the next frame than a late one.
            self._since.setdefault(channel, deque()).append(-math.inf)

    def take(self, channel: str, now: float, *, refusal: bool) -> bool:
        """Tell whether an answer for this channel belongs to an older frame, and take that off the account."""
        since = self._since.get(channel)
        if since is None or not (refusal or now - since[-1] <= _OWED_FOR):
            # An answer to the current frame, behind which no older one can come.
            self._since.pop(channel, None)
            self._taken.discard(channel)
            return False
        since.popleft()
        if not since:
            del self._since[channel]
        self._taken.add(channel)
        return True

    def clear(self) -> None:
        """Forget everything: the link is gone."""
        self._since.clear()
        self._taken.clear()
