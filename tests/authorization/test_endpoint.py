"""Requests to an endpoint: what is sent, which connections are open, and the mistakes of the caller."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpx
import pytest

from pusher_client.authorization.authorizers import HTTPAuthorizer
from tests.support.canaries import texts_of_error
from tests.support.endpoint_requests import (
    CHANNEL,
    GOOD,
    PARAM,
    TOKEN,
    ask,
    authorizer,
)
from tests.support.scripted_endpoint import Received, json_answer, serve_endpoint

# -- the request --------------------------------------------------------------------------------------------------


async def test_the_request_on_the_wire() -> None:
    """One form-encoded POST with the caller's headers, asking for plain JSON (6.3, C4)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorization = await authorizer(endpoint)(CHANNEL, "12.34")
    assert authorization.auth == GOOD["auth"]
    assert authorization.shared_secret == b"canary-secret-4714-canary-secret"
    (request,) = endpoint.requests
    assert request.line == "POST /pusher/auth?q=canary-query HTTP/1.1"
    assert request.body == f"socket_id=12.34&channel_name={CHANNEL}&token={PARAM}"
    assert request.headers == {
        "host": f"127.0.0.1:{endpoint.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(request.body)),
        "authorization": f"Bearer {TOKEN}",
    }


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """A cookie that an answer sets is not in the next request on the same connection (C4)."""
    async with serve_endpoint(json_answer(GOOD, set_cookie="session=1; Path=/")) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        await authorize(CHANNEL, "12.34")
        await authorize(CHANNEL, "12.34")
        await authorize.detach()
    assert endpoint.connections == 1
    assert ["cookie" in request.headers for request in endpoint.requests] == [False, False]


async def test_headers_of_every_request_are_fresh() -> None:
    """Callables are evaluated for every request, so that no expired token is sent (6.3)."""
    tokens = iter(["first", "second"])

    async def headers() -> dict[str, str]:
        return {"Authorization": next(tokens)}

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint, headers=headers)
        await authorize(CHANNEL, "12.34")
        await authorize(CHANNEL, "12.34")
    assert [request.headers["authorization"] for request in endpoint.requests] == ["first", "second"]


async def test_error_of_a_callable_comes_out_as_it_is() -> None:
    """What the caller's own code raises is the caller's, a TimeoutError included (6.3)."""

    async def headers() -> dict[str, str]:
        raise TimeoutError("no token")

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        with pytest.raises(TimeoutError, match="no token"):
            await authorizer(endpoint, headers=headers)(CHANNEL, "12.34")
    assert endpoint.requests == []


async def test_a_callable_that_hangs_is_timed_out() -> None:
    """The timeout covers the callables too (6.3)."""

    async def headers() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        error = await ask(endpoint, headers=headers, timeout=0.05)
    assert isinstance(error, TimeoutError)


# -- opening, sharing and closing ---------------------------------------------------------------------------------


async def test_without_a_client_nothing_stays_open() -> None:
    """Called directly, each request opens a connection and closes it (R6)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        await authorize(CHANNEL, "12.34")
        await authorize(CHANNEL, "12.34")
        assert endpoint.connections == 2
        assert authorize._connections.sessions == {}


async def test_two_clients_share_and_the_last_one_closes() -> None:
    """Connections stay open while any client is attached, and are closed with the last (6.3, R6)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        authorize.attach()
        await authorize(CHANNEL, "12.34")
        await authorize.detach()
        await authorize(CHANNEL, "12.34")
        assert (endpoint.connections, endpoint.open_connections) == (1, 1)
        await authorize.detach()
        await endpoint.all_closed()
        authorize.attach()
        await authorize(CHANNEL, "12.34")
        await authorize.detach()
        assert endpoint.connections == 2


async def test_a_client_that_leaves_does_not_cut_a_request() -> None:
    """A request that still runs when the last client leaves is finished, then the connection closed (R6)."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        await json_answer(GOOD)(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        task = asyncio.ensure_future(authorize(CHANNEL, "12.34"))
        await asked.wait()
        await authorize.detach()
        go_on.set()
        assert (await task).auth == GOOD["auth"]
        assert authorize._connections.sessions == {}


async def test_detach_without_attach() -> None:
    """A detach too many is a mistake of the caller."""
    with pytest.raises(RuntimeError, match="without attach"):
        await HTTPAuthorizer("https://example.com/").detach()


async def test_attaching_alone_opens_nothing() -> None:
    """A client that needs no authorization costs no connection (6.3)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        await authorize.detach()
    assert endpoint.connections == 0


async def test_many_at_once() -> None:
    """Concurrent requests of one authorizer get their own answers (6.3)."""

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        name = request.body.split("channel_name=")[1].split("&", maxsplit=1)[0]
        await asyncio.sleep(0)
        await json_answer({"auth": f"KEY:{name}"})(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        names = [f"private-{number}" for number in range(50)]
        answers = await asyncio.gather(*(authorize(name, "12.34") for name in names))
        await authorize.detach()
    assert [each.auth for each in answers] == [f"KEY:{name}" for name in names]


def test_another_event_loop() -> None:
    """The same authorizer works in one event loop after another, even if the first was left without a word (6.3)."""
    holder: list[HTTPAuthorizer] = []

    async def use(*, leave: bool) -> None:
        async with serve_endpoint(json_answer(GOOD)) as endpoint:
            if not holder:
                holder.append(HTTPAuthorizer("https://example.com/auth"))
            authorize = holder[0]
            authorize._origin.url = httpx.URL(endpoint.url)
            authorize._request._url = httpx.URL(endpoint.url)
            authorize.attach()
            assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]
            if leave:
                session = authorize._connections.sessions[asyncio.get_running_loop()]
                assert session.pool is not None
                await session.pool.transport.aclose()
            else:
                await authorize.detach()

    asyncio.run(use(leave=True))
    asyncio.run(use(leave=False))
    assert holder[0]._connections.sessions == {}


