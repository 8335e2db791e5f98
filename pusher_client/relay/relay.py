"""`Relay`: a subscriber that writes every event of its channels to an engine."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import re
import secrets
from collections.abc import Iterable

from pusher_client.client import PusherClient
from pusher_client.events import DECRYPTION_FAILURE, ConnectionState, Event, StateChange
from pusher_client.exceptions import PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.names import is_application_event
from pusher_client.relay.engine import Engine, EngineError
from pusher_client.relay.engine_clock import EngineClock
from pusher_client.relay.envelope import Origin
from pusher_client.relay.relayed_channel import RelayedChannel
from pusher_client.relay.values import Put, RelaySettings

__all__ = ["Relay", "RelayError"]

_SUBSCRIBED = "pusher:subscription_succeeded"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RETRY = 0.2
_DEFAULTS = RelaySettings()

_logger = logging.getLogger("pusher_client")


class RelayError(PusherError):
    """The relay cannot go on; the message says why, and the cure."""


class Relay:
    """Writes every event of some channels to an engine, from which any number of workers read.

    Two or more relays with different names may run side by side. The engine drops what another has written, and only
    what no relay received is marked as a gap. The client should have a short ``activity_timeout``, such as 5 seconds: a
    relay claims to have received everything only up to the last frame from the server.

    Args:
        client: A client that is used for nothing else; `run` connects and disconnects it.
        engine: Stores the streams.
        channels: The channels' names.
        name: The relay's name, of letters, digits, ``_``, ``.`` and ``-``; no two relays of a channel share one.
        application: The application's key, as in the engine.
        settings: The times of the relay.
        buffer_bytes: Characters of envelopes that may wait while the engine is away.

    Raises:
        ValueError: A name is invalid, there is no channel, or the buffer is empty.
    """

    def __init__(
        self,
        client: PusherClient,
        engine: Engine,
        channels: Iterable[str],
        *,
        name: str,
        application: str,
        settings: RelaySettings = _DEFAULTS,
        buffer_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a relay has 1 to 64 letters, digits, '_', '.' or '-'")
        if buffer_bytes < 1:
            raise ValueError("buffer_bytes is a positive number of bytes")
        self._client = client
        self._engine = engine
        self._settings = settings
        self._clock = EngineClock()
        self._instance = secrets.token_hex(8)
        self._stopping = asyncio.Event()
        self._engine_fails = False
        self._last_alive = 0.0
        budget = ByteBudget(buffer_bytes)
        self._lines = [
            RelayedChannel(
                client.channel(channel), Origin(application, channel, name), settings, budget, self._instance
            )
            for channel in dict.fromkeys(channels)
        ]
        if not self._lines:
            raise ValueError("a relay needs at least one channel")

    @property
    def ready(self) -> bool:
        """Whether all channels are subscribed, the engine answers, and nothing is held."""
        subscribed = all(line.relay.subscribed and not line.relay.holding for line in self._lines)
        return subscribed and not self._engine_fails

    @property
    def waiting(self) -> int:
        """Number of entries that the engine has not acknowledged."""
        return sum(line.relay.waiting for line in self._lines)

    @property
    def counts(self) -> dict[str, int]:
        """Entries ``written`` by this relay, ``duplicates`` of others, ``marked`` gaps, and ``overflows`` dropped."""
        names = ("written", "duplicates", "marked", "overflows")
        return {name: sum(getattr(line.relay, name) for line in self._lines) for name in names}

    async def run(self) -> None:
        """Connect and relay until `stop` is called; then write what waits, and disconnect.

        Raises:
            ConnectError: The connection failed and is not retried.
            EngineError: The engine cannot be reached at the start, or is not fit.
            RelayError: Another relay has the same name.
            SubscriptionError: A channel was refused.
        """
        loop = asyncio.get_running_loop()
        await self._engine.open()
        try:
            for line in self._lines:  # the engine's time, before anything is received
                await self._exchange(line)
            self._last_alive = loop.time()
            self._client.connection.bind("state_change", self._state_changed)
            for line in self._lines:
                line.channel.bind_global(functools.partial(self._receive, line))
            async with self._client:
                await self._work()
        finally:
            await self._engine.close()

    def stop(self) -> None:
        """Let `run` end in an orderly way."""
        self._stopping.set()

    # -- what happens -------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.at(asyncio.get_running_loop().time())

    def _alive(self) -> None:
        """Notice a pause of the process, after which old events may arrive as if they were new."""
        now = asyncio.get_running_loop().time()
        paused = now - self._last_alive > self._settings.tick + self._settings.spread / 2
        self._last_alive = now
        if paused:
            for line in self._lines:
                line.relay.stalled(self._clock.at(now))

    def _state_changed(self, change: StateChange) -> None:
        if change.previous is ConnectionState.CONNECTED:
            for line in self._lines:
                line.relay.lost()

    def _receive(self, line: RelayedChannel, event: Event) -> None:
        self._alive()
        if event.name == _SUBSCRIBED:
            line.relay.joined(self._now())
        elif event.name == DECRYPTION_FAILURE or is_application_event(event.name):
            line.received(event, self._now())

    # -- what is done -------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        work = [self._write(line) for line in self._lines]
        tasks = [asyncio.create_task(each) for each in (*work, self._tick(), self._until_stopped())]
        tasks.append(asyncio.create_task(self._client.wait_closed()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_stopped(self) -> None:
        await asyncio.gather(*(line.channel.subscribe() for line in self._lines))
        await self._stopping.wait()
        await self._drain()

    async def _drain(self) -> None:
        """Write what was received before the end, unless the engine is away for long."""
        now = self._now()
        for line in self._lines:
            line.checkpoint(now, self._client.stats.silence)
            line.relay.lost()
            line.wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.max_hold):
                while self.waiting:  # noqa: ASYNC110 - a second per stop is not worth an event per write
                    await asyncio.sleep(_RETRY / 10)
        for line in self._lines:
            line.relay.close()
            with contextlib.suppress(EngineError):
                await self._exchange(line)

    async def _tick(self) -> None:
        while True:
            self._alive()
            now, silence = self._now(), self._client.stats.silence
            for line in self._lines:
                line.checkpoint(now, silence)
                try:
                    await self._exchange(line)
                except EngineError as error:
                    self._note(error)
                    break
                self._note(None)
                if line.relay.conflict:
                    raise RelayError(
                        f"another relay is named {line.origin.relay!r} on {line.origin.channel}: "
                        "give each relay a name of its own"
                    )
                line.wake.set()
            await asyncio.sleep(self._settings.tick)

    async def _exchange(self, line: RelayedChannel) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        answer = await self._engine.exchange(line.origin.channel, line.relay.record())
        self._clock.answered(asked, loop.time(), answer.now)
        line.relay.exchanged(answer, self._now())

    async def _write(self, line: RelayedChannel) -> None:
        channel, name, relay = line.origin.channel, line.origin.relay, line.relay
        while True:
            command = relay.command(self._now())
            if command is None:
                await line.wake.wait()
                line.wake.clear()
                continue
            try:
                if isinstance(command, Put):
                    result = await self._engine.put(channel, name, command)
                    relay.done(result, self._now())
                else:
                    settled = await self._engine.settle(channel, name, command)
                    relay.settled(settled, self._now())
            except EngineError as error:
                relay.failed()
                self._note(error)
                await asyncio.sleep(_RETRY)

    def _note(self, error: EngineError | None) -> None:
        if error is not None and not self._engine_fails:
            _logger.warning("the relay's engine fails: %s; events wait in the buffer, and it is tried again", error)
        if error is None and self._engine_fails:
            _logger.info("the relay's engine answers again")
        self._engine_fails = error is not None
