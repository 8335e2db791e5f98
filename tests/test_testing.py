"""The pytest fixture, in separate runs of pytest and in this one."""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
from collections.abc import Callable

import pytest

from pusher_client import AuthorizationError, Event, Gap, PresenceChannel, PusherClient, SubscriptionState
from pusher_client.protocol.signatures import derive_shared_secret
from pusher_client.server import LocalServer
from pusher_client.testing import PusherServer
from tests.support.websocket_peer import SECONDS, server_library

CHANNEL = "private-encrypted-orders"

BODY = """
    async with pusher_server.client() as client:
        orders = await client.subscribe("private-encrypted-orders")
        await pusher_server.trigger("private-encrypted-orders", "created", {"id": 1})
        assert (await anext(aiter(orders))).data == {"id": 1}
"""

ASYNCIO = ("-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function", "-o")
PLUGINS = {
    "auto": ("", [*ASYNCIO, "asyncio_mode=auto"]),
    "strict": ("@pytest.mark.asyncio\n", [*ASYNCIO, "asyncio_mode=strict"]),
    "anyio": ("@pytest.mark.anyio\n", ["-p", "no:asyncio"]),
}
ANYIO_BACKEND = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@pytest.mark.parametrize(("plugin", "named"), [("auto", True), ("auto", False), ("strict", False), ("anyio", False)])
def test_three_lines_are_a_test(pytester: pytest.Pytester, plugin: str, named: bool) -> None:
    """Under pytest-asyncio in both modes and anyio, whether ``conftest.py`` names the plugin or not (design.md 6)."""
    mark, arguments = PLUGINS[plugin]
    if named:
        pytester.makeconftest('pytest_plugins = ["pusher_client.testing"]')
    pytester.makepyfile(f"import pytest\n{ANYIO_BACKEND}\n{mark}async def test_it(pusher_server):{BODY}")
    result = pytester.runpytest_subprocess(*arguments, "-Werror")
    result.assert_outcomes(passed=1)


def test_a_test_without_an_event_loop_has_the_server_too(pytester: pytest.Pytester) -> None:
    """For code with its own event loop, such as a web application; a marker sets the server's options."""
    pytester.makepyfile(
        f"import asyncio\nimport pytest\n\nasync def use(pusher_server):{BODY}\n"
        '@pytest.mark.pusher_server(key="mine")\n'
        "def test_it(pusher_server):\n"
        '    assert pusher_server.key == "mine"\n'
        "    asyncio.run(use(pusher_server))\n"
    )
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=1)


def test_a_marker_that_names_no_option_is_a_mistake(pytester: pytest.Pytester) -> None:
    """It is an error with the cure."""
    pytester.makepyfile("import pytest\n\n@pytest.mark.pusher_server(False)\ndef test_it(pusher_server):\n    pass\n")
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*TypeError: name the option: @pytest.mark.pusher_server(client_events=False)"])


async def test_other_libraries_find_what_they_need(pusher_server: PusherServer) -> None:
    """The official server library publishes through the same server, under the present master key (design.md 6)."""
    async with pusher_server.client() as client:
        orders = await client.subscribe(CHANNEL)
        await pusher_server.rotate_key()
        library = server_library(pusher_server)
        await asyncio.to_thread(library.trigger, CHANNEL, "created", {"id": 1})
        assert (await anext(aiter(orders))).data == {"id": 1}
    assert pusher_server.auth_url == f"http://{pusher_server.host}:{pusher_server.port}/pusher/auth"
    assert pusher_server.user_auth_url == f"http://{pusher_server.host}:{pusher_server.port}/pusher/user-auth"


async def test_a_rotation_costs_no_event(pusher_server: PusherServer) -> None:
    """The test's subscriber asks for the new key once (design.md 3.4); the key may be given."""
    master_key = secrets.token_bytes(32)
    async with pusher_server.client() as client, client.channel(CHANNEL).events() as stream:
        orders = await client.subscribe(CHANNEL)
        await pusher_server.trigger(CHANNEL, "created", 1)
        await pusher_server.rotate_key(master_key)
        await pusher_server.trigger(CHANNEL, "created", 2)
        assert [(await anext(stream)).data for _ in range(2)] == [1, 2]
        assert orders.stats.key_refreshes == 1
    assert base64.b64decode(pusher_server.encryption_master_key_base64) == master_key


@pytest.mark.parametrize(
    ("data", "received"), [("text", "text"), ({"a": [1, None]}, {"a": [1, None]}), (2.5, 2.5), (None, None)]
)
@pytest.mark.parametrize("channel", ["orders", "private-orders", CHANNEL, "cache-orders"])
async def test_data_is_json_unless_it_is_a_string(
    pusher_server: PusherServer, channel: str, data: object, received: object
) -> None:
    """As the official server libraries send it, on every kind of channel."""
    async with pusher_server.client() as client:
        orders = await client.subscribe(channel)
        await pusher_server.trigger(channel, "created", data)
        assert (await anext(aiter(orders))).data == received


