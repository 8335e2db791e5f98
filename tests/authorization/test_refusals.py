"""Messages for an endpoint's refusals."""

from __future__ import annotations

import pytest

from pusher_client.authorization.refusals import content_type_of, not_json, refusal

ORIGIN = "https://example.com"
URL = "https://example.com/canary/auth?canary"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (None, "redirects, and"),
        ("/canary/login?canary=1#canary", "redirects to https://example.com (…/login)"),
        (
            "https://user:canary@www.example.com:8443/canary/auth/",
            "https://www.example.com:8443 (…/auth/)",
        ),
        ("https://[::1]/auth", "redirects to https://[::1] (…/auth)"),
        ("/", "redirects to https://example.com, and"),
        (f"/{'canary' * 20}", "redirects to https://example.com, and"),
        ("/a%0Acanary", "redirects to https://example.com, and"),
        ("mailto:canary@example.com", "redirects to another kind of address"),
        ("https://b\u00fccher.example/canary", "redirects to another kind of address"),
        ("https://example.com:canary/", "redirects to a malformed address"),
        ("https://[canary/", "redirects to a malformed address"),
    ],
)
def test_a_redirect_names_its_target(location: str | None, target: str) -> None:
    """Its origin and the last segment of the path: no query, credentials or other segments (C3, C4)."""
    message = refusal(ORIGIN, 302, URL, location)
    assert target in message
    assert "redirects are never followed" in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (419, "refused: the CSRF check of Laravel failed"),
        (415, "json=True"),
        (418, "https://example.com refused"),
        (503, "failed: it is overloaded"),
        (599, "https://example.com failed"),
        (206, "https://example.com failed"),
    ],
)
def test_a_status_has_a_cure(status: int, words: str) -> None:
    """The likely cure where there is one (R3)."""
    assert words in refusal(ORIGIN, status)


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"canary", "text/html; charset=canary", "an HTML page, not JSON (content type text/html)"),
        (b"  <!DOCTYPE html>canary", None, "an HTML page, not JSON (no content type)"),
        (b" \n", "application/json", "an empty body, not JSON (content type application/json)"),
        ("{}".encode("utf-16"), "application/json", "UTF-16"),
        (b"canary", "canary/canary", "not JSON (no content type)"),
        (b"canary", "text/plain", "something that is not JSON (content type text/plain)"),
    ],
)
def test_an_answer_that_is_not_json(body: bytes, content_type: str | None, words: str) -> None:
    """The message names the content type and what the body looks like, and repeats nothing of it (C3)."""
    message = not_json(ORIGIN, body, content_type)
    assert words in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("header", "kind"),
    [(None, None), ("", None), ("text/html", "text/html"), (" Text/HTML ;x", "text/html"), ("text/ht\nml", None)],
)
def test_the_content_type(header: str | None, kind: str | None) -> None:
    """Without parameters, and only if it is one (C3)."""
    assert content_type_of(header) == kind
