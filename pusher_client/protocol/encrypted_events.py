"""The events of one encrypted channel: opened, held in order while a key is asked for, or failed (protocol-notes 7).

Everything about an encrypted event is decided here. What can be opened at once, with nothing held before it, leaves at
once. Otherwise it is put behind what waits, and the queue is settled from its head: an event leaves when it was opened,
or when nothing that could still open it is on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pusher_client.events import DECRYPTION_FAILURE, DecryptionFailure, DecryptionFailureReason, Event
from pusher_client.protocol.backlog import Backlog, Held
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.encryption import OpenSecretbox, decode_plaintext, open_secretbox, read_envelope
from pusher_client.protocol.event_counts import Tally
from pusher_client.protocol.frames import Frame, decode_data
from pusher_client.protocol.keyring import Keyring, KeyRotationPolicy, RefreshGuard
from pusher_client.protocol.names import CLIENT_PREFIX

__all__ = ["Hold", "Refresher"]


class Refresher(Protocol):
    """What a hold needs of its subscription."""

    def release(self, event: Event) -> None:
        """Hand an event on, in its place."""

    def ask_for_key(self, hold: Hold, now: float) -> None:
        """Start one authorization request whose answer comes to ``answered`` or ``refused`` of the hold."""

    def stop_asking(self, now: float) -> bool:
        """Cancel that request, and tell whether it was running or still waited for its turn."""
        ...


class Hold(Backlog):
    """One encrypted channel's keys and waiting events.

    Args:
        channel: The channel's name.
        refresher: Who carries events and requests.
        policy: The numbers of key rotation.
        guards: The guard of this channel and that of the whole client.
        budget: The client's allowance of bytes.
        tally: The channel's counts.
        open_box: Opens a secretbox with a key.
    """

    __slots__ = (
        "_asking_since",
        "_channel",
        "_guards",
        "_kept_until",
        "_policy",
        "_probe_at",
        "_refresher",
        "_ring",
        "_tally",
    )

    def __init__(
        self,
        channel: str,
        refresher: Refresher,
        *,
        policy: KeyRotationPolicy,
        guards: tuple[RefreshGuard, RefreshGuard],
        budget: ByteBudget,
        tally: Tally,
        open_box: OpenSecretbox = open_secretbox,
    ) -> None:
        super().__init__(policy.backlog, budget)
        self._channel = channel
        self._policy = policy
        self._guards = guards
        self._tally = tally
        self._refresher = refresher
        self._ring = Keyring(policy.grace, policy.old_keys, open_box)
        self._asking_since: float | None = None
        self._kept_until: float | None = None
        self._probe_at: float | None = None

    # -- what arrives ---------------------------------------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what may be delivered at once, or None when it is held."""
        self._tally.received += 1
        name, text = frame.event, frame.data
        envelope = read_envelope(text)
        if envelope is None:
            return self._in_order(name, text or "", self._failure(name, text, DecryptionFailureReason.MALFORMED))
        nonce, ciphertext = envelope
        plaintext = self._ring.open(nonce, ciphertext, now)
        if plaintext is not None:
            if self._ring.proved:
                self._note_proof()
            event = self._opened(name, text, plaintext)
            return self._in_order(name, text or "", event) if self.items else event
        return self._not_opened(Held(name=name, raw=text or "", arrived=now, nonce=nonce, ciphertext=ciphertext), now)

    def receive_protocol_event(self, event: Event) -> Event | None:
        """Take an event of the protocol's own, whose place is behind what is held."""
        return self._in_order(event.name, event.raw, event, application=False)

    def _in_order(self, name: str, raw: str, event: Event, *, application: bool = True) -> Event | None:
        if not self.items:
            return event
        self._append(Held(name=name, raw=raw, event=event, application=application))
        return None

    def _not_opened(self, item: Held, now: float) -> Event | None:
        """Hold a sealed event that no key opens, unless nothing can be gained by waiting."""
        if item.name.startswith(CLIENT_PREFIX):
            if not self.items:
                return self._failed(item, DecryptionFailureReason.WRONG_KEY)
        elif self._asking_since is None:
            if self._suspended(now):
                return self._failed(item, DecryptionFailureReason.REFRESH_SUSPENDED)
            item.asked = True
            self._ask(now)
        self._append(item)
        return None

    def _append(self, item: Held) -> None:
        if not self.append(item):
            self._settle(DecryptionFailureReason.BACKLOG_OVERFLOW, self._whole)

    # -- asking for a key -----------------------------------------------------------------------------------------

    def endorse(self, key: bytes, now: float) -> None:
        """Take the key of a subscription's authorization, which answers for everything that waited (3.8)."""
        self._ring.endorse(key, now)
        self._open_held(now)
        self._kept_until = None
        self._settle(DecryptionFailureReason.WRONG_KEY, self._whole)

    def answered(self, key: bytes, now: float) -> None:
        """Take the key of a refresh, deliver what it opens, and judge whether asking was of use (3.7)."""
        self._asking_since = None
        brought = self._ring.endorse(key, now)
        self._open_held(now)
        if not brought:
            self._count_fruitless(now)
        self._settle_asked(DecryptionFailureReason.WRONG_KEY, now)

    def refused(self, now: float, *, counts: bool = True) -> None:
        """A refresh brought no key: an error, a refusal, or no answer in time."""
        self._asking_since = None
        if counts:
            self._count_fruitless(now)
        self._settle_asked(DecryptionFailureReason.AUTHORIZATION_FAILED, now)

    def _ask(self, now: float) -> None:
        self._asking_since = now
        self._probe_at = None
        for item in self.items:
            item.asked = True
        self._tally.key_refreshes += 1
        self._refresher.ask_for_key(self, now)

    def _open_held(self, now: float) -> None:
        for item in self.items:
            if item.event is None:
                plaintext = self._ring.open(item.nonce, item.ciphertext, now)
                if plaintext is not None:
                    item.event = self._opened(item.name, item.raw, plaintext)
        if self._ring.proved:
            self._note_proof()

    def _note_proof(self) -> None:
        self._ring.proved = False
        for guard in self._guards:
            guard.fruitful()

    def _count_fruitless(self, now: float) -> None:
        for guard in self._guards:
            guard.fruitless(now)

    def _suspended(self, now: float) -> bool:
        """Tell whether asking must wait; if so, arm the one probe that asks when the wait is over."""
        own, client = (guard.suspended_until for guard in self._guards)
        until = max(own, client)
        if now >= until:
            return False
        if self._probe_at is None:
            # All channels wait for the client's guard alike, and must not ask in the same instant.
            room = min(until - now, now + self._policy.max_delay - until)
            self._probe_at = until + (self._guards[1].draw() * max(0.0, room) if client > own else 0.0)
        return True

    # -- the end of waiting ---------------------------------------------------------------------------------------

    def _settle_asked(self, reason: DecryptionFailureReason, now: float) -> None:
        """Settle what had asked; the first sealed event that came later asks anew, for itself and all behind it."""
        while self.items:
            item = self.head
            if item.event is None and not item.asked and not item.name.startswith(CLIENT_PREFIX):
                if not self._suspended(now):
                    self._ask(now)
                    return
                self._leave(DecryptionFailureReason.REFRESH_SUSPENDED)
            else:
                self._leave(reason)

    def _settle(self, reason: DecryptionFailureReason, over: Callable[[Held], bool]) -> None:
        """Let events leave from the head while they are decided or their wait is over."""
        while self.items and (self.head.event is not None or over(self.head)):
            self._leave(reason)

    @staticmethod
    def _whole(_item: Held) -> bool:
        return True

    def _leave(self, reason: DecryptionFailureReason) -> None:
        item = self.pop()
        if item.name.startswith(CLIENT_PREFIX):
            reason = DecryptionFailureReason.WRONG_KEY
        self._refresher.release(item.event if item.event is not None else self._failed(item, reason))

    def settle(self, now: float) -> None:
        """End every wait and drop the keys: the channel or the link failed for good, or was closed."""
        self.stop_asking(now)
        self._kept_until = None
        self._settle(DecryptionFailureReason.AUTHORIZATION_FAILED, self._whole)
        self._ring.clear()

    def link_lost(self, now: float) -> None:
        """Keep what waits for the authorization that the next link brings, but no longer than one timeout (3.8)."""
        self.stop_asking(now)
        if self.items and self._kept_until is None:
            self._kept_until = now + self._policy.timeout

    def stop_asking(self, now: float) -> None:
        """Give up a running refresh and a planned one."""
        self._probe_at = None
        if self._asking_since is not None:
            self._asking_since = None
            self._refresher.stop_asking(now)

    def discard(self, now: float) -> None:
        """Forget the keys and all that waits, and count the events as dropped: the caller unsubscribed."""
        self.stop_asking(now)
        while self.items:
            self._tally.dropped += self.pop().application
        self._kept_until = None
        self._ring.clear()

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""
        due = [self._kept_until, self._probe_at, self._ring.deadline()]
        if self._asking_since is not None:
            due.append(self._asking_since + self._policy.timeout)
        if self.items:
            due.append(self.head.arrived + 2 * self._policy.timeout)
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        self._ring.expire(now)
        if self._asking_since is not None and now >= self._asking_since + self._policy.timeout:
            # One that never had its turn says nothing of the endpoint.
            self.refused(now, counts=self._refresher.stop_asking(now))
        longest = 2 * self._policy.timeout
        if self._kept_until is not None and now >= self._kept_until:
            self._kept_until = None
            longest = 0.0
        # The sum that ``deadline`` names: a difference may round to the other side, and the deadline never pass.
        self._settle(DecryptionFailureReason.AUTHORIZATION_FAILED, lambda item: item.arrived + longest <= now)
        if self._probe_at is not None and now >= self._probe_at:
            self._ask(now)

    # -- what comes out -------------------------------------------------------------------------------------------

    def _opened(self, name: str, raw: str | None, plaintext: bytes) -> Event:
        text = decode_plaintext(plaintext)
        if text is None:
            return self._failure(name, raw, DecryptionFailureReason.INVALID_UTF8)
        return Event(name, self._channel, decode_data(text), None, text)

    def _failed(self, item: Held, reason: DecryptionFailureReason) -> Event:
        return self._failure(item.name, item.raw, reason)

    def _failure(self, name: str, raw: str | None, reason: DecryptionFailureReason) -> Event:
        failure = DecryptionFailure(self._channel, name, reason, raw or "")
        return Event(DECRYPTION_FAILURE, self._channel, failure)