async def test_the_sender_may_be_left_out(pusher_server: PusherServer) -> None:
    """Selected by its socket id."""
    async with pusher_server.client() as sender, pusher_server.client() as other:
        ours, theirs = await sender.subscribe("orders"), await other.subscribe("orders")
        await pusher_server.trigger("orders", "created", 1, socket_id=sender.socket_id)
        await pusher_server.trigger("orders", "created", 2)
        assert [(await anext(aiter(theirs))).data, (await anext(aiter(theirs))).data] == [1, 2]
        assert (await anext(aiter(ours))).data == 2


async def test_users_have_names(pusher_server: PusherServer) -> None:
    """On presence channels, and signed in, with events for the user alone."""
    heard: asyncio.Queue[Event] = asyncio.Queue()
    async with pusher_server.client(user_id="ada") as client:
        room = client.presence("presence-room")
        await room.subscribe()
        assert isinstance(room, PresenceChannel)
        assert list(room.members) == ["ada"]
        client.user.bind("greeting", heard.put_nowait)
        await client.signin()
        await client.subscribe("orders")  # the server has read by then that the client takes the events for ada
        await pusher_server.trigger("#server-to-user-ada", "greeting", "hello")
        async with asyncio.timeout(SECONDS):
            assert (await heard.get()).data == "hello"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("a b", "created", 1), ValueError, "name"),
        (("orders", "", 1), ValueError, "1 to 200 characters"),
        (("orders", "e" * 201, 1), ValueError, "1 to 200 characters"),
        (("orders", "created", "x" * 10_241), ValueError, "more than 10240 bytes"),
        ((CHANNEL, "created", "x" * 7_700), ValueError, "more than 10240 bytes"),
        (("#server-to-user-", "created", 1), ValueError, "user id"),
        (("orders", "created", object()), TypeError, "object"),
    ],
)
async def test_what_cannot_be_published_is_refused(
    pusher_server: PusherServer, arguments: tuple[str, str, object], error: type[Exception], words: str
) -> None:
    """At once, with the reason: on an encrypted channel the limit is for the envelope."""
    with pytest.raises(error, match=words):
        await pusher_server.trigger(*arguments)


