"""Where the server is, read from a URL or from the environment."""

from __future__ import annotations

import pytest

from pusher_client import PusherClient
from pusher_client.transport.address_sources import options_from_env, options_from_url


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
