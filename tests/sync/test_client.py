"""The synchronous client against a local server, from plain threads (design.md 10)."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest

import pusher_client
from pusher_client import (
    AuthorizationError,
    ConnectError,
    ConnectionState,
    Event,
    HTTPUserAuthenticator,
    NotConnectedError,
    SecretAuthorizer,
    SubscriptionError,
)
from pusher_client.server import LocalServer
from pusher_client.sync import Channel, PresenceChannel, PusherClient

SECONDS = 20


@pytest.fixture
def server() -> Generator[LocalServer]:
    """A local server on its own thread."""
    with LocalServer() as running:
        yield running


def client_of(server: LocalServer, **options: Any) -> PusherClient:
    """Make a client for the server, not yet connected."""
    options = {"authorizer": SecretAuthorizer(server.key, server.secret, user_id="7"), "proxy": None} | options
    return PusherClient(server.key, host=server.host, port=server.port, tls=False, **options)


def test_the_first_lines_of_the_documentation(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """``with from_env()`` and ``for event in client.subscribe(name)`` read events in order until the loop breaks."""
    for name, value in {"KEY": server.key, "HOST": server.host, "PORT": str(server.port), "TLS": "false"}.items():
        monkeypatch.setenv(f"PUSHER_{name}", value)
    with PusherClient.from_env(proxy=None) as client:
        orders = client.subscribe("orders")
        for number in range(3):
            server.publish("orders", "order-created", {"id": number}).result(SECONDS)
        ids = []
        for event in orders:
            ids.append(event.data["id"])
            if len(ids) == 2:
                break
        assert next(iter(orders)).data == {"id": 2}  # the loop goes on where it was left
        assert (client.state, ids) == (ConnectionState.CONNECTED, [0, 1])
    assert client.state is ConnectionState.DISCONNECTED


def test_from_url(server: LocalServer) -> None:
    """``from_url`` reads the same URLs as the asyncio client's."""
    with PusherClient.from_url(f"ws://{server.key}@{server.host}:{server.port}", proxy=None) as client:
        assert client.socket_id is not None


def test_every_name_of_the_asyncio_client_is_there() -> None:
    """Clients, channels, presence channels, streams and users have the same public names (design.md 10)."""
    from pusher_client import sync  # noqa: PLC0415 - the module itself is compared

    for kind in ("PusherClient", "Channel", "PresenceChannel", "EventStream", "User"):
        theirs = {name for name in dir(getattr(pusher_client, kind)) if not name.startswith("_")}
        missing = theirs - set(dir(getattr(sync, kind))) - {"in_use", "emit", "watchlist", "connection", "user"}
        assert missing == set(), kind


def test_parameters_have_the_names_of_the_asyncio_client() -> None:
    """A call written for the asyncio client needs no other arguments here."""
    for kind, mine in ((pusher_client.PusherClient, PusherClient), (pusher_client.Channel, Channel)):
        for name in (
            "subscribe",
            "unsubscribe",
            "events",
            "wait_for",
            "connect",
            "switch_cluster",
            "trigger",
            "channel",
        ):
            if hasattr(kind, name):
                theirs = inspect.signature(getattr(kind, name)).parameters
                ours = inspect.signature(getattr(mine, name)).parameters
                assert set(theirs) <= set(ours), name


def test_a_refused_subscription_raises(server: LocalServer) -> None:
    """The error of the asyncio client is raised at the call, and nothing hangs."""

    def refuse(channel: str, socket_id: str) -> dict[str, str]:
        raise AuthorizationError(channel, f"not {socket_id[:0]}you", status=403)

    with client_of(server, authorizer=refuse) as client, pytest.raises(AuthorizationError, match="not you") as caught:
        client.subscribe("private-orders")
    assert caught.value.status == 403


