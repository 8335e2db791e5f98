"""The client: what users hold, between the driver below and the channels above."""

from __future__ import annotations

import os
import random
import ssl
from typing import Any, NoReturn, Self

from pusher_client.authorization.authorizers import Authorizer, BatchAuthorizer, HTTPAuthorizer, UserAuthenticator
from pusher_client.authorization.service import AuthorizationService
from pusher_client.channel import Channel, PresenceChannel
from pusher_client.delivery.bindings import Bindable, Handler, HandlerRegistry
from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.events import DECRYPTION_FAILURE, ClientStats, ConnectionState, Event
from pusher_client.exceptions import NotConnectedError, bare
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.reconnect import ReconnectPolicy
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.session.channels import Channels
from pusher_client.session.lifecycle import Lifecycle
from pusher_client.session.notices import News
from pusher_client.transport.address import Address, options_from_env, options_from_url
from pusher_client.transport.websocket import read_proxy
from pusher_client.user import User

__all__ = ["PusherClient"]

_RECONNECT = ReconnectPolicy()
_KEY_ROTATION = KeyRotationPolicy()


class PusherClient(Bindable):
    """A subscriber to Pusher Channels, or to a server that speaks the same protocol.

    Args:
        key: The application's key; not its secret.
        cluster: Pusher's cluster, as ``"eu"``. Either this or ``host``.
        host: The name or address of a server of one's own.
        port: Its port; 443 with TLS and 80 without by default.
        path: What stands before ``/app/`` on that server.
        tls: Whether to use TLS, or an ``SSLContext`` to use for it.
        authorizer: Authorizes private, presence and encrypted channels.
        batch_authorizer: The same with one call for many channels, in place of ``authorizer``.
        user_authenticator: Authenticates the user that `signin` signs in.
        activity_timeout: Seconds of silence before a ping; the server may ask for less.
        pong_timeout: Seconds after a ping within which something must come.
        connect_timeout: Seconds for one attempt to connect, the handshake included.
        unavailable_timeout: Seconds of connecting after which the state is ``unavailable``.
        subscribe_timeout: Seconds for a subscription to be acknowledged, and for ``subscribe()`` as a whole.
        authorization_timeout: Seconds for one authorization request.
        reconnect: When to connect again.
        key_rotation: How encrypted channels live with keys that change.
        queue_size: How many events a stream, or a channel's async handlers, may have waiting.
        max_message_size: The largest frame that is accepted, in bytes.
        buffer_bytes: How many bytes all queues and backlogs may take together.
        channel_name_limit: How long a channel's name may be; up to 200, for servers that allow 200.
        client_events_per_second: How many client events are sent in a second at most; None for no limit of our own.
        proxy: True for the environment's proxy, a URL for another, None or False for none.
        on_decryption_failure: The same as binding ``pusher:decryption_failure`` on the client.
        on_handler_error: Called with the exception and the event when a handler raises.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be what it should be; the message says what it should be.
    """

    def __init__(
        self,
        key: str,
        *,
        cluster: str | None = None,
        host: str | None = None,
        port: int | None = None,
        path: str = "",
        tls: bool | ssl.SSLContext = True,
        authorizer: Authorizer | None = None,
        batch_authorizer: BatchAuthorizer | None = None,
        user_authenticator: UserAuthenticator | None = None,
        activity_timeout: float = 120,
        pong_timeout: float = 30,
        connect_timeout: float = 15,
        unavailable_timeout: float = 10,
        subscribe_timeout: float = 30,
        authorization_timeout: float = 10,
        reconnect: ReconnectPolicy = _RECONNECT,
        key_rotation: KeyRotationPolicy = _KEY_ROTATION,
        queue_size: int = 1024,
        max_message_size: int = 1024 * 1024,
        buffer_bytes: int = 64 * 1024 * 1024,
        channel_name_limit: int = 164,
        client_events_per_second: int | None = None,
        proxy: str | bool | None = True,
        on_decryption_failure: Handler | None = None,
        on_handler_error: ErrorHandler | None = None,
    ) -> None:
        try:
            service = AuthorizationService(authorizer, batch_authorizer, user_authenticator)
            address = Address(key, cluster=cluster, host=host, port=port, path=path, tls=tls)
            settings = ConnectionSettings(
                activity_timeout=activity_timeout,
                pong_timeout=pong_timeout,
                connect_timeout=connect_timeout,
                unavailable_timeout=unavailable_timeout,
                subscribe_timeout=subscribe_timeout,
                authorization_timeout=authorization_timeout,
                batch_size=service.batch_size,
                reconnect=reconnect,
                key_rotation=key_rotation,
                buffer_bytes=buffer_bytes,
                max_message_size=max_message_size,
                channel_name_limit=channel_name_limit,
                client_events_per_second=client_events_per_second,
                tls=bool(tls),
            )
            budget = ByteBudget(buffer_bytes)
            self._core = Connection(settings, random.random, budget)
            self._channels = Channels(
                self._core,
                subscribe=self.subscribe,
                unsubscribe=self.unsubscribe,
                trigger=self._trigger,
                queue_size=queue_size,
                budget=budget,
                on_handler_error=on_handler_error,
            )
            self._news = News(self._core, self._channels, on_handler_error, budget)
            self._life = Lifecycle(
                self._core, self._channels, self._news, authorization=service, address=address, proxy=read_proxy(proxy)
            )
            if on_decryption_failure is not None:
                self.bind(DECRYPTION_FAILURE, on_decryption_failure)
        except (TypeError, ValueError) as error:
            problem = bare(error)
        else:
            return
        # A half-made self has no repr, and the others may show a password in theirs (promise C3).
        del self, authorizer, batch_authorizer, user_authenticator, proxy
        raise problem

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Make a client from ``wss://KEY@host:port/path``, ``ws://…`` or ``pusher://KEY@cluster``.

        Raises:
            ValueError: The URL is none of these.
        """
        try:
            key, address = options_from_url(url)
            return cls(key, **{**address, **options})
        except (TypeError, ValueError) as error:
            problem = bare(error)
        del url, options
        raise problem

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Make a client from the environment.

        ``PUSHER_KEY``, ``PUSHER_CLUSTER`` or ``PUSHER_HOST`` (which wins where it is not empty), ``PUSHER_PORT``,
        ``PUSHER_TLS``, and ``PUSHER_AUTH_URL`` for an ``HTTPAuthorizer``. Options given here win.

        Raises:
            ValueError: A variable is missing or cannot be what it should be.
        """
        try:
            key, found = options_from_env(os.environ, options)
            if os.environ.get("PUSHER_AUTH_URL") and not options.keys() & {"authorizer", "batch_authorizer"}:
                found["authorizer"] = HTTPAuthorizer(os.environ["PUSHER_AUTH_URL"])
            return cls(key, **{**found, **options})
        except (TypeError, ValueError) as error:
            problem = bare(error)
        del options
        raise problem

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        """Connect, and wait until the connection stands.

        What can mend itself is tried again until the caller's own ``asyncio.timeout()``. Cancelling the last call
        before the first connection tears everything down.

        Raises:
            ConnectError: The server or its certificate refuses for good.
            RuntimeError: The client is connected in another event loop.
        """
        await self._life.connect()

    async def disconnect(self) -> None:
        """Close the connection and want nothing any more; done within two seconds, and harmless when repeated."""
        await self._life.disconnect()

    async def wait_closed(self) -> None:
        """Wait until the connection is over.

        Raises:
            ConnectError: It is over because the server refuses for good.
            RuntimeError: The client is connected in another event loop.
        """
        await self._life.wait_closed()

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._core.state

    @property
    def socket_id(self) -> str | None:
        """The server's name for this connection; None without one."""
        return self._core.socket_id

    @property
    def stats(self) -> ClientStats:
        """What became of the events of all channels, and how the link does, up to this moment."""
        return self._life.stats()

    def channel(self, name: str) -> Channel:
        """Return the handle of a channel, without any traffic; the same one while somebody has a use for it.

        Raises:
            ValueError: The name is not one that a server accepts.
        """
        return self._channels.channel(name)

    def presence(self, name: str) -> PresenceChannel:
        """Return the handle of a presence channel.

        Raises:
            ValueError: The name does not start with ``presence-``, or is not one that a server accepts.
        """
        return self._channels.presence(name)

    async def subscribe(self, name: str) -> Channel:
        """Subscribe a channel and return it once the server has acknowledged.

        Raises:
            AuthorizationError: The endpoint or the server refused.
            SubscriptionError: It was not acknowledged in time, or ``unsubscribe()`` was called meanwhile.
            NotConnectedError: There is no connection, and none is being opened.
            ValueError: The name is not one that a server accepts.
        """
        channel, core = self._channels.channel(name), self._core
        await self._life.call(
            lambda call_id, now: core.subscribe(name, call_id, self._channels.want(channel), now),
            lambda call_id, now: core.abandon(name, call_id, now),
        )
        return channel

    async def unsubscribe(self, name: str) -> None:
        """Unsubscribe a channel; when this returns, nothing of its subscription reaches anyone.

        Raises:
            RuntimeError: The client is connected in another event loop.
        """
        driver = self._life.driver()
        if driver is not None:
            self._channels.end_at_once(name)
            driver.feed(self._core.unsubscribe, name)

    async def signin(self) -> None:
        """Sign the user in and return once the server has acknowledged; repeated after each reconnect.

        A sign-in that fails after a reconnect is the event ``pusher:signin_error`` on `user`, and is given up.

        Raises:
            AuthorizationError: The endpoint or the server refused, or nothing came in time.
            NotConnectedError: There is no connection, and none is being opened.
        """
        await self._life.call(self._core.start_sign_in, self._core.abandon_sign_in)

    @property
    def user(self) -> User:
        """The user that `signin` signs in: who it is, and where events for that user are bound."""
        return self._news.user

    async def switch_cluster(
        self,
        cluster: str | None = None,
        *,
        key: str | None = None,
        host: str | None = None,
        port: int | None = None,
        path: str = "",
        tls: bool | ssl.SSLContext | None = None,
    ) -> None:
        """Go to another cluster, server or application, with everything that is wanted and bound.

        Connected, it leaves the connection and waits for the new one, on which every channel is subscribed again, with
        a ``pusher:gap`` for what may be missing. Else the next `connect` goes there.

        Args:
            cluster: Pusher's cluster. Either this or ``host``.
            key: The other application's key; the same as before by default.
            host: The name or address of a server of one's own.
            port: Its port.
            path: What stands before ``/app/`` on that server.
            tls: Whether to use TLS; as before by default.

        Raises:
            ConnectError: The new server refuses for good; the connection is over then.
            TypeError: An argument is of the wrong type.
            ValueError: An argument cannot be what it should be.
        """
        moved = self._life.address.moved(key=key, cluster=cluster, host=host, port=port, path=path, tls=tls)
        await self._life.move(moved)

    async def _trigger(self, channel: str, event: str, data: Any) -> None:
        driver = self._life.driver()
        if driver is not None:
            driver.feed(self._core.trigger, channel, event, data)
        else:
            self._core.trigger(channel, event, data, now=0.0)
        if self._core.socket_id is None:
            raise NotConnectedError("the connection was given up: the server does not read what is sent")

    @property
    def connection(self) -> HandlerRegistry:
        """Where the connection's own events are bound: ``state_change``, the states, ``connecting_in``, ``error``."""
        return self._news.connection

    @property
    def _handlers(self) -> HandlerRegistry:
        return self._channels.dispatcher.handlers

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of the events of all subscribed channels; see `Channel.events`."""
        return self._channels.dispatcher.events(*names, queue_size=queue_size)

    async def wait_for(self, *names: str) -> Event:
        """Return the next event of one of these names on any channel."""
        return await self._channels.dispatcher.wait_for(*names)

    def __reduce__(self) -> NoReturn:
        """Refuse: a connection cannot be copied, and the authorizer may hold secrets (promise C3)."""
        raise TypeError("a PusherClient is not pickled; make another one there")

    def __repr__(self) -> str:
        return f"<PusherClient {self.state}>"
