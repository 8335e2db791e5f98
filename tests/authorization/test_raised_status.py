"""The HTTP status in an exception of an authorizer."""

from __future__ import annotations

import urllib.error
from email.message import Message
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pusher_client.authorization.outcomes import Refused, ask_authorizer
from pusher_client.authorization.raised_status import is_network_error, raised_retry_after, raised_status


class CarrierError(Exception):
    """An exception of some HTTP library."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__("canary")
        self.__dict__.update(attributes)


def http_error(status: int, **headers: str) -> httpx.HTTPStatusError:
    response = httpx.Response(status, headers=headers, request=httpx.Request("POST", "https://example.com/canary"))
    return httpx.HTTPStatusError("canary", request=response.request, response=response)


class Raising:
    """Attributes that raise."""

    @property
    def status(self) -> int:
        raise RuntimeError

    @property
    def headers(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (http_error(503), 503),
        (urllib.error.HTTPError("https://example.com/", 403, "", Message(), None), 403),
        (CarrierError(status=429), 429),
        (CarrierError(status_code=500), 500),
        (CarrierError(response=SimpleNamespace(status_code=502)), 502),
        (CarrierError(response=SimpleNamespace(status=404)), 404),
        (CarrierError(status="503"), None),
        (CarrierError(status=True), None),
        (CarrierError(status=0), None),
        (CarrierError(status=99), None),
        (CarrierError(status=600), None),
        (CarrierError(status=7, status_code=503), 503),
        (CarrierError(response=Raising()), None),
        (httpx.ConnectError("no request"), None),
        (ValueError(), None),
    ],
)
def test_the_status(error: Exception, status: int | None) -> None:
    """An integer of the exception or of its response, within HTTP's range (R3)."""
    assert raised_status(error) == status


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (http_error(503, **{"Retry-After": "7"}), 7),
        (http_error(503), None),
        (CarrierError(headers={"Retry-After": "3"}), 3),
        (CarrierError(headers={"retry-after": "3"}), 3),
        (CarrierError(headers={"Retry-After": 3}), None),
        (CarrierError(headers="Retry-After: 3"), None),
        (
            CarrierError(
                headers=SimpleNamespace(get=lambda: 1), response=http_error(503, **{"Retry-After": "5"}).response
            ),
            5,
        ),
        (CarrierError(response=Raising()), None),
    ],
)
def test_the_seconds_to_wait(error: Exception, seconds: float | None) -> None:
    """From the header of the exception or of its response (R3)."""
    assert raised_retry_after(error) == seconds


@pytest.mark.parametrize(
    ("error", "is_one"),
    [(ConnectionResetError(), True), (TimeoutError(), True), (httpx.ReadError(""), True), (http_error(503), False)],
)
def test_errors_of_the_network(error: Exception, is_one: bool) -> None:
    """They are retried (R3)."""
    assert is_network_error(error) is is_one


@pytest.mark.parametrize(("status", "retryable"), [(503, True), (429, True), (408, True), (403, False), (404, False)])
async def test_a_raised_status_is_classed_like_an_answer(status: int, retryable: bool) -> None:
    """raise_for_status() in an authorizer: the error has the status, and no text of the exception (R3, C3)."""

    async def authorize(_channel: str, _socket_id: str) -> Any:
        raise http_error(status, **{"Retry-After": "9"})

    outcome = await ask_authorizer(authorize, "private-x", "1.2")
    assert isinstance(outcome, Refused)
    assert outcome.retryable is retryable
    assert (outcome.error.status, outcome.error.retry_after) == (status, 9)
    assert "canary" not in str(outcome.error)
