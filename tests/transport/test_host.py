"""Host names and addresses as users write them."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from pusher_client.transport.host import parse_host, without_zone


@pytest.mark.parametrize(
    ("host", "parsed"),
    [
        ("localhost", "localhost"),
        ("ws.example.com", "ws.example.com"),
        ("WS.Example.com", "WS.Example.com"),
        ("a.example.", "a.example."),
        ("my_soketi", "my_soketi"),
        ("_a.b", "_a.b"),
        ("a" * 63, "a" * 63),
        ("1.2.3.4", "1.2.3.4"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("::ffff:1.2.3.4", str(IPv6Address("::ffff:1.2.3.4"))),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("[fe80::1%25eth0]", "fe80::1%eth0"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    ],
)
def test_what_a_host_may_be(host: str, parsed: str) -> None:
    """Names, international ones as DNS has them, and addresses, with or without brackets (protocol-notes 1.1)."""
    assert parse_host(host) == parsed


@pytest.mark.parametrize("host", ["127.0.0.1:6001", ":", "1:2", ":80", "a.example:443", "[::1]:80", "a:", "münchen:1"])
def test_a_port_in_the_host(host: str) -> None:
    """The message names the option for the port."""
    with pytest.raises(ValueError, match="the port has an option of its own, port="):
        parse_host(host)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("wss://a.example", "without a scheme"),
        ("a.example/path", "path="),
        ("user@a.example", "path="),
        ("a?b", "path="),
        ("a#b", "path="),
        ("", "as 'ws.example.com'"),
        (" ", "as 'ws.example.com'"),
        ("a b", "as 'ws.example.com'"),
        ("a.example ", "as 'ws.example.com'"),
        ("a.example\n", "as 'ws.example.com'"),
        ("a..b", "as 'ws.example.com'"),
        (".a", "as 'ws.example.com'"),
        ("a-.b", "as 'ws.example.com'"),
        ("a" * 64, "as 'ws.example.com'"),
        (".".join(["a" * 60] * 5), "as 'ws.example.com'"),
        ("☃\ufffd.example", "as 'ws.example.com'"),
        ("\ud800.example", "as 'ws.example.com'"),
        ("ü" * 64, "as 'ws.example.com'"),
        ("1.2.3", "not an IPv4 address"),
        ("1.2.3.256", "not an IPv4 address"),
        ("1.2.3.4.5", "not an IPv4 address"),
        ("12345", "not an IPv4 address"),
        ("a::b::c", "not an IPv6 address"),
        ("[::1", "not an IPv6 address"),
        ("::1]", "not an IPv6 address"),
        ("[]", "not an IPv6 address"),
        ("[1.2.3.4]", "not an IPv6 address"),
        ("fe80::1%", "not an IPv6 address"),
        ("12345::", "not an IPv6 address"),
    ],
)
def test_what_a_host_cannot_be(host: str, words: str) -> None:
    """The message says what is expected, and does not repeat what was given."""
    with pytest.raises(ValueError, match=words) as caught:
        parse_host(host)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_zone_means_something_on_this_machine_only() -> None:
    """A certificate and a ``Host`` header never have it (RFC 6874)."""
    assert without_zone("fe80::1%eth0") == "fe80::1"
    assert without_zone("::1") == "::1"
    assert without_zone("a.example") == "a.example"
