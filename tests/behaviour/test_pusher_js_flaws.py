"""What pusher-js 8.6 gets wrong, each as a scenario that this client passes.

Where users see the outcome, the client runs against a server over a real socket; where a race needs an exact order,
the core is driven by plain calls.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ConnectionState,
    DecryptionFailureReason,
    Event,
    SubscriptionError,
    SubscriptionState,
)
from pusher_client.protocol.outputs import Authorize, Cancel, OpenWebSocket, Output, Purpose, Result
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, UNKNOWN, Core, frame, sealed
from tests.support.held_authorizer import HeldEndpoint, text_of, until
from tests.support.scripted_server import scripted


def broken(**changes: str) -> str:
    """Return an envelope under the old key with some of its fields replaced."""
    return json.dumps({**json.loads(sealed(OLD, "x")), **changes})


def data_of(core: Core) -> list[Any]:
    """Return the data of the application events that were delivered, in order."""
    return [event.data for event in core.events if event.name == "e"]


def refreshes(outputs: list[Output]) -> list[Authorize]:
    """Return the requests for a new key among the outputs."""
    return [one for one in outputs if isinstance(one, Authorize) and one.purpose is Purpose.REFRESH]


# -- flaw 1 and the races behind it: a request for each event, and the order of the answers is that of the events -----


async def test_one_request_serves_all_events_that_wait_and_their_order_is_kept() -> None:
    """pusher-js asks once per event and delivers as answers come, so 3, 4, 1, 2; here one request, 1 to 4 (R4, C6)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        orders = await client.subscribe(CHANNEL)
        events = orders.events()
        endpoint.hold()
        for number in (1, 2, 3):
            await peer.publish("e", CHANNEL, sealed(NEW, str(number)))
        await until(lambda: orders.stats.waiting == 3)
        await peer.publish("e", CHANNEL, sealed(NEW, "4"))
        await until(lambda: orders.stats.waiting == 4)
        assert len(endpoint.open) == 1
        endpoint.open[0].set_result({"shared_secret": text_of(NEW)})
        assert [(await anext(events)).data for _ in range(4)] == [1, 2, 3, 4]
        assert len(endpoint.asked) == 2
        assert orders.stats.key_refreshes == 1


async def test_client_handlers_never_see_the_envelope() -> None:
    """pusher-js hands {nonce, ciphertext} to client-level handlers; here they get what opened, or nothing (C1)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        seen: list[Event] = []
        client.bind_global(seen.append)
        client.bind("e", seen.append)
        stream = client.events("*")
        orders = await client.subscribe(CHANNEL)
        await peer.publish("e", CHANNEL, sealed(OLD, '"opened"'))
        await peer.publish("e", CHANNEL, sealed(UNKNOWN, '"sealed"'))
        await peer.publish("e", CHANNEL, '"forged"')
        await until(lambda: orders.stats.undecryptable == 2)
        streamed = [(await anext(stream)) for _ in range(4)]
        assert [event.data for event in [*seen, *streamed] if event.name == "e"] == ["opened"] * 3
        for word in ("nonce", "ciphertext", "forged"):
            assert word not in repr([*seen, *streamed])


def test_an_event_behind_those_that_wait_does_not_overtake_them() -> None:
    """In pusher-js an event that opens at once is emitted before older ones whose requests still run (R4)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("e", CHANNEL, sealed(NEW, "1")))
    core.receive(frame("e", CHANNEL, sealed(OLD, "2")))
    assert data_of(core) == []
    core.answer(NEW)
    core.receive(frame("e", CHANNEL, sealed(NEW, "3")))
    assert data_of(core) == [1, 2, 3]


def test_a_herd_of_events_asks_once() -> None:
    """In pusher-js N events before the first answer are N requests, times all its clients (C6)."""
    core = Core()
    core.up()
    core.subscribed()
    before = len(core.outputs)
    for number in range(500):
        core.receive(frame("e", CHANNEL, sealed(NEW, str(number))))
    assert len(refreshes(core.outputs[before:])) == 1
    core.answer(NEW)
    assert data_of(core) == list(range(500))
    assert len(refreshes(core.outputs[before:])) == 1


