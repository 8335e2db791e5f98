from __future__ import annotations

import importlib.util
import socket
from typing import Any

import pytest

from pusher_client.authorization.origin import Origin, read_proxy
from pusher_client.exceptions import AuthorizationError
from tests.support.canaries import texts_of_error

CANARY = "canary-4711"


def origin(url: Any, *, allow_insecure: bool = False) -> Origin:
    return Origin(url, allow_insecure=allow_insecure)


@pytest.mark.parametrize(
    ("url", "shown", "port"),
    [
        ("https://example.com/pusher/auth?guard=canary-4711", "https://example.com", 443),
        ("HTTPS://Example.com:8443", "https://example.com:8443", 8443),
        ("http://127.0.0.1:80/auth", "http://127.0.0.1", 80),
        ("http://127.255.255.254:8000/auth", "http://127.255.255.254:8000", 8000),
        ("http://[::1]:8000/auth", "http://[::1]:8000", 8000),
        ("http://LOCALHOST:8000/auth", "http://localhost:8000", 8000),
    ],
)
def test_accepted(url: str, shown: str, port: int) -> None:
    """Https anywhere and plain http on this machine are accepted, and only the origin is shown (C3, C4)."""
    accepted = origin(url)
    assert (str(accepted), accepted.port) == (shown, port)
    assert CANARY not in str(accepted)


@pytest.mark.parametrize("allowed", ["false", 1, None])
def test_allowing_what_is_insecure_takes_a_bool(allowed: Any) -> None:
    """A word out of a configuration allows nothing, least of all one that means no (C4)."""
    with pytest.raises(TypeError, match="allow_insecure is True or False"):
        origin("http://example.com/auth", allow_insecure=allowed)


@pytest.mark.parametrize(
    "host",
    ["example.com", "10.0.0.1", "0.0.0.0", "128.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::2]", "localhost.example.com",  # noqa: S104 - only named
     "localhost.", "a.localhost"],
)  # fmt: skip
def test_plain_http_elsewhere(host: str) -> None:
    """Plain http to anything but 127.0.0.0/8, ::1 and localhost needs allow_insecure (C4)."""
    with pytest.raises(ValueError, match="allow_insecure=True"):
        origin(f"http://{host}/auth")
    assert origin(f"http://{host}/auth", allow_insecure=True).plain


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("", "absolute"),
        ("/pusher/auth", "absolute"),
        ("example.com/auth", "absolute"),
        ("//example.com/auth", "absolute"),
        ("https://", "absolute"),
        ("https:///auth", "absolute"),
        ("https://exa mple.com/", "absolute"),
        ("ftp://example.com/", "absolute"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "port"),
        (f"https://user:{CANARY}@example.com/", "headers="),
        (f"https://{CANARY}@example.com/", "headers="),
        (f"https://example.com/#{CANARY}", "fragment"),
        (f"https://example.com/{CANARY}\n", "not a URL"),
        ("https://xn--/", "not a URL"),
        (f"https://example.com:{CANARY}/", "not a URL"),
    ],
)
def test_refused_with_the_cure(url: str, cure: str) -> None:
    """A url that cannot work is a ValueError that says what to do and repeats nothing of it (C3)."""
    with pytest.raises(ValueError, match=cure) as caught:
        origin(url)
    assert CANARY not in str(caught.value)


def test_wrong_type() -> None:
    """A url that is not a string is a TypeError."""
    with pytest.raises(TypeError, match="string"):
        origin(b"https://example.com/")


async def test_localhost_that_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the addresses that were checked, in their order and each once (C4)."""
    addresses = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 8000, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 8000)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 8000)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
    hosts = await origin("http://localhost:8000/auth?q").hosts("private-x")
    assert hosts == ("::1", "127.0.0.1")


@pytest.mark.parametrize("url", ["http://localhost:8000/", "http://LocalHost:8000/"])
async def test_localhost_that_is_elsewhere(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One address that is not loopback among those of localhost is enough to refuse (C4)."""
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 8000)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 8000)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
    with pytest.raises(AuthorizationError, match="does not resolve to this machine") as caught:
        await origin(url).hosts("private-x")
    assert caught.value.channel == "private-x"


@pytest.mark.parametrize(
    ("url", "allow_insecure"),
    [("https://localhost/", False), ("http://localhost/", True), ("http://127.0.0.1/", False)],
)
async def test_no_look_up_where_none_is_needed(url: str, allow_insecure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Https, allow_insecure and addresses need no look-up of localhost (C4)."""

    def getaddrinfo(*_args: object, **_options: object) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    checked = origin(url, allow_insecure=allow_insecure)
    assert await checked.hosts(None) == (checked.url.host,)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ({"all_proxy": "http://all:1"}, "http://all:1"),
        ({"https_proxy": "http://proxy:3128", "all_proxy": "http://all:1"}, "http://proxy:3128"),
        ({"http_proxy": "http://plain:1"}, None),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "example.com"}, None),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "example.com:443"}, None),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "*"}, None),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "other.com"}, "http://proxy:3128"),
    ],
)
def test_environment_proxy(variables: dict[str, str], expected: str | None, environment: pytest.MonkeyPatch) -> None:
    """The environment names its proxy in https_proxy, else in all_proxy, unless no_proxy says otherwise."""
    for name, value in variables.items():
        environment.setenv(name, value)
    found = origin("https://example.com/").environment_proxy()
    assert (found and str(found.url)) == expected


def test_environment_proxy_that_is_none(environment: pytest.MonkeyPatch) -> None:
    """A malformed proxy in the environment is an error that does not repeat its password (C3)."""
    environment.setenv("https_proxy", f"gopher://user:{CANARY}@proxy:70")
    with pytest.raises(ValueError, match=r"^https_proxy .*a proxy is given as") as caught:
        origin("https://example.com/").environment_proxy()
    assert CANARY not in texts_of_error(caught.value, __file__)


@pytest.mark.parametrize(
    "address", [f"gopher://user:{CANARY}@proxy:70", f"{CANARY}:3128", "http://", f"http://proxy:{CANARY}", "\n"]
)
def test_malformed_proxy(address: str) -> None:
    """A proxy that is none is a ValueError that does not repeat it (C3)."""
    with pytest.raises(ValueError, match="proxy") as caught:
        read_proxy(address)
    assert CANARY not in str(caught.value)


def test_proxy_credentials_are_hidden() -> None:
    """The password of a proxy is kept for the proxy and shown nowhere (C3)."""
    proxy = read_proxy(f"http://user:{CANARY}@proxy:3128")
    assert proxy.raw_auth == (b"user", CANARY.encode())
    assert CANARY not in repr(proxy)


def test_socks_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy names the package that it takes."""
    monkeypatch.setattr("pusher_client.authorization.origin.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'httpx\[socks\]'"):
        read_proxy("socks5://proxy:1080")
    monkeypatch.setattr("pusher_client.authorization.origin.find_spec", lambda _name: importlib.util.find_spec("json"))
    assert str(read_proxy("socks5h://proxy:1080").url) == "socks5://proxy:1080"
