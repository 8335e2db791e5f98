"""Words for errors of the network."""

from __future__ import annotations

import errno
import socket
import ssl

import httpx
import pytest

from pusher_client.authorization.network_errors import describe_network_error, describe_os_error


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "canary")
    error.reason = reason
    return error


def certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "canary")
    error.verify_code, error.verify_message = code, "certificate is not yet valid"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caused(httpx.ConnectError("canary"), socket.gaierror(-2, "canary")), "the name host cannot be resolved"),
        (caused(httpx.ConnectError("canary"), OSError(errno.ECONNREFUSED, "canary")), "connection refused"),
        (
            caused(httpx.ConnectError("canary"), ExceptionGroup("canary", [OSError(errno.EHOSTUNREACH, "canary")])),
            "no route to host",
        ),
        (caused(httpx.ConnectError("canary"), OSError("canary")), "ConnectError"),
        (caused(httpx.ConnectError("canary"), certificate(9)), "not yet valid; check this machine's clock"),
        (caused(httpx.ConnectError("canary"), certificate(10)), "TLS certificate verification failed"),
        (caused(httpx.ConnectError("canary"), tls("WRONG_VERSION_NUMBER")), "does not speak TLS on this port"),
        (caused(httpx.ConnectError("canary"), tls("TLSV1_ALERT")), "TLS failed: tlsv1 alert"),
        (caused(httpx.ConnectError("canary"), ssl.SSLError("canary")), "TLS failed: sslerror"),
        (
            caused(httpx.ReadError("canary"), caused(ssl.SSLWantReadError("canary"), tls("CERT_REQUIRED"))),
            "cert required",
        ),
        (httpx.ProxyError("407 canary"), "the proxy refused (status 407)"),
        (httpx.ProxyError("canary"), "the proxy refused"),
        (httpx.RemoteProtocolError("canary"), "the answer is not HTTP"),
        (httpx.ReadError("canary"), "ReadError"),
    ],
)
def test_the_reason_is_named(error: Exception, words: str) -> None:
    """In the system's words, never in those of a library or a server (C3)."""
    found = describe_network_error(error, "host")
    assert words in found
    assert "canary" not in found


def test_a_cycle_of_causes_ends() -> None:
    """Errors that cause each other are read once."""
    first, second = httpx.ReadError("canary"), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert describe_network_error(first, "host") == "ReadError"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "canary"), "connection refused"),
        (socket.gaierror(-2, "canary"), "a host name cannot be resolved"),
        (OSError("canary"), None),
        (OSError(0, "canary"), None),
        (OSError(1 << 40, "canary"), None),
        (ssl.SSLError(1, "canary"), None),
    ],
)
def test_the_systems_words(error: OSError, words: str | None) -> None:
    """The text of the number; an exception's own text may hold anything (C3)."""
    assert describe_os_error(error) == words
