"""No secret in logs, errors or pickles (C3)."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import logging
import pickle
from typing import Any

import pytest

from pusher_client import (
    AuthorizationError,
    ChannelAuthorization,
    HTTPAuthorizer,
    PusherClient,
)
from tests.support.canaries import texts_of_chain, texts_of_error
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, sealed
from tests.support.plain_authorizer import authorize
from tests.support.scripted_endpoint import Received, json_answer, serve_endpoint
from tests.support.scripted_server import scripted


async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not at any level of any logger: no signature, key or payload (C3)."""
    names = ["", "pusher_client", "pusher_client.websocket", "websockets", "websockets.client", "asyncio"]
    async with scripted(logger=logging.LoggerAdapter(logging.getLogger("silent"), {})) as peer:
        logging.getLogger("silent").setLevel(logging.CRITICAL)
        for name in names:
            caplog.set_level(1, logger=name)
        async with peer.client(authorizer=authorize) as client:
            events = client.events()
            await client.subscribe(CHANNEL)
            await peer.publish("e", CHANNEL, sealed(OLD, "payload-canary"))
            await peer.publish("e", CHANNEL, "forged-canary")
            assert (await anext(events)).data == "payload-canary"
            assert "canary" not in repr(client) + repr(client.channel(CHANNEL))
        waiting = asyncio.ensure_future(client.wait_for("x"))
        await asyncio.sleep(0)
        waiting.cancel()
    logging.getLogger("silent").setLevel(logging.NOTSET)
    assert "canary" not in caplog.text
    assert OLD.decode() not in caplog.text


async def test_no_log_of_anybody_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """At level 1 of every logger: no signature, key, header, frame or payload, through failures too (C3)."""
    secret = base64.b64encode(OLD).decode()
    canaries = ("canary", secret, OLD.decode(), NEW.decode())
    answers = [json_answer({"auth": "KEY:canary", "shared_secret": secret})]

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        await (answers[0] if len(answers) == 1 else answers.pop(0))(request, writer)

    names = [name for name in logging.root.manager.loggerDict if not name.startswith("tests.")]
    for name in ["", "httpcore.connection", "httpcore.http11", "httpx", "websockets.client", *names]:
        caplog.set_level(1, logger=name)
    async with scripted() as peer, serve_endpoint(script) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, headers={"Authorization": "canary"}, params={"token": "canary"})
        async with peer.client(authorizer=authorizer) as client:
            orders = await client.subscribe(CHANNEL)
            events = orders.events("*")
            await peer.publish("e", CHANNEL, sealed(NEW, "canary-unopened"))
            await peer.publish("e", CHANNEL, "canary-malformed")
            await peer.publish("e", CHANNEL, sealed(OLD, "canary-opened"))
            await peer.sockets[0].send("canary-nonsense")
            await peer.publish("canary-event", "canary-channel", "canary")
            names_seen = [(await anext(events)).name for _ in range(3)]
            assert names_seen == ["pusher:decryption_failure", "pusher:decryption_failure", "e"]
            peer.sockets[0].transport.abort()
            await peer.heard("pusher:subscribe", 2)
            answers.append(json_answer({"auth": "KEY:canary", "shared_secret": "canary"}))
            answers.pop(0)
            with pytest.raises(AuthorizationError) as caught:
                await client.subscribe("private-encrypted-other")
            shown = texts_of_error(caught.value, __file__)
            shown += repr(client) + repr(orders) + repr(orders.stats) + repr(authorizer) + repr(events)
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert any(record.name.startswith("pusher_client") for record in caplog.records)
    for canary in canaries:
        assert canary not in shown
        assert canary not in "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
        assert canary not in caplog.text


async def test_a_refusal_of_the_endpoint_carries_no_secret() -> None:
    """Nor do the captured variables of the library's frames (C3)."""
    async with scripted() as peer, serve_endpoint(json_answer({"why": "canary"}, "403 Forbidden")) as endpoint:
        authorizer = HTTPAuthorizer(endpoint.url, headers={"Authorization": "canary"}, params={"token": "canary"})
        async with peer.client(authorizer=authorizer) as client:
            with pytest.raises(AuthorizationError) as caught:
                await client.subscribe("private-a")
    assert caught.value.status == 403
    assert "canary" not in texts_of_error(caught.value, __file__)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (copy.status, str(copy)) == (403, str(caught.value))


def test_what_holds_a_secret_is_not_pickled() -> None:
    """A pickle would carry it to places that are not protected (C3)."""
    authorization = ChannelAuthorization("KEY:canary", shared_secret=OLD)
    assert "canary" not in repr(authorization)
    assert "1111" not in repr(authorization)
    with pytest.raises(TypeError):
        pickle.dumps(authorization)
    client = PusherClient("KEY", cluster="eu", authorizer=authorize)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="PusherClient"):
            take(client)


async def test_a_handler_s_error_while_connecting_fails_has_no_password_behind_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The failure to connect, whose frames know the proxy, is not what the handler's error happened in (C3)."""

    def raising(_event: object) -> None:
        raise LookupError

    def ours() -> list[BaseException | None]:
        # asyncio reports a bug that websockets 15 has with proxies.
        return [record.exc_info[1] for record in caplog.records if record.exc_info and record.name != "asyncio"]

    async with scripted() as peer:
        client = peer.client(proxy=f"http://user:canary@127.0.0.1:{peer.port}")
        for name in ("connecting_in", "state_change", "connected"):
            client.connection.bind(name, raising)
        attempt = asyncio.ensure_future(client.connect())
        while len(ours()) < 3:
            await asyncio.sleep(0.001)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
    for error in ours():
        assert isinstance(error, LookupError)
        assert "canary" not in texts_of_chain(error, __file__)


def make_from_env(**options: Any) -> PusherClient:
    return PusherClient.from_env(**options)


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (functools.partial(PusherClient, "KEY"), {}),
        (functools.partial(PusherClient, "KEY", cluster="eu"), {"queue_size": 0}),
        (functools.partial(PusherClient, "KEY", cluster="eu"), {"on_decryption_failure": 1}),
        (functools.partial(PusherClient.from_url, "ws://KEY@host"), {"pong_timeout": "1"}),
        (functools.partial(PusherClient.from_url, "ws://KEY:canary@host"), {}),
        (functools.partial(PusherClient.from_url, "canary://KEY:canary@host"), {}),
        (make_from_env, {"queue_size": 0}),
        (make_from_env, {"authorizer": None, "auth_url": "https://user:canary@host/"}),
    ],
)
def test_a_mistake_shows_no_other_option(make: Any, mistake: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The captured variables of the library's frames have no password of a proxy or a URL in them (C3)."""
    monkeypatch.setenv("PUSHER_KEY", "KEY")
    monkeypatch.setenv("PUSHER_CLUSTER", "eu")
    options = {"proxy": "http://user:canary@proxy:3128", "authorizer": functools.partial(authorize, "canary")}
    auth_url = mistake.pop("auth_url", None)
    if auth_url is not None:
        monkeypatch.setenv("PUSHER_AUTH_URL", auth_url)
        options, mistake = {"proxy": options["proxy"]}, {}
    with pytest.raises((TypeError, ValueError)) as caught:
        make(**options, **mistake)
    assert "canary" not in texts_of_error(caught.value, __file__)
