"""Where the server is."""

from __future__ import annotations

import ssl
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from pusher_client.transport import address
from pusher_client.transport.address import Address


def url(**options: Any) -> str:
    """Return the URL for some options."""
    parts: dict[str, Any] = {"cluster": None, "host": None, "port": None, "path": "", "tls": True}
    return Address(options.pop("key", "KEY"), **{**parts, **options}).url


def test_urls() -> None:
    """Cluster, host, port, path and TLS make the URL (protocol-notes 1.1)."""
    context = ssl.create_default_context()
    assert url(cluster="eu").startswith("wss://ws-eu.pusher.com:443/app/KEY?")
    assert url(host="localhost", port=6001, tls=False).startswith("ws://localhost:6001/app/KEY?")
    assert url(host="::1", tls=False, path="ws/").startswith("ws://[::1]:80/ws/app/KEY?")
    assert url(host="a.example", tls=context, path="/a/b").startswith("wss://a.example:443/a/b/app/KEY?")
    assert url(host="fe80::1%eth0").startswith("wss://[fe80::1]:443/")
    assert url(cluster="eu").partition("?")[2].startswith("protocol=7&client=pusher-client-python&version=")


@pytest.mark.parametrize(
    ("host", "place"),
    [("a.example", "a.example:443"), ("[::1]", "[::1]:443"), ("fe80::1%eth0", "[fe80::1%eth0]:443")],
)
def test_a_place_is_host_and_port(host: str, place: str) -> None:
    """Errors and logs show where a connection leads."""
    assert Address("KEY", cluster=None, host=host, port=None, path="", tls=True).place == place


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cluster": "eu", "host": "a"},
        {"cluster": "e u"},
        {"cluster": ""},
        {"host": ""},
        {"host": "ws://a"},
        {"host": "a/b"},
        {"host": "a..b"},
        {"host": ".a"},
        {"host": "a-.b"},
        {"host": "a" * 64},
        {"cluster": "a" * 60},
        {"host": "a", "port": 0},
        {"host": "a", "port": 65536},
        {"host": "a", "path": "/a?b"},
        {"cluster": "eu", "key": ""},
        {"cluster": "eu", "key": "a b"},
    ],
)
def test_what_cannot_be_is_a_value_error(options: dict[str, Any]) -> None:
    """Neither or both places, or a part that cannot be: the message says the cure (design.md 2)."""
    with pytest.raises(ValueError, match=r"say|is not usable|is a number|^host "):
        url(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"cluster": 1},
        {"host": 1},
        {"host": "a", "port": "1"},
        {"host": "a", "port": True},
        {"host": "a", "tls": "yes"},
        {"host": "a", "tls": ssl.SSLContext},
    ],
)
def test_what_is_of_another_type_is_a_type_error(options: dict[str, Any]) -> None:
    """A part of the wrong type is refused at once (design.md 2)."""
    with pytest.raises(TypeError):
        url(**options)


def test_a_copy_that_was_never_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The query then says 0 rather than nothing (protocol-notes 1.1)."""

    def missing(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(address, "version", missing)
    assert url(cluster="eu").endswith("&version=0")


def moved(address: Address, **parts: Any) -> Address:
    """Move an address, None standing for what is not given."""
    nothing: dict[str, Any] = {"key": None, "cluster": None, "host": None, "port": None, "path": "", "tls": None}
    return address.moved(**nothing | parts)


def test_an_address_moves() -> None:
    """Key and TLS stay where nothing else is said; the place must be said anew (design.md 2)."""
    here = Address("KEY", cluster="eu", host=None, port=None, path="", tls=False)
    there = moved(here, host="a.example")
    assert (there.key, there.tls, there.url.partition("?")[0]) == ("KEY", False, "ws://a.example:80/app/KEY")
    other = moved(here, cluster="us2", key="OTHER", tls=True)
    assert other.url.startswith("wss://ws-us2.pusher.com:443/app/OTHER?")
    with pytest.raises(ValueError, match="either cluster"):
        moved(here)
