"""The events of one encrypted channel: opened, held in order while a key is requested, or failed (protocol-notes 7).

Every rule about an encrypted event is here. An event that can be opened is delivered at once if nothing is held before
it. Otherwise it is queued. Events are released from the head of the queue: once they are opened, or once no request is
running that could still bring their key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from pusher_client.events import (
    DECRYPTION_FAILURE,
    DecryptionFailure,
    DecryptionFailureReason,
    Event,
    encrypted_event_id,
)
from pusher_client.protocol.backlog import Backlog, Held, ReleasedEvents
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.encryption import TAG_BYTES, OpenSecretbox, decode_plaintext, open_secretbox, read_envelope
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, decode_data
from pusher_client.protocol.key_refresh import KeyRefresh, RefreshGuard
from pusher_client.protocol.keyring import Keyring, KeyRotationPolicy
from pusher_client.protocol.names import CLIENT_PREFIX

__all__ = ["EncryptedEvents", "KeyRequester"]


class KeyRequester(Protocol):
    """What the events of an encrypted channel need of the channel."""

    def release(self, events: ReleasedEvents) -> None:
        """Deliver these events, behind everything emitted before."""

    def request_key(self, encrypted: EncryptedEvents, now: float) -> None:
        """Start one authorization request whose answer goes to ``key_received`` or ``key_request_failed``."""

    def cancel_key_request(self, now: float) -> bool:
        """Cancel that request; return whether it had been started, and was not waiting for its turn."""
        ...


class EncryptedEvents(Backlog):
    """One encrypted channel's keys and held events.

    Args:
        channel: The channel's name.
        requester: Delivers events and makes authorization requests.
        policy: The numbers of key rotation.
        guards: The guard of this channel and that of the whole client.
        budget: The client's allowance of bytes.
        counts: The channel's counts.
        open_box: Opens a secretbox with a key.
    """

    __slots__ = ("_channel", "_counts", "_kept_until", "_policy", "_refresh", "_requester", "_ring")

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
        self._counts = counts
        self._requester = requester
        self._ring = Keyring(policy.grace, policy.old_keys, open_box)
        self._refresh = KeyRefresh(policy, guards)
        self._kept_until: float | None = None

    # -- received events ------------------------------------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> Event | None:
        """Take an application event; return what is to be delivered at once, or None if it is held."""
        self._counts.received += 1
        name, text = frame.event, frame.data
        envelope = read_envelope(text)
        if envelope is None:
            return self._in_order(self._failure(name, text, DecryptionFailureReason.MALFORMED))
        nonce, ciphertext = envelope
        plaintext = self._ring.open(nonce, ciphertext, now)
        if plaintext is None:
            return self._not_opened(
                Held(name=name, raw=text or "", arrived=now, nonce=nonce, ciphertext=ciphertext), now
            )
        if self._ring.fruitful:
            self._note_fruitful()
        if self.items:
            self._append(
                Held(name=name, raw=text or "", plaintext=plaintext, nonce=nonce, ciphertext=ciphertext[:TAG_BYTES])
            )
            return None
        return self._opened(name, text, plaintext, nonce + ciphertext[:TAG_BYTES])

    def receive_protocol_event(self, event: Event) -> Event | None:
        """Take an event of the protocol itself, whose place is behind what is held."""
        return self._in_order(event, application=False)

    def _in_order(self, event: Event, *, application: bool = True) -> Event | None:
        if not self.items:
            return event
        # A failure keeps its text in its data, everything else in ``raw``.
        raw = event.data.raw if isinstance(event.data, DecryptionFailure) else event.raw
        self._append(Held(name=event.name, raw=raw, event=event, application=application))
        return None

    def _not_opened(self, item: Held, now: float) -> Event | None:
        """Hold a sealed event that no key opens, unless nothing can be gained by waiting."""
        if item.name.startswith(CLIENT_PREFIX):
            if not self.items:
                return self._failed(item, DecryptionFailureReason.WRONG_KEY)
        elif self._refresh.requested_at is None:
            if self._refresh.suspended(now):
                return self._failed(item, DecryptionFailureReason.REFRESH_SUSPENDED)
            item.requested = True
            self._request_key(now)
        self._append(item)
        return None

    def _append(self, item: Held) -> None:
        if not self.append(item):
            self._release_while(DecryptionFailureReason.BACKLOG_OVERFLOW, _always)

    # -- keys -----------------------------------------------------------------------------------------------------

    def subscription_authorized(self, key: bytes, now: float) -> None:
        """Take the key of a subscription's authorization, and release everything held (design.md 3.8)."""
        self._ring.set_current(key, now)
        self._open_held(now)
        self._kept_until = None
        self._release_while(DecryptionFailureReason.WRONG_KEY, _always)

    def key_received(self, key: bytes, now: float) -> None:
        """Take the key of a refresh, release what waited for it, and judge what the request brought (design.md 3.7)."""
        self._refresh.requested_at = None
        is_new = self._ring.set_current(key, now)
        opened = self._open_held(now)
        if not is_new:
            self._refresh.brought_nothing(now)
        elif not opened:
            self._refresh.brought_key(now)
        self._release_requested(DecryptionFailureReason.WRONG_KEY, now)

    def key_request_failed(self, now: float, *, fruitless: bool = True) -> None:
        """Take the end of a refresh without a key: an error, a refusal, or no answer in time."""
        self._refresh.requested_at = None
        if fruitless:
            self._refresh.brought_nothing(now)
        self._release_requested(DecryptionFailureReason.AUTHORIZATION_FAILED, now)

    def _request_key(self, now: float) -> None:
        self._refresh.started(now)
        for item in self.items:
            item.requested = True
        self._counts.key_refreshes += 1
        self._requester.request_key(self, now)

    def _open_held(self, now: float) -> bool:
        """Open what can be opened; return whether a key that a request brought has opened its first event."""
        for item in self.items:
            if not item.decided:
                item.plaintext = self._ring.open(item.nonce, item.ciphertext, now)
                if item.plaintext is not None:
                    item.ciphertext = item.ciphertext[:TAG_BYTES]
        fruitful = self._ring.fruitful
        if fruitful:
            self._note_fruitful()
        return fruitful

    def _note_fruitful(self) -> None:
        self._ring.fruitful = False
        self._refresh.fruitful()

    # -- release --------------------------------------------------------------------------------------------------

    def _release_requested(self, reason: DecryptionFailureReason, now: float) -> None:
        """Release what the ended request was for; the first sealed event after that requests a key for all behind."""
        released: deque[Held] = deque()
        while self.items:
            item = self.head
            if item.decided or item.requested or item.name.startswith(CLIENT_PREFIX):
                released.append(self._take(reason))
            elif self._refresh.suspended(now):
                released.append(self._take(DecryptionFailureReason.REFRESH_SUSPENDED))
            else:
                self._request_key(now)
                break
        self._release(released)

    def _release_while(self, reason: DecryptionFailureReason, over: Callable[[Held], bool]) -> None:
        """Release events from the head while they are decided or their waiting is over."""
        released: deque[Held] = deque()
        while self.items and (self.head.decided or over(self.head)):
            released.append(self._take(reason))
        self._release(released)

    def _take(self, reason: DecryptionFailureReason) -> Held:
        item = self.pop()
        item.reason = DecryptionFailureReason.WRONG_KEY if item.name.startswith(CLIENT_PREFIX) else reason
        return item

    def _release(self, items: deque[Held]) -> None:
        if items:
            self._requester.release(ReleasedEvents(self._channel, items, self.free, self._make_event))

    # -- the end of waiting ---------------------------------------------------------------------------------------

    def end(self, now: float) -> None:
        """Release everything and drop the keys: the channel or the link failed finally, or was closed."""
        self.cancel_key_request(now)
        self._kept_until = None
        self._release_while(DecryptionFailureReason.AUTHORIZATION_FAILED, _always)
        self._ring.clear()

    def link_lost(self, now: float) -> None:
        """Hold events for the authorization of the next link, but no longer than one timeout (design.md 3.8)."""
        self.cancel_key_request(now)
        if self.items and self._kept_until is None:
            self._kept_until = now + self._policy.timeout

    def cancel_key_request(self, now: float) -> None:
        """Cancel a running request and a planned one."""
        self._refresh.probe_at = None
        if self._refresh.requested_at is not None:
            self._refresh.requested_at = None
            self._requester.cancel_key_request(now)

    def discard(self, now: float) -> None:
        """Drop the keys and all held events, which count as dropped: the caller unsubscribed."""
        self.cancel_key_request(now)
        while self.items:
            item = self.pop()
            self.free(item)
            self._counts.dropped += item.application
        self._kept_until = None
        self._ring.clear()

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` must be called."""
        due = [self._kept_until, self._refresh.deadline(), self._ring.deadline()]
        if self.items:
            due.append(self.head.arrived + 2 * self._policy.timeout)
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        self._ring.expire(now)
        if self._refresh.overdue(now):
            # A request that was still waiting for its turn says nothing about the endpoint.
            self.key_request_failed(now, fruitless=self._requester.cancel_key_request(now))
        longest = 2 * self._policy.timeout
        if self._kept_until is not None and now >= self._kept_until:
            self._kept_until = None
            longest = 0.0
        # The same sum as in ``deadline``: a difference could be rounded the other way, and the deadline never pass.
        self._release_while(DecryptionFailureReason.AUTHORIZATION_FAILED, lambda item: item.arrived + longest <= now)
        if self._refresh.probe_at is not None and now >= self._refresh.probe_at:
            self._request_key(now)

    # -- events ---------------------------------------------------------------------------------------------------

    def _make_event(self, item: Held) -> Event:
        if item.event is not None:
            return item.event
        if item.plaintext is not None:
            return self._opened(item.name, item.raw, item.plaintext, item.nonce + item.ciphertext)
        return self._failed(item, item.reason)

    def _opened(self, name: str, raw: str | None, plaintext: bytes, seal: bytes) -> Event:
        text = decode_plaintext(plaintext)
        if text is None:
            return self._failure(name, raw, DecryptionFailureReason.INVALID_UTF8, seal)
        return Event(name, self._channel, decode_data(text), None, text, seal)

    def _failed(self, item: Held, reason: DecryptionFailureReason) -> Event:
        return self._failure(item.name, item.raw, reason, item.nonce + item.ciphertext[:TAG_BYTES])

    def _failure(self, name: str, raw: str | None, reason: DecryptionFailureReason, seal: bytes | None = None) -> Event:
        id_ = None if seal is None else encrypted_event_id(self._channel, seal)
        failure = DecryptionFailure(self._channel, name, reason, raw or "", id_)
        return Event(DECRYPTION_FAILURE, self._channel, failure)


def _always(_item: Held) -> bool:
    return True
