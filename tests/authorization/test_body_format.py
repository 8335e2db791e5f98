"""The body of a request to an endpoint: a form or JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pusher_client import HTTPAuthorizer, HTTPBatchAuthorizer, HTTPUserAuthenticator
from pusher_client.authorization.body_format import BodyFormat
from tests.support.scripted_endpoint import json_answer, serve_endpoint


def body(channels: Any, params: Any = (), **options: Any) -> bytes:
    options = {"json": False, "socket_id_field": "socket_id", "channel_field": "channel_name", **options}
    return BodyFormat(**options).encode("1.2", channels, params)


@pytest.mark.parametrize(
    ("channels", "options", "expected"),
    [
        ("private-x", {}, b"socket_id=1.2&channel_name=private-x&a=b%20c"),
        (("private-x", "y"), {}, b"socket_id=1.2&channel_name%5B0%5D=private-x&channel_name%5B1%5D=y&a=b%20c"),
        (None, {"channel_field": None}, b"socket_id=1.2&a=b%20c"),
        ("private-x", {"json": True}, b'{"socket_id":"1.2","channel_name":"private-x","a":"b c"}'),
        (("private-x", "y"), {"json": True}, b'{"socket_id":"1.2","channel_name":["private-x","y"],"a":"b c"}'),
        (None, {"json": True, "channel_field": None}, b'{"socket_id":"1.2","a":"b c"}'),
        ("private-x", {"socket_id_field": "sid", "channel_field": "room"}, b"sid=1.2&room=private-x&a=b%20c"),
        ("x", {"json": True, "socket_id_field": "s", "channel_field": "c"}, b'{"s":"1.2","c":"x","a":"b c"}'),
    ],
)
def test_what_is_sent(channels: Any, options: dict[str, Any], expected: bytes) -> None:
    """A form or a JSON object with the configured names (protocol-notes 6.3 and 6.6)."""
    assert body(channels, [("a", "b c")], **options) == expected


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"json": 1}, TypeError),
        ({"json": "yes"}, TypeError),
        ({"socket_id_field": 7}, TypeError),
        ({"socket_id_field": ""}, ValueError),
        ({"channel_field": ""}, ValueError),
        ({"channel_field": "a\nb"}, ValueError),
        ({"channel_field": "\ud800"}, ValueError),
        ({"channel_field": b"room"}, TypeError),
        ({"channel_field": "socket_id"}, ValueError),
    ],
)
def test_mistakes_are_found_at_construction(options: dict[str, Any], error: type[Exception]) -> None:
    """A name that cannot be sent, or is that of two fields, is refused with the option's name (protocol-notes 6.3)."""
    with pytest.raises(error, match=r"json|socket_id_field|channel_field"):
        HTTPAuthorizer("https://example.com/", **options)


def test_a_user_has_no_channel() -> None:
    """Options about channels are refused where there is none (protocol-notes 6.4)."""
    with pytest.raises(TypeError, match="channel_field has no meaning"):
        HTTPUserAuthenticator("https://example.com/", channel_field="room")
    with pytest.raises(TypeError, match="takes no argument"):
        HTTPUserAuthenticator("https://example.com/", params=lambda channel: {"channel": channel})


@pytest.mark.parametrize("name", ["sid", "room", "room[0]"])
def test_the_configured_names_are_reserved(name: str) -> None:
    """Params cannot override the socket id or the channel, whatever their fields are called (protocol-notes 6.3)."""
    with pytest.raises(ValueError, match="is set for every request"):
        HTTPAuthorizer("https://example.com/", socket_id_field="sid", channel_field="room", params={name: "x"})
    HTTPAuthorizer("https://example.com/", socket_id_field="sid", channel_field="room", params={"socket_id": "x"})


async def test_json_and_params_that_know_the_channel_on_the_wire() -> None:
    """The callable gets the name of the channel; the content type says JSON (protocol-notes 6.3)."""
    async with serve_endpoint(json_answer({"auth": "KEY:s"})) as endpoint:
        authorize = HTTPAuthorizer(endpoint.url, json=True, params=lambda channel: {"tenant": channel.split("-")[1]})
        await authorize("private-acme", "1.2")
    (request,) = endpoint.requests
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {"socket_id": "1.2", "channel_name": "private-acme", "tenant": "acme"}


async def test_params_of_a_batch_know_the_channels() -> None:
    """The callable gets a tuple of names, and may be async (protocol-notes 6.6)."""

    async def params(channels: tuple[str, ...]) -> dict[str, str]:
        return {"count": str(len(channels))}

    async with serve_endpoint(json_answer({"private-a": {"auth": "KEY:s"}})) as endpoint:
        await HTTPBatchAuthorizer(endpoint.url, json=True, params=params)(["private-a", "private-b"], "1.2")
    assert json.loads(endpoint.requests[0].body) == {
        "socket_id": "1.2",
        "channel_name": ["private-a", "private-b"],
        "count": "2",
    }


@pytest.mark.parametrize(
    "options",
    [
        {"headers": lambda channel: {"X": channel}},
        {"params": lambda channel, other: {channel: other}},
        {"params": lambda *, channel: {"x": channel}},
    ],
)
def test_a_callable_with_other_arguments_is_refused(options: dict[str, Any]) -> None:
    """At construction, not at the first request (protocol-notes 6.3)."""
    with pytest.raises(TypeError, match=r"a callable for .* no argument"):
        HTTPAuthorizer("https://example.com/", **options)
