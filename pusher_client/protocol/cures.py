"""Likely cures for a connection that could not be opened, or that the server closed (protocol-notes 4).

The texts are the same for Python and for the command line; only the names of the options differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from pusher_client.protocol.reconnect import OpenFailure

__all__ = ["PYTHON_OPTIONS", "close_cure", "open_cure"]

PYTHON_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "key": "key",
        "cluster": "cluster",
        "host": "host",
        "port": "port",
        "path": "path",
        "tls": "tls",
        "use_tls": "use tls=True",
        "authority": "load the certificate of a private authority into the SSLContext given as tls",
        "proxy_login": "give the proxy's user and password in proxy or in https_proxy",
        "proxy": "the option proxy and the variables https_proxy, all_proxy and no_proxy",
    }
)
"""The names of the options of ``PusherClient``, with some phrases that contain them."""

_VERSION = "the server does not support protocol version 7: update the server"
_CLOSE_CURES: dict[int | None, str] = {
    4000: "the server requires TLS: {use_tls}",
    4001: "check {key}, and that {cluster} or {host} is where this application runs",
    4003: "enable the application in the server's dashboard or configuration",
    4004: "the application has reached its limit of connections: close some, or raise the limit",
    4005: "check {path} and {port}: the server does not serve Channels there",
    4006: _VERSION,
    4007: _VERSION,
    4008: _VERSION,
    4009: "the server requires an authorization: check the key and secret that sign it",
}
_LAST_FATAL = 4099
_FAILURE_CURES = {
    OpenFailure.NOT_YET_VALID: "check this machine's clock",
    OpenFailure.TLS: "load the client certificate into an SSLContext given as tls, with the TLS versions of the server",
    OpenFailure.UNUSABLE: "check {proxy}",
    OpenFailure.OPTION: "",
}
_NOT_CHANNELS = "check {host}, {port} and {path}: no Channels server answers there"
_STATUS_CURES: dict[int | None, str] = {
    None: "check {host}, {port} and {tls}, and that proxies and firewalls on the way let WebSockets through",
    HTTPStatus.BAD_REQUEST: "check {tls} and {port}: the server expected another kind of request",
    HTTPStatus.UNAUTHORIZED: "a proxy or firewall before the server requires credentials",
    HTTPStatus.FORBIDDEN: "the server, or a proxy or firewall before it, refuses: check {key} and what is on the way",
    HTTPStatus.NOT_FOUND: _NOT_CHANNELS,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "{proxy_login}",
    HTTPStatus.TOO_MANY_REQUESTS: "there are too many requests: connect less often, or raise the server's limit",
}


def close_cure(code: int | None, options: Mapping[str, str] = PYTHON_OPTIONS) -> str:
    """Return the likely cure after the server closed the connection, or sent an error before it was established.

    Args:
        code: The close code; None if there was none.
        options: The names of the options.
    """
    if code in _CLOSE_CURES:
        return _CLOSE_CURES[code].format_map(options)
    if code is not None and code <= _LAST_FATAL:
        return "this code is final: look it up in the server's documentation"
    return "the server may be starting, stopping or busy: see its log"


def open_cure(failure: OpenFailure, status: int | None, options: Mapping[str, str] = PYTHON_OPTIONS) -> str:
    """Return the likely cure after a WebSocket could not be opened.

    Args:
        failure: The kind of failure.
        status: The HTTP status that answered the upgrade; None without an answer.
        options: The names of the options.
    """
    if failure is OpenFailure.CERTIFICATE:
        return "check {host} and this machine's clock; {authority}".format_map(options)
    if failure in _FAILURE_CURES:
        return _FAILURE_CURES[failure].format_map(options)
    if status is not None and HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "redirects are not followed: give their target as {host}, {port} and {path}".format_map(options)
    if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "the server, or a proxy before it, fails: see its log"
    return _STATUS_CURES.get(status, _NOT_CHANNELS).format_map(options)
