"""Names of channels and events."""

from __future__ import annotations

import pytest

from pusher_client.protocol.names import ChannelKind, channel_kind, check_channel_name, check_client_event_name


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("orders", (False, False, False, False)),
        ("private-a", (True, False, False, False)),
        ("private-encrypted", (True, False, False, False)),
        ("private-encrypted-a", (True, True, False, False)),
        ("private-encrypted-cache-a", (True, True, False, True)),
        ("presence-a", (True, False, True, False)),
        ("presence-cache-a", (True, False, True, True)),
        ("cache-a", (False, False, False, True)),
        ("private-cache-a", (True, False, False, True)),
        ("Private-encrypted-a", (False, False, False, False)),
    ],
)
def test_the_prefixes_decide(name: str, flags: tuple[bool, bool, bool, bool]) -> None:
    """The kind is read from the name alone, with case (3.1)."""
    assert channel_kind(name) == ChannelKind(*flags)


@pytest.mark.parametrize("name", ["a", "a" * 164, "A0_-=@,.;"])
def test_names_that_servers_accept(name: str) -> None:
    """Letters, digits and seven signs, up to 164 of them (design 2)."""
    check_channel_name(name)


@pytest.mark.parametrize("name", ["", "a" * 165, "a b", "#a", "ä", "a\n"])
def test_other_names_are_the_callers_mistake(name: str) -> None:
    """A name that no server accepts is a ValueError at once (design 2)."""
    with pytest.raises(ValueError, match=r"channel name"):
        check_channel_name(name)


def test_a_name_is_a_string() -> None:
    """Another type is a TypeError (design 2)."""
    with pytest.raises(TypeError):
        check_channel_name(1)  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(TypeError):
        check_client_event_name(None)  # type: ignore[arg-type]  # the same


def test_names_of_client_events() -> None:
    """They start with client- and have at most 200 characters (design 2)."""
    check_client_event_name("client-typing")
    for name in ("typing", "client-" + "a" * 200):
        with pytest.raises(ValueError, match="event"):
            check_client_event_name(name)
