"""Where the server is."""

from __future__ import annotations

import ssl
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from pusher_client import PusherClient
from pusher_client.transport import address
from pusher_client.transport.address import Address, options_from_env, options_from_url, websocket_url


def url(**options: Any) -> str:
    """Build a URL from some options."""
    parts: dict[str, Any] = {"cluster": None, "host": None, "port": None, "path": "", "tls": True}
    return websocket_url(options.pop("key", "KEY"), **{**parts, **options}).partition("?")[0]


def test_urls() -> None:
    """Cluster, host, port, path and TLS make the URL (protocol-notes 1.1)."""
    assert url(cluster="eu") == "wss://ws-eu.pusher.com:443/app/KEY"
    assert url(host="localhost", port=6001, tls=False) == "ws://localhost:6001/app/KEY"
    assert url(host="::1", tls=False, path="ws/") == "ws://[::1]:80/ws/app/KEY"
    assert url(host="a.example", tls=ssl.create_default_context(), path="/a/b") == "wss://a.example:443/a/b/app/KEY"
    query = websocket_url("KEY", cluster="eu", host=None, port=None, path="", tls=True).partition("?")[2]
    assert query.startswith("protocol=7&client=pusher-client-python&version=")


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
    with pytest.raises(ValueError, match=r"say|is not usable|is a number"):
        url(**options)


@pytest.mark.parametrize(
    "options", [{"cluster": 1}, {"host": "a", "port": "1"}, {"host": "a", "port": True}, {"host": "a", "tls": "yes"}]
)
def test_what_is_of_another_type_is_a_type_error(options: dict[str, Any]) -> None:
    """A part of the wrong type is told at once (design.md 2)."""
    with pytest.raises(TypeError):
        url(**options)


def test_a_client_from_a_url() -> None:
    """The three schemes of from_url (design.md 9)."""
    assert options_from_url("pusher://KEY@eu") == ("KEY", {"cluster": "eu"})
    assert options_from_url("wss://KEY@a.example:6001/x")[1] == {
        "host": "a.example",
        "port": 6001,
        "path": "/x",
        "tls": True,
    }
    assert options_from_url("ws://KEY@localhost")[1]["tls"] is False
    for wrong in ("https://KEY@a", "wss://a", "wss://KEY:secret@a", "wss://KEY@a?b=c", "pusher://KEY@eu:1", "x"):
        with pytest.raises(ValueError, match="URL"):
            PusherClient.from_url(wrong)
    with pytest.raises(TypeError):
        options_from_url(None)  # type: ignore[arg-type]  # the mistake that is tested
    assert PusherClient.from_url("pusher://KEY@eu").state.value == "initialized"


def test_a_client_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is not empty wins over the cluster; options given win over the environment (design.md 2)."""
    both = {"PUSHER_KEY": "k", "PUSHER_CLUSTER": "eu", "PUSHER_HOST": "h", "PUSHER_PORT": "1", "PUSHER_TLS": "False"}
    assert options_from_env(both) == ("k", {"host": "h", "port": 1, "tls": False})
    assert options_from_env({"PUSHER_KEY": "k", "PUSHER_HOST": "", "PUSHER_CLUSTER": "eu"}) == ("k", {"cluster": "eu"})
    assert options_from_env(both, {"cluster": "mt1"}) == ("k", {"port": 1, "tls": False})
    for wrong in ({}, {"PUSHER_KEY": "k", "PUSHER_PORT": "x"}, {"PUSHER_KEY": "k", "PUSHER_TLS": "perhaps"}):
        with pytest.raises(ValueError, match="set PUSHER_"):
            options_from_env(wrong)
    for name, value in {**both, "PUSHER_AUTH_URL": "https://a.example/auth"}.items():
        monkeypatch.setenv(name, value)
    assert repr(PusherClient.from_env(port=2)) == "<PusherClient initialized>"
    for option in ({"cluster": "mt1"}, {"host": "other"}):
        assert repr(PusherClient.from_env(**option)) == "<PusherClient initialized>"


def test_names_that_are_unusual_but_exist() -> None:
    """A trailing dot, an underscore as in a Compose file, a label of 63 characters, an address with a zone."""
    for host in ("a.example.", "my_soketi", "_a.b", "a" * 63, "1.2.3.4"):
        assert url(host=host) == f"wss://{host}:443/app/KEY"
    assert url(host="fe80::1%eth0") == "wss://[fe80::1%eth0]:443/app/KEY"


def test_a_copy_that_was_never_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The query then says 0 rather than nothing (protocol-notes 1.1)."""

    def missing(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(address, "version", missing)
    assert websocket_url("KEY", cluster="eu", host=None, port=None, path="", tls=True).endswith("&version=0")


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
