"""The synchronous client: an asyncio client on a thread of its own (`pusher_client.PusherClient`)."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, Self
from weakref import WeakSet

import pusher_client
from pusher_client.events import ClientStats, ConnectionState, Event
from pusher_client.sync.bindings import Bindable, is_plain, threaded
from pusher_client.sync.channel import Channel, PresenceChannel
from pusher_client.sync.stream import EventStream
from pusher_client.sync.thread import ClientThread
from pusher_client.sync.user import User

__all__ = ["PusherClient"]

_ASKED = ("authorizer", "batch_authorizer", "user_authenticator")


class PusherClient(Bindable):
    """A subscriber to Pusher Channels for programs without asyncio.

    Args:
        key: The application's key; not its secret.
        **options: The options of `pusher_client.PusherClient`, under the same names. ``authorizer``,
            ``batch_authorizer`` and ``user_authenticator`` may be plain functions, which run on a thread and may block.
            ``on_decryption_failure`` is a plain function; it runs on the thread for handlers. ``on_handler_error`` runs
            on the event loop's thread, and must not block.

    Raises:
        TypeError: An argument is of the wrong type, or unknown.
        ValueError: An argument cannot be what it should be; the message says what it should be.
    """

    def __init__(self, key: str, **options: Any) -> None:
        self._wrap(pusher_client.PusherClient, key, options)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Make a client from a URL; see `pusher_client.PusherClient.from_url`."""
        made = cls.__new__(cls)
        cls._wrap(made, pusher_client.PusherClient.from_url, url, options)
        return made

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Make a client from the environment; see `pusher_client.PusherClient.from_env`."""
        made = cls.__new__(cls)
        cls._wrap(made, pusher_client.PusherClient.from_env, None, options)
        return made

    def _wrap(
        self, make: Callable[..., pusher_client.PusherClient], where: str | None, options: dict[str, Any]
    ) -> None:
        thread = ClientThread()
        client = make(*([] if where is None else [where]), **_adapted(thread, options))
        super().__init__(thread, client)
        self._client = client
        self._channels: dict[str, Channel] = {}
        self._streams: WeakSet[EventStream] = WeakSet()
        self.user: User = User(thread, client.user)
        self.connection: Bindable = Bindable(thread, client.connection)

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.disconnect()

    async def __aenter__(self) -> NoReturn:
        """Refuse ``async with``, which this client does not support."""
        raise TypeError(
            "use 'with' for pusher_client.sync.PusherClient, or 'async with' for pusher_client.PusherClient"
        )

    async def __aexit__(self, *_: object) -> None:
        """Exist, so that ``async with`` reaches the message of `__aenter__`."""

    def connect(self, timeout: float | None = None) -> None:
        """Connect, and wait until the connection is established.

        Args:
            timeout: Seconds to wait; None waits for as long as it takes.

        Raises:
            ConnectError: The server or its certificate refuses, and another attempt would not help.
            TimeoutError: The connection was not established in time; the message has the last cause.
        """
        self._thread.start()
        try:
            self._thread.wait_within(timeout, self._client.connect)
        except BaseException:
            self.disconnect()
            raise

    def disconnect(self) -> None:
        """Close the connection, end every stream and the threads; done within two seconds, harmless when repeated."""
        if not self._thread.running:
            return
        try:
            self._thread.wait(self._client.disconnect)
            for stream in list(self._streams):
                stream.finish()
        finally:
            self._thread.stop()

    def wait_closed(self) -> None:
        """Wait until the connection has ended.

        Raises:
            ConnectError: It failed, and another attempt would not help.
        """
        if self._thread.running:
            self._thread.wait(self._client.wait_closed)

    @property
    def state(self) -> ConnectionState:
        """The state of the connection."""
        return self._client.state

    @property
    def socket_id(self) -> str | None:
        """The server's name for this connection; None without one."""
        return self._client.socket_id

    @property
    def stats(self) -> ClientStats:
        """Counts of the events of all channels, and figures of the connection."""
        return self._thread.call(lambda: self._client.stats)

    def channel(self, name: str) -> Channel:
        """Return the handle of a channel, without any traffic; the same one for the same name.

        Raises:
            ValueError: The name is not one that a server accepts.
        """
        handle = self._channels.get(name)
        if handle is None:
            inner = self._thread.call(self._client.channel, name)
            if isinstance(inner, pusher_client.PresenceChannel):
                made: Channel = PresenceChannel(self._thread, inner, self._streams.add)
            else:
                made = Channel(self._thread, inner, self._streams.add)
            handle = self._channels.setdefault(name, made)  # another thread may have asked at the same moment
        return handle

    def presence(self, name: str) -> PresenceChannel:
        """Return the handle of a presence channel.

        Raises:
            ValueError: The name does not start with ``presence-``, or is not one that a server accepts.
        """
        self._thread.call(self._client.presence, name)
        handle = self.channel(name)
        assert isinstance(handle, PresenceChannel)  # noqa: S101 - the client has checked the name
        return handle

    def subscribe(self, name: str) -> Channel:
        """Subscribe a channel and return it once the server has acknowledged; raises as the asyncio client does."""
        return self.channel(name).subscribe()

    def unsubscribe(self, name: str) -> None:
        """Unsubscribe a channel. What its streams had queued before can still be read."""
        if self._thread.running:
            self._thread.wait(self._client.unsubscribe, name)

    def all_channels(self) -> list[Channel]:
        """Return the channels that are subscribed, being subscribed or retried, in the order of their subscriptions."""
        return [self.channel(channel.name) for channel in self._thread.call(self._client.all_channels)]

    def unsubscribe_all(self) -> None:
        """Unsubscribe from all channels. What their streams had queued before can still be read."""
        if self._thread.running:
            self._thread.wait(self._client.unsubscribe_all)

    def signin(self) -> None:
        """Sign the user in and return once the server has acknowledged; raises as the asyncio client does."""
        self._thread.wait(self._client.signin)

    def switch_cluster(
        self,
        cluster: str | None = None,
        *,
        key: str | None = None,
        host: str | None = None,
        port: int | None = None,
        path: str = "",
        tls: bool | ssl.SSLContext | None = None,
    ) -> None:
        """Go to another cluster, server or application; see `pusher_client.PusherClient.switch_cluster`."""
        self._thread.wait(self._client.switch_cluster, cluster, key=key, host=host, port=port, path=path, tls=tls)

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of the events of all channels; arguments as `pusher_client.PusherClient.events`."""
        stream = EventStream(
            self._thread, self._thread.call(lambda: self._client.events(*names, queue_size=queue_size))
        )
        self._streams.add(stream)
        return stream

    def wait_for(self, *names: str, timeout: float | None = None) -> Event:
        """Wait for the next event with one of these names, on any channel.

        Raises:
            TimeoutError: No such event came in time.
            ConnectError: The connection failed.
        """
        return self._thread.wait(self._client.wait_for, *names, timeout=timeout)

    def __repr__(self) -> str:
        return f"<pusher_client.sync.PusherClient {self.state}>"

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle would carry secrets, and a thread cannot be carried."""
        raise TypeError("a PusherClient cannot be pickled")


def _adapted(thread: ClientThread, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with plain functions turned into async ones that run them on threads."""
    adapted = dict(options)
    for name in _ASKED:
        function = options.get(name)
        if callable(function) and is_plain(function):
            adapted[name] = _asking(thread, function)
    if options.get("on_decryption_failure") is not None:
        adapted["on_decryption_failure"] = threaded(thread, options["on_decryption_failure"])
    return adapted


def _asking(thread: ClientThread, function: Any) -> Any:
    @functools.wraps(function)  # so that its arguments are checked
    async def ask(*args: Any) -> Any:
        return await thread.ask(function, *args)

    return ask