def test_a_plain_authorizer_may_block_and_is_not_on_the_event_loop(server: LocalServer) -> None:
    """A plain function authorizes on a thread, so a blocking HTTP client may be used in it."""
    threads: list[str] = []
    signer = SecretAuthorizer(server.key, server.secret)

    def authorize(channel: str, socket_id: str) -> Any:
        threads.append(threading.current_thread().name)
        return signer(channel, socket_id)  # an awaitable is awaited

    with client_of(server, authorizer=authorize) as client:
        client.subscribe("private-orders")
    assert threads
    assert not threads[0].startswith(("MainThread", "pusher_client"))


def test_a_plain_authorizer_may_return_the_answer(server: LocalServer) -> None:
    """A plain function returns what an async one does, as a dict or a `ChannelAuthorization`."""
    signer = SecretAuthorizer(server.key, server.secret)

    def authorize(channel: str, socket_id: str) -> Any:
        return {"auth": asyncio.run(signer(channel, socket_id)).auth}

    with client_of(server, authorizer=authorize) as client:
        assert client.subscribe("private-orders").state is pusher_client.SubscriptionState.SUBSCRIBED


def test_whatever_can_be_called_may_authorize(server: LocalServer) -> None:
    """A partial, an object and a method of a plain function authorize as the function does."""
    signer = SecretAuthorizer(server.key, server.secret)

    class Authorizer:
        def __call__(self, channel: str, socket_id: str) -> Any:
            return signer(channel, socket_id)

    def authorize(_word: str, channel: str, socket_id: str) -> Any:
        return signer(channel, socket_id)

    for authorizer in (Authorizer(), Authorizer().__call__, functools.partial(authorize, "mine"), signer):
        with client_of(server, authorizer=authorizer) as client:
            assert client.subscribe("private-orders").state is pusher_client.SubscriptionState.SUBSCRIBED


def test_authorizers_are_checked_at_construction(server: LocalServer) -> None:
    """Other arguments, a generator function, and what cannot be called are a ``TypeError`` at once (design.md 2)."""

    def generate(_channel: str, _socket_id: str) -> Generator[None]:
        yield

    for authorizer in (lambda: None, generate, 3):
        with pytest.raises(TypeError, match="authorizer"):
            client_of(server, authorizer=authorizer)


def test_encrypted_channels_survive_a_rotation(server: LocalServer) -> None:
    """The algorithm is that of the asyncio client: one refresh, nothing lost."""
    with client_of(server, authorizer=pusher_client.HTTPAuthorizer(server.auth_url)) as client:
        orders = client.subscribe("private-encrypted-orders")
        server.publish("private-encrypted-orders", "e", 1).result(SECONDS)
        server.rotate_key()
        server.publish("private-encrypted-orders", "e", 2).result(SECONDS)
        events = iter(orders)
        assert [next(events).data, next(events).data] == [1, 2]
        assert orders.stats.key_refreshes == 1


def test_wait_for_has_a_time_limit(server: LocalServer) -> None:
    """``wait_for`` returns the next event, or raises ``TimeoutError``; on a channel and on the client."""
    with client_of(server) as client:
        orders = client.subscribe("orders")
        for waiting in (orders, client):
            with pytest.raises(TimeoutError, match=r"'never' on .* within 0.01 s"):
                waiting.wait_for("never", timeout=0.01)
        timer = threading.Timer(0.05, lambda: server.publish("orders", "e", 1))
        timer.start()
        assert orders.wait_for("e", timeout=SECONDS).data == 1
        timer.join()


def test_handlers_run_on_one_thread_and_may_call_the_client(server: LocalServer) -> None:
    """Handlers run in order on their own thread; a blocking call in one works, and ``unbind`` finds the function."""
    heard: list[tuple[str, Any]] = []
    done = threading.Event()

    def on_order(event: Event) -> None:
        heard.append((threading.current_thread().name, event.data))
        other = client.subscribe(f"answers-{event.data}")
        assert other.state is pusher_client.SubscriptionState.SUBSCRIBED
        if event.data == 2:
            done.set()

    with client_of(server) as client:
        orders = client.channel("orders")
        assert orders.bind("e", on_order) is on_order
        orders.subscribe()
        for number in range(3):
            server.publish("orders", "e", number).result(SECONDS)
        assert done.wait(SECONDS)
        orders.unbind("e", on_order)
        server.publish("orders", "e", 3).result(SECONDS)
        server.publish("orders", "last", 4).result(SECONDS)
    assert [data for _, data in heard] == [0, 1, 2]
    assert len({name for name, _ in heard}) == 1
    assert heard[0][0].startswith("pusher_client handlers")


