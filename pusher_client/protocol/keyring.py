"""The keys that open an encrypted channel's events, and the numbers of key rotation (protocol-notes 7.5)."""

from __future__ import annotations

from dataclasses import dataclass

from pusher_client.protocol.checks import is_integer, seconds_problem
from pusher_client.protocol.encryption import OpenSecretbox, open_secretbox

__all__ = ["KeyRotationPolicy", "Keyring"]


@dataclass(frozen=True, slots=True)
class KeyRotationPolicy:
    """How encrypted channels deal with keys that change.

    Args:
        grace: Seconds that a key still opens events after an answer named another.
        old_keys: Maximum number of such keys.
        timeout: Seconds that a request for a key may take.
        backlog: Maximum number of events of one channel that wait for a key.
        fruitless_limit: Number of requests in a row that may bring nothing before they are spaced.
        max_delay: Longest time between spaced requests, in seconds.

    Raises:
        TypeError: A value is not a number, or not an integer where one is required.
        ValueError: A value is out of its range.
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
            if not is_integer(value):
                raise TypeError(f"KeyRotationPolicy.{name} is an integer, not {type(value).__name__}")
            if value < fewest:
                raise ValueError(f"KeyRotationPolicy.{name} must be at least {fewest}, not {value}")


class _Entry:
    """A key on the ring.

    Attributes:
        key: 32 bytes.
        expires: When the key is dropped; None for the key of the latest answer.
        unproved: Whether another answer than the first brought the key, and it has not opened an event yet.
    """

    __slots__ = ("expires", "key", "unproved")

    def __init__(self, key: bytes, *, unproved: bool) -> None:
        self.key = key
        self.expires: float | None = None
        self.unproved = unproved


class Keyring:
    """The keys of one channel: the current one first, then the older ones, newest first.

    Args:
        grace: Seconds that a key is kept after an answer named another.
        old_keys: Maximum number of such keys.
        open_box: Opens a secretbox with a key.

    Attributes:
        fruitful: Set when a key that a later answer brought has opened its first event; reset by the reader.
    """

    __slots__ = ("_begun", "_entries", "_grace", "_old_keys", "_open_box", "_usual", "fruitful")

    def __init__(self, grace: float, old_keys: int, open_box: OpenSecretbox = open_secretbox) -> None:
        self._grace = grace
        self._old_keys = old_keys
        self._entries: list[_Entry] = []
        # The current key once it is proved. Its entry has it, too, but with many channels each further object that an
        # event needs is a cache miss.
        self._usual: bytes | None = None
        self._begun = False
        self._open_box = open_box
        self.fruitful: bool = False

    def __len__(self) -> int:
        return len(self._entries)

    def set_current(self, key: bytes, now: float) -> bool:
        """Make the key of an accepted answer the current one; return whether it was not on the ring."""
        self.expire(now)
        known = next((entry for entry in self._entries if entry.key == key), None)
        entry = known if known is not None else _Entry(key, unproved=self._begun)
        self._begun = True
        others = [other for other in self._entries if other is not entry]
        for other in others:
            if other.expires is None:
                other.expires = now + self._grace
        # The others are in order already: the key that was current was first, and its grace begins last.
        entry.expires = None
        self._entries = [entry, *others[: self._old_keys]]
        self._usual = None if entry.unproved else entry.key
        self.expire(now)
        return known is None

    def open(self, nonce: bytes, ciphertext: bytes, now: float) -> bytes | None:
        """Try every valid key; return the plaintext, or None if no key opens the box."""
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