# -- flaw 2: the last answer wins, also with the older key -----------------------------------------------------------


def test_an_older_key_that_is_answered_late_does_not_replace_a_newer_one() -> None:
    """In pusher-js, answers K2 then K1 lose event 2 and end with K1; here both stay on the ring (R4, R5)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("e", CHANNEL, sealed(NEW, "1")))
    core.receive(frame("e", CHANNEL, sealed(NEW, "2")))
    core.answer(NEW)
    core.receive(frame("e", CHANNEL, sealed(UNKNOWN, "3")))
    core.answer(OLD)  # an endpoint in the middle of a roll-out
    core.receive(frame("e", CHANNEL, sealed(NEW, "4")))
    core.receive(frame("e", CHANNEL, sealed(OLD, "5")))
    assert data_of(core) == [1, 2, 4, 5]
    assert core.failures() == ["wrong_key"]
    assert len(refreshes(core.outputs)) == 2


# -- flaws 3 and 4: secrets that are none -----------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["!!!!", text_of(b"x" * 31), text_of(b"x" * 33), "", None])
async def test_a_secret_that_is_none_fails_the_subscription(secret: str | None) -> None:
    """pusher-js throws into the void and stays pending, or subscribes and throws per event; here it is raised (C1)."""
    endpoint = HeldEndpoint({"shared_secret": secret})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        told = client.events("pusher:subscription_error")
        with pytest.raises(AuthorizationError, match="shared_secret") as caught:
            await client.subscribe(CHANNEL)
        assert caught.value.channel == CHANNEL
        assert (await anext(told)).channel == CHANNEL
        assert client.channel(CHANNEL).state is SubscriptionState.FAILED
        assert peer.received == []
        endpoint.ready = [{"shared_secret": text_of(OLD)}]
        orders = await client.subscribe(CHANNEL)
        assert orders.state is SubscriptionState.SUBSCRIBED


# -- flaws 5, 6, 7 and 12: events that throw in the reader ------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(None, DecryptionFailureReason.MALFORMED, id="flaw 5, no data"),
        pytest.param(broken(nonce="*" * 32), DecryptionFailureReason.MALFORMED, id="flaw 6, a nonce not in base64"),
        pytest.param(broken(ciphertext="*"), DecryptionFailureReason.MALFORMED, id="a ciphertext not in base64"),
        pytest.param(broken(nonce=text_of(b"n" * 25)), DecryptionFailureReason.MALFORMED, id="flaw 7, 25 bytes"),
        pytest.param(broken(ciphertext=text_of(b"c" * 15)), DecryptionFailureReason.MALFORMED, id="no room for a tag"),
        pytest.param("{}", DecryptionFailureReason.MALFORMED, id="an empty object"),
        pytest.param(sealed(OLD, b"\xff\xfe"), DecryptionFailureReason.INVALID_UTF8, id="flaw 12, not UTF-8"),
    ],
)
async def test_an_event_that_cannot_be_read_is_a_failure_and_no_exception(
    data: str | None, reason: DecryptionFailureReason
) -> None:
    """pusher-js throws out of the socket's callback; here it is a marker in its place, with no request (R5, R7)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        orders = await client.subscribe(CHANNEL)
        events = orders.events("*")
        await peer.publish("e", CHANNEL, sealed(OLD, "1"))
        bare = {"event": "e", "channel": CHANNEL, **({} if data is None else {"data": data})}
        await peer.sockets[0].send(json.dumps(bare))
        await peer.publish("e", CHANNEL, sealed(OLD, "2"))
        first, failure, second = [await anext(events) for _ in range(3)]
        assert (first.data, second.data) == (1, 2)
        assert (failure.name, failure.data.reason) == ("pusher:decryption_failure", reason)
        assert failure.data.event_name == "e"
        assert len(endpoint.asked) == 1
        assert client.state is ConnectionState.CONNECTED


