"""`PusherClient`: the public entry of the package."""

from __future__ import annotations

import os
import random
import ssl
from typing import Any, NoReturn, Self

from pusher_client.authorization.authorizers import Authorizer, BatchAuthorizer, HTTPAuthorizer, UserAuthenticator
from pusher_client.authorization.service import AuthorizationService
from pusher_client.channel import Channel, PresenceChannel
from pusher_client.delivery.bindings import Bindable, Bindings, Handler
from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.events import DECRYPTION_FAILURE, ClientStats, ConnectionState, Event
from pusher_client.exceptions import bare
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.reconnect import ReconnectPolicy
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.session.channels import Channels
from pusher_client.session.lifecycle import Lifecycle
from pusher_client.session.notices import Notices
from pusher_client.transport.address import Address
from pusher_client.transport.address_sources import options_from_env, options_from_url
from pusher_client.transport.handshake_headers import HeaderSource
from pusher_client.transport.opener import WebSocketOpener
from pusher_client.transport.proxy import read_proxy
from pusher_client.user import User

__all__ = ["PusherClient"]

_RECONNECT = ReconnectPolicy()
_KEY_ROTATION = KeyRotationPolicy()


class PusherClient(Bindable[Event]):
    """A subscriber to Pusher Channels, or to a server that speaks the same protocol.

    Args:
        key: The application's key, not its secret.
        cluster: Pusher's cluster, such as ``"eu"``. Give either this or ``host``.
        host: The name or address of a self-hosted server.
        port: The server's port; 443 with TLS and 80 without by default.
        path: The path before ``/app/`` on a self-hosted server.
        tls: Whether to use TLS, or an ``SSLContext`` to use for it.
        authorizer: Authorizes private, presence and encrypted channels.
        batch_authorizer: Authorizes many channels with one call; used instead of ``authorizer``.
        user_authenticator: Authenticates the user for `signin`.
        activity_timeout: Seconds of silence before a ping; the server may ask for a shorter time.
        pong_timeout: Seconds after a ping within which a frame must arrive, and in which a server must read something
            of what waits to be sent.
        connect_timeout: Seconds for one attempt to connect, including the handshake.
        unavailable_timeout: Seconds of connecting after which the state is ``unavailable``.
        subscribe_timeout: Seconds for the acknowledgement of a subscription, and for ``subscribe()`` as a whole.
        authorization_timeout: Seconds for one authorization request.
        reconnect: The delays between attempts to connect.
        key_rotation: The limits for refreshing the keys of encrypted channels.
        queue_size: Number of events that may wait in a stream, or for the async handlers of a channel.
        max_message_size: The largest accepted message, in bytes.
        buffer_bytes: Bytes that all queues and backlogs may take together.
        channel_name_limit: The maximal length of a channel name, up to 200.
        retry_initial: Whether to retry also what is final before the first connection, such as HTTP 404 or code 4004.
        client_events_per_second: Number of client events that may be sent in a second; None for no limit.
        client_event_limit: The largest client event, in bytes of the whole frame; None for at most 10 kB of data.
        proxy: True for the proxy from the environment, a URL for another one, None or False for none.
        origin: The ``Origin`` header, as ``"https://app.example.com"``, for servers with a list of them; None for none.
        headers: Further headers of the handshake, or an async function that returns them, called for each attempt to
            connect. Their values are secrets: no log or error shows them.
        on_decryption_failure: A handler to bind to ``pusher:decryption_failure`` on the client.
        on_handler_error: Called with the exception and the event when a handler raises.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument has an invalid value; the message names the valid ones.
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
        client_event_limit: int | None = None,
        retry_initial: bool = False,
        proxy: str | bool | None = True,
        origin: str | None = None,
        headers: HeaderSource | None = None,
        on_decryption_failure: Handler | None = None,
        on_handler_error: ErrorHandler | None = None,
    ) -> None:
        try:
            service = AuthorizationService(key, authorizer, batch_authorizer, user_authenticator)
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
                client_event_limit=client_event_limit,
                retry_initial=retry_initial,
                tls=bool(tls),
            )
            opener = WebSocketOpener(
                proxy=read_proxy(proxy), max_message_size=max_message_size, origin=origin, headers=headers
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
            self._notices = Notices(self._core, self._channels, on_handler_error, budget)
            self._life = Lifecycle(
                self._core,
                self._channels,
                self._notices,
                authorization=service,
                address=address,
                opener=opener,
            )
            if on_decryption_failure is not None:
                self.bind(DECRYPTION_FAILURE, on_decryption_failure)
        except (TypeError, ValueError) as error:
            problem = bare(error)
        else:
            return
        # These may show a password in the frames of a traceback (C3), and an incomplete self has no repr.
        del self, authorizer, batch_authorizer, user_authenticator, proxy, headers
        raise problem

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Create a client from a URL.

        Args:
            url: ``wss://KEY@host:port/path``, ``ws://…``, ``pusher://KEY@cluster``, or the URL that a browser shows for
                a connection, such as ``wss://ws-us2.pusher.com/app/KEY?protocol=7``.
            options: Further arguments of the class.

        Raises:
            ValueError: The URL has another form, or an option is invalid.
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
        """Create a client from environment variables.

        ``PUSHER_KEY``, ``PUSHER_CLUSTER`` or ``PUSHER_HOST`` (used if both are set), ``PUSHER_PORT``, ``PUSHER_TLS``,
        ``PUSHER_ORIGIN``, and ``PUSHER_AUTH_URL`` for an ``HTTPAuthorizer``. Options given here take precedence.
        Laravel's names are read where these are missing: ``PUSHER_APP_KEY``, ``PUSHER_APP_CLUSTER``, and
        ``PUSHER_SCHEME`` (``https`` or ``http``).

        Raises:
            ValueError: A variable is missing or has an invalid value.
        """
        try:
            key, found = options_from_env(os.environ, options)
            if os.environ.get("PUSHER_AUTH_URL") and not options.keys() & {"authorizer", "batch_authorizer"}:
                found["authorizer"] = HTTPAuthorizer(os.environ["PUSHER_AUTH_URL"])
            if os.environ.get("PUSHER_ORIGIN"):
                found["origin"] = os.environ["PUSHER_ORIGIN"]
            return cls(key, **{**found, **options})
        except (TypeError, ValueError) as error:
            problem = bare(error)
        del options
        raise problem

    def __enter__(self) -> NoReturn:
        """Refuse ``with``, which cannot wait."""
        raise TypeError("use 'async with'; a program without asyncio uses pusher_client.sync.PusherClient and 'with'")

    def __exit__(self, *_: object) -> None:
        """Exist, so that ``with`` reaches the message of `__enter__`."""

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - it ends with the last cause
        """Connect, and wait until the connection is established.

        Temporary failures are retried until the timeout, or an ``asyncio.timeout()`` of the caller, ends the wait. If
        the last pending call ends so before the first connection was established, the client disconnects.

        Args:
            timeout: Seconds for all attempts together; None for no limit.

        Raises:
            ConnectError: The connection failed and a retry cannot help.
            TimeoutError: The timeout has expired; the message has the cause of the last failed attempt.
            TypeError: The timeout is no number.
            ValueError: The timeout is not positive.
            RuntimeError: The client is connected in another event loop.
        """
        await self._life.connect(timeout)

    async def disconnect(self) -> None:
        """Close the connection and end all subscriptions, within two seconds; calling it again has no effect."""
        await self._life.disconnect()

    async def wait_closed(self) -> None:
        """Wait until the connection has ended.

        Raises:
            ConnectError: It failed and is not retried.
            RuntimeError: The client is connected in another event loop.
        """
        await self._life.wait_closed()

    @property
    def state(self) -> ConnectionState:
        """The state of the connection."""
        return self._core.state

    @property
    def socket_id(self) -> str | None:
        """The socket id that the server assigned to this connection; None while not connected."""
        return self._core.socket_id

    @property
    def stats(self) -> ClientStats:
        """Counts of the events of all channels and of connections, up to this moment."""
        return self._life.stats()

    def channel(self, name: str) -> Channel:
        """Return the handle of a channel, without I/O; the same object while it is referenced, subscribed or bound.

        Raises:
            ValueError: The name is invalid.
        """
        return self._channels.channel(name)

    def presence(self, name: str) -> PresenceChannel:
        """Return the handle of a presence channel.

        Raises:
            ValueError: The name does not start with ``presence-``, or is invalid.
        """
        return self._channels.presence(name)

    async def subscribe(self, name: str) -> Channel:
        """Subscribe to a channel; return it after the server's acknowledgement.

        Raises:
            AuthorizationError: The endpoint or the server refused.
            SubscriptionError: There was no acknowledgement in time, or ``unsubscribe()`` was called meanwhile.
            NotConnectedError: The client is not connected and not connecting.
            ValueError: The name is invalid.
        """
        channel, core = self._channels.channel(name), self._core
        with self._channels.subscribing(channel):
            await self._life.call(
                lambda call_id, now: core.subscribe(name, call_id, self._channels.add_wanted(channel), now),
                lambda call_id, now: core.abandon(name, call_id, now),
            )
        return channel

    async def unsubscribe(self, name: str) -> None:
        """Unsubscribe from a channel; no event of the subscription is delivered after this returns.

        Raises:
            RuntimeError: The client is connected in another event loop.
        """
        driver = self._life.driver()
        if driver is not None:
            self._channels.end_at_once(name)
            driver.feed(self._core.unsubscribe, name)

    def all_channels(self) -> list[Channel]:
        """Return the channels that are subscribed, being subscribed or retried, in the order of their subscriptions."""
        return self._channels.all_channels()

    async def unsubscribe_all(self) -> None:
        """Unsubscribe from all channels, as `unsubscribe` does.

        Raises:
            RuntimeError: The client is connected in another event loop.
        """
        for channel in self.all_channels():
            await self.unsubscribe(channel.name)

    async def signin(self) -> None:
        """Sign the user in; return after the server's acknowledgement. Repeated after each reconnect.

        If it fails after a reconnect, `user` gets the event ``pusher:signin_error``, and it is not tried again.

        Raises:
            AuthorizationError: The endpoint or the server refused, or did not answer in time.
            NotConnectedError: The client is not connected and not connecting.
        """
        await self._life.call(self._core.start_sign_in, self._core.abandon_sign_in)

    @property
    def user(self) -> User:
        """The user of `signin`: its id, and the handlers of events sent to it."""
        return self._notices.user

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
        """Switch to another cluster, server or application; subscriptions and handlers are kept.

        A connected client closes its connection and waits for the new one. Every channel is subscribed again there,
        with a ``pusher:gap`` for events that may be missing. Otherwise the next `connect` uses the new address.

        Args:
            cluster: Pusher's cluster. Give either this or ``host``.
            key: The key of the other application; unchanged by default.
            host: The name or address of a self-hosted server.
            port: The server's port.
            path: The path before ``/app/`` on that server.
            tls: Whether to use TLS; unchanged by default.

        Raises:
            ConnectError: The connection failed and a retry cannot help; the client is disconnected then.
            TypeError: An argument has the wrong type.
            ValueError: An argument has an invalid value.
        """
        moved = self._life.address.moved(key=key, cluster=cluster, host=host, port=port, path=path, tls=tls)
        await self._life.move(moved)

    async def _trigger(self, channel: str, event: str, data: Any) -> None:
        await self._life.trigger(channel, event, data)

    @property
    def connection(self) -> Bindable[Any]:
        """Handlers of the connection's own events: ``state_change``, the states, ``connecting_in``, ``error``."""
        return self._notices.connection

    @property
    def _handlers(self) -> Bindings:
        return self._channels.dispatcher

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of the events of all subscribed channels; see `Channel.events`."""
        return self._channels.dispatcher.events(*names, queue_size=queue_size)

    async def wait_for(self, *names: str, timeout: float | None = None) -> Event:  # noqa: ASYNC109 - its error has names
        """Return the next event with one of these names, on any channel; see `Channel.wait_for`."""
        return await self._channels.dispatcher.wait_for(*names, timeout=timeout)

    def __reduce__(self) -> NoReturn:
        """Raise: a connection cannot be copied, and the authorizer may hold secrets (C3)."""
        raise TypeError("a PusherClient cannot be pickled; create a new one instead")

    def __repr__(self) -> str:
        return f"<PusherClient {self.state}>"