def test_decorators_and_global_handlers(server: LocalServer) -> None:
    """Each way of binding works, on client, channel, connection and user."""
    heard: list[Any] = []
    arrived = threading.Semaphore(0)

    with client_of(server) as client:
        orders = client.channel("orders")

        @orders.bind("e")  # type: ignore[untyped-decorator]
        def on_named(event: Event) -> None:
            heard.append(("named", event.data))

        @client.bind_global()  # type: ignore[untyped-decorator]
        def on_any(event: Event) -> None:
            heard.append(("any", event.name))
            arrived.release()

        client.connection.bind("disconnected", lambda _: heard.append("disconnected"))
        orders.subscribe()
        assert arrived.acquire(timeout=SECONDS)
        server.publish("orders", "e", 1).result(SECONDS)
        assert arrived.acquire(timeout=SECONDS)
        client.unbind_global(on_any)
        assert on_named
    assert heard[:3] == [("any", "pusher:subscription_succeeded"), ("named", 1), ("any", "e")]


@pytest.mark.parametrize("raised", [ValueError("mine"), SystemExit(3), KeyboardInterrupt()])
def test_a_handler_that_raises_costs_nothing_else(server: LocalServer, raised: BaseException) -> None:
    """The error reaches ``on_handler_error``, later events are handled, and the event loop goes on (R7)."""
    errors: list[BaseException] = []
    second = threading.Event()

    def handle(event: Event) -> None:
        if event.data == 1:
            raise raised
        second.set()

    with client_of(server, on_handler_error=lambda error, _event: errors.append(error)) as client:
        client.channel("orders").bind("e", handle)
        client.subscribe("orders")
        server.publish("orders", "e", 1).result(SECONDS)
        server.publish("orders", "e", 2).result(SECONDS)
        assert second.wait(SECONDS)
    (error,) = errors
    assert error is raised or error.__cause__ is raised


@pytest.mark.parametrize("callback", [None, 3])
def test_what_cannot_be_called_is_refused(server: LocalServer, callback: Any) -> None:
    """A handler that cannot be called is a ``TypeError`` at once; so is a name that is not a string."""
    client = client_of(server)
    with pytest.raises(TypeError, match="name first"):
        client.bind(callback)
    if callback is not None:
        with pytest.raises(TypeError, match="function of one argument"):
            client.bind("e", callback)


def test_async_handlers_are_refused(server: LocalServer) -> None:
    """An async handler would never be awaited by a plain program; the message names the asyncio client."""

    async def handle(_event: Event) -> None: ...

    def generate(_event: Event) -> Generator[None]:
        yield

    for callback in (handle, generate):
        with pytest.raises(TypeError, match="plain function"):
            client_of(server).bind("e", callback)


def test_streams_end_after_their_queue(server: LocalServer) -> None:
    """What was queued before ``disconnect()`` is still read; then the iteration ends (design.md 2)."""
    client = client_of(server)
    with client:
        stream = client.channel("orders").events("e")
        client.subscribe("orders")
        for number in range(5):
            server.publish("orders", "e", number).result(SECONDS)
        assert [next(stream).data, next(stream).data] == [0, 1]
        while client.channel("orders").stats.received < 5:
            client.connect()  # waits for nothing, and lets the event loop run
    assert [event.data for event in stream] == [2, 3, 4]
    assert stream.dropped == 0


