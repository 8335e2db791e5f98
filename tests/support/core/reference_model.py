"""The rules of keys and of waiting for one channel, as simple as possible (protocol-notes 7.4 to 7.8)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pusher_client.events import DecryptionFailureReason as Reason
from pusher_client.protocol.keyring import KeyRotationPolicy

__all__ = ["Guard", "Reference", "Sent"]


@dataclass
class Guard:
    """Counts fruitless refreshes, and computes when the next is allowed."""

    limit: int
    max_delay: float
    fruitless: int = 0
    not_before: float = -math.inf
    not_after: float = -math.inf

    def brought_nothing(self, now: float) -> None:
        """From the limit on, each pause may be twice the last, and is at least half of that."""
        self.fruitless += 1
        if self.fruitless >= self.limit:
            longest = min(self.max_delay, 2.0 ** (self.fruitless - self.limit))
            self.not_before, self.not_after = now + longest / 2, now + longest

    def reset(self) -> None:
        """All is well."""
        self.fruitless, self.not_before, self.not_after = 0, -math.inf, -math.inf


@dataclass
class Sent:
    """An event that came; ``key`` is None where it is not sealed."""

    number: int
    name: str
    key: bytes | None
    arrived: float
    opened: bool = False


@dataclass
class Reference:
    """One channel: its inputs, and so what may come out of it."""

    policy: KeyRotationPolicy
    client: Guard
    encrypted: bool
    answers: list[tuple[float, bytes]] = field(default_factory=list)
    unproved: set[bytes] = field(default_factory=set)
    waiting: list[Sent] = field(default_factory=list)
    unopened: int = 0
    neutral: bool = False
    asked: int = 0
    asked_at: float = 0.0
    named_at: float = -math.inf
    kept_until: float = math.inf
    probe_by: float = math.inf
    last: int = 0
    hole: tuple[float, float] | None = None
    subscribed: bool = False
    subscribed_at: float = 0.0
    overflown: bool = False

    def __post_init__(self) -> None:
        self.own = Guard(self.policy.fruitless_limit, self.policy.max_delay)

    def forget(self) -> None:
        """The subscription is over, and its keys with it."""
        self.answers, self.unproved, self.waiting = [], set(), []
        self.kept_until = self.probe_by = math.inf
        self.hole, self.subscribed, self.overflown = None, False, False
        self.neutral = False
        self.own.reset()

    # -- keys -----------------------------------------------------------------------------------------------------

    def ring(self, now: float) -> dict[bytes, float | None]:
        """Return the key that the latest answer named, and the last few others with the end of their grace."""
        named: bytes | None = None
        ended: dict[bytes, float] = {}
        for time, key in self.answers:
            ended = {old: since for old, since in ended.items() if old != key and time < since + self.policy.grace}
            if named not in (None, key):
                ended[named or b""] = time
            ended = dict(list(ended.items())[-self.policy.old_keys :])
            named = key
        ring: dict[bytes, float | None] = {
            old: since + self.policy.grace for old, since in ended.items() if now < since + self.policy.grace
        }
        return ring if named is None else {**ring, named: None}

    def answered(self, key: bytes | None, now: float, *, refresh: bool) -> None:
        """The endpoint named a key, or brought nothing."""
        brought = key is not None and key not in self.ring(now)
        neutral = self.neutral
        if key is not None:
            self.neutral = self.neutral or (refresh and brought)
            if brought and self.answers:
                self.unproved.add(key)
            self.answers.append((now, key))
            self.named_at = now
            for sent in self.waiting:
                self.try_to_open(sent, now)
        if refresh and (not brought or (neutral and self.neutral)):
            self.brought_nothing(now)
        if not refresh and key is not None:
            self.kept_until = math.inf

    def brought_nothing(self, now: float) -> None:
        """A request for a key was refused, named one that was known, or was not answered in time."""
        self.own.brought_nothing(now)
        self.client.brought_nothing(now)

    def try_to_open(self, sent: Sent, now: float) -> None:
        """An event opens with a key on the ring; the first that a new key opens shows that asking was of use."""
        if sent.key in self.ring(now) and not sent.opened:
            sent.opened = True
            if sent.key in self.unproved:
                self.unproved.discard(sent.key)
                self.neutral = False
                self.own.reset()
                self.client.reset()

    def asks(self, count: int, now: float) -> None:
        """The channel has asked for keys so many times: for one event each, and not while suspended."""
        if count > self.asked:
            assert count == self.asked + 1
            assert count <= self.unopened
            assert now >= self.own.not_before
            # The client's pause may have become longer after a request was planned.
            assert self.probe_by < math.inf or now >= self.client.not_before
            self.asked, self.asked_at, self.probe_by = count, now, math.inf

    # -- events ---------------------------------------------------------------------------------------------------

    def arrives(self, sent: Sent) -> None:
        """An event arrives while the channel is subscribed."""
        self.waiting.append(sent)
        self.overflown = len(self.waiting) > self.policy.backlog
        self.try_to_open(sent, sent.arrived)
        self.unopened += sent.key is not None and not sent.opened and not sent.name.startswith("client-")

    def leaves(self, number: int, reason: Reason | None, now: float) -> None:
        """An event leaves: the first one, opened if any key could open it."""
        sent = self.waiting.pop(0)
        assert sent.number == number
        self.passes(number)
        if not self.encrypted:
            assert reason is None
            return
        assert sent.opened == (reason in (None, Reason.INVALID_UTF8))
        assert (sent.key is None) == (reason is Reason.MALFORMED)
        if not sent.opened and sent.key is not None:
            self.fails(sent, reason, now)
        self.overflown = self.overflown and bool(self.waiting)

    def fails(self, sent: Sent, reason: Reason | None, now: float) -> None:
        """An event that was sealed leaves without being opened, with its reason."""
        if sent.name.startswith("client-"):
            assert reason is Reason.WRONG_KEY
        elif self.overflown:
            assert reason is Reason.BACKLOG_OVERFLOW
        elif reason is Reason.WRONG_KEY:
            assert now == self.named_at
        elif reason is Reason.REFRESH_SUSPENDED:
            pause = max(self.own.not_after, self.client.not_after) - now
            assert pause > 0
            self.probe_by = min(self.probe_by, now + min(self.policy.max_delay, 2 * pause))

    def passes(self, number: int) -> None:
        """What came later leaves later, whether it was sealed or one of the protocol's own."""
        assert number > self.last
        assert not self.waiting or number < self.waiting[0].number
        self.last = number

    def protocol_event(self, name: str, now: float) -> None:
        """The subscription begins, or is lost; then there is a hole until it is back."""
        if name == "pusher:subscription_succeeded":
            self.subscribed, self.subscribed_at = True, now
        elif name == "pusher:subscription_error":
            self.loses(now)

    def loses(self, now: float) -> None:
        """A hole begins, after the subscription did; a refusal is reported later if it waits behind what is held."""
        if self.subscribed:
            self.hole = (self.subscribed_at, now)
        self.subscribed = False

    def told_of_the_hole(self, last_received: float, lost: float) -> None:
        """The hole is reported once, where it ends."""
        assert self.hole is not None
        assert self.subscribed
        assert not self.waiting
        earliest, latest = self.hole
        assert max(earliest, last_received) <= lost <= latest
        self.hole = None

    def lost(self, now: float) -> None:
        """The link is gone; what waits is kept for the next authorization, but not for long."""
        self.loses(now)
        self.probe_by = math.inf
        if self.waiting and self.kept_until == math.inf:
            self.kept_until = now + self.policy.timeout

    def check(self, now: float) -> None:
        """Nothing waits that need not, or longer than it may."""
        if self.waiting:
            head = self.waiting[0]
            assert self.encrypted
            assert head.key is not None
            assert not head.opened
            assert not head.name.startswith("client-")
            assert now < head.arrived + 2 * self.policy.timeout
            assert now < self.kept_until
        assert now <= self.probe_by
        assert self.hole is None or not self.subscribed