FAULTS: dict[str, Callable[[PusherServer], None]] = {
    "drop": PusherServer.drop,
    "close": lambda server: server.close(4200, "restarting"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_link_is_lost_and_comes_back_soon(pusher_server: PusherServer, fault: Callable[..., None]) -> None:
    """With one gap, after a short delay."""
    async with pusher_server.client() as client:
        orders = await client.subscribe(CHANNEL)
        async with orders.events("pusher:gap", "created") as stream:
            fault(pusher_server)
            assert isinstance((await anext(stream)).data, Gap)
            await pusher_server.trigger(CHANNEL, "created", 1)
            assert (await anext(stream)).data == 1


async def test_what_was_mangled_does_not_open(pusher_server: PusherServer) -> None:
    """Until ``mangle(False)``."""
    async with pusher_server.client() as client:
        orders = await client.subscribe(CHANNEL)
        async with orders.events("*") as stream:
            pusher_server.mangle()
            await pusher_server.trigger(CHANNEL, "created", 1)
            pusher_server.mangle(False)
            await pusher_server.trigger(CHANNEL, "created", 2)
            first, second = await anext(stream), await anext(stream)
    assert (first.name, second.name, second.data) == ("pusher:decryption_failure", "created", 2)


async def test_a_stalled_server_says_nothing_until_it_goes_on(pusher_server: PusherServer) -> None:
    """Events published during the stall arrive afterwards."""
    async with pusher_server.client() as client:
        orders = await client.subscribe(CHANNEL)
        pusher_server.stall()
        await pusher_server.trigger(CHANNEL, "created", 1)
        pending = asyncio.ensure_future(orders.wait_for("created"))
        late = asyncio.ensure_future(client.subscribe("other"))
        await asyncio.sleep(0.05)
        assert not pending.done()
        assert client.channel("other").state is SubscriptionState.SUBSCRIBING
        pusher_server.stall(False)
        async with asyncio.timeout(SECONDS):
            assert (await pending).data == 1
            await late


async def test_options_replace_what_the_client_is_made_with(pusher_server: PusherServer) -> None:
    """For example an authorizer that refuses."""

    async def refuse(channel_name: str, socket_id: str) -> dict[str, str]:
        raise AuthorizationError(channel_name, status=403)

    async with pusher_server.client(authorizer=refuse) as client:
        assert isinstance(client, PusherClient)
        with pytest.raises(AuthorizationError):
            await client.subscribe(CHANNEL)


def test_keys_are_of_one_test_only() -> None:
    """Each server has its own key, so that a client of another test cannot connect."""
    with LocalServer() as first, LocalServer() as second:
        assert first.secret != second.secret
        assert first.encryption_master_key_base64 != second.encryption_master_key_base64


@pytest.mark.pusher_server(client_events=False, event_limit=10)
class TestMarked:
    """Options of a class, and of one test in it."""

    @pytest.mark.pusher_server(event_limit=12)
    async def test_the_nearest_marker_wins(self, pusher_server: PusherServer) -> None:
        """Markers further away apply to the other options."""
        await pusher_server.trigger("orders", "created", "x" * 12)
        with pytest.raises(ValueError, match="more than 12 bytes"):
            await pusher_server.trigger("orders", "created", "x" * 13)
        async with pusher_server.client() as client:
            orders = await client.subscribe("private-orders")
            refused = asyncio.ensure_future(orders.wait_for("pusher:error"))
            await asyncio.sleep(0)
            await orders.trigger("client-typing", 1)
            assert (await refused).data.code == 4301


async def test_no_secret_is_logged(pusher_server: PusherServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the server's nor the client's, at any level (C3)."""
    caplog.set_level(logging.DEBUG)
    async with pusher_server.client() as client:
        await client.subscribe(CHANNEL)
        await pusher_server.trigger(CHANNEL, "created", "payload-4711")
    shared = derive_shared_secret(CHANNEL, base64.b64decode(pusher_server.encryption_master_key_base64))
    hidden = [pusher_server.secret, base64.b64encode(shared).decode(), "payload-4711"]
    assert caplog.text
    assert [text for text in hidden if text in caplog.text] == []


def test_what_an_application_published_is_asserted_in_two_lines(pusher_server: PusherServer) -> None:
    """Without an event loop, through the HTTP API and the official server library (design.md 6)."""
    server_library(pusher_server).trigger(CHANNEL, "created", {"id": 1})
    assert pusher_server.wait_for_event(CHANNEL, "created").data == {"id": 1}
    pusher_server.publish("orders", "note", "hello")
    assert [event.name for event in pusher_server.published] == ["created", "note"]
    with pytest.raises(AssertionError, match="'note' on 'orders'"):
        pusher_server.wait_for_event("orders", "created", timeout=0.01)
    pusher_server.clear()
    assert pusher_server.published == []


async def test_what_an_application_published_is_awaited(pusher_server: PusherServer) -> None:
    """Client events, too; a call that would block the event loop is refused with the cure."""
    async with pusher_server.client(user_id="ada") as client:
        room = await client.subscribe("presence-room")
        await room.trigger("client-typing", {"on": True})
        event = await pusher_server.event("presence-room", "client-typing")
        assert (event.data, event.user_id) == ({"on": True}, "ada")
    with pytest.raises(RuntimeError, match=r"await pusher_server\.event"):
        pusher_server.wait_for_event("orders")


async def test_the_client_makes_no_http_request(pusher_server: PusherServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mocks of httpx, such as pytest-httpx and respx, replace its transport, and would refuse or swallow them."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a request was made")

    monkeypatch.setattr("httpx.AsyncHTTPTransport.handle_async_request", refuse)
    async with pusher_server.client(user_id="ada") as client:
        await client.signin()
        for channel in (CHANNEL, "private-orders", "presence-room"):
            await client.subscribe(channel)
    async with pusher_server.client(user_id="a b") as client:
        with pytest.raises(AuthorizationError, match="user id"):
            await client.subscribe("presence-room")


SCOPES = """
import pytest

pytestmark = pytest.mark.pusher_server(event_limit=10)
ports = []

@pytest.mark.parametrize("number", [1, 2])
def test_it(number, pusher_server, module_pusher_server, session_pusher_server):
    ports.append([server.port for server in (pusher_server, module_pusher_server, session_pusher_server)])
    module_pusher_server.publish("orders", "created", number)
    assert module_pusher_server.wait_for_event("orders").data == number
    with pytest.raises(ValueError, match="more than 10 bytes"):
        module_pusher_server.publish("orders", "created", "x" * 11)

def test_ports():
    (own, module, session), (other, same_module, same_session) = ports
    assert own != other and module == same_module and session == same_session
"""


def test_a_module_or_a_session_may_share_a_server(pytester: pytest.Pytester) -> None:
    """Options of a module's server are those of its ``pytestmark``."""
    pytester.makepyfile(SCOPES)
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_fixtures_of_a_wider_scope(pytester: pytest.Pytester) -> None:
    """The server of a module and the one of a session are started once for all their tests."""
    pytester.makepyfile("""
        ports = set()

        def test_first(module_pusher_server, session_pusher_server):
            ports.update((module_pusher_server.port, session_pusher_server.port))

        def test_second(module_pusher_server, session_pusher_server):
            ports.update((module_pusher_server.port, session_pusher_server.port))
            assert len(ports) == 2
    """)
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio").assert_outcomes(passed=2)
