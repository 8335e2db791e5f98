"""The public surface as users write it; never run, but checked by mypy and pyright."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from pusher_client import (
    MARKERS,
    AuthorizationError,
    BatchAuthorizer,
    Channel,
    ChannelAuthorization,
    ChannelStats,
    ConnectionState,
    Credentials,
    Event,
    EventStream,
    HTTPAuthorizer,
    HTTPBatchAuthorizer,
    HTTPUserAuthenticator,
    KeyRotationPolicy,
    Member,
    PresenceChannel,
    PusherClient,
    RateLimitError,
    ReconnectPolicy,
    SecretAuthorizer,
    SubscriptionState,
    User,
    UserAuthentication,
    UserAuthenticator,
)


async def authorize(channel: str, socket_id: str) -> ChannelAuthorization:
    if not channel:
        raise AuthorizationError(channel, status=403, retry_after=1.0)
    return ChannelAuthorization(f"KEY:{socket_id}", channel_data=None, shared_secret=bytes(32))


async def authorize_with_a_mapping(name: str, socket: str) -> Mapping[str, Any]:
    return {"auth": f"{name}{socket}"}


def on_handler_error(error: Exception, event: Event) -> None:
    print(error, event.name)


async def authorize_batch(
    names: Sequence[str], socket: str
) -> Mapping[str, ChannelAuthorization | Mapping[str, Any] | AuthorizationError]:
    allowed: Mapping[str, Any] = {"auth": socket}
    return {name: allowed if name.startswith("private-") else AuthorizationError(name, status=403) for name in names}


async def authorize_batch_alike(names: Sequence[str], socket: str) -> dict[str, ChannelAuthorization]:
    return {name: ChannelAuthorization(socket) for name in names}


batch_authorizers: list[BatchAuthorizer] = [
    authorize_batch,
    authorize_batch_alike,
    HTTPBatchAuthorizer("https://example.com/pusher/auths"),
]


async def token() -> dict[str, str]:
    return {"Authorization": "Bearer 1"}


async def token_with_its_lifetime() -> tuple[dict[str, str], float]:
    return {"Authorization": "Bearer 1"}, 3600


def user() -> Mapping[str, str]:
    return {"user": "1"}


shared = HTTPAuthorizer(
    "https://example.com/pusher/auth",
    headers=Credentials(token_with_its_lifetime),
    params=Credentials(user, lifetime=60),
)
token_of_many = Credentials(token, timeout=5)


async def iterate() -> None:
    authorizer = HTTPAuthorizer("https://example.com/pusher/auth", headers=token, params={"a": "b"}, timeout=5)
    async with PusherClient("APP_KEY", cluster="eu", authorizer=authorizer) as client:
        orders: Channel = await client.subscribe("private-encrypted-orders")
        async for event in orders:
            name: str = event.name
            print(name, event.data)
        stats: ChannelStats = orders.stats
        print(stats.received, orders.subscription_count)


async def handle() -> None:
    client = PusherClient(
        "APP_KEY",
        host="localhost",
        port=6001,
        path="/ws",
        tls=ssl.create_default_context(),
        authorizer=authorize,
        reconnect=ReconnectPolicy(cap=30),
        key_rotation=KeyRotationPolicy(grace=0),
        channel_name_limit=200,
        client_events_per_second=10,
        client_event_limit=10_000,
        on_decryption_failure=print,
        on_handler_error=on_handler_error,
    )
    orders = client.channel("private-encrypted-orders")

    @orders.bind("order-created")
    async def on_created(event: Event) -> None:
        print(event.data, event.user_id, event.raw)

    @client.bind("pusher:decryption_failure")
    def on_failure(event: Event) -> None:
        print(event.data)

    @orders.bind_global
    def on_all(event: Event) -> None:
        print(event)

    orders.bind("order-paid", on_failure)
    orders.unbind("order-paid", on_failure)
    orders.unbind_global(on_all)
    orders.bind("order-paid", lambda event: print(event.data))
    client.bind_global(lambda event: print(event.data))
    client.connection.bind("connecting_in", lambda seconds: print(seconds + 1))
    orders.unbind(cb=on_failure)
    client.unbind_global(cb=on_all)
    print(on_created)
    await client.connect()
    same: Channel = await orders.subscribe()
    await same.unsubscribe()
    try:
        await orders.trigger("client-typing", {"who": 1})
    except RateLimitError as error:
        seconds: float = error.retry_after
        print(seconds, error.channel)
    state: SubscriptionState = orders.state
    connection: ConnectionState = client.state
    socket_id: str | None = client.socket_id
    print(state, connection, socket_id)
    await client.wait_closed()
    await client.disconnect()


async def stream() -> None:
    client = PusherClient.from_url("wss://KEY@localhost:6001", authorizer=authorize_with_a_mapping)
    PusherClient.from_env(authorizer=SecretAuthorizer("key", "secret"))
    PusherClient("APP_KEY", cluster="eu", batch_authorizer=authorize_batch)
    PusherClient("APP_KEY", cluster="eu", batch_authorizer=authorize_batch_alike)
    events: EventStream = client.channel("orders").events("order-*", *MARKERS, queue_size=10)
    async with events, client.events("*") as everything:
        event: Event = await anext(everything)
        print(event, events.dropped)
    first: Event = await client.channel("orders").wait_for("order-created", timeout=5)
    room: PresenceChannel = client.presence("presence-room")
    me: Member | None = room.me
    members: Mapping[str, Any] = room.members
    print(first, me, members)


async def authenticate_user(socket_id: str) -> UserAuthentication:
    return UserAuthentication("KEY:" + socket_id, '{"id":"1"}')


async def users(authenticator: UserAuthenticator) -> None:
    client = PusherClient("KEY", cluster="eu", user_authenticator=authenticate_user)
    PusherClient("KEY", cluster="eu", user_authenticator=HTTPUserAuthenticator("https://example.com/user-auth"))
    PusherClient("KEY", cluster="eu", user_authenticator=authenticator)
    user: User = client.user

    @user.bind("greeting")
    async def on_greeting(event: Event) -> None:
        print(event.data)

    @client.user.watchlist.bind("online")
    def on_online(event: Event) -> None:
        print(event.data)

    user.unbind("greeting", on_greeting)
    user.watchlist.unbind("online", on_online)
    await client.signin()
    who: str | None = user.id
    data: dict[str, Any] | None = user.user_data
    print(who, data)
    await client.switch_cluster("us2", key="OTHER")
    await client.switch_cluster(host="ws.example.com", port=6001, path="/ws", tls=False)
