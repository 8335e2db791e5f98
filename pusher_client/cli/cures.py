"""What is likely to help against what servers and endpoints say."""

from __future__ import annotations

from http import HTTPStatus

from pusher_client import AuthorizationError, ConnectError, SubscriptionError

__all__ = ["authorization_cure", "close_cure", "connect_cure", "subscription_cure", "upgrade_cure"]

_CLOSE_CURES = {
    4000: "the server wants TLS: leave out --no-tls",
    4001: "check --key (PUSHER_KEY), and that --cluster or --host is where this application lives",
    4003: "enable the application in the server's dashboard or configuration",
    4004: "the application has as many connections as it may: close some, or raise the limit",
    4005: "check --path and --port: the server does not serve Channels there",
    4006: "the server does not speak this version of the protocol: update it",
    4007: "the server does not speak this version of the protocol: update it",
    4008: "the server does not speak this version of the protocol: update it",
    4009: "the server wants an authorization: check the signature's key and secret",
}
_LAST_FATAL = 4099
_ELSEWHERE = "check --host, --port and --path: no Channels server answers there"
_ENDPOINT_ELSEWHERE = "check --auth-url (PUSHER_AUTH_URL): nothing authorizes there"

_UPGRADE_CURES: dict[int | None, str] = {
    HTTPStatus.BAD_REQUEST: "check --tls/--no-tls and --port: the server expected another kind of request",
    HTTPStatus.UNAUTHORIZED: "something before the server wants credentials: check the proxy or firewall on the way",
    HTTPStatus.FORBIDDEN: "something before the server refuses: check the proxy or firewall on the way, and --key",
    HTTPStatus.NOT_FOUND: _ELSEWHERE,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "put the proxy's user and password into https_proxy",
}
_ENDPOINT_CURES: dict[int | None, str] = {
    HTTPStatus.UNAUTHORIZED: "the endpoint does not know you: give it the headers that it expects, by --header-file",
    HTTPStatus.FORBIDDEN: "the endpoint does not allow this user this channel: check the headers and the channel",
    HTTPStatus.NOT_FOUND: _ENDPOINT_ELSEWHERE,
    HTTPStatus.METHOD_NOT_ALLOWED: _ENDPOINT_ELSEWHERE,
    419: "the endpoint wants a token against forged requests (CSRF): exempt its path from that",
}


def close_cure(code: int | None) -> str:
    """Say what helps when the server closed the connection, or told of an error before the connection stood."""
    if code in _CLOSE_CURES:
        return _CLOSE_CURES[code]
    if code is not None and code <= _LAST_FATAL:
        return "the server will not change its mind: look for this code in its documentation"
    return "the server may be starting, stopping or busy: try again later, and look at its log"


def upgrade_cure(status: int | None) -> str:
    """Say what helps when the server, or something before it, answered the upgrade with an HTTP status."""
    if status is None:
        return "check --tls/--no-tls and --port, and whether a proxy or firewall lets WebSockets through"
    if HTTPStatus(300) <= status < HTTPStatus.BAD_REQUEST:
        return "redirects are never followed: give the address that it leads to as --host, --port and --path"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "the server, or what stands before it, fails: try again later, and look at its log"
    return _UPGRADE_CURES.get(status, _ELSEWHERE)


def connect_cure(error: ConnectError) -> str:
    """Say what helps when the connection is over for good: after a close code, an HTTP status or a bad certificate."""
    if error.code is None:
        return (
            "check --host; for an authority of your own name its certificate in SSL_CERT_FILE; "
            "pusher-client doctor shows more"
        )
    return upgrade_cure(error.code) if error.code < 1000 else close_cure(error.code)  # noqa: PLR2004 - close codes begin there


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