def test_take_returns_what_is_there(server: LocalServer) -> None:
    """``take`` waits for one event, returns at most ``limit`` in order, and an empty list at the end."""
    with client_of(server) as client:
        orders = client.subscribe("orders")
        with orders.events("e") as stream:
            with pytest.raises(TimeoutError):
                stream.take(3, timeout=0.01)
            with pytest.raises(ValueError, match="limit"):
                stream.take(0)
            for number in range(4):
                server.publish("orders", "e", number).result(SECONDS)
            taken: list[Event] = []
            while len(taken) < 4:
                batch = stream.take(3)
                assert 1 <= len(batch) <= 3
                taken += batch
            assert [event.data for event in taken] == [0, 1, 2, 3]
        assert stream.take(1) == []


def test_the_end_of_the_channel_is_raised_in_the_iteration(server: LocalServer) -> None:
    """``unsubscribe()`` from another thread ends a loop that waits; ``wait_for`` raises (design.md 2)."""
    with client_of(server) as client:
        orders = client.subscribe("orders")
        timer = threading.Timer(0.05, lambda: client.unsubscribe("orders"))
        timer.start()
        assert list(orders) == []
        timer.join()
        client.subscribe("orders")
        timer = threading.Timer(0.05, orders.unsubscribe)
        timer.start()
        with pytest.raises(SubscriptionError):
            orders.wait_for("e", timeout=SECONDS)
        timer.join()


def test_the_end_of_the_connection_is_raised_in_the_iteration(server: LocalServer) -> None:
    """A fatal close code ends a loop that waits with ``ConnectError``, and ``wait_closed`` raises the same (R2)."""
    with client_of(server) as client:
        orders = client.subscribe("orders")
        timer = threading.Timer(0.05, lambda: server.close(4001, "over"))
        timer.start()
        with pytest.raises(ConnectError):
            for _ in orders:
                pass
        with pytest.raises(ConnectError):
            client.wait_closed()
        timer.join()


def test_a_connection_that_fails_raises_and_leaves_nothing(server: LocalServer) -> None:
    """A wrong key is a ``ConnectError`` from ``connect()``; no thread is left, and a later call says what to do."""
    client = PusherClient("wrong", host=server.host, port=server.port, tls=False, proxy=None)
    before = threading.active_count()
    with pytest.raises(ConnectError):
        client.connect()
    assert threading.active_count() <= before
    with pytest.raises(NotConnectedError, match="with"):
        client.subscribe("orders")
    client.disconnect()
    client.unsubscribe("orders")
    client.wait_closed()


def test_connect_has_a_time_limit(server: LocalServer) -> None:
    """``connect(timeout=)`` raises ``TimeoutError`` while the server does not answer, and can be called again."""
    server.stall()
    client = client_of(server)
    with pytest.raises(TimeoutError):
        client.connect(timeout=0.1)
    server.stall(on=False)
    with client:
        client.connect()  # harmless while connected
        assert client.stats.connects == 1


def test_several_threads_share_a_client(server: LocalServer) -> None:
    """Calls from many threads at once each get their own result; each reader gets every event in order (R4)."""
    results: dict[int, list[int]] = {}

    def work(number: int) -> None:
        channel = client.subscribe(f"channel-{number}")
        ready.wait()
        results[number] = [next(events).data for events in [iter(channel)] for _ in range(50)]

    with client_of(server) as client:
        ready = threading.Barrier(9)
        threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        ready.wait()
        for count in range(50):
            for number in range(8):
                server.publish(f"channel-{number}", "e", count)
        for thread in threads:
            thread.join(SECONDS)
    assert results == {number: list(range(50)) for number in range(8)}


