"""An endpoint that authorizes many channels with one request."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pusher_client import AuthorizationError, ChannelAuthorization, Credentials, HTTPBatchAuthorizer, SubscriptionState
from tests.support.canaries import texts_of_error
from tests.support.core.scripted_core import CHANNEL, OLD, sealed
from tests.support.scripted_endpoint import Received, Script, answer, json_answer, serve_endpoint
from tests.support.scripted_server import scripted

KEY_BASE64 = base64.b64encode(OLD).decode()
GOOD = {"auth": "KEY:canary"}
BAD = "private-bad"
NAMES = [f"private-{number}" for number in range(200)]


def asked_for(request: Received) -> list[str]:
    """Return the channels that a request names."""
    return [value for name, value in parse_qsl(request.body) if name.startswith("channel_name[")]


async def grant(request: Received, writer: asyncio.StreamWriter) -> None:
    """Authorize every channel."""
    await json_answer({name: {"status": 200, "data": GOOD} for name in asked_for(request)})(request, writer)


async def ask(
    script: Script, *channels: str, **options: Any
) -> Mapping[str, ChannelAuthorization | AuthorizationError]:
    """Ask an endpoint that answers so."""
    async with serve_endpoint(script) as endpoint:
        return await HTTPBatchAuthorizer(endpoint.url, **options)(channels, "1.2")


async def test_the_request_on_the_wire() -> None:
    """The channels are numbered fields of the form, and the rest is as for one channel (6.6)."""
    async with serve_endpoint(grant) as endpoint:
        authorize = HTTPBatchAuthorizer(endpoint.url, headers={"X-Token": "1"}, params={"a": "b"})
        assert list(await authorize(["private-a", "presence-b"], "12.34")) == ["private-a", "presence-b"]
    (request,) = endpoint.requests
    assert request.body == "socket_id=12.34&channel_name%5B0%5D=private-a&channel_name%5B1%5D=presence-b&a=b"
    assert request.headers["x-token"] == "1"
    assert repr(authorize) == f"HTTPBatchAuthorizer('http://127.0.0.1:{endpoint.port}')"


async def test_every_entry_is_read_for_itself() -> None:
    """The authorization itself, or a status and data; a fault in one is that channel's error (6.6, R7)."""
    body = {
        "private-a": GOOD,
        "private-b": {"status": 200, "data": GOOD},
        "private-c": {"data": {**GOOD, "shared_secret": KEY_BASE64}},
        "private-d": {"status": 403, "data": GOOD},
        "private-e": {"status": 503},
        "private-f": {"status": "canary", "data": GOOD},
        "private-g": {"status": True, "data": GOOD},
        "private-h": {"status": 200},
        "private-i": {"status": 200, "data": {"auth": "canary", "shared_secret": "canary"}},
        "private-j": ["canary"],
        "private-k": None,
        "private-unasked": GOOD,
    }
    names = [f"private-{letter}" for letter in "abcdefghijkl"]
    found = await ask(json_answer(body), *names)
    assert list(found) == names[:-1]
    granted = ChannelAuthorization("KEY:canary")
    assert [found[name] for name in names[:3]] == [
        granted,
        granted,
        ChannelAuthorization("KEY:canary", shared_secret=OLD),
    ]
    errors = [error for error in found.values() if isinstance(error, AuthorizationError)]
    assert [error.channel for error in errors] == names[3:-1]
    assert [error.status for error in errors] == [403, 503, *[None] * 6]
    assert "canary" not in "".join(map(str, errors))


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        (json_answer({}, "403 Forbidden"), 403, "refused"),
        (json_answer({}, "503 Busy", retry_after="7"), 503, "failed"),
        (json_answer([GOOD]), 200, "not a JSON object"),
        (answer(body=b"canary"), 200, "not JSON"),
    ],
)
async def test_what_concerns_all(script: Script, status: int, words: str) -> None:
    """A refusal of the request, or an answer that cannot be used, is raised, and repeats nothing (6.6, C3)."""
    with pytest.raises(AuthorizationError, match=words) as caught:
        await ask(script, "private-a", headers={"X": "canary"})
    assert (caught.value.channel, caught.value.status) == (None, status)
    assert caught.value.retry_after == (7.0 if status == 503 else None)
    assert "canary" not in texts_of_error(caught.value, __file__)


@pytest.mark.parametrize("length", [1024 * 1024, 1024 * 1024 + 1])
async def test_the_longest_answer(length: int) -> None:
    """The answer for many may be longer than that for one, and is bounded all the same (C4)."""
    body = json.dumps({"private-a": GOOD}).encode().ljust(length)
    if length == 1024 * 1024:
        assert await ask(answer(body=body), "private-a") == {"private-a": ChannelAuthorization("KEY:canary")}
    else:
        with pytest.raises(AuthorizationError, match="longer than 1048576 bytes"):
            await ask(answer(body=body), "private-a")


