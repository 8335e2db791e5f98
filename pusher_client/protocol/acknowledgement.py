"""The answers to subscribe frames: the current one, and those still owed to earlier frames.

Source: protocol-notes 5.3 to 5.5.
"""

from __future__ import annotations

import math
from collections import deque

from pusher_client.exceptions import AuthorizationError, SubscriptionError
from pusher_client.protocol.channel_events import is_refusal
from pusher_client.protocol.codes import SUBSCRIPTION_SUCCEEDED, UNAUTHORIZED
from pusher_client.protocol.frames import Frame

__all__ = ["Acknowledgement", "OwedAnswers"]

_DOUBTED_FOR = 1.0
_OWED_FOR = 1.0


class Acknowledgement:
    """The acknowledgement that one channel waits for.

    Attributes:
        due: Until when; None while none is waited for.
        words: What the server said meanwhile.
    """

    __slots__ = ("_suspect", "due", "words")

    def __init__(self) -> None:
        self.due: float | None = None
        self._suspect = False
        self.words: str = ""

    def expect(self, due: float) -> None:
        """Wait for the acknowledgement of a frame that was sent."""
        self.due = due

    def stop(self) -> None:
        """Wait no longer."""
        self.due = None
        self._suspect = False
        self.words = ""

    def suspect(self) -> None:
        """An authorization was refused that may be this one."""
        self._suspect = self.due is not None

    def note(self, words: str) -> None:
        """Remember an error of the server that may be about this subscription."""
        if self.due is not None:
            self.words = words or self.words

    def doubt(self, now: float, words: str = "") -> None:
        """Wait no longer than a second from now; the server's words may be the reason."""
        if self.due is not None:
            self.due = min(self.due, now + _DOUBTED_FOR)
            self.note(words)

    def missing(self, channel: str) -> SubscriptionError:
        """Return the error for an acknowledgement that did not come."""
        if self._suspect:
            message = "the server refused an authorization and did not name the channel"
            message = f"{message}: {self.words}" if self.words else message
            return AuthorizationError(channel, message, status=UNAUTHORIZED)
        said = f", but said: {self.words}" if self.words else " in time"
        return SubscriptionError(channel, f"the server did not acknowledge{said}")


class OwedAnswers:
    """Distinguishes answers to earlier subscribe frames from answers to the current one, on one link (5.5).

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

    def owes(self, channel: str) -> bool:
        """Return whether an earlier frame of this channel, given up by the caller, is not answered yet."""
        since = self._since.get(channel)
        return since is not None and since[-1] > -math.inf

    def receive(self, frame: Frame, now: float) -> bool:
        """Return whether a frame is the answer to an older one, and take that off the account."""
        refusal = is_refusal(frame)
        answer = refusal or frame.event == SUBSCRIPTION_SUCCEEDED
        return answer and self.take(frame.channel or "", now, refusal=refusal)

    def lapse(self, channel: str) -> None:
        """Note that the current frame was waited for in vain, and that the next one follows."""
        if channel in self._taken:
            # Its answer had come, and was taken for an older frame's.
            self._taken.discard(channel)
        else:
            # As if long ago: an acknowledgement that comes now is more likely that of the next frame than a late one.
            self._since.setdefault(channel, deque()).append(-math.inf)

    def take(self, channel: str, now: float, *, refusal: bool) -> bool:
        """Return whether an answer for this channel belongs to an older frame, and take that off the account."""
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