def test_disconnect_releases_every_waiting_thread(server: LocalServer) -> None:
    """Threads that wait in a stream, in ``wait_for`` or in ``wait_closed`` return when another one disconnects (R6)."""
    ended: list[str] = []

    def wait(what: str) -> None:
        with suppress(pusher_client.PusherError):
            if what == "stream":
                assert list(orders) == []
            elif what == "event":
                orders.wait_for("e")
            else:
                client.wait_closed()
        ended.append(what)

    client = client_of(server)
    client.connect()
    orders = client.subscribe("orders")
    threads = [threading.Thread(target=wait, args=[what]) for what in ("stream", "event", "closed")]
    for thread in threads:
        thread.start()
    client.disconnect()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(ended) == ["closed", "event", "stream"]


def test_disconnecting_in_a_handler_ends_the_client(server: LocalServer) -> None:
    """``disconnect()`` is legal in a handler, and the client can connect again (R7)."""
    ended = threading.Event()

    def handle(_event: Event) -> None:
        client.disconnect()
        ended.set()

    client = client_of(server)
    client.connect()
    client.channel("orders").bind("e", handle)
    client.subscribe("orders")
    server.publish("orders", "e", 1).result(SECONDS)
    assert ended.wait(SECONDS)
    assert client.state is ConnectionState.DISCONNECTED
    client.connect()
    client.disconnect()


def test_presence_and_client_events(server: LocalServer) -> None:
    """Members are a mapping, ``me`` is this member, and a client event reaches the other client."""
    with (
        client_of(server) as first,
        client_of(server, authorizer=SecretAuthorizer(server.key, server.secret, user_id="8")) as second,
    ):
        room = first.presence("presence-room")
        assert isinstance(room, PresenceChannel)
        assert room.me is None
        room.subscribe()
        other = second.presence("presence-room")
        other.subscribe()
        assert sorted(other.members) == ["7", "8"]
        assert other.me is not None
        assert other.me.id == "8"
        stream = room.events("client-wave")
        other.trigger("client-wave", {"to": "7"})
        assert next(stream).data == {"to": "7"}
        with pytest.raises(ValueError, match="presence-"):
            first.presence("orders")


def test_signing_in(server: LocalServer) -> None:
    """``signin()`` blocks until the server has acknowledged; the user's handlers run on the thread for handlers."""
    authenticator = HTTPUserAuthenticator(server.user_auth_url, params={"user_id": "7"})
    greeted = threading.Event()
    with client_of(server, user_authenticator=authenticator) as client:
        client.user.bind("greeting", lambda _: greeted.set())
        client.user.watchlist.bind("online", lambda _: None)
        client.signin()
        assert (client.user.id, (client.user.user_data or {})["id"]) == ("7", "7")
        while not greeted.wait(0.05):  # the server subscribes the user's channel after the acknowledgement
            server.publish("#server-to-user-7", "greeting", {}).result(SECONDS)


def test_losses_are_marked(server: LocalServer) -> None:
    """A dropped connection is one gap in the stream, and a mangled event a decryption failure (R5)."""
    failures: list[Any] = []
    failed = threading.Event()

    def on_failure(event: Event) -> None:
        failures.append(event.data.reason)
        failed.set()

    options: dict[str, Any] = {
        "authorizer": pusher_client.HTTPAuthorizer(server.auth_url),
        "on_decryption_failure": on_failure,
        "reconnect": pusher_client.ReconnectPolicy(base=0.01, cap=0.01),
    }
    with client_of(server, **options) as client:
        orders = client.subscribe("private-encrypted-orders")
        markers = orders.events("pusher:gap")
        server.drop()
        assert next(markers).data.channel == "private-encrypted-orders"
        server.mangle()
        server.publish("private-encrypted-orders", "e", 1).result(SECONDS)
        assert failed.wait(SECONDS)
    assert failures == ["wrong_key"]


def test_the_rest_of_the_names(server: LocalServer) -> None:
    """Names, counts, streams of all channels, ``unsubscribe`` and ``switch_cluster`` are the asyncio client's."""
    with client_of(server) as client:
        everything = client.events("e")
        orders = client.subscribe("orders")
        assert (orders.name, orders.subscription_count) == ("orders", None)
        server.publish("orders", "e", 1).result(SECONDS)
        assert next(everything).channel == "orders"
        client.unsubscribe("orders")
        assert orders.state is pusher_client.SubscriptionState.UNSUBSCRIBED
        first = client.socket_id
        client.switch_cluster(host=server.host, port=server.port, tls=False)
        assert client.socket_id != first