async def test_a_failure_to_decrypt_is_told_to_the_application() -> None:
    """pusher-js only writes a log; here channel and client get one event, without the content in a repr (R5, C3)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    told: list[Event] = []
    async with scripted() as peer, peer.client(authorizer=endpoint, on_decryption_failure=told.append) as client:
        orders = await client.subscribe(CHANNEL)
        waiting = asyncio.ensure_future(orders.wait_for("pusher:decryption_failure"))
        await asyncio.sleep(0)
        await peer.publish("e", CHANNEL, sealed(UNKNOWN, "canary"))
        failure = (await waiting).data
        assert (failure.channel, failure.reason) == (CHANNEL, DecryptionFailureReason.WRONG_KEY)
        assert "ciphertext" not in repr(failure)
        assert [event.data for event in told] == [failure]


# -- flaw 8: what was unsubscribed comes back -------------------------------------------------------------------------


@pytest.mark.parametrize("acknowledgement", ["awaited", "not even asked for"])
async def test_what_is_unsubscribed_while_pending_stays_away_after_a_drop(acknowledgement: str) -> None:
    """pusher-js resubscribes such a channel on the next connection, a zombie; here the wish is gone at once (R3)."""
    endpoint = HeldEndpoint({})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        await client.subscribe("private-kept")
        if acknowledgement == "awaited":
            peer.answers["private-a"] = []
        else:
            endpoint.hold()
        pending = asyncio.ensure_future(client.subscribe("private-a"))
        state = SubscriptionState.SUBSCRIBING if acknowledgement == "awaited" else SubscriptionState.AUTHORIZING
        await until(lambda: client.channel("private-a").state is state and ("private-a", "1.1") in endpoint.asked)
        await client.unsubscribe("private-a")
        with pytest.raises(SubscriptionError):
            await pending
        endpoint.ready = [{}]
        peer.sockets[0].transport.abort()
        await peer.connected(2)
        await until(lambda: client.channel("private-kept").state is SubscriptionState.SUBSCRIBED)
        await client.subscribe("last")
        assert [one for one in endpoint.asked if one[1] == "1.2"] == [("private-kept", "1.2")]
        on_the_new_link = peer.received[-2:]
        assert [one["data"]["channel"] for one in on_the_new_link] == ["private-kept", "last"]


def test_what_is_unsubscribed_while_its_authorization_fails_stays_away() -> None:
    """pusher-js keeps the channel when the refusal comes after unsubscribe(), and asks again at a reconnect (R3)."""
    core = Core()
    core.up()
    core.subscribe("private-a")
    request = core.requests()[-1]
    core.connection.unsubscribe("private-a", core.now)
    core.drain()
    assert Cancel(request.request_id) in core.outputs
    error = AuthorizationError("private-a", status=403)
    core.connection.authorization_failed(request.request_id, error, retryable=False, retry_after=None, now=core.now)
    core.lose()
    core.back()
    core.wait(300.0)
    assert core.requests() == [request]
    assert [one for one in core.sent if one["event"] == "pusher:subscribe"] == []


# -- flaw 9: a signature travels on another connection than the one it was made for -----------------------------------


async def test_an_answer_for_an_old_connection_is_not_sent_on_the_new_one() -> None:
    """pusher-js sends both the old and the new signature on the new connection; here each has its socket (R3)."""
    endpoint = HeldEndpoint()
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        pending = asyncio.ensure_future(client.subscribe("private-a"))
        await until(lambda: endpoint.asked == [("private-a", "1.1")])
        peer.sockets[0].transport.abort()
        await until(lambda: len(endpoint.asked) == 2)
        await until(lambda: len(endpoint.open) == 1)  # the first one was cancelled: its answer is not needed
        endpoint.open[0].set_result({})
        await pending
        assert endpoint.asked[1] == ("private-a", "1.2")
        assert [one["data"] for one in peer.received] == [{"channel": "private-a", "auth": "KEY:1.2"}]


def test_a_late_answer_for_an_old_connection_is_ignored() -> None:
    """Even if an authorizer cannot be cancelled and answers after the drop, before and after the new answer (R3)."""
    core = Core()
    core.up()
    core.subscribe("private-a")
    old = core.requests()[-1]
    core.lose()
    core.answer(None, old)
    core.back()
    core.answer(None, old)
    new = core.requests()[-1]
    assert new.socket_id == "1.2"
    core.answer(None, new)
    core.answer(None, old)
    subscribed = [one["data"]["auth"] for one in core.sent if one["event"] == "pusher:subscribe"]
    assert subscribed == ["key:1.2"]


# -- flaw 10: a refusal of the server leaves the channel pending ------------------------------------------------------


@pytest.mark.parametrize("status", [401, 4009])
async def test_a_refusal_of_the_server_ends_the_subscription_and_a_new_call_tries_anew(status: int) -> None:
    """In pusher-js the channel stays pending and subscribe() does nothing until a reconnect; here it raises (R3)."""
    async with scripted() as peer, peer.client(authorizer=HeldEndpoint({})) as client:
        data = {"type": "AuthError", "error": "no", "status": status}
        peer.answers["private-a"] = [{"event": "pusher:subscription_error", "channel": "private-a", "data": data}]
        for attempt in (1, 2):
            with pytest.raises(AuthorizationError) as caught:
                await client.subscribe("private-a")
            assert caught.value.status == status
            await peer.heard("pusher:subscribe", attempt)
        del peer.answers["private-a"]
        assert (await client.subscribe("private-a")).state is SubscriptionState.SUBSCRIBED
        assert peer.connects == 1


# -- flaw 11: a request for a key outlives its subscription -----------------------------------------------------------


async def test_a_key_that_comes_after_unsubscribing_delivers_nothing() -> None:
    """In pusher-js the handler is still called; here what waited is dropped and counted, and the request ends (R5)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        handled: list[Event] = []
        orders = client.channel(CHANNEL)
        orders.bind("e", handled.append)
        client.bind("e", handled.append)
        await orders.subscribe()
        endpoint.hold()
        await peer.publish("e", CHANNEL, sealed(NEW, "1"))
        await until(lambda: len(endpoint.open) == 1)
        await orders.unsubscribe()
        await until(lambda: endpoint.open == [])
        await client.subscribe("last")
        assert handled == []
        assert (orders.stats.dropped, orders.stats.waiting) == (1, 0)


