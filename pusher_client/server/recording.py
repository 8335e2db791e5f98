"""A record of what was published on a local server, for tests to wait for and assert on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator

from pusher_client.events import DecryptionFailure, DecryptionFailureReason, Event
from pusher_client.protocol.encryption import decode_plaintext, open_secretbox, read_envelope
from pusher_client.protocol.frames import decode_data
from pusher_client.server.application import Application, Passed

__all__ = ["Recording"]

_LISTED = 20
"""Maximum number of events in the message of a failure; the latest."""


class Recording:
    """The events that pass through an application, client events included, from its creation on.

    Its methods may be called from any thread.

    Args:
        application: The application.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._returned: set[int] = set()
        self._listeners: list[Callable[[], object]] = []
        application.watch(self._take)

    @property
    def events(self) -> list[Event]:
        """The events, in order. Those of encrypted channels are decrypted with the key at the time of publishing."""
        with self._changed:
            return list(self._events)

    def clear(self) -> None:
        """Forget all events."""
        with self._changed:
            self._events.clear()
            self._returned.clear()

    def wait(self, channel: str, name: str | None, timeout: float) -> Event:
        """Return the first event that matches and was not returned before; wait for it if there is none yet.

        Args:
            channel: The channel's name.
            name: The event's name; None for any.
            timeout: The time limit in seconds.

        Raises:
            AssertionError: No such event was published in time; the message lists what was.
        """
        with self._changed:
            event = self._changed.wait_for(lambda: self._next(channel, name), timeout)
            if event is not None:
                return event
            problem = self._missing(channel, name, timeout)
        raise AssertionError(problem)

    async def wait_in_loop(self, channel: str, name: str | None, timeout: float) -> Event:  # noqa: ASYNC109 -- as `wait`
        """Do the same as `wait` without blocking the event loop."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        with self._listening(lambda: loop.call_soon_threadsafe(changed.set)), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    changed.clear()
                    with self._changed:
                        event = self._next(channel, name)
                    if event is not None:
                        return event
                    await changed.wait()
        with self._changed:
            problem = self._missing(channel, name, timeout)
        raise AssertionError(problem)

    @contextlib.contextmanager
    def _listening(self, listener: Callable[[], object]) -> Generator[None]:
        with self._changed:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._changed:
                self._listeners.remove(listener)

    def _take(self, passed: Passed | None) -> None:
        if passed is None:
            return
        event = self._event(passed)
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()
            for listener in self._listeners:
                listener()

    def _event(self, passed: Passed) -> Event:
        raw: str | None = passed.data
        if passed.sealed:
            raw = self._opened(passed)
            if raw is None:
                reason = DecryptionFailureReason.WRONG_KEY
                failure = DecryptionFailure(passed.channel, passed.event, reason, passed.data)
                return Event(passed.event, passed.channel, failure, raw=passed.data)
        return Event(passed.event, passed.channel, decode_data(raw), passed.user_id, raw or "")

    def _opened(self, passed: Passed) -> str | None:
        envelope = read_envelope(passed.data)
        if envelope is None:
            return None
        plaintext = open_secretbox(*envelope, self._application.shared_secret(passed.channel))
        return None if plaintext is None else decode_plaintext(plaintext)

    def _next(self, channel: str, name: str | None) -> Event | None:
        for number, event in enumerate(self._events):
            if number not in self._returned and event.channel == channel and name in {None, event.name}:
                self._returned.add(number)
                return event
        return None

    def _missing(self, channel: str, name: str | None, timeout: float) -> str:
        wanted = "event" if name is None else f"event {name!r}"
        problem = f"no {wanted} was published on {channel!r} within {timeout:g} s; "
        if not self._events:
            return f"{problem}nothing was published: does the application use this server's host, port, app_id and key?"
        first = max(0, len(self._events) - _LISTED)
        lines = [
            f"  {event.name!r} on {event.channel!r}{' (returned before)' if number in self._returned else ''}"
            for number, event in enumerate(self._events[first:], first)
        ]
        earlier = [f"  and {first} earlier"] if first else []
        return "\n".join([f"{problem}published were:", *lines, *earlier])
