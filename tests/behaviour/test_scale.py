"""Authorization of many channels over real sockets: how many calls, how many at a time, and whom a failure affects."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    HTTPAuthorizer,
    KeyRotationPolicy,
    PusherClient,
    SubscriptionState,
)
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.scripted_endpoint import Received, json_answer, serve_endpoint
from tests.support.scripted_server import scripted

NAMES = [f"private-{number}" for number in range(200)]


class Signer:
    """A batch authorizer that notes its calls, may hold them back, and counts how many run.

    Attributes:
        calls: The channels and the socket id of each call.
        running: How many calls run now, and at most so far.
        gate: Set while calls are answered.
        special: What is answered for some channels, in place of an authorization.
        key: The key of encrypted channels.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], str]] = []
        self.running = 0
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.special: dict[str, Any] = {}
        self.key = OLD
        self.cancelled = 0

    async def __call__(
        self, channel_names: Sequence[str], socket_id: str
    ) -> Mapping[str, ChannelAuthorization | AuthorizationError]:
        self.calls.append((list(channel_names), socket_id))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        granted = ChannelAuthorization(f"KEY:{socket_id}", shared_secret=self.key)
        return {name: self.special.get(name, granted) for name in channel_names if self.special.get(name) != "missing"}

    async def called(self, count: int) -> None:
        """Wait until there were so many calls."""
        while len(self.calls) < count:
            await asyncio.sleep(0.001)


async def subscribe_all(client: PusherClient, names: Sequence[str] = NAMES) -> None:
    await asyncio.gather(*(client.subscribe(name) for name in names))


async def test_two_hundred_channels_take_two_calls() -> None:
    """At the start and after a drop alike, each signed for its socket (R3)."""
    signer = Signer()
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        await subscribe_all(client)
        assert [(len(names), socket) for names, socket in signer.calls] == [(100, "1.1")] * 2
        peer.sockets[0].transport.abort()
        await peer.heard("pusher:subscribe", 400)
        assert [(len(names), socket) for names, socket in signer.calls[2:]] == [(100, "1.2")] * 2
        assert sorted(signer.calls[2][0] + signer.calls[3][0]) == sorted(NAMES)
        auths = [frame["data"]["auth"] for frame in peer.received if frame["event"] == "pusher:subscribe"]
        assert auths == ["KEY:1.1"] * 200 + ["KEY:1.2"] * 200


async def test_at_most_eight_batches_run_at_a_time() -> None:
    """A thousand channels are ten calls, of which the last two wait for a place (R3)."""
    names = [f"private-{number}" for number in range(1000)]
    signer = Signer()
    signer.gate.clear()
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        subscribing = asyncio.ensure_future(subscribe_all(client, names))
        await signer.called(8)
        signer.gate.set()
        await subscribing
    assert ([len(names) for names, _ in signer.calls], signer.most) == ([100] * 10, 8)


async def test_one_channels_refusal_is_no_others() -> None:
    """What is refused, missing or junk fails alone; the rest of the batch is subscribed (R7)."""
    signer = Signer()
    signer.special = {
        "private-1": AuthorizationError(None, "not yours", status=403),
        "private-2": "missing",
        "private-3": {"no": "auth"},
    }
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        results = await asyncio.gather(*(client.subscribe(name) for name in NAMES[:50]), return_exceptions=True)
        failed = {
            name: result for name, result in zip(NAMES[:50], results, strict=True) if isinstance(result, Exception)
        }
        assert set(failed) == {"private-1", "private-2", "private-3"}
        assert all(isinstance(error, AuthorizationError) for error in failed.values())
        assert str(failed["private-1"]) == "private-1: not yours (status 403)"
        await peer.heard("pusher:subscribe", 47)
    assert len(signer.calls) == 1


async def test_a_channel_that_is_refused_for_now_is_asked_for_again() -> None:
    """A 503 with retry_after in a batch delays that channel alone, and it comes (R3)."""
    signer = Signer()
    signer.special = {"private-1": AuthorizationError(None, status=503, retry_after=0.05)}
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        async with asyncio.TaskGroup() as group:
            late = group.create_task(client.subscribe("private-1"))
            await client.subscribe("private-2")
            assert not late.done()
            signer.special.clear()
        assert late.result().state is SubscriptionState.SUBSCRIBED
    assert [sorted(names) for names, _ in signer.calls] == [["private-1", "private-2"], ["private-1"]]


