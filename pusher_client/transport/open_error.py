"""Why a WebSocket could not be opened: the kind of failure, and its cause in words (design.md 3, promise R2)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from pathlib import Path

from pusher_client.protocol.reconnect import OpenFailure

__all__ = ["OpenError", "describe_open_error", "describe_unexpected"]

_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL
_NEEDS_CLIENT_CERTIFICATE = "the server requires a client certificate"
_VERSIONS = "client and server have no TLS version in common"
_NO_TLS = "the port speaks plain HTTP instead of TLS: use tls=False or another port"
_NO_AGREEMENT = "the server refused the TLS handshake: no common cipher, or a client certificate is missing"
_FINAL_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _NEEDS_CLIENT_CERTIFICATE,
    "TLSV1_ALERT_PROTOCOL_VERSION": _VERSIONS,
    "UNSUPPORTED_PROTOCOL": _VERSIONS,
    "NO_PROTOCOLS_AVAILABLE": _VERSIONS,
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not know the authority of the client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the server refused the client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the client certificate is revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the server refused the client certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "the server refused the client certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "the server denies access to the client certificate",
}
_PASSING_ALERTS = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": _NO_AGREEMENT,
    "TLSV1_ALERT_HANDSHAKE_FAILURE": _NO_AGREEMENT,
    "TLSV1_UNRECOGNIZED_NAME": "the server has no certificate for this host name",
    "TLSV1_ALERT_INTERNAL_ERROR": "the server reports an internal error of its TLS",
    "UNEXPECTED_EOF_WHILE_READING": "the connection was closed during the TLS handshake",
}


class OpenError(Exception):
    """A WebSocket could not be opened.

    Attributes:
        failure: The kind of failure.
        status: The HTTP status of the refusal, if there was one.
        reason: The cause in words, without anything secret.
        retry_after: After how many seconds the server allows another attempt, if it said so.
    """

    def __init__(
        self, failure: OpenFailure, status: int | None, reason: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


def describe_open_error(error: BaseException, phase: str) -> OpenError:
    """Return the error for what was raised while opening.

    Args:
        error: What was raised.
        phase: What was being done, with host and port, as ``"connecting to example.com:443"``.
    """
    match error:
        case OpenError():
            return error
        case ssl.SSLCertVerificationError():
            return _certificate_error(error, phase)
        case ssl.SSLError():
            return _tls_error(error, phase)
        case socket.gaierror():
            words = error.strerror or "unknown host"
        case ConnectionRefusedError():
            words = "the connection was refused: nothing listens there, or a firewall refuses"
        case TimeoutError():
            words = "no answer in time"
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError() | EOFError():
            words = "the connection was closed by the other side"
        case OSError():
            words = error.strerror or "an error of the operating system without details"
        case asyncio.InvalidStateError() | RuntimeError():
            words = describe_unexpected(error)
        case _:
            # Another attempt does the same with the same values.
            return OpenError(OpenFailure.OPTION, None, f"{describe_unexpected(error)} while {phase}")
    return OpenError(OpenFailure.NETWORK, None, f"{words} ({phase})")


def _certificate_error(error: ssl.SSLCertVerificationError, phase: str) -> OpenError:
    if error.verify_code == _NOT_YET_VALID:
        reason = f"the certificate is not yet valid ({phase})"
        return OpenError(OpenFailure.NOT_YET_VALID, None, reason)
    return OpenError(OpenFailure.CERTIFICATE, None, f"the certificate was refused: {error.verify_message} ({phase})")


def _tls_error(error: ssl.SSLError, phase: str) -> OpenError:
    alert: str = getattr(error, "reason", None) or ""  # an error that was not raised by OpenSSL has none
    if alert in _FINAL_ALERTS:
        return OpenError(OpenFailure.TLS, None, f"{_FINAL_ALERTS[alert]} ({phase})")
    words = _PASSING_ALERTS.get(alert) or f"TLS failed: {alert.replace('_', ' ').lower() or 'no details'}"
    return OpenError(OpenFailure.NETWORK, None, f"{words} ({phase})")


def describe_unexpected(error: BaseException) -> str:
    """Return type and place of an unexpected error; its message may hold a secret (promise C3)."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"an unexpected {type(error).__name__}{place}"
