"""Causes of failed openings, in words."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.open_error import OpenError, describe_open_error

PHASE = "connecting to a.example:443"
CANARY = "canary-4711"


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, CANARY)
    error.reason = reason
    return error


def certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, CANARY)
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("error", "failure", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), OpenFailure.NETWORK, "Name or service"),
        (socket.gaierror(), OpenFailure.NETWORK, "unknown host"),
        (ConnectionRefusedError(), OpenFailure.NETWORK, "the connection was refused"),
        (TimeoutError(), OpenFailure.NETWORK, "no answer in time"),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), OpenFailure.NETWORK, "no answer in time"),
        (ConnectionResetError(), OpenFailure.NETWORK, "the connection was closed by the other side"),
        (ConnectionAbortedError(), OpenFailure.NETWORK, "the connection was closed by the other side"),
        (BrokenPipeError(), OpenFailure.NETWORK, "the connection was closed by the other side"),
        (EOFError(), OpenFailure.NETWORK, "the connection was closed by the other side"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), OpenFailure.NETWORK, "No route to host"),
        (OSError(), OpenFailure.NETWORK, "an error of the operating system without details"),
        (RuntimeError(CANARY), OpenFailure.NETWORK, "an unexpected RuntimeError"),
        (asyncio.InvalidStateError(CANARY), OpenFailure.NETWORK, "an unexpected InvalidStateError"),
        (UnicodeError(CANARY), OpenFailure.OPTION, "an unexpected UnicodeError"),
        (ValueError(CANARY), OpenFailure.OPTION, "an unexpected ValueError"),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), OpenFailure.TLS, "requires a client certificate"),
        (tls_error("TLSV1_ALERT_PROTOCOL_VERSION"), OpenFailure.TLS, "no TLS version in common"),
        (tls_error("TLSV1_ALERT_UNKNOWN_CA"), OpenFailure.TLS, "authority of the client certificate"),
        (tls_error("WRONG_VERSION_NUMBER"), OpenFailure.NETWORK, "plain HTTP instead of TLS"),
        (tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), OpenFailure.NETWORK, "refused the TLS handshake"),
        (tls_error("BAD_EXTENSION"), OpenFailure.NETWORK, "TLS failed: bad extension"),
        (tls_error(""), OpenFailure.NETWORK, "TLS failed: no details"),
        (ssl.SSLEOFError(), OpenFailure.NETWORK, "TLS failed: no details"),
        (certificate_error(18, "self-signed certificate"), OpenFailure.CERTIFICATE, "self-signed certificate"),
        (certificate_error(9, "certificate is not yet valid"), OpenFailure.NOT_YET_VALID, "not yet valid"),
    ],
)
def test_causes(error: Exception, failure: OpenFailure, words: str) -> None:
    """Every cause is named, with what was being done, host and port, and nothing that may be secret (R2, C3)."""
    described = describe_open_error(error, PHASE)
    assert (described.failure, described.status, described.retry_after) == (failure, None, None)
    assert words in described.reason
    assert PHASE in described.reason
    assert CANARY not in described.reason


def test_an_unexpected_error_has_its_place() -> None:
    """Its message may hold a secret; its type and where it was raised are in the log (C3)."""
    with pytest.raises(ValueError, match=CANARY) as caught:
        int(CANARY)
    described = describe_open_error(caught.value, PHASE)
    assert "an unexpected ValueError in test_open_error.py, line " in described.reason
    assert CANARY not in described.reason


def test_what_is_described_already() -> None:
    """An error of this kind is passed on as it is."""
    error = OpenError(OpenFailure.HTTP, 503, "no", retry_after=3)
    assert describe_open_error(error, PHASE) is error
