"""From connect to the end, and again: one connection at a time, each in one event loop (promise R6)."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Collection
from typing import Any, Literal

from pusher_client.authorization.service import AuthorizationService
from pusher_client.events import ClientStats, SubscriptionState
from pusher_client.exceptions import ConnectError, NotConnectedError
from pusher_client.protocol.connection import Connection
from pusher_client.session.channels import Channels
from pusher_client.session.driver import Driver
from pusher_client.session.notices import News
from pusher_client.session.shutdown import Shutdown
from pusher_client.transport.address import Address
from pusher_client.transport.websocket import WebSocket

__all__ = ["Lifecycle"]

_HANDLER_GRACE = 1.0


class Lifecycle:
    """Starts a driver for the core, and brings it to an end with all that ran for it.

    Args:
        core: The rules.
        channels: Where events go.
        news: Where everything else goes.
        authorization: Carries out the authorization requests.
        address: Where to connect to; also an attribute.
        proxy: True for the environment's proxy, a URL for another, None for none.
    """

    def __init__(
        self,
        core: Connection,
        channels: Channels,
        news: News,
        *,
        authorization: AuthorizationService,
        address: Address,
        proxy: str | Literal[True] | None,
    ) -> None:
        self._core = core
        self._channels = channels
        self._news = news
        self._authorization = authorization
        self._proxy: str | Literal[True] | None = proxy
        self._call_ids = itertools.count(1)
        self._driver: Driver | None = None
        self._shutdown = Shutdown(self._shut_down)
        self.address: Address = address

    def driver(self) -> Driver | None:
        """Return what runs the present connection; None without one.

        Raises:
            RuntimeError: It runs in another event loop.
        """
        driver = self._driver
        if driver is not None and driver.loop.is_closed():
            self._abandon(driver)
            return None
        if driver is not None and driver.loop is not asyncio.get_running_loop():
            raise RuntimeError("this client is connected in another event loop; use it there, or make another client")
        return driver

    def stats(self) -> ClientStats:
        """Sum up how everything stands."""
        total, states, driver = self._channels.total(), self._channels.wanted(), self._driver
        return ClientStats(
            received=total.received,
            delivered=total.delivered,
            dropped=total.dropped,
            undecryptable=total.undecryptable,
            waiting=total.waiting,
            key_refreshes=total.key_refreshes,
            connects=self._news.connects,
            wanted=len(states),
            subscribed=states.count(SubscriptionState.SUBSCRIBED),
            silence=math.inf if driver is None else driver.loop.time() - self._core.last_received,
        )

    async def connect(self) -> None:
        """Start a connection unless there is one, and wait until it stands."""
        while self.driver() is not None and self._shutdown.running:
            await self._shutdown.wait()
        if self.driver() is None:
            self._start()
        await self._wait_connected()

    async def move(self, address: Address) -> None:
        """Go to another address, at once where there is a connection, and wait until it stands."""
        driver = self.driver()
        self.address = address
        if driver is None or not self._core.active:
            self._core.reconnect(0.0, tls=bool(address.tls))
            return
        driver.feed(self._core.reconnect, tls=bool(address.tls))
        await self._wait_connected()

    async def call(self, start: Callable[[int, float], object], abandon: Callable[[int, float], object]) -> None:
        """Give the core a call that has a result, and wait for that.

        Args:
            start: Takes the call's number and the time.
            abandon: The same, when the caller waits no longer.

        Raises:
            PusherError: What the call ended with.
            NotConnectedError: There is no connection, and none is being opened.
        """
        driver = self.driver()
        if driver is None or not self._core.active:
            raise NotConnectedError("not connected; call connect() first, or use 'async with'")
        call_id = next(self._call_ids)
        result = self._news.wait_result(call_id)
        driver.feed(start, call_id)
        try:
            await result
        except asyncio.CancelledError:
            self._news.abandon_result(call_id)
            driver.feed(abandon, call_id)
            raise

    async def disconnect(self) -> None:
        """End the connection; harmless without one."""
        driver = self.driver()
        if driver is None:
            return
        self._shutdown.spare_caller()
        if not self._shutdown.running:
            driver.feed(self._core.disconnect)
            self._shutdown.start()
        await self._shutdown.wait()

    async def wait_closed(self) -> None:
        """Wait for the end of the connection, and raise why if it failed for good."""
        failure = self._news.failure
        if self.driver() is not None:
            failure = failure if self._shutdown.running else await self._news.wait_over()
            await self._shutdown.wait()
        if failure is not None:
            raise failure.with_traceback(None)

    def _abandon(self, driver: Driver) -> None:
        """Let go of a connection whose event loop was closed before `disconnect`: nothing of it can run any more."""
        self._driver = None
        self._shutdown.abandon()
        self._news.abandon()
        self._channels.abandon()
        driver.abandon()

    async def _wait_connected(self) -> None:
        try:
            await self._news.wait_connected()
        except asyncio.CancelledError:
            if self._news.unwanted:
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
            deliverer=self._channels,
            listener=self._news,
        )
        self._channels.open()
        self._news.begin(self._shutdown.start)
        self._authorization.attach()
        driver.feed(self._core.connect)

    async def _shut_down(self, callers: Collection[asyncio.Task[Any]]) -> None:
        driver = self._driver
        assert driver is not None  # noqa: S101 - a shutdown starts only with one, and is over when there is none
        try:
            await asyncio.gather(driver.stop(callers), self._channels.close(_HANDLER_GRACE, callers))
            await self._authorization.detach()
        finally:
            self._driver = None

    async def _open_websocket(self) -> WebSocket:
        limit, address = self._core.settings.max_message_size, self.address
        return await WebSocket.open(address.url, tls=address.tls, proxy=self._proxy, max_message_size=limit)
