"""What is likely to help against what servers and endpoints say."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from pusher_client import AuthorizationError, ConnectError, SubscriptionError
from pusher_client.protocol import cures
from pusher_client.protocol.reconnect import OpenFailure

__all__ = ["authorization_cure", "close_cure", "connect_cure", "open_cure", "subscription_cure", "upgrade_cure"]

_FIRST_CLOSE_CODE = 1000
_FLAGS: Mapping[str, str] = {
    "key": "--key (PUSHER_KEY)",
    "cluster": "--cluster",
    "host": "--host",
    "port": "--port",
    "path": "--path",
    "tls": "--tls/--no-tls",
    "use_tls": "use --tls instead of --no-tls",
    "authority": "name the certificate of a private authority in SSL_CERT_FILE",
    "proxy_login": "put the proxy's user and password into https_proxy",
    "proxy": "the variables https_proxy, all_proxy and no_proxy",
}
_ENDPOINT_ELSEWHERE = "check --auth-url (PUSHER_AUTH_URL): nothing authorizes there"

_ENDPOINT_CURES: dict[int | None, str] = {
    HTTPStatus.UNAUTHORIZED: "the endpoint does not know you: give it the headers that it expects, by --header-file",
    HTTPStatus.FORBIDDEN: "the endpoint does not allow this user this channel: check the headers and the channel",
    HTTPStatus.NOT_FOUND: _ENDPOINT_ELSEWHERE,
    HTTPStatus.METHOD_NOT_ALLOWED: _ENDPOINT_ELSEWHERE,
    419: "the endpoint wants a token against forged requests (CSRF): exempt its path from that",
}


def close_cure(code: int | None) -> str:
    """Return the likely cure after the server closed the connection, or sent an error before it was established."""
    return cures.close_cure(code, _FLAGS)


def open_cure(failure: OpenFailure, status: int | None) -> str:
    """Return the likely cure after a WebSocket could not be opened."""
    return cures.open_cure(failure, status, _FLAGS)


def upgrade_cure(status: int | None) -> str:
    """Return the likely cure after the upgrade was answered with this HTTP status, or not at all (None)."""
    return cures.open_cure(OpenFailure.HTTP, status, _FLAGS)


def connect_cure(error: ConnectError) -> str:
    """Return the likely cure after a close code, an HTTP status or a certificate that ended the connection."""
    if error.code is None:
        return f"{cures.open_cure(OpenFailure.CERTIFICATE, None, _FLAGS)}; pusher-client doctor shows more"
    if error.code < _FIRST_CLOSE_CODE:
        return upgrade_cure(error.code)
    return close_cure(error.code)


def authorization_cure(error: AuthorizationError) -> str:
    """Say what helps when the endpoint refused, when its answer cannot be used, or when the server refused that."""
    status = error.status
    if "shared_secret" in error.message:
        return "give the endpoint's server library the master key (encryption_master_key_base64), 32 bytes in base64"
    if status is None or status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return "the endpoint should answer what a server library makes: look at its code and its log"
    if not error.message.startswith("the endpoint"):
        return "the endpoint, or the secret given here, has to sign with this application's secret on this server"
    if HTTPStatus(300) <= status < HTTPStatus.BAD_REQUEST:
        return "give the address that it leads to as --auth-url"
    return _ENDPOINT_CURES.get(status, "look at the endpoint's log")


def subscription_cure(error: SubscriptionError) -> str:
    """Say what helps when a channel was refused."""
    if isinstance(error, AuthorizationError):
        return authorization_cure(error)
    return "check that the application allows such channels; pusher-client doctor --channel shows more"