def test_a_partial_is_a_handler_and_async_authorizers_stay_async(server: LocalServer) -> None:
    """What wraps a function is looked into, and errors name the function itself."""
    done = threading.Event()
    signer = SecretAuthorizer(server.key, server.secret)

    async def authorize(channel: str, socket_id: str) -> Any:
        return await signer(channel, socket_id)

    def handle(word: str, event: Event) -> None:
        assert word == "mine"
        assert event.data == 1
        done.set()

    with client_of(server, authorizer=authorize) as client:
        handler = functools.partial(handle, "mine")
        client.channel("private-orders").bind("e", handler)
        client.subscribe("private-orders")
        server.publish("private-orders", "e", 1).result(SECONDS)
        assert done.wait(SECONDS)


def test_a_blocking_call_on_the_event_loops_thread_is_refused(server: LocalServer) -> None:
    """An async authorizer runs in the event loop, where a blocking call would wait for itself; reading is allowed."""
    seen: list[Any] = []

    async def authorize(_channel: str, _socket_id: str) -> Any:
        seen.append(client.stats.wanted)
        with pytest.raises(RuntimeError, match="handler or in another thread"):
            client.subscribe("orders")
        raise AuthorizationError("private-orders", "seen", status=403)

    with client_of(server, authorizer=authorize) as client, pytest.raises(AuthorizationError, match="seen"):
        client.subscribe("private-orders")
    assert seen == [1]


def test_a_client_has_a_plain_repr_and_no_pickle(server: LocalServer) -> None:
    """Neither the client nor a channel shows a secret, and a pickle is refused (C3)."""
    client = client_of(server)
    assert repr(client) == "<pusher_client.sync.PusherClient initialized>"
    assert repr(client.channel("orders")) == "<Channel 'orders' unsubscribed>"
    assert client.channel("orders") is client.channel("orders")
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(client)


async def test_async_with_is_refused(server: LocalServer) -> None:
    """``async with`` names the other client, in either direction."""
    with pytest.raises(TypeError, match="'with'"):
        async with client_of(server):
            pass
    with pytest.raises(TypeError, match=r"pusher_client\.sync"), pusher_client.PusherClient("KEY", cluster="eu"):
        pass


PROGRAM = """
import sys
from pusher_client.sync import PusherClient
with PusherClient.from_url(sys.argv[1], proxy=None) as client:
    print("subscribed", client.subscribe("orders").name, flush=True)
    for event in client.channel("orders"):
        print(event.name, flush=True)
"""


def test_ctrl_c_ends_the_program_at_once(server: LocalServer) -> None:
    """A KeyboardInterrupt while an iteration waits disconnects and ends the program."""
    url = f"ws://{server.key}@{server.host}:{server.port}"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"subscribed orders\n"
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=SECONDS)
    assert errors.rstrip().endswith(b"KeyboardInterrupt")
    assert program.returncode in {1, -signal.SIGINT}


def test_all_channels_at_once(server: LocalServer) -> None:
    """``all_channels``, ``unbind_all`` and ``unsubscribe_all`` do what the asyncio client's do."""
    heard: list[Any] = []
    with client_of(server) as client:
        orders, other = client.subscribe("orders"), client.subscribe("other")
        assert client.all_channels() == [orders, other]
        orders.bind("e", heard.append)
        orders.bind_global(heard.append)
        orders.unbind_all()
        server.publish("orders", "e", 1).result(SECONDS)
        server.publish("other", "e", 2).result(SECONDS)
        assert other.wait_for("e", timeout=SECONDS).data == 2
        client.unsubscribe_all()
        assert client.all_channels() == []
    client.unsubscribe_all()
    assert heard == []
