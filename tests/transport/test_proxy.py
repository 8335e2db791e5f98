"""Proxy settings, as options and in the environment."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client.transport.proxy import CONNECTION_SCHEMES, Proxy, connection_proxy, parse_proxy, read_proxy
from tests.support.canaries import texts_of_error

CANARY = "canary-4711"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    return monkeypatch


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("http://a", Proxy("http", "a", 80)),
        ("HTTP://a/", Proxy("http", "a", 80)),
        ("https://a.example", Proxy("https", "a.example", 443)),
        ("https://a.example:8443", Proxy("https", "a.example", 8443)),
        ("socks5h://[::1]:1080", Proxy("socks5h", "::1", 1080)),
        ("socks5://127.0.0.1", Proxy("socks5", "127.0.0.1", 1080)),
        ("socks4a://a:1", Proxy("socks4a", "a", 1)),
        ("socks4://a:1", Proxy("socks4", "a", 1)),
        ("http://münchen.example:1", Proxy("http", "xn--mnchen-3ya.example", 1)),
        ("http://user@a", Proxy("http", "a", 80, "user", "")),
        ("http://user:pass@a", Proxy("http", "a", 80, "user", "pass")),
        ("http://u%40x:p%3Aw@a", Proxy("http", "a", 80, "u@x", "p:w")),
        ("http://u@x:p@a", Proxy("http", "a", 80, "u@x", "p")),
    ],
)
def test_what_a_proxy_may_be(address: str, proxy: Proxy) -> None:
    """Every kind, with default ports and credentials (protocol-notes 1.1)."""
    assert parse_proxy(address, CONNECTION_SCHEMES, "proxy") == proxy


@pytest.mark.parametrize(
    "address",
    [
        "",
        CANARY,
        f"{CANARY}:8080",
        "http://",
        f"ftp://{CANARY}",
        f"http://{CANARY}:x",
        f"http://u:{CANARY}@a:0",
        f"http://u:{CANARY}@a:99999",
        f"http://u:{CANARY}@a:port",
        f"http://u:{CANARY}@a:-1",
        f"http://[{CANARY}",
        f"http://u:{CANARY}@",
        f"http://u:{CANARY}@a:3128 ",
        f" http://u:{CANARY}@a:3128",
        f"http://u:{CANARY}@a:3128\n",
        f"http://u:{CANARY}@a\x00",
        f"http://a/{CANARY}",
        f"http://a?{CANARY}",
        f"http://a#{CANARY}",
        f"http://{CANARY}..a",
        "http://1.2.3.256",
    ],
)
@pytest.mark.parametrize("name", ["proxy", "https_proxy"])
def test_what_a_proxy_cannot_be(address: str, name: str) -> None:
    """The error names the option or variable and the cure, and not the address, which may hold a password (C3)."""
    with pytest.raises(ValueError, match=rf"^{name} .*'http://host:port'") as caught:
        parse_proxy(address, CONNECTION_SCHEMES, name)
    assert CANARY not in texts_of_error(caught.value, __file__)


def test_credentials_are_shown_to_the_proxy_alone() -> None:
    """Neither ``repr`` nor the origin has them (C3)."""
    proxy = Proxy("http", "::1", 1, "us er", CANARY)
    assert proxy.origin == "http://[::1]:1"
    assert CANARY not in repr(proxy)
    assert "us er" not in repr(proxy)


def test_the_option() -> None:
    """True is the environment's, a string a URL, None and False none, and all else a TypeError (design.md 2)."""
    assert read_proxy(proxy=True) is True
    assert read_proxy("http://a") == Proxy("http", "a", 80)
    assert read_proxy(None) is None
    assert read_proxy(proxy=False) is None
    with pytest.raises(TypeError, match="proxy"):
        read_proxy(1)


# -- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "tls", "expected"),
    [
        ({}, True, None),
        ({"https_proxy": "http://p:1"}, True, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, True, "http://p:1"),
        ({"https_proxy": "p:1"}, True, "http://p:1"),
        ({"all_proxy": "socks5://p:1"}, True, "socks5://p:1"),
        ({"all_proxy": "socks://p:1"}, True, "socks5h://p:1"),
        ({"ALL_PROXY": "SOCKS://p:1"}, True, "socks5h://p:1"),
        ({"all_proxy": "p:1", "https_proxy": "https://q:2"}, True, "https://q:2"),
        ({"wss_proxy": "http://w:1", "https_proxy": "http://p:1"}, True, "http://w:1"),
        ({"socks_proxy": "http://s:1"}, True, "socks5h://s:1"),
        ({"socks_proxy": "s:1"}, True, "socks5h://s:1"),
        ({"socks_proxy": "socks5://s:1"}, True, "socks5://s:1"),
        ({"http_proxy": "http://plain:1"}, True, None),
        ({"https_proxy": ""}, True, None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com"}, True, None),
        ({"https_proxy": "http://p:1", "no_proxy": ".com"}, True, None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com:443"}, True, None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com:444"}, True, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, True, None),
        ({"https_proxy": "http://p:1", "no_proxy": "other.com"}, True, "http://p:1"),
        ({"ws_proxy": "http://p:1"}, False, "http://p:1"),
        ({"http_proxy": "http://p:1"}, False, "http://p:1"),
        ({"all_proxy": "http://p:1"}, False, "http://p:1"),
    ],
)
def test_the_environment_s_proxy(
    variables: dict[str, str], expected: str | None, environment: pytest.MonkeyPatch, *, tls: bool
) -> None:
    """Each kind of connection has its variables, all_proxy the last, unless no_proxy says otherwise (1.1)."""
    for name, value in variables.items():
        environment.setenv(name, value)
    proxy = connection_proxy("example.com", 443, tls=tls)
    assert (proxy and proxy.origin) == expected


@pytest.mark.parametrize("name", ["wss_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize("value", ["http://127.0.0.1:99999", "http://127.0.0.1:3128 ", "http://a:port", "gopher://a"])
def test_a_variable_that_is_not_a_proxy(name: str, value: str, environment: pytest.MonkeyPatch) -> None:
    """The error names the variable as it is spelled (design.md 2)."""
    environment.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name} "):
        connection_proxy("example.com", 443, tls=True)


def test_a_setting_of_the_system(environment: pytest.MonkeyPatch) -> None:
    """Some systems have their own proxy settings, which no variable names."""

    def getproxies() -> dict[str, Any]:
        return {"https": "http://a:port"}

    environment.setattr("pusher_client.transport.proxy.getproxies", getproxies)
    with pytest.raises(ValueError, match=r"^the system's proxy setting for https "):
        connection_proxy("example.com", 443, tls=True)
