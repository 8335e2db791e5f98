"""Messages for an endpoint's refusals: where, why, and what is likely to help (protocol-notes 6.3 and 6.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

__all__ = ["content_type_of", "not_json", "refusal"]

_CURES: Mapping[int, str] = MappingProxyType(
    {
        400: "check which fields it expects: json, socket_id_field, channel_field",
        401: "it requires credentials: give a valid token or cookie in headers",
        403: "this user is not allowed, or the credentials in headers are missing or outdated",
        404: "check the path of its url",
        405: "check its url: this path does not accept POST",
        413: "the request is too large for it",
        415: "it may require a JSON request: json=True",
        419: "the CSRF check of Laravel failed: exclude its path from that check, or give the session cookie and "
        "X-CSRF-TOKEN in headers",
        422: "check which fields it expects: json, socket_id_field, channel_field",
        429: "it limits the rate of requests",
        500: "see its log",
        502: "a proxy before it got no valid answer from it",
        503: "it is overloaded or being updated",
        504: "a proxy before it got no answer from it",
    }
)
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]{1,40}/?")
_HOST = re.compile(r"[a-z0-9._:-]{1,253}")
_CONTENT_TYPE = re.compile(r"(application|audio|font|image|message|model|multipart|text|video)/[a-z0-9.+-]{1,40}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"\s*<(!doctype html|html|head|body)\b", re.IGNORECASE)


def refusal(origin: str, status: int, url: str = "", location: str | None = None) -> str:
    """Return the message for a status that is not a success.

    Args:
        origin: The endpoint's origin.
        status: The status.
        url: The endpoint's url, to which a relative ``location`` refers.
        location: The ``Location`` header, if there was one.
    """
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        target = "" if location is None else _describe_target(url, location)
        return f"the endpoint {origin} redirects{target}, and redirects are never followed: configure its final address"
    verb = "refused" if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR else "failed"
    cure = _CURES.get(status)
    return f"the endpoint {origin} {verb}" if cure is None else f"the endpoint {origin} {verb}: {cure}"


def not_json(origin: str, body: bytes, content_type: str | None) -> str:
    """Return the message for a successful answer whose body is not JSON.

    Args:
        origin: The endpoint's origin.
        body: The body, of which nothing is repeated.
        content_type: The ``Content-Type`` header.
    """
    kind = content_type_of(content_type)
    named = "no content type" if kind is None else f"content type {kind}"
    if kind == "text/html" or _HTML.match(body):
        return (
            f"the endpoint {origin} answered an HTML page, not JSON ({named}): if that is a login page, give the "
            "session cookie or token in headers"
        )
    if not body.strip():
        return f"the endpoint {origin} answered an empty body, not JSON ({named})"
    if body.startswith(_UTF16):
        return f"the endpoint {origin} answered UTF-16, not JSON in UTF-8 ({named})"
    return f"the endpoint {origin} answered something that is not JSON ({named})"


def content_type_of(header: str | None) -> str | None:
    """Return the media type of a ``Content-Type`` header, without parameters; None if there is no usable one."""
    kind = (header or "").partition(";")[0].strip().lower()
    return kind if _CONTENT_TYPE.fullmatch(kind) else None


def _describe_target(url: str, location: str) -> str:
    """Return the origin of a redirect's target and the last segment of its path: no query and no credentials."""
    try:
        parts = urlsplit(urljoin(url, location))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return " to a malformed address"
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return " to another kind of address"
    host = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{host}" if port is None else f"{parts.scheme}://{host}:{port}"
    folder, _, last = parts.path.rpartition("/")
    segment = last or f"{folder.rpartition('/')[2]}/"
    return f" to {origin} (…/{segment})" if _SEGMENT.fullmatch(segment) else f" to {origin}"