def test_an_answer_after_unsubscribing_changes_nothing_either() -> None:
    """Even one that could not be cancelled, and that comes when the channel is subscribed again (R3, C7)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("e", CHANNEL, sealed(NEW, "1")))
    old = core.requests()[-1]
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    core.answer(NEW, old)
    core.wait(2.0)
    core.subscribed(key=OLD)
    core.answer(NEW, old)
    assert data_of(core) == []
    core.receive(frame("e", CHANNEL, sealed(NEW, "2")))
    assert data_of(core) == []
    assert core.requests()[-1].purpose is Purpose.REFRESH  # the late key is not on the ring


def test_a_key_for_an_old_connection_does_not_serve_the_new_one() -> None:
    """In pusher-js a request that outlives a reconnect sets the key and emits; here the next link asks anew (R3)."""
    core = Core()
    core.up()
    core.subscribed()
    core.receive(frame("e", CHANNEL, sealed(NEW, "1")))
    old = core.requests()[-1]
    core.lose()
    assert Cancel(old.request_id) in core.outputs
    core.answer(UNKNOWN, old)
    core.back()
    core.answer(UNKNOWN, old)
    assert data_of(core) == []
    again = core.requests()[-1]
    assert (again.socket_id, again.purpose) == ("1.2", Purpose.RESUBSCRIBE)
    core.answer(NEW, again)
    core.acknowledge()
    assert data_of(core) == [1]
    core.receive(frame("e", CHANNEL, sealed(NEW, "2")))
    assert data_of(core) == [1, 2]


# -- flaw 13: payloads that JavaScript takes for nothing ------------------------------------------------------------


@pytest.mark.parametrize(("plaintext", "data"), [("0", 0), ("false", False), ('""', ""), ("null", None), ("", "")])
async def test_payloads_that_count_as_false_arrive(plaintext: str, data: object) -> None:
    """pusher-js calls the handler without arguments for 0; here every handler gets one Event with the data (R4)."""
    endpoint = HeldEndpoint({"shared_secret": text_of(OLD)})
    async with scripted() as peer, peer.client(authorizer=endpoint) as client:
        handled: list[Event] = []
        orders = await client.subscribe(CHANNEL)
        orders.bind("e", handled.append)
        await peer.publish("e", CHANNEL, sealed(OLD, plaintext))
        await until(lambda: bool(handled))
        assert [(event.data, event.raw) for event in handled] == [(data, plaintext)]
        assert type(handled[0].data) is type(data)


# -- around them -------------------------------------------------------------------------------------------------------


def test_an_authorization_that_is_never_answered_is_tried_again() -> None:
    """pusher-js has no timeout for it and stays pending for ever; here it is requested again, and then fails (R6)."""
    core = Core(authorization_timeout=10.0, subscribe_timeout=30.0)
    core.up()
    call = core.subscribe("private-a")
    core.wait(15.0)
    assert len(core.requests()) == 2
    core.answer(None)
    core.acknowledge("private-a")
    assert Result(call, None) in core.outputs


async def test_a_handler_that_raises_starves_nobody() -> None:
    """In pusher-js it stops the later handlers and the reader's callback; here the next one runs (R7)."""
    broken_by: list[Exception] = []
    handled: list[Event] = []

    def raising(_event: Event) -> None:
        raise KeyError

    async with (
        scripted() as peer,
        peer.client(on_handler_error=lambda error, _event: broken_by.append(error)) as client,
    ):
        orders = await client.subscribe("orders")
        orders.bind("e", raising)
        orders.bind("e", handled.append)
        client.bind("e", handled.append)
        await peer.publish("e", "orders", "1")
        await peer.publish("e", "orders", "2")
        await until(lambda: len(handled) == 4)
        assert [event.data for event in handled] == [1, 1, 2, 2]
        assert len(broken_by) == 2


