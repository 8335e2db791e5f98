"""Which keys open an encrypted channel's events, and when another may be asked for (protocol-notes 7.5 and 7.6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pusher_client.protocol.checks import seconds_problem
from pusher_client.protocol.encryption import OpenSecretbox, open_secretbox

__all__ = ["KeyRotationPolicy", "Keyring", "RefreshGuard"]

_FIRST_DELAY = 1.0


@dataclass(frozen=True, slots=True)
class KeyRotationPolicy:
    """How encrypted channels live with keys that change.

    Args:
        grace: Seconds that a key still opens events after an answer first named another.
        old_keys: How many such keys are kept at most.
        timeout: Seconds that a request for a key may take.
        backlog: How many events of one channel may wait for a key.
        fruitless_limit: How many requests in a row may bring nothing new before they are spaced.
        max_delay: The longest time between spaced requests, in seconds.

    Raises:
        TypeError: A number is no number, or not whole where it must be.
        ValueError: A number is out of its range.
    """

    grace: float = 300.0
    old_keys: int = 2
    timeout: float = 10.0
    backlog: int = 1024
    fruitless_limit: int = 5
    max_delay: float = 30.0

    def __post_init__(self) -> None:
        for name, least in (("grace", 0.0), ("timeout", 0.001), ("max_delay", 0.001)):
            problem = seconds_problem(f"KeyRotationPolicy.{name}", getattr(self, name), least=least)
            if problem is not None:
                raise problem
        for name, fewest in (("old_keys", 0), ("backlog", 1), ("fruitless_limit", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"KeyRotationPolicy.{name} is a whole number")
            if value < fewest:
                raise ValueError(f"KeyRotationPolicy.{name} must be at least {fewest}, not {value}")


class _Entry:
    """A key on the ring.

    ``expires`` is None while the latest answer names the key. ``unproved`` is True from when a later answer than the
    first brought the key until it opens an event.
    """

    __slots__ = ("expires", "key", "unproved")

    def __init__(self, key: bytes, *, unproved: bool) -> None:
        self.key = key
        self.expires: float | None = None
        self.unproved = unproved


class Keyring:
    """The keys of one channel: the endorsed one first, then the older ones, the newest first.

    Args:
        grace: Seconds that a key lasts after an answer first did not name it.
        old_keys: How many of those are kept.
        open_box: Opens a secretbox with a key.
    """

    __slots__ = ("_begun", "_entries", "_grace", "_old_keys", "_open_box", "_usual", "fruitful")

    def __init__(self, grace: float, old_keys: int, open_box: OpenSecretbox = open_secretbox) -> None:
        self._grace = grace
        self._old_keys = old_keys
        self._entries: list[_Entry] = []
        # The endorsed key once it has nothing to prove. It stands in its entry, too; but with many channels every
        # object that an event needs comes from memory that is far away.
        self._usual: bytes | None = None
        self._begun = False
        self._open_box = open_box
        self.fruitful: bool = False
        """Set when a key that a later answer brought has opened its first event; cleared by who takes note."""

    def __len__(self) -> int:
        return len(self._entries)

    def set_current(self, key: bytes, now: float) -> bool:
        """Take the key that an accepted answer named; return True if it was not on the ring."""
        self.expire(now)
        known = next((entry for entry in self._entries if entry.key == key), None)
        entry = known if known is not None else _Entry(key, unproved=self._begun)
        self._begun = True
        others = [other for other in self._entries if other is not entry]
        for other in others:
            if other.expires is None:
                other.expires = now + self._grace
        # The others stand in order already: the one endorsed until now was first, and its grace begins last of all.
        entry.expires = None
        self._entries = [entry, *others[: self._old_keys]]
        self._usual = None if entry.unproved else entry.key
        self.expire(now)
        return known is None

    def open(self, nonce: bytes, ciphertext: bytes, now: float) -> bytes | None:
        """Try every key that is still valid; return the plaintext, or None when none opens."""
        usual = self._usual
        if usual is not None:
            plaintext = self._open_box(nonce, ciphertext, usual)
            if plaintext is not None:
                return plaintext
        for entry in self._entries if usual is None else self._entries[1:]:
            if entry.expires is not None and now >= entry.expires:
                continue
            plaintext = self._open_box(nonce, ciphertext, entry.key)
            if plaintext is not None:
                if entry.unproved:
                    entry.unproved = False
                    self.fruitful = True
                    if entry.expires is None:
                        self._usual = entry.key
                return plaintext
        return None

    def expire(self, now: float) -> None:
        """Drop the keys whose grace has ended."""
        self._entries = [entry for entry in self._entries if entry.expires is None or now < entry.expires]

    def deadline(self) -> float | None:
        """Return when the next key's grace ends."""
        return min((entry.expires for entry in self._entries if entry.expires is not None), default=None)

    def clear(self) -> None:
        """Drop every key (promise C7)."""
        self._entries = []
        self._usual = None


class RefreshGuard:
    """Spaces the requests for keys that bring nothing, so that nobody can use us to flood the endpoint.

    Args:
        limit: How many fruitless requests in a row are free.
        max_delay: The longest delay, in seconds.
        random: Returns a number from 0 to 1, evenly.
    """

    __slots__ = ("_fruitless", "_limit", "_max_delay", "_random", "suspended_until")

    def __init__(self, limit: int, max_delay: float, random: Callable[[], float]) -> None:
        self._limit = limit
        self._max_delay = max_delay
        self._random = random
        self._fruitless = 0
        self.suspended_until: float = -math.inf

    def fruitless(self, now: float) -> None:
        """Count a request that brought nothing; from the limit on each suspends requests for a growing delay."""
        self._fruitless += 1
        beyond = self._fruitless - self._limit
        if beyond >= 0:
            longest = min(self._max_delay, _FIRST_DELAY * 2 ** min(beyond, 32))
            self.suspended_until = now + longest * (1 + self._random()) / 2

    def draw(self) -> float:
        """Return a number from 0 to 1, evenly."""
        return self._random()

    def fruitful(self) -> None:
        """A request brought a key that opened an event: all is well."""
        self._fruitless = 0
        self.suspended_until = -math.inf
