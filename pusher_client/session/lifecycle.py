"""Connections one after another, each in one event loop, from connect to shutdown (R6)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import Callable, Collection
from typing import Any

from pusher_client.authorization.service import AuthorizationService
from pusher_client.delivery.worker_pool import CONNECTED_ELSEWHERE
from pusher_client.events import ClientStats, ConnectionState, SubscriptionState
from pusher_client.exceptions import ConnectError, NotConnectedError
from pusher_client.protocol.checks import seconds_problem
from pusher_client.protocol.connection import Connection
from pusher_client.session.channels import Channels
from pusher_client.session.driver import Driver
from pusher_client.session.notices import Notices
from pusher_client.session.shutdown import Shutdown
from pusher_client.transport.address import Address
from pusher_client.transport.opener import WebSocketOpener
from pusher_client.transport.websocket import WebSocket

__all__ = ["Lifecycle"]

_HANDLER_GRACE = 1.0
_NOT_DISCONNECTED = (
    "the client was still connected when its tasks were cancelled, as at the end of asyncio.run(): "
    "use 'async with' or await disconnect() before"
)
_NO_ASYNCIO = (
    "this client needs a running asyncio event loop, and there is none here: under Trio, and in programs without "
    "asyncio, use pusher_client.sync.PusherClient, from Trio in a thread"
)

_logger = logging.getLogger("pusher_client")


class Lifecycle:
    """Starts a driver for the core, and ends it with all its tasks.

    Args:
        core: The rules of the protocol.
        channels: Takes the events of channels.
        notices: Takes the core's notices.
        authorization: Answers authorization requests.
        address: The address to connect to; also an attribute.
        opener: Opens WebSockets.
    """

    def __init__(
        self,
        core: Connection,
        channels: Channels,
        notices: Notices,
        *,
        authorization: AuthorizationService,
        address: Address,
        opener: WebSocketOpener,
    ) -> None:
        self._core = core
        self._channels = channels
        self._notices = notices
        self._authorization = authorization
        self._opener = opener
        self._call_ids = itertools.count(1)
        self._driver: Driver | None = None
        self._shutdown = Shutdown(self._shut_down, self._cancelled)
        self.address: Address = address

    def driver(self) -> Driver | None:
        """Return the driver of the current connection; None without one.

        Raises:
            RuntimeError: The connection belongs to another event loop or process, or there is no event loop.
        """
        driver = self._driver
        self._channels.dispatcher.pool.check_process()
        if driver is not None and driver.loop.is_closed():
            self._end_without_loop(driver)
            return None
        if driver is not None and driver.loop is not asyncio.get_running_loop():
            raise RuntimeError(f"{CONNECTED_ELSEWHERE}, or create another client")
        return driver

    def stats(self) -> ClientStats:
        """Return the counts of all channels and of connections."""
        total, states, driver = self._channels.total(), self._channels.wanted(), self._driver
        return ClientStats(
            received=total.received,
            delivered=total.delivered,
            dropped=total.dropped,
            undecryptable=total.undecryptable,
            waiting=total.waiting,
            key_refreshes=total.key_refreshes,
            connects=self._notices.connects,
            wanted=len(states),
            subscribed=states.count(SubscriptionState.SUBSCRIBED),
            silence=math.inf if driver is None else driver.loop.time() - self._core.last_received,
        )

    async def connect(self, seconds: float | None = None) -> None:
        """Start a connection unless there is one, and wait until it is established.

        Args:
            seconds: How long to wait at most; None for no limit.

        Raises:
            TimeoutError: The connection was not established in time; the message has the last cause.
            TypeError: ``seconds`` is no number.
            ValueError: ``seconds`` is not positive.
        """
        problem = None if seconds is None else seconds_problem("timeout", seconds)
        if problem is not None:
            raise problem
        _check_asyncio()
        try:
            async with asyncio.timeout(seconds):
                await self._connect()
        except TimeoutError:
            cause = self._notices.unconnected_cause
            raise TimeoutError(f"no connection to {self.address.place} within {seconds:g} s; {cause}") from None

    async def _connect(self) -> None:
        while self.driver() is not None and not self._core.active:
            self._shutdown.request()  # also when the core has failed, and the notice of it is still on its way
            await self._shutdown.wait()
        await self._wait_connected(_nothing if self.driver() is not None else self._start)

    async def move(self, address: Address) -> None:
        """Switch to another address; with a connection, at once, and wait until the new one is established."""
        driver = self.driver()
        self.address = address
        if driver is None or not self._core.active:
            self._core.reconnect(0.0, tls=bool(address.tls))
            return
        await self._wait_connected(lambda: driver.feed(self._core.reconnect, tls=bool(address.tls)))

    async def call(self, start: Callable[[int, float], object], cancel: Callable[[int, float], object]) -> None:
        """Start a call in the core and wait for its result.

        Args:
            start: Starts it; called with the call's number and the time.
            cancel: Called with the same when the caller waits no longer.

        Raises:
            PusherError: The call failed.
            NotConnectedError: The client is not connected and not connecting.
        """
        driver = self.driver()
        if driver is None or not self._core.active:
            raise NotConnectedError("not connected; call connect() first, or use 'async with'")
        call_id = next(self._call_ids)
        result = self._notices.waiters.wait_result(call_id)
        driver.feed(start, call_id)
        try:
            await result
        except asyncio.CancelledError:
            self._notices.waiters.forget_result(call_id)
            driver.feed(cancel, call_id)
            raise

    async def trigger(self, channel: str, event: str, data: Any) -> None:
        """Send a client event and wait until it is handed to the transport; raises as `Channel.trigger` does."""
        driver, place = self.driver(), self.address.place
        if driver is None:
            self._core.trigger(channel, event, data, 0.0)  # raises
        elif not await driver.sender.trigger(channel, event, data):
            lost = f"the link to {place} was lost: {self._core.lost_cause}"
            raise NotConnectedError(f"{channel}: the client event was not sent: {lost}")

    async def disconnect(self) -> None:
        """End the connection; no effect without one."""
        driver = self.driver()
        if driver is None:
            return
        self._shutdown.spare_caller()
        if not self._shutdown.requested:
            driver.feed(self._core.disconnect)
            self._shutdown.request()
        await self._shutdown.wait()

    async def wait_closed(self) -> None:
        """Wait until the connection has ended; raise the error if it failed."""
        failure = self._notices.failure
        if self.driver() is not None:
            failure = failure if self._shutdown.requested else await self._notices.waiters.wait_end()
            await self._shutdown.wait()
        if failure is not None:
            raise failure.with_traceback(None)

    def _end_without_loop(self, driver: Driver) -> None:
        """Drop a connection whose event loop was closed before `disconnect`: none of its tasks can run any more."""
        self._driver = None
        self._shutdown.forget()
        self._notices.waiters.forget_all()
        self._channels.end_without_loop()
        driver.end_without_loop()

    def _cancelled(self) -> None:
        """Called when the program cancels tasks of a connection that was not ended: end it, and open no other."""
        driver = self._driver
        if driver is not None and self._core.active:
            _logger.warning("%s", _NOT_DISCONNECTED)
            self._channels.dispatcher.pool.ending = True
            driver.feed(self._core.disconnect)
            self._shutdown.request()

    async def _wait_connected(self, begin: Callable[[], object]) -> None:
        waiters = self._notices.waiters
        try:
            await waiters.wait_connected(begin, lambda: self._core.state is ConnectionState.CONNECTED)
        except asyncio.CancelledError as error:
            # The TimeoutError of asyncio.timeout() has it as its cause, so its traceback shows the note.
            error.add_note(f"no connection to {self.address.place} yet; {self._notices.unconnected_cause}")
            if waiters.nobody_connecting:
                await self.disconnect()
            raise
        except ConnectError:
            await self._shutdown.wait()
            raise

    def _start(self) -> None:
        driver = self._driver = Driver(
            self._core,
            self._open_websocket,
            self._authorization,
            send_queue_bytes=self._core.settings.buffer_bytes,
            deliver=self._channels.deliver,
            notify=self._notices.handle,
            cancelled=self._cancelled,
        )
        self._channels.open()
        self._shutdown.begin()
        self._notices.begin(self._shutdown.request, lambda: self.address.place)
        self._authorization.attach()
        driver.feed(self._core.connect)

    async def _shut_down(self, callers: Collection[asyncio.Task[Any]]) -> None:
        driver = self._driver
        assert driver is not None  # noqa: S101 - a shutdown runs only while there is a driver
        try:
            await asyncio.gather(driver.stop(callers), self._channels.close(_HANDLER_GRACE, callers))
            await self._authorization.detach()
        finally:
            self._driver = None

    async def _open_websocket(self) -> WebSocket:
        self._authorization.key = self.address.key
        return await self._opener.open(self.address)


def _check_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(_NO_ASYNCIO) from None


def _nothing() -> None:
    """Start nothing: a connection is there or on its way."""
