"""Waiting for the acknowledgement of a subscribe frame, and what makes it doubtful (protocol-notes 5.3 and 5.4)."""

from __future__ import annotations

from pusher_client.exceptions import AuthorizationError, SubscriptionError

__all__ = ["Acknowledgement"]

_DOUBTED_FOR = 1.0
_UNAUTHORIZED = 4009


class Acknowledgement:
    """The acknowledgement that one channel waits for.

    Attributes:
        due: Until when; None while none is waited for.
        words: What the server said meanwhile that makes it doubtful.
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

    def doubt(self, now: float, words: str = "") -> None:
        """Wait no longer than a second from now; the server's words may be the reason."""
        if self.due is not None:
            self.due = min(self.due, now + _DOUBTED_FOR)
            self.words = words or self.words

    def missing(self, channel: str) -> SubscriptionError:
        """Return the error for an acknowledgement that did not come."""
        if self._suspect:
            message = "the server refused an authorization and did not say for which channel"
            return AuthorizationError(channel, message, status=_UNAUTHORIZED)
        said = f", but said: {self.words}" if self.words else " in time"
        return SubscriptionError(channel, f"the server did not acknowledge{said}")
