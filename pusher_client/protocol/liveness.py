"""Keeping a link alive and noticing when it is dead (protocol-notes 3.2 and 3.3, promise R1)."""

from __future__ import annotations

import math
from enum import Enum

from pusher_client.protocol.checks import is_number

__all__ = ["Action", "Liveness", "negotiated_timeout"]

_SHORTEST = 1.0


class Action(Enum):
    """What the silence calls for."""

    NOTHING = "nothing"
    PING = "ping"
    GIVE_UP = "give up"


def negotiated_timeout(own: float, offered: object) -> float:
    """Return the activity timeout in seconds: the smaller of ours and the server's.

    The server's is taken as at least one second; anything but a positive finite number counts as not offered.
    """
    if not is_number(offered):
        return own
    # A long integer has no float; it is more than ours anyway.
    if isinstance(offered, float) and not math.isfinite(offered):
        return own
    return min(own, max(_SHORTEST, offered)) if offered > 0 else own


class Liveness:
    """When to ping and when to give up; traffic only moves time stamps.

    Args:
        activity_timeout: Seconds of silence, in either direction, after which a ping is due.
        pong_timeout: Seconds after a ping within which any frame must come.
    """

    __slots__ = ("activity_timeout", "last_in", "last_out", "pong_due", "pong_timeout")

    def __init__(self, activity_timeout: float, pong_timeout: float, now: float) -> None:
        self.activity_timeout: float = activity_timeout
        self.pong_timeout: float = pong_timeout
        self.last_in: float = now
        self.last_out: float = now
        self.pong_due: float | None = None

    def deadline(self) -> float:
        """Return when ``check`` has something to do at the earliest."""
        if self.pong_due is not None:
            return self.pong_due
        return min(self.last_in, self.last_out) + self.activity_timeout

    def check(self, now: float) -> Action:
        """Say what is due; a due ping is taken as sent."""
        if now < self.deadline():
            return Action.NOTHING
        if self.pong_due is not None:
            return Action.GIVE_UP
        self.last_out = now
        self.pong_due = now + self.pong_timeout
        return Action.PING
