"""Cures for close codes, HTTP statuses and authorization errors."""

from __future__ import annotations

import pytest

from pusher_client import AuthorizationError, ConnectError, SubscriptionError
from pusher_client.cli.cures import close_cure, connect_cure, subscription_cure, upgrade_cure


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (4000, "--no-tls"),
        (4001, "--key"),
        (4003, "enable"),
        (4004, "raise the limit"),
        (4007, "version"),
        (4050, "documentation"),
        (4100, "see its log"),
        (4201, "see its log"),
        (None, "see its log"),
    ],
)
def test_each_range_of_close_codes_has_its_cure(code: int | None, cure: str) -> None:
    """Read by range, as the client reads them (protocol-notes 4)."""
    assert cure in close_cure(code)


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (None, "--tls/--no-tls"),
        (301, "redirects are not followed"),
        (400, "--tls/--no-tls"),
        (401, "proxy"),
        (403, "proxy"),
        (404, "--path"),
        (407, "https_proxy"),
        (418, "--path"),
        (429, "less often"),
        (503, "see its log"),
    ],
)
def test_each_status_of_the_upgrade_has_its_cure(status: int | None, cure: str) -> None:
    """Also if a proxy or firewall answers instead of the server."""
    assert cure in upgrade_cure(status)


def test_a_connection_error_is_a_close_code_a_status_or_a_certificate() -> None:
    """Close codes and HTTP statuses are distinguished by the number."""
    assert connect_cure(ConnectError(4001, "")) == close_cure(4001)
    assert connect_cure(ConnectError(404, "")) == upgrade_cure(404)
    assert "SSL_CERT_FILE" in connect_cure(ConnectError(None, "the certificate was refused"))


@pytest.mark.parametrize(
    ("message", "status", "cure"),
    [
        ("the endpoint refused", 401, "--header-file"),
        ("the endpoint refused", 403, "headers"),
        ("the endpoint refused", 404, "--auth-url"),
        ("the endpoint refused", 419, "CSRF"),
        ("the endpoint redirects", 302, "--auth-url"),
        ("the endpoint failed", 500, "log"),
        ("the endpoint's answer is not JSON", 200, "server library"),
        ("the authorization answer has no 'shared_secret'", None, "master key"),
        ("the server refused the subscription", 401, "secret"),
    ],
)
def test_each_refusal_has_its_cure(message: str, status: int | None, cure: str) -> None:
    """Refusals by the endpoint, unusable answers and refusals by the server have different cures."""
    assert cure in subscription_cure(AuthorizationError("private-a", message, status=status))


def test_another_failure_of_a_subscription_leads_to_the_doctor() -> None:
    """The cure names ``doctor``, which shows more."""
    assert "doctor" in subscription_cure(SubscriptionError("a"))
