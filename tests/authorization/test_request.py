from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from pusher_client.authorization.body_format import BodyFormat
from pusher_client.authorization.credentials import Credentials
from pusher_client.authorization.request import Request, Source
from tests.support.canaries import texts_of_error

URL = httpx.URL("https://example.com/pusher/auth")
FORM = BodyFormat(json=False, socket_id_field="socket_id", channel_field="channel_name")
CANARY = "canary-4711"


async def build(headers: Source | None = None, params: Source | None = None) -> httpx.Request:
    return await built(Request(URL, headers, params, FORM))


async def built(request: Request) -> httpx.Request:
    return (await request.build("1.2", "private-x", 3.0))[0]


async def test_form_and_fixed_headers() -> None:
    """The body is the protocol's fields in their order, form-encoded, asking for plain JSON (6.3, C4)."""
    request = await build()
    assert (request.method, str(request.url)) == ("POST", str(URL))
    assert request.content == b"socket_id=1.2&channel_name=private-x"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "cookie" not in request.headers


async def test_params_follow_and_are_encoded() -> None:
    """Params follow the protocol's fields, in their order and percent-encoded (6.3)."""
    request = await build(params={"b": "ü&=/ +", "a": ""})
    assert request.content == b"socket_id=1.2&channel_name=private-x&b=%C3%BC%26%3D%2F%20%2B&a="
    assert parse_qsl(request.content.decode(), keep_blank_values=True)[2:] == [("b", "ü&=/ +"), ("a", "")]


async def test_callables_are_evaluated_for_every_request() -> None:
    """Plain and async callables are called anew for each request (6.3)."""
    calls: list[str] = []

    def headers() -> Mapping[str, str]:
        calls.append("headers")
        return {"X-Count": str(len(calls))}

    async def params() -> Mapping[str, str]:
        calls.append("params")
        return {"count": str(len(calls))}

    request = Request(URL, headers, params, FORM)
    first, second = await built(request), await built(request)
    assert calls == ["headers", "params"] * 2
    assert (first.headers["x-count"], second.headers["x-count"]) == ("1", "3")
    assert (first.content[-7:], second.content[-7:]) == (b"count=2", b"count=4")


BAD_HEADERS: list[Any] = [
    {"Authorization": f"Bearer {CANARY}\n"},
    {"Authorization": f"{CANARY}\r\nX-Other: 1"},
    {"Authorization": f" {CANARY}"},
    {"Authorization": f"{CANARY}\u00e4"},
    {"Authorization": f"{CANARY}\ud800"},
    {f"Authorization: {CANARY}": ""},
    {"": CANARY},
    {"Accept-Encoding": f"gzip;{CANARY}"},
    {"content-length": CANARY},
    {"Host": CANARY},
    {"X": CANARY.encode()},
    {b"X": CANARY},
    [("X", CANARY)],
]
BAD_PARAMS: list[Any] = [
    {"channel_name": CANARY},
    {"socket_id": CANARY},
    {"x": f"{CANARY}\ud800"},
    {"x": 5, "y": CANARY},
    CANARY,
]


@pytest.mark.parametrize("bad", BAD_HEADERS)
async def test_bad_headers_are_refused_without_their_value(bad: Any) -> None:
    """What cannot be sent, or is ours to say, is refused with the cure and never repeated (6.3, C3)."""
    with pytest.raises((TypeError, ValueError)) as early:
        Request(URL, bad, None, FORM)
    assert CANARY not in str(early.value)
    with pytest.raises((TypeError, ValueError)) as late:
        await build(headers=lambda: bad)
    assert CANARY not in texts_of_error(late.value, __file__)


@pytest.mark.parametrize("bad", BAD_PARAMS)
async def test_bad_params_are_refused_without_their_value(bad: Any) -> None:
    """The protocol's own fields cannot be overridden, and nothing refused is repeated (6.3, C3)."""
    with pytest.raises((TypeError, ValueError)) as early:
        Request(URL, None, bad, FORM)
    assert CANARY not in str(early.value)
    with pytest.raises((TypeError, ValueError)) as late:
        await build(params=lambda: bad)
    assert CANARY not in texts_of_error(late.value, __file__)


async def test_error_of_a_callable_is_the_callers() -> None:
    """What a callable raises comes out as it is, and shows nothing of the values evaluated before it (C3)."""

    def params() -> Mapping[str, str]:
        raise LookupError("no such user")

    with pytest.raises(LookupError, match="no such user") as caught:
        await build(headers=lambda: {"X": CANARY}, params=params)
    assert CANARY not in texts_of_error(caught.value, __file__)


async def test_a_mapping_is_read_at_every_request() -> None:
    """A mapping that changes is checked and sent as it is at the time of the request (6.3)."""
    headers = {"X-Token": "1"}
    request = Request(URL, headers, None, FORM)
    headers["X-Token"] = "2"
    assert (await built(request)).headers["x-token"] == "2"
    headers["X-Token"] = f"{CANARY}\n"
    with pytest.raises(ValueError, match="X-Token"):
        await request.build("1.2", "private-x", 3.0)


async def test_a_refusal_forgets_the_credentials_that_were_used() -> None:
    """Of headers and params alike, and only if they are still the current ones (6.7)."""
    fetches: list[str] = []

    def fetch() -> Mapping[str, str]:
        fetches.append("fetched")
        return {"x-token": str(len(fetches))}

    request = Request(URL, Credentials(fetch), Credentials(fetch), FORM)
    first, refused = await request.build("1.2", "private-x", 3.0)
    again, refused_too = await request.build("1.2", "private-x", 3.0)
    assert (first.headers["x-token"], first.content[-9:]) == ("1", b"x-token=2")
    assert (again.headers["x-token"], again.content) == ("1", first.content)
    refused()
    third = await built(request)
    assert (third.headers["x-token"], third.content[-9:]) == ("3", b"x-token=4")
    refused_too()
    assert (await built(request)).headers["x-token"] == "3"
    assert len(fetches) == 4
