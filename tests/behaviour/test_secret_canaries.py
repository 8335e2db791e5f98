"""A client's whole life with a canary in every secret place, and everything that shows anything searched for them (C3).

Secrets are the keys, the signatures, the application's secret and master key, the values of headers and params, and the
passwords of proxies and URLs. Payloads are what channels carry: they belong to handlers, and into no log and no error.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gc
import hashlib
import json
import logging
import pickle
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
import trustme
from websockets.asyncio.server import ServerConnection

from pusher_client import (
    ChannelAuthorization,
    Credentials,
    HTTPAuthorizer,
    HTTPBatchAuthorizer,
    HTTPUserAuthenticator,
    PusherClient,
    PusherError,
    ReconnectPolicy,
    SecretAuthorizer,
    UserAuthentication,
)
from tests.support.canaries import found_in, texts_of_chain
from tests.support.core.scripted_core import sealed
from tests.support.held_authorizer import text_of, until
from tests.support.real.encrypted_channel import serving, trusting
from tests.support.real.wiretap import proxied
from tests.support.scripted_endpoint import Received, Script, answer, json_answer, serve_endpoint
from tests.support.scripted_server import Scripted, scripted

OLD, NEW, STRANGE = (f"zq-0{number}-shared-se".encode() + bytes(range(240, 255)) + b"12" for number in (1, 2, 3))
MASTER = b"zq-04-master-ke" + bytes(range(200, 217))
SIGNATURE = hashlib.sha256(b"a signature").hexdigest()
SECRETS = {
    "the old key": OLD,
    "the new key": NEW,
    "another key": STRANGE,
    "the master key": MASTER,
    "the signature": SIGNATURE.encode(),
    "the signature in capitals": SIGNATURE.upper().encode(),
    "the secret": b"zq-05-app-secret",
    "the token": b"zq-06-token-tok",
    "the param": b"zq-07-param-par",
    "the password": b"zq-08-password!",
    "the query": b"zq-09-query-que",
    "the URL's password": b"zq-10-user-info",
    "a short key": b"zq-11-short-key",
}
PAYLOADS = {
    "opened": b"zq-20-opened-op",
    "malformed": b"zq-21-malformed",
    "plain": b"zq-22-plain-pla",
    "client event": b"zq-23-client-ev",
    "no frame": b"zq-24-no-frame-",
    "channel_data": b"zq-25-channel-d",
    "user_data": b"zq-26-user-data",
    "body": b"zq-27-body-body",
}
WORDS = {name: secret.decode("latin-1") for name, secret in {**SECRETS, **PAYLOADS}.items()}
AUTH = f"KEY:{SIGNATURE}"
ORDERS, ROOM, PLAIN = "private-encrypted-orders", "presence-room", "private-plain"
ECHO = f"Invalid signature: Expected HMAC SHA256 hex digest, but got {SIGNATURE} ({AUTH}; {SIGNATURE.upper()})"
CONVERSIONS: list[Callable[[Any], object]] = [
    repr,
    str,
    format,
    ascii,
    vars,
    dict,
    list,
    json.dumps,
    pickle.dumps,
    copy.copy,
    copy.deepcopy,
    dataclasses.asdict,
    dataclasses.astuple,
    msgspec.to_builtins,
    msgspec.json.encode,
    msgspec.structs.asdict,
]


# -- what looks on ----------------------------------------------------------------------------------------------------


class Log(logging.Handler):
    """Keeps every record, and all that a formatter or a reporter of errors could make of it."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.shown: list[str] = []
        self.locals: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        formatted = logging.Formatter("%(name)s %(levelname)s %(message)s %(pathname)s %(funcName)s").format(record)
        self.names.add(record.name.partition(".")[0])
        self.shown.append(f"{formatted} {record.msg!r} {record.args!r} {vars(record)!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.locals.append(texts_of_chain(record.exc_info[1], __file__))


@pytest.fixture
def log() -> Iterator[Log]:
    """Capture every logger there is, at every level."""
    log = Log()
    names = [name for name in logging.root.manager.loggerDict if not name.startswith(("tests", "tiny_proxy"))]
    extra = ["httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpx", "websockets.client", "asyncio"]
    loggers = [logging.root, *map(logging.getLogger, {*names, *extra})]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(1)
    logging.getLogger("tiny_proxy").setLevel(logging.CRITICAL)
    logging.root.addHandler(log)
    yield log
    logging.root.removeHandler(log)
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture(scope="module", autouse=True)
def _only_what_is_new() -> Iterator[None]:
    """Leave out what other tests have left behind."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def ours(*roots: object) -> list[object]:
    """Return every object of the library that there is, those included that the collector does not watch."""
    found: dict[int, object] = {}
    watched = [one for one in gc.get_objects() if _is_ours(one)]
    rest = [*roots, *watched]
    while rest:
        one = rest.pop()
        if id(one) in found:
            continue
        if _is_ours(one) or isinstance(one, list | tuple | dict | set):
            found[id(one)] = one
            rest += gc.get_referents(one)
    return [one for one in found.values() if _is_ours(one)]


def _is_ours(one: object) -> bool:
    return str(type(one).__module__).startswith("pusher_client")


def all_reprs(*roots: object) -> str:
    """Return all that the library's objects say of themselves."""
    return "\n".join(f"{one!r} {one!s} {one:}" for one in ours(*roots))


# -- what is looked at ------------------------------------------------------------------------------------------------


class Peer(Scripted):
    """A server that also signs users in, and sends the members of the room."""

    def __init__(self) -> None:
        super().__init__()
        present = {"ids": ["ann"], "hash": {"ann": {"info": WORDS["channel_data"]}}, "count": 1}
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": ROOM, "data": {"presence": present}}
        self.answers[ROOM] = [succeeded]
        refusal = {"type": "AuthError", "error": ECHO, "status": 401}
        self.answers["private-refused"] = [
            {"event": "pusher:subscription_error", "channel": "private-refused", "data": refusal}
        ]

    async def react(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        """Answer a frame."""
        if frame["event"] == "pusher:signin":
            user = {"user_data": frame["data"]["user_data"]}
            await socket.send(json.dumps({"event": "pusher:signin_success", "data": user}))
        await super().react(socket, frame)


def authorization(**more: str) -> dict[str, str]:
    return {"auth": AUTH, **more}


def secret_body(status: str, **headers: str) -> Script:
    body = {**authorization(shared_secret=text_of(OLD)), "why": WORDS["body"], "token": WORDS["the token"]}
    return json_answer(body, status, x_echo=f"Bearer {WORDS['the token']}", **headers)


async def broken(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\n{WORDS['the token']} {SIGNATURE}\r\n\r\n".encode())


REFUSED: dict[str, Script] = {
    "private-forbidden": secret_body("403 Forbidden"),
    "private-moved": secret_body("302 Found", location=f"https://127.0.0.1:1/?{WORDS['the token']}"),
    "private-zipped": secret_body("200 OK", content_encoding="gzip"),
    "private-html": answer(body=f"<p>{AUTH} {WORDS['body']}".encode()),
    "private-list": json_answer([authorization()]),
    "private-huge": answer(body=json.dumps(authorization()).encode() + b" " * 70_000),
    "private-encrypted-without": json_answer(authorization()),
    "private-encrypted-short": json_answer(authorization(shared_secret=text_of(SECRETS["a short key"]))),
    "private-encrypted-stray": json_answer(authorization(shared_secret=text_of(OLD)[:-2] + "1=")),
    "private-data": json_answer({**authorization(), "channel_data": [WORDS["channel_data"]]}),
}
HOPELESS: dict[str, Script] = {"private-broken": broken, "private-failing": secret_body("503 Later", retry_after="1")}


class Endpoint:
    """Answers every channel after its name, and the user."""

    def __init__(self) -> None:
        self.key = OLD
        self.urls: set[str] = set()

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        form = parse_qs(request.body)
        assert form["token"] == [WORDS["the param"]]
        assert request.headers["authorization"] == f"Bearer {WORDS['the token']}"
        self.urls.add(request.line.split()[1])
        channel = form.get("channel_name", [""])[0]
        script = {**REFUSED, **HOPELESS}.get(channel)
        if script is None and channel.startswith("private-encrypted-"):
            script = json_answer(authorization(shared_secret=text_of(self.key)))
        elif script is None and channel == ROOM:
            member = {"user_id": "ann", "user_info": WORDS["channel_data"]}
            script = json_answer(authorization(channel_data=json.dumps(member)))
        elif script is None and not channel:
            script = json_answer(authorization(user_data=json.dumps({"id": "ann", "x": WORDS["user_data"]})))
        await (script or json_answer(authorization()))(request, writer)


class Stage:
    """The client, the servers it talks to, and the errors that were raised to the caller."""

    def __init__(self, peer: Peer, endpoint: Endpoint, client: PusherClient, holders: list[object]) -> None:
        self.peer = peer
        self.endpoint = endpoint
        self.client = client
        self.holders = holders
        self.errors: list[BaseException] = []

    async def fails(self, call: Awaitable[object], seconds: float = 10.0) -> None:
        """Make a call that fails, and keep its error."""
        with pytest.raises((PusherError, ValueError, TypeError, TimeoutError)) as caught:
            async with asyncio.timeout(seconds):
                await call
        self.errors.append(caught.value)


@asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Connect a client over TLS, through proxies that require a password, to a server and an endpoint."""
    authority, endpoint = trustme.CA(), Endpoint()
    context = serving(authority)
    async with (
        scripted(Peer(), ssl=context) as peer,
        serve_endpoint(endpoint, ssl=context) as served,
        proxied("http", "user", WORDS["the password"]) as tap,
    ):
        proxy = f"http://user:{WORDS['the password']}@127.0.0.1:{tap.port}"

        async def fetch() -> tuple[dict[str, str], float]:
            return {"Authorization": f"Bearer {WORDS['the token']}"}, 60.0

        credentials = Credentials(fetch)
        url = f"{served.url}?q={WORDS['the query']}"
        options: dict[str, Any] = {"ssl": trusting(authority), "proxy": proxy}
        options |= {"headers": credentials, "params": {"token": WORDS["the param"]}}
        authorizer, users = HTTPAuthorizer(url, **options), HTTPUserAuthenticator(url, **options)
        assert isinstance(peer, Peer)
        client = PusherClient(
            "KEY",
            host="127.0.0.1",
            port=peer.port,
            tls=trusting(authority),
            proxy=proxy,
            authorizer=authorizer,
            user_authenticator=users,
            reconnect=ReconnectPolicy(base=0.1, cap=0.1, max_per_minute=1000),
        )
        batch = HTTPBatchAuthorizer(url, **options)
        yield Stage(peer, endpoint, client, [authorizer, users, batch, credentials, client])
        assert len(tap.passages) >= 4


def raising(_event: object) -> None:
    raise LookupError("a handler")


async def raising_later(_event: object) -> None:
    await asyncio.sleep(0)
    raise LookupError("a handler")


async def life(stage: Stage) -> None:
    """Connect, and let everything happen that can."""
    client, loop = stage.client, asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0  # asyncio then logs every callback with its arguments
    for bound in (client, client.user, client.channel(ORDERS), client.channel(PLAIN)):
        bound.bind_global(raising)
    client.channel(ORDERS).bind("e", raising_later)
    for name in ("error", "state_change", "connecting_in"):
        client.connection.bind(name, raising)
    async with client:
        await client.signin()
        await asyncio.gather(*map(client.subscribe, (ORDERS, ROOM, PLAIN)))
        await trigger(stage)
        await publish(stage)
        loop.set_debug(False)  # it is slow
        await asyncio.gather(*(stage.fails(client.subscribe(name)) for name in (*REFUSED, "private-refused")))
        await asyncio.gather(*(stage.fails(client.subscribe(name), 0.3) for name in HOPELESS))
        await come_back(stage)
        gc.collect()
        shown = all_reprs(client, *stage.holders)
        assert "<PusherClient connected>" in shown
        assert not found_in(shown, SECRETS)
        await end(stage)
    await stage.fails(client.channel(PLAIN).trigger("client-x", WORDS["client event"]))


async def trigger(stage: Stage) -> None:
    """Trigger client events, good ones and bad ones."""
    orders, plain = stage.client.channel(ORDERS), stage.client.channel(PLAIN)
    await plain.trigger("client-x", {"x": WORDS["client event"]})
    await stage.fails(orders.trigger("client-x", WORDS["client event"]))
    await stage.fails(plain.trigger("x", WORDS["client event"]))
    await stage.fails(plain.trigger("client-x", {WORDS["client event"]: "\ud800"}))


async def publish(stage: Stage) -> None:
    """Let the server send what opens and what does not, what is a frame and what is none, and its errors."""
    peer, orders = stage.peer, stage.client.channel(ORDERS)
    stage.endpoint.key = NEW
    for key in (OLD, NEW, STRANGE):
        await peer.publish("e", ORDERS, sealed(key, json.dumps(WORDS["opened"])))
    await peer.publish("e", ORDERS, sealed(NEW, b"\xff" + PAYLOADS["opened"]))
    await peer.publish("e", ORDERS, WORDS["malformed"])
    await peer.publish("pusher_internal:member_added", ORDERS, {"user_id": WORDS["malformed"]})
    await peer.publish("e", PLAIN, WORDS["plain"])
    await peer.publish("e", "private-foreign", WORDS["plain"])
    for message in (WORDS["no frame"], PAYLOADS["no frame"], json.dumps({"event": 1, "data": WORDS["no frame"]})):
        await peer.sockets[-1].send(message)
    for code in (None, 4009, 4200, 4301):
        await peer.sockets[-1].send(json.dumps({"event": "pusher:error", "data": {"code": code, "message": ECHO}}))
    await until(lambda: orders.stats.undecryptable == 3)


async def come_back(stage: Stage) -> None:
    """Lose the connection, by a close that repeats the signature and by a cut, and subscribe again."""
    for close in (True, False):
        before = len(stage.peer.received)
        if close:
            await stage.peer.sockets[-1].close(4200, ECHO[:120])
        else:
            stage.peer.sockets[-1].transport.abort()
        while not _subscribed(stage.peer.received[before:]) >= {ORDERS, ROOM, PLAIN}:
            await asyncio.sleep(0.001)
        await until(lambda: stage.client.user.id is not None)  # else the next close would be the sign-in's answer


async def end(stage: Stage) -> None:
    """Cancel, unsubscribe, and let the server end it all."""
    waiting = asyncio.ensure_future(stage.client.wait_for("nothing"))
    await asyncio.sleep(0)
    waiting.cancel()
    await stage.client.unsubscribe(ROOM)
    await stage.peer.sockets[-1].close(4009, ECHO[:120])
    await stage.fails(stage.client.wait_closed())
    await stage.fails(stage.client.subscribe(PLAIN))


def _subscribed(frames: list[dict[str, Any]]) -> set[str]:
    return {frame["data"]["channel"] for frame in frames if frame["event"] == "pusher:subscribe"}


async def test_no_canary_is_seen_anywhere(log: Log, *, recwarn: pytest.WarningsRecorder) -> None:
    """In no log of any library, no error or its frames, no repr, no warning; a key in no frame either (C3)."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        async with stage() as played:
            await life(played)
            for holder in played.holders:
                played.errors += converted(holder)
            sent = json.dumps(played.peer.received)
    logged = "\n".join(log.shown)
    assert {"pusher_client", "httpcore", "asyncio"} <= log.names
    assert "a handler" in logged
    assert "Executing <" in logged
    assert len(played.errors) >= len(REFUSED) + len(HOPELESS) + 5
    assert not found_in(logged, SECRETS | PAYLOADS)
    assert not found_in("\n".join(log.locals), SECRETS)
    for error in played.errors:
        assert not found_in(f"{error!r} {error} {error.args!r}", SECRETS | PAYLOADS)
        assert not found_in(texts_of_chain(error, __file__), SECRETS)
    assert not found_in("\n".join(str(warning.message) for warning in recwarn.list), SECRETS | PAYLOADS)
    assert set(found_in(sent, SECRETS)) == {"the signature"}


def converted(holder: object) -> list[BaseException]:
    """Convert what holds a secret in every way that there is, and return the errors of those that refuse."""
    errors: list[BaseException] = []
    for convert in CONVERSIONS:
        try:
            shown = convert(holder)
        except (TypeError, AttributeError) as error:
            errors.append(error)
        else:
            assert not found_in(shown.decode("latin-1") if isinstance(shown, bytes) else f"{shown!r}", SECRETS)
            assert convert not in (pickle.dumps, copy.copy, copy.deepcopy)
    return errors


@pytest.mark.parametrize(
    "holder",
    [
        ChannelAuthorization(AUTH, channel_data=WORDS["channel_data"], shared_secret=OLD),
        UserAuthentication(AUTH, WORDS["user_data"]),
        SecretAuthorizer("KEY", WORDS["the secret"], encryption_master_key_base64=text_of(MASTER), user_id="ann"),
        HTTPAuthorizer("https://a/", headers={"A": WORDS["the token"]}, params={"b": WORDS["the param"]}),
        Credentials(lambda: {"A": WORDS["the token"]}),
        PusherClient("KEY", cluster="eu", proxy=f"http://user:{WORDS['the password']}@proxy"),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_lets_nobody_write_it_out(holder: object) -> None:
    """Converters, serializers and copies refuse it, or show nothing of it, also in their errors (C3)."""
    errors = converted(holder)
    assert len(errors) >= 10
    for error in errors:
        assert not found_in(texts_of_chain(error, __file__), SECRETS)
