"""Words for errors of the network that repeat no secret: name resolution, TCP, TLS, HTTP (protocol-notes 6.3)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from socket import gaierror
from ssl import SSLCertVerificationError, SSLError, SSLWantReadError
from typing import cast

__all__ = ["EndpointConnectionError", "EndpointTimeoutError", "describe_network_error", "describe_os_error"]

_NOT_YET_VALID = 9
_ERRNO_LIMIT = 4096
_PROXY_STATUS = re.compile(r"[1-5][0-9]{2}\b")


class EndpointConnectionError(ConnectionError):
    """An endpoint could not be reached, or the connection broke. The message is ours and names its origin."""


class EndpointTimeoutError(TimeoutError):
    """An endpoint did not answer in time. The message is ours and names its origin."""


def describe_network_error(error: BaseException, host: str) -> str:
    """Return the reason why a request to a host failed.

    Args:
        error: The error of the HTTP library; the errors that caused it are looked at, too.
        host: The host that was to be reached, or the proxy's where there is one.

    Returns:
        The reason in words, from the operating system's and OpenSSL's texts. Texts of the HTTP library are not used:
        they may repeat what the server sent.
    """
    errors = list(_causes(error))
    for cause in errors:
        if isinstance(cause, SSLError) and not isinstance(
            cause, SSLWantReadError
        ):  # the latter is a step, not an error
            return _describe_tls_error(cause)
    for cause in errors:
        if isinstance(cause, gaierror):
            return f"the name {host} cannot be resolved"
    for cause in errors:
        if isinstance(cause, OSError) and (words := describe_os_error(cause)) is not None:
            return words
    kind = type(error).__name__
    if kind == "ProxyError":
        status = _PROXY_STATUS.match(str(error))
        return "the proxy refused" if status is None else f"the proxy refused (status {status[0]})"
    if kind == "RemoteProtocolError":
        return "the connection was closed before the answer was complete, or the answer is not HTTP"
    return kind


def describe_os_error(error: OSError) -> str | None:
    """Return the operating system's text for an error number; None without one.

    The error's own text is not used: an exception of the caller's code may have any text.
    """
    if isinstance(error, gaierror):
        return "a host name cannot be resolved"
    if isinstance(error, SSLError) or not isinstance(error.errno, int) or not 0 < error.errno < _ERRNO_LIMIT:
        return None
    words = os.strerror(error.errno)
    return words[:1].lower() + words[1:]


def _describe_tls_error(error: SSLError) -> str:
    if isinstance(error, SSLCertVerificationError):
        cure = "; check this machine's clock" if error.verify_code == _NOT_YET_VALID else ""
        return f"TLS certificate verification failed: {error.verify_message}{cure}"
    reason = getattr(error, "reason", None) or type(error).__name__  # an SSLError made in Python has no reason
    if reason == "WRONG_VERSION_NUMBER":
        return "TLS failed: the server does not speak TLS on this port"
    return f"TLS failed: {reason.lower().replace('_', ' ')}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, and the members of groups among these, each once."""
    rest: list[BaseException | None] = [error]
    seen: set[int] = set()
    while rest:
        one = rest.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            rest += cast("BaseExceptionGroup[BaseException]", one).exceptions
        rest += [one.__cause__, one.__context__]
