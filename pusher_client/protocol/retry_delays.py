"""Which refusals end the attempts at a subscription or a sign-in, and when the next one is due (protocol-notes 6.5)."""

from __future__ import annotations

from collections.abc import Callable

from pusher_client.exceptions import AuthorizationError, PusherError
from pusher_client.protocol.conditions import Retry, authorization_condition
from pusher_client.protocol.reconnect import ReconnectPolicy

__all__ = ["Attempts"]

_SECOND_ATTEMPT_AFTER = 1.0
_LEAST_DELAY = 0.1


class Attempts:
    """The attempts at one thing that must be authorized.

    Args:
        policy: The numbers; each delay is drawn from the upper half of its range, and at least a tenth of a second.
        random: Returns a number from 0 to 1, evenly.
    """

    __slots__ = ("_longest", "_policy", "_random", "_refused_once")

    def __init__(self, policy: ReconnectPolicy, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._longest = policy.base
        self._refused_once = False

    def start_anew(self) -> None:
        """Forget what was: the caller asks again, or there is another link."""
        self.reset_delay()
        self._refused_once = False

    def reset_delay(self) -> None:
        """Begin with the shortest delay again."""
        self._longest = self._policy.base

    def authorized(self) -> None:
        """Note that nobody refuses."""
        self._refused_once = False

    def next_after(
        self, error: PusherError, *, established: bool, retryable: bool, retry_after: float | None
    ) -> float | None:
        """Return how many seconds to wait before the next attempt, or None when there is to be none.

        Args:
            error: Why the last one failed.
            established: Whether an earlier attempt has ever succeeded: then only a refusal is final, and only the
                second one.
            retryable: Whether the same attempt may succeed later.
            retry_after: What the other side asked to wait, in seconds; honoured up to the cap.
        """
        refused = (
            isinstance(error, AuthorizationError) and authorization_condition(error.status).later is Retry.ONCE_MORE
        )
        final = (refused and self._refused_once) if established else not retryable
        self._refused_once = self._refused_once or refused
        if final:
            return None
        return self.delay(max(_SECOND_ATTEMPT_AFTER if refused else 0.0, retry_after or 0.0))

    def delay(self, at_least: float = 0.0) -> float:
        """Return the next delay in seconds, which grows from one to the next."""
        cap = self._policy.cap
        drawn = max(_LEAST_DELAY, min(cap, self._longest) * (1 + self._random()) / 2)
        self._longest = min(cap, self._longest * self._policy.factor)
        return max(drawn, min(at_least, max(cap, _SECOND_ATTEMPT_AFTER)))