async def test_client_handlers_learn_the_channel() -> None:
    """In pusher-js they get the data alone, without its channel (design.md 2)."""
    async with scripted() as peer, peer.client() as client:
        handled: list[Event] = []
        client.bind("e", handled.append)
        for name in ("a", "b"):
            await client.subscribe(name)
            await peer.publish("e", name, "1")
        await until(lambda: len(handled) == 2)
        assert [event.channel for event in handled] == ["a", "b"]


async def test_why_a_presence_subscription_failed_is_said() -> None:
    """In pusher-js the error of the event is undefined without channel_data; here it has the server's words (R3)."""
    async with scripted() as peer, peer.client(authorizer=HeldEndpoint({})) as client:
        data = {"type": "AuthError", "error": "channel_data is missing", "status": 401}
        peer.answers["presence-a"] = [{"event": "pusher:subscription_error", "channel": "presence-a", "data": data}]
        told = client.events("pusher:subscription_error")
        with pytest.raises(AuthorizationError, match="channel_data is missing"):
            await client.subscribe("presence-a")
        assert (await anext(told)).data == data


def test_delays_of_reconnecting_are_drawn_and_grow() -> None:
    """pusher-js waits a second each time, so that all clients of a server that restarts return together (R2)."""

    def delays(lots: float) -> list[float]:
        core, found = Core(lots=lots), []
        core.up()
        for _ in range(6):
            core.lose()
            before = core.now
            core.until(OpenWebSocket)
            found.append(core.now - before)
            core.connection.websocket_opened(core.now)
        return found

    most, half = delays(1.0), delays(0.5)
    assert most == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    assert half == pytest.approx([delay / 2 for delay in most])


def test_keys_go_with_the_subscription() -> None:
    """pusher-js keeps them for ever; here an event after a new subscription opens with the new key alone (C7)."""
    core = Core()
    core.up()
    core.subscribed(key=OLD)
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    core.wait(2.0)
    core.subscribed(key=NEW)
    core.receive(frame("e", CHANNEL, sealed(OLD, "1")))
    assert data_of(core) == []
    core.answer(NEW)
    assert core.failures() == ["wrong_key"]


def test_the_secret_is_in_no_frame() -> None:
    """Neither at the first subscription nor at a later one is it sent to the server (C3)."""
    core = Core()
    core.up()
    core.subscribed()
    core.lose()
    core.back()
    core.answer(OLD)
    assert len([one for one in core.sent if one["event"] == "pusher:subscribe"]) == 2
    assert text_of(OLD) not in "".join(core.texts)
    assert OLD.decode() not in "".join(core.texts)
