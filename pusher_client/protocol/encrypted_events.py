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
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, decode_data
from pusher_client.protocol.keyring import Keyring, KeyRotationPolicy, RefreshGuard
from pusher_client.protocol.names import CLIENT_PREFIX

__all__ = ["EncryptedEvents", "KeyRequester"]


class KeyRequester(Protocol):
    """What a hold needs of its subscription."""

    def release(self, event: Event) -> None:
        """Hand an event on, in its place."""

    def request_key(self, encrypted: EncryptedEvents, now: float) -> None:
        """Start one authorization request whose answer goes to ``key_received`` or ``key_request_failed``."""

    def cancel_key_request(self, now: float) -> bool:
        """Cancel that request, and tell whether it was running or still waited for its turn."""
        ...


class EncryptedEvents(Backlog):
    """One encrypted channel's keys and waiting events.

    Args:
        channel: The channel's name.
        requester: Who carries events and requests.
        policy: The numbers of key rotation.
        guards: The guard of this channel and that of the whole client.
        budget: The client's allowance of bytes.
        counts: The channel's counts.
        open_box: Opens a secretbox with a key.
    """

    __slots__ = (
        "_channel",
        "_counts",
        "_guards",
        "_kept_until",
        "_policy",
        "_probe_at",
        "_requested_at",
        "_requester",
        "_ring",
    )

    def __init__(
        self,
        channel: str,
        requester: KeyRequester,
        *,
        policy: KeyRotationPolicy,
        guards: tuple[RefreshGuard, RefreshGuard],
        budget: ByteBudget,
        counts: EventCounts,
        open_box: OpenSecretbox = open_secretbox,
    ) -> None:
        super().__init__(policy.backlog, budget)
        self._channel = channel
        self._policy = policy
        self._guards = guards
        self._counts = counts
        self._requester = requester
        self._ring = Keyring(policy.grace, policy.old_keys, open_box)
        self._requested_at: float | None = None
        self._kept_until: float | None = None
        self._probe_at: float | None = None

    # -- what arrives ---------------------------------------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what may be delivered at once, or None when it is held."""
        self._counts.received += 1
        name, text = frame.event, frame.data
        envelope = read_envelope(text)
        if envelope is None:
            return self._in_order(name, text or "", self._failure(name, text, DecryptionFailureReason.MALFORMED))
        nonce, ciphertext = envelope
        plaintext = self._ring.open(nonce, ciphertext, now)
        if plaintext is not None:
            if self._ring.fruitful:
                self._note_fruitful()
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
        """EncryptedEvents a sealed event that no key opens, unless nothing can be gained by waiting."""
        if item.name.startswith(CLIENT_PREFIX):
            if not self.items:
                return self._failed(item, DecryptionFailureReason.WRONG_KEY)
        elif self._requested_at is None:
            if self._suspended(now):
                return self._failed(item, DecryptionFailureReason.REFRESH_SUSPENDED)
            item.requested = True
            self._request_key(now)
        self._append(item)
        return None

    def _append(self, item: Held) -> None:
        if not self.append(item):
            self._release_while(DecryptionFailureReason.BACKLOG_OVERFLOW, self._always)

    # -- asking for a key -----------------------------------------------------------------------------------------

    def subscription_authorized(self, key: bytes, now: float) -> None:
        """Take the key of a subscription's authorization, which answers for everything that waited (3.8)."""
        self._ring.set_current(key, now)
        self._open_held(now)
        self._kept_until = None
        self._release_while(DecryptionFailureReason.WRONG_KEY, self._always)

    def key_received(self, key: bytes, now: float) -> None:
        """Take the key of a refresh, deliver what it opens, and judge whether asking was of use (3.7)."""
        self._requested_at = None
        brought = self._ring.set_current(key, now)
        self._open_held(now)
        if not brought:
            self._count_fruitless(now)
        self._release_requested(DecryptionFailureReason.WRONG_KEY, now)

    def key_request_failed(self, now: float, *, fruitless: bool = True) -> None:
        """A refresh brought no key: an error, a refusal, or no answer in time."""
        self._requested_at = None
        if fruitless:
            self._count_fruitless(now)
        self._release_requested(DecryptionFailureReason.AUTHORIZATION_FAILED, now)

    def _request_key(self, now: float) -> None:
        self._requested_at = now
        self._probe_at = None
        for item in self.items:
            item.requested = True
        self._counts.key_refreshes += 1
        self._requester.request_key(self, now)

    def _open_held(self, now: float) -> None:
        for item in self.items:
            if item.event is None:
                plaintext = self._ring.open(item.nonce, item.ciphertext, now)
                if plaintext is not None:
                    item.event = self._opened(item.name, item.raw, plaintext)
        if self._ring.fruitful:
            self._note_fruitful()

    def _note_fruitful(self) -> None:
        self._ring.fruitful = False
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

    def _release_requested(self, reason: DecryptionFailureReason, now: float) -> None:
        """Settle what had asked; the first sealed event that came later asks anew, for itself and all behind it."""
        while self.items:
            item = self.head
            if item.event is None and not item.requested and not item.name.startswith(CLIENT_PREFIX):
                if not self._suspended(now):
                    self._request_key(now)
                    return
                self._release_head(DecryptionFailureReason.REFRESH_SUSPENDED)
            else:
                self._release_head(reason)

    def _release_while(self, reason: DecryptionFailureReason, over: Callable[[Held], bool]) -> None:
        """Let events leave from the head while they are decided or their wait is over."""
        while self.items and (self.head.event is not None or over(self.head)):
            self._release_head(reason)

    @staticmethod
    def _always(_item: Held) -> bool:
        return True

    def _release_head(self, reason: DecryptionFailureReason) -> None:
        item = self.pop()
        if item.name.startswith(CLIENT_PREFIX):
            reason = DecryptionFailureReason.WRONG_KEY
        self._requester.release(item.event if item.event is not None else self._failed(item, reason))

    def end(self, now: float) -> None:
        """End every wait and drop the keys: the channel or the link failed for good, or was closed."""
        self.cancel_key_request(now)
        self._kept_until = None
        self._release_while(DecryptionFailureReason.AUTHORIZATION_FAILED, self._always)
        self._ring.clear()

    def link_lost(self, now: float) -> None:
        """Keep what waits for the authorization that the next link brings, but no longer than one timeout (3.8)."""
        self.cancel_key_request(now)
        if self.items and self._kept_until is None:
            self._kept_until = now + self._policy.timeout

    def cancel_key_request(self, now: float) -> None:
        """Give up a running refresh and a planned one."""
        self._probe_at = None
        if self._requested_at is not None:
            self._requested_at = None
            self._requester.cancel_key_request(now)

    def discard(self, now: float) -> None:
        """Forget the keys and all that waits, and count the events as dropped: the caller unsubscribed."""
        self.cancel_key_request(now)
        while self.items:
            self._counts.dropped += self.pop().application
        self._kept_until = None
        self._ring.clear()

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""
        due = [self._kept_until, self._probe_at, self._ring.deadline()]
        if self._requested_at is not None:
            due.append(self._requested_at + self._policy.timeout)
        if self.items:
            due.append(self.head.arrived + 2 * self._policy.timeout)
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        self._ring.expire(now)
        if self._requested_at is not None and now >= self._requested_at + self._policy.timeout:
            # One that never had its turn says nothing of the endpoint.
            self.key_request_failed(now, fruitless=self._requester.cancel_key_request(now))
        longest = 2 * self._policy.timeout
        if self._kept_until is not None and now >= self._kept_until:
            self._kept_until = None
            longest = 0.0
        # The sum that ``deadline`` names: a difference may round to the other side, and the deadline never pass.
        self._release_while(DecryptionFailureReason.AUTHORIZATION_FAILED, lambda item: item.arrived + longest <= now)
        if self._probe_at is not None and now >= self._probe_at:
            self._request_key(now)

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