@pytest.mark.parametrize("raised", [OSError(), TimeoutError(), AuthorizationError(None, status=503)])
async def test_a_call_that_fails_for_now_is_repeated_for_all(raised: Exception) -> None:
    """Passing trouble of a call is every channel's of it, and each is asked for again (R3)."""
    signer = Signer()
    failures = [raised]

    async def authorize(channel_names: Sequence[str], socket_id: str) -> Mapping[str, Any]:
        if failures:
            raise failures.pop()
        return await signer(channel_names, socket_id)

    async with scripted() as peer, peer.client(batch_authorizer=authorize) as client:
        await subscribe_all(client, NAMES[:20])
    assert sorted(name for names, _ in signer.calls for name in names) == sorted(NAMES[:20])


async def test_a_drop_during_a_batch_asks_anew() -> None:
    """The call is cancelled, and the next link's is signed for its own socket (R3)."""
    signer = Signer()
    signer.gate.clear()
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        subscribing = asyncio.ensure_future(subscribe_all(client, NAMES[:20]))
        await signer.called(1)
        peer.sockets[0].transport.abort()
        await signer.called(2)
        assert (signer.cancelled, signer.running) == (1, 1)
        signer.gate.set()
        await subscribing
        auths = {frame["data"]["auth"] for frame in peer.received if frame["event"] == "pusher:subscribe"}
        assert auths == {"KEY:1.2"}


async def test_unsubscribing_during_a_batch() -> None:
    """Its answer subscribes only what is still wanted; a batch without waiting channels is cancelled (R3)."""
    signer = Signer()
    signer.gate.clear()
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        subscribing = asyncio.gather(*(client.subscribe(name) for name in NAMES[:3]), return_exceptions=True)
        await signer.called(1)
        await client.unsubscribe("private-0")
        assert signer.cancelled == 0
        signer.gate.set()
        await subscribing
        assert [frame["data"]["channel"] for frame in peer.received] == ["private-1", "private-2"]
        signer.gate.clear()
        again = asyncio.ensure_future(client.subscribe("private-0"))
        await signer.called(2)
        again.cancel()
        while not signer.cancelled:
            await asyncio.sleep(0.001)


async def test_a_handler_may_unsubscribe_what_the_same_batch_authorizes() -> None:
    """A plain handler runs between two answers of one batch; the second is not wanted any more then (R3, R7)."""
    signer = Signer()
    signer.special = {"private-0": AuthorizationError(None, status=403)}
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:

        def leave(_event: object) -> None:
            with pytest.raises(StopIteration):
                client.unsubscribe("private-1").send(None)

        client.channel("private-0").bind("pusher:subscription_error", leave)
        await asyncio.gather(*(client.subscribe(name) for name in NAMES[:3]), return_exceptions=True)
        await client.subscribe("private-3")
        subscribed = [frame["data"]["channel"] for frame in peer.received if frame["event"] == "pusher:subscribe"]
        assert subscribed == ["private-2", "private-3"]


async def test_a_batch_that_hangs_is_given_up() -> None:
    """After the authorization time-out its channels are requested again, or the caller gets the error (R3, R6)."""
    signer = Signer()
    signer.gate.clear()
    options = {"authorization_timeout": 0.05, "subscribe_timeout": 0.3}
    async with scripted() as peer, peer.client(batch_authorizer=signer, **options) as client:
        results = await asyncio.gather(*(client.subscribe(name) for name in NAMES[:3]), return_exceptions=True)
        assert all("not answered in time" in str(result) for result in results)
    assert signer.running == 0