async def test_the_callers_transport_stays_open() -> None:
    """A transport that was given is used as it is, and closing it is its owner's (6.3)."""
    closed: list[str] = []

    class Transport(httpx.MockTransport):
        async def aclose(self) -> None:
            closed.append("closed")

    authorize = HTTPAuthorizer(
        "https://example.com/auth", transport=Transport(lambda _request: httpx.Response(200, json=GOOD))
    )
    authorize.attach()
    assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]
    await authorize.detach()
    assert closed == []


async def test_an_assertion_in_the_callers_transport() -> None:
    """What a test's own transport raises is the test's, not a passing trouble (6.3)."""

    def handle(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("not what I expected")

    with pytest.raises(AssertionError, match="not what I expected"):
        await HTTPAuthorizer("https://example.com/auth", transport=httpx.MockTransport(handle))(CHANNEL, "12.34")


async def test_cancelled_requests_leave_no_connection_in_use() -> None:
    """Wherever one is cancelled, also beside others that go on; httpx itself would lose connections (R6)."""
    held = asyncio.Event()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        if "private-slow" in request.body:
            await held.wait()
        await json_answer({"auth": "KEY:x"})(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = HTTPAuthorizer(endpoint.url, timeout=60)
        authorize.attach()
        slow = asyncio.ensure_future(authorize("private-slow", "12.34"))
        for steps in range(40):
            asking = [asyncio.ensure_future(authorize(name, "12.34")) for name in ("private-a", "private-b")]
            for _ in range(steps):
                await asyncio.sleep(0)
            for each in asking:
                each.cancel()
            await asyncio.wait(asking)
        held.set()
        assert (await slow).auth == "KEY:x"
        async with asyncio.timeout(10):
            while endpoint.open_connections > 3:  # idle: those of the last two requests and of the slow one
                await asyncio.sleep(0.001)
        await authorize.detach()
        assert authorize._connections.sessions == {}


# -- mistakes of the caller ---------------------------------------------------------------------------------------


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def trusting() -> ssl.SSLContext:
    context = unverified()
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize(
    ("options", "error", "cure"),
    [
        ({"url": "http://example.com/"}, ValueError, "allow_insecure=True"),
        ({"url": f"https://user:{TOKEN}@example.com/"}, ValueError, "headers="),
        ({"url": None}, TypeError, "url is a string"),
        ({"headers": {"X": f"{TOKEN}\n"}}, ValueError, "header X"),
        ({"headers": f"X: {TOKEN}"}, TypeError, "headers is a mapping"),
        ({"params": {"channel_name": TOKEN}}, ValueError, "channel_name"),
        ({"ssl": False}, ValueError, "cafile="),
        ({"ssl": "ca.pem"}, TypeError, "SSLContext"),
        ({"ssl": unverified()}, ValueError, "check_hostname"),
        ({"ssl": trusting()}, ValueError, "CERT_REQUIRED"),
        ({"proxy": f"gopher://user:{TOKEN}@proxy"}, ValueError, "http://host:port"),
        ({"proxy": 3128}, TypeError, "http://host:port"),
        ({"timeout": 0}, ValueError, "positive"),
        ({"timeout": -1.0}, ValueError, "positive"),
        ({"timeout": float("nan")}, ValueError, "positive"),
        ({"timeout": float("inf")}, ValueError, "positive"),
        ({"timeout": "10"}, TypeError, "number of seconds"),
        ({"timeout": True}, TypeError, "number of seconds"),
        ({"transport": httpx.AsyncClient}, TypeError, "AsyncBaseTransport"),
    ],
)
def test_mistakes_are_found_at_construction(options: dict[str, Any], error: type[Exception], cure: str) -> None:
    """What cannot work is refused at once, with the cure and without any secret (C3)."""
    arguments: dict[str, Any] = {
        "url": "https://example.com/",
        "headers": {"Authorization": TOKEN},
        "params": {"token": PARAM},
        "proxy": f"http://user:{PARAM}@proxy:3128",
        **options,
    }
    with pytest.raises(error, match=cure) as caught:
        HTTPAuthorizer(**arguments)
    shown = texts_of_error(caught.value, __file__)
    assert TOKEN not in shown
    assert PARAM not in shown


def test_whole_numbers_of_seconds() -> None:
    """A timeout may be whole."""
    HTTPAuthorizer("https://example.com/", timeout=5)


@pytest.mark.parametrize("name", ["bad name", "", "private-x::user::y"])
async def test_malformed_names_are_not_asked_for(name: str) -> None:
    """A name that no server accepts is the caller's mistake, and no request is sent (5.2)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        with pytest.raises(ValueError, match="channel name"):
            await authorizer(endpoint)(name, "12.34")
        with pytest.raises(ValueError, match="socket id"):
            await authorizer(endpoint)(CHANNEL, "12.34&channel_name=private-y")
    assert endpoint.requests == []
