"""The signature of requests to the HTTP API: the official library's, and forged ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pusher.http
import pytest

from pusher_client.server.http_signature import check_http_signature


class Library:
    """The credentials of an official library's request."""

    key = "k"
    secret = "s"
    scheme, host, port = "http", "127.0.0.1", 1


def signed(method: str = "POST", params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the arguments for a request that the official library signed."""
    request = pusher.http.Request(Library(), method, "/apps/1/events", params)
    now = float(request.query_params["auth_timestamp"])
    query = dict(request.query_params)
    return {"method": method, "path": request.path, "params": query, "body": request.body, "now": now}


def check(arguments: dict[str, Any]) -> None:
    """Check a request."""
    check_http_signature("k", "s", **arguments)


def test_what_the_official_library_signs_is_accepted() -> None:
    """A body, or a query with further parameters."""
    check(signed("POST", {"name": "e", "data": "ü", "channels": ["a"]}))
    check(signed("GET", {"info": "user_count,subscription_count", "filter_by_prefix": "presence-"}))


def test_a_query_without_a_digest_may_have_an_empty_body() -> None:
    """Other libraries send no ``body_md5`` with GET."""
    arguments = signed("GET")
    del arguments["params"]["body_md5"]
    with pytest.raises(ValueError, match="auth_signature"):
        check(arguments)  # it was signed with it, so only the signature is invalid


@pytest.mark.parametrize("name", ["auth_key", "auth_timestamp", "auth_version", "auth_signature"])
def test_what_is_missing_is_named(name: str) -> None:
    """All four parameters are required."""
    arguments = signed()
    del arguments["params"][name]
    with pytest.raises(ValueError, match=f"^the query lacks {name}$"):
        check(arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda request: request["params"].update(auth_key="other"), "auth_key"),
        (lambda request: request["params"].update(auth_version="2.0"), "auth_version"),
        (lambda request: request["params"].update(auth_timestamp="now"), "not a whole number"),
        (lambda request: request["params"].update(auth_timestamp="²"), "not a whole number"),
        (lambda request: request.update(now=request["now"] + 601), "within 600 s"),
        (lambda request: request.update(now=request["now"] - 601), "within 600 s"),
        (lambda request: request.update(body=b"{}x"), "body_md5"),
        (lambda request: request["params"].pop("body_md5"), "body_md5"),
        (lambda request: request["params"].update(auth_signature="0" * 64), "auth_signature"),
        (lambda request: request["params"].update(auth_signature="ü"), "auth_signature"),
        (lambda request: request["params"].update(extra="1"), "auth_signature"),
        (lambda request: request.update(method="GET"), "auth_signature"),
        (lambda request: request.update(path="/apps/2/events"), "auth_signature"),
    ],
)
def test_what_is_wrong_is_named(change: Callable[[dict[str, Any]], None], message: str) -> None:
    """Every change after signing is detected; the message contains no signature (C3)."""
    arguments = signed("POST", {"name": "e"})
    right = arguments["params"]["auth_signature"]
    change(arguments)
    with pytest.raises(ValueError, match=message) as caught:
        check(arguments)
    assert right not in str(caught.value)


def test_the_tolerance_includes_its_ends() -> None:
    """600 seconds either way."""
    for now in (-600, 600):
        arguments = signed()
        arguments["now"] += now
        check(arguments)