async def test_a_rotation_through_a_batch_authorizer() -> None:
    """The key that an event needs is asked for the same way, and the event is delivered (C6)."""
    signer = Signer()
    async with scripted() as peer, peer.client(batch_authorizer=signer, key_rotation=KeyRotationPolicy()) as client:
        orders = await client.subscribe(CHANNEL)
        signer.key = NEW
        await peer.publish("e", CHANNEL, sealed(NEW, '"rotated"'))
        assert (await anext(aiter(orders))).data == "rotated"
        assert orders.stats.key_refreshes == 1
    assert [names for names, _ in signer.calls] == [[CHANNEL]] * 2


async def test_ending_cancels_what_runs() -> None:
    """Leaving the block waits for no authorizer (R6)."""
    signer = Signer()
    signer.gate.clear()
    async with scripted() as peer:
        async with peer.client(batch_authorizer=signer) as client:
            subscribing = asyncio.gather(*(client.subscribe(name) for name in NAMES), return_exceptions=True)
            await signer.called(2)
        await subscribing
    assert (signer.cancelled, signer.running) == (2, 0)


def test_one_kind_of_authorizer() -> None:
    """Two would contradict each other, and neither may be what cannot be called (design.md 2)."""
    signer = Signer()

    async def single(_channel: str, _socket_id: str) -> ChannelAuthorization:
        raise AssertionError

    with pytest.raises(ValueError, match="either authorizer or batch_authorizer"):
        PusherClient("KEY", cluster="eu", authorizer=single, batch_authorizer=signer)
    with pytest.raises(TypeError, match="batch_authorizer"):
        PusherClient("KEY", cluster="eu", batch_authorizer="no")  # type: ignore[arg-type]  # the mistake that is tested


async def test_the_environments_endpoint_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch authorizer that is given wins over PUSHER_AUTH_URL (design.md 2)."""
    monkeypatch.setenv("PUSHER_KEY", "KEY")
    monkeypatch.setenv("PUSHER_CLUSTER", "eu")
    monkeypatch.setenv("PUSHER_AUTH_URL", "https://example.com/auth")
    signer = Signer()
    assert PusherClient.from_env(proxy=None, batch_authorizer=signer)._life._authorization._batch_authorizer is signer


# -- one call per channel -----------------------------------------------------------------------------------------


async def test_eight_at_a_time_on_reconnect_and_what_the_endpoint_asks_for(caplog: pytest.LogCaptureFixture) -> None:
    """With 200 channels no more than eight requests are open at once, and Retry-After is waited for (R3)."""
    busy: set[str] = set()
    asked: list[str] = []
    most = running = 0
    full = asyncio.Event()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal most, running
        channel = request.body.rpartition("channel_name=")[2]
        asked.append(channel)
        running += 1
        most = max(most, running)
        if running == 8:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1
        if channel in busy:
            busy.discard(channel)
            await json_answer({}, "429 Too Many Requests", retry_after="1")(request, writer)
        else:
            await json_answer({"auth": f"KEY:{channel}"})(request, writer)

    async with (
        scripted() as peer,
        serve_endpoint(script) as endpoint,
        peer.client(authorizer=HTTPAuthorizer(endpoint.url)) as client,
    ):
        await subscribe_all(client)
        asked.clear()
        busy.update(NAMES[:20])
        peer.sockets[0].transport.abort()
        await peer.heard("pusher:subscribe", 400)
    assert most == 8
    assert sorted(asked) == sorted(NAMES + NAMES[:20])
    assert sum("next attempt in 1.0 s" in record.getMessage() for record in caplog.records) == 1
    assert "19 more failed attempts to subscribe in" in caplog.text


async def test_an_idle_channel_takes_less_than_four_kibibytes() -> None:
    """The memory of 500 encrypted channels with their own streams, once they are subscribed (design.md 8)."""
    names = [f"private-encrypted-{number}" for number in range(600)]
    signer = Signer()
    async with scripted() as peer, peer.client(batch_authorizer=signer) as client:
        await subscribe_all(client, names[:100])
        peer.received.clear()
        signer.calls.clear()
        tracemalloc.start()
        try:
            await subscribe_all(client, names[100:])
            await asyncio.sleep(0)  # until then the loop keeps the tasks
            peer.received.clear()
            signer.calls.clear()
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert 500 * 1024 < kept < 500 * 4096