async def test_malformed_names_are_not_asked_for() -> None:
    """One bad name or socket id is the caller's mistake, and no request is sent (5.2)."""
    authorize = HTTPBatchAuthorizer("https://127.0.0.1:1/")
    with pytest.raises(ValueError, match="channel name"):
        await authorize(["private-a", "bad name"], "1.2")
    with pytest.raises(ValueError, match="socket id"):
        await authorize(["private-a"], "1.2&a=b")


def test_the_fields_of_the_form_are_not_the_callers() -> None:
    """A param cannot add a channel to the request (6.3)."""
    with pytest.raises(ValueError, match="is set for every request"):
        HTTPBatchAuthorizer("https://example.com/", params={"channel_name[7]": "private-a"})


@pytest.mark.parametrize(("entry", "fetches"), [(401, 2), (403, 2), (503, 1), (200, 1)])
async def test_a_refused_entry_forgets_the_credentials(entry: int, fetches: int) -> None:
    """A 401 or 403 for one channel counts as one for the request would (6.7)."""
    count = 0

    def fetch() -> dict[str, str]:
        nonlocal count
        count += 1
        return {"X-Token": str(count)}

    body = {"private-a": GOOD, "private-b": {"status": entry, "data": GOOD}}
    async with serve_endpoint(json_answer(body)) as endpoint:
        authorize = HTTPBatchAuthorizer(endpoint.url, headers=Credentials(fetch))
        for _ in range(2):
            await authorize(["private-a", "private-b"], "1.2")
    assert count == fetches


async def test_two_hundred_channels_are_two_requests() -> None:
    """At the start and after a drop, over connections that are kept as long as the client runs (R3, R6)."""
    async with scripted() as peer, serve_endpoint(grant) as endpoint:
        async with peer.client(batch_authorizer=HTTPBatchAuthorizer(endpoint.url)) as client:
            await asyncio.gather(*(client.subscribe(name) for name in NAMES))
            assert len(endpoint.requests) == 2
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 400)
            assert len(endpoint.requests) == 4
            assert endpoint.connections <= 2
        await endpoint.all_closed()
    assert sorted(asked_for(endpoint.requests[2]) + asked_for(endpoint.requests[3])) == sorted(NAMES)


def large(request: Received) -> dict[str, Any]:
    """Answer with an entry that exceeds the limit if the bad channel is asked for."""
    padding = {"padding": "x" * (2 << 20)} if BAD in asked_for(request) else {}
    return {name: {**GOOD, **(padding if name == BAD else {})} for name in asked_for(request)}


@pytest.mark.parametrize("fault", ["403", "404", "422", "large", "html"])
async def test_one_channel_that_spoils_the_whole_batch(fault: str) -> None:
    """Every other channel is subscribed: the batch is asked for again in halves, and the bad one fails alone (6.6)."""

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        if BAD not in asked_for(request):
            await grant(request, writer)
        elif fault == "large":
            await json_answer(large(request))(request, writer)
        elif fault == "html":
            await answer(body=b"<html>canary", content_type="text/html")(request, writer)
        else:
            await answer(f"{fault} No")(request, writer)

    async with (
        scripted() as peer,
        serve_endpoint(script) as endpoint,
        peer.client(batch_authorizer=HTTPBatchAuthorizer(endpoint.url)) as client,
    ):
        names = [*NAMES[:60], BAD]
        results = await asyncio.gather(*(client.subscribe(name) for name in names), return_exceptions=True)
    (failed,) = [result for result in results if isinstance(result, BaseException)]
    assert isinstance(failed, AuthorizationError)
    assert failed.channel == BAD
    assert len(endpoint.requests) <= 2 * 7 + 1


async def test_an_entry_that_is_encoded_twice() -> None:
    """It is named, for that channel alone (6.6)."""
    body = {"private-a": {"data": json.dumps(GOOD)}, "private-b": GOOD}
    found = await ask(json_answer(body), "private-a", "private-b")
    assert "JSON string with JSON in it" in str(found["private-a"])
    assert found["private-b"] == ChannelAuthorization("KEY:canary")


async def test_one_refused_channel_among_many() -> None:
    """It alone fails, and an encrypted one beside it is decrypted (R7)."""
    body = {
        CHANNEL: {"status": 200, "data": {**GOOD, "shared_secret": KEY_BASE64}},
        "private-a": {"status": 403},
    }
    async with (
        scripted() as peer,
        serve_endpoint(json_answer(body)) as endpoint,
        peer.client(batch_authorizer=HTTPBatchAuthorizer(endpoint.url)) as client,
    ):
        refused, missing, orders = await asyncio.gather(
            *(client.subscribe(name) for name in ("private-a", "private-b", CHANNEL)), return_exceptions=True
        )
        assert isinstance(refused, AuthorizationError)
        assert refused.status == 403
        assert isinstance(missing, AuthorizationError)
        assert not isinstance(orders, BaseException)
        assert orders.state is SubscriptionState.SUBSCRIBED
        await peer.publish("e", CHANNEL, sealed(OLD, '"opened"'))
        assert (await anext(aiter(orders))).data == "opened"
    assert len(endpoint.requests) == 1
