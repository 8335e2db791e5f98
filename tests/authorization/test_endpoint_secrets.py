"""No secret of a request or an answer is in an error, a log or a pickle (promise C3)."""

from __future__ import annotations

import asyncio
import logging
import pickle

import httpx
import pytest

from pusher_client.authorization.authorizers import HTTPAuthorizer
from pusher_client.exceptions import AuthorizationError
from tests.support.canaries import texts_of_chain, texts_of_error
from tests.support.endpoint_requests import (
    CANARIES,
    CHANNEL,
    GOOD,
    GOOD_BODY,
    PARAM,
    SHARED_SECRET,
    SIGNATURE,
    TOKEN,
    ask,
    authorizer,
    bad_chunk,
    bad_header,
    drip,
    drip_head,
    half,
    hang,
    no_http,
    reset,
)
from tests.support.scripted_endpoint import Received, Script, answer, json_answer, serve_endpoint


async def test_no_secret_in_what_passes_through() -> None:
    """An unexpected error is passed on as it is, and the frames it went through show no secret (C3)."""

    def handle(_request: httpx.Request) -> httpx.Response:
        raise LookupError("not what I expected")

    authorize = HTTPAuthorizer(
        "https://example.com/secret-path?q=canary-query",
        headers={"Authorization": f"Bearer {TOKEN}"},
        params={"token": PARAM},
        transport=httpx.MockTransport(handle),
    )
    with pytest.raises(LookupError) as caught:
        await authorize(CHANNEL, "12.34")
    shown = texts_of_chain(caught.value, __file__)
    assert not [canary for canary in (*CANARIES, "secret-path") if canary in shown]


def test_repr_and_pickle() -> None:
    """The repr of an authorizer shows its origin only, and pickling is refused (C3)."""
    authorize = HTTPAuthorizer(
        "https://example.com:8443/secret-path?q=canary-query", headers={"X": TOKEN}, params={"y": PARAM}
    )
    assert repr(authorize) == str(authorize) == "HTTPAuthorizer('https://example.com:8443')"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(authorize)


SCRIPTS: dict[str, Script] = {
    "ok": json_answer(GOOD, set_cookie=f"token={TOKEN}", x_echo=f"Bearer {TOKEN}"),
    "refused": json_answer(GOOD, "403 Forbidden", x_echo=f"Bearer {TOKEN}"),
    "failed": json_answer(GOOD, f"500 {TOKEN}"),
    "redirect": json_answer(GOOD, "302 Found", location=f"http://127.0.0.1:1/?{PARAM}"),
    "compressed": json_answer(GOOD, content_encoding="gzip"),
    "too long": answer(body=GOOD_BODY + b" " * 70_000),
    "html": answer(body=b"<html>" + GOOD_BODY),
    "list": json_answer([GOOD]),
    "bad secret": json_answer({"auth": f"KEY:{SIGNATURE}", "shared_secret": SHARED_SECRET + "="}),
    "bad data": json_answer({**GOOD, "channel_data": [TOKEN]}),
    "no auth": json_answer({"shared_secret": SHARED_SECRET}),
    "hang": hang,
    "reset": reset,
    "half": half,
    "no http": no_http,
    "bad chunk": bad_chunk,
    "bad header": bad_header,
}


@pytest.mark.parametrize("case", SCRIPTS)
@pytest.mark.parametrize("attached", [False, True])
async def test_no_secret_in_any_error_or_log(case: str, attached: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the endpoint does, no secret is in an error, its frames, or any log at any level (C3)."""
    caplog.set_level(1)
    async with serve_endpoint(SCRIPTS[case]) as endpoint:
        authorize = authorizer(endpoint, timeout=0.2 if case == "hang" else 10)
        if attached:
            authorize.attach()
        try:
            shown = repr(await authorize(CHANNEL, "12.34"))
        except (AuthorizationError, OSError) as error:
            shown = texts_of_error(error, __file__)
        if attached:
            await authorize.detach()
    assert (case == "ok") == (shown == "ChannelAuthorization()")
    assert any(record.name.startswith("httpcore") for record in caplog.records), "nothing was captured"
    for canary in CANARIES:
        assert canary not in shown
        assert canary not in caplog.text


@pytest.mark.parametrize("script", [hang, drip, drip_head])
async def test_no_secret_in_a_cancellation(script: Script) -> None:
    """A time-out of the caller's own has the cancellation as its cause, whose frames show nothing either (C3)."""
    limit = asyncio.timeout(None)

    async def soon(request: Received, writer: asyncio.StreamWriter) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + 0.02)
        await script(request, writer)

    async with serve_endpoint(soon) as endpoint:
        with pytest.raises(TimeoutError) as caught:
            async with limit:
                await authorizer(endpoint)(CHANNEL, "12.34")
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    shown = texts_of_chain(caught.value, __file__)
    assert not [canary for canary in CANARIES if canary in shown]


async def test_foreign_loggers_are_left_alone() -> None:
    """The loggers of httpx and httpcore keep their levels, handlers and filters (C3)."""
    names = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "asyncio")

    def settings() -> list[object]:
        loggers = [logging.getLogger(name) for name in names]
        return [(each.level, each.disabled, each.propagate, *each.handlers, *each.filters) for each in loggers]

    before = settings()
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        await authorizer(endpoint)(CHANNEL, "12.34")
    assert settings() == before


async def test_no_secret_in_the_error_of_a_callable(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the params' callable shows nothing of the headers evaluated before it (C3)."""
    caplog.set_level(1)

    def params() -> dict[str, str]:
        raise LookupError("no user")

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        with pytest.raises(LookupError) as caught:
            await authorizer(endpoint, params=params)(CHANNEL, "12.34")
    shown = texts_of_error(caught.value, __file__)
    assert TOKEN not in shown + caplog.text


async def test_the_same_error_twice_is_two_errors() -> None:
    """Each failure is a new error, so that no traceback grows over time (R6)."""
    async with serve_endpoint(json_answer({}, "403 No")) as endpoint:
        first, second = await ask(endpoint), await ask(endpoint)
    assert first is not second
    assert first.__traceback__ is not None
