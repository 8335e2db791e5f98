"""Names of channels and events."""

from __future__ import annotations

import pytest

from pusher_client.protocol.names import (
    ChannelKind,
    channel_kind,
    check_channel_name,
    check_client_event_name,
    is_application_event,
)


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
    """The kind is read from the name alone, with case (design.md 3.1)."""
    assert channel_kind(name) == ChannelKind(*flags)


@pytest.mark.parametrize("name", ["a", "a" * 164, "A0_-=@,.;"])
def test_names_that_servers_accept(name: str) -> None:
    """Letters, digits and seven signs, up to 164 of them (design.md 2)."""
    check_channel_name(name, 164)


@pytest.mark.parametrize("limit", [164, 200])
@pytest.mark.parametrize("name", ["", "a" * 201, "a b", "#a", "ä", "a\n"])
def test_other_names_are_the_callers_mistake(name: str, limit: int) -> None:
    """A name that no server accepts is a ValueError at once (design.md 2)."""
    with pytest.raises(ValueError, match=r"channel name") as caught:
        check_channel_name(name, limit)
    assert "channel_name_limit" not in str(caught.value)


@pytest.mark.parametrize(("length", "limit"), [(165, 164), (200, 164), (181, 180), (200, 199)])
def test_a_name_that_some_servers_accept_is_refused_with_the_cure(length: int, limit: int) -> None:
    """Between the limit and what servers allow at most, the error names the option (protocol-notes 5.2)."""
    with pytest.raises(ValueError, match=rf"{length} characters; at most {limit} .* channel_name_limit=200"):
        check_channel_name("a" * length, limit)
    check_channel_name("a" * limit, limit)


def test_without_a_limit_a_name_may_be_as_long_as_anywhere() -> None:
    """Signers and servers do not know which limit the client has (protocol-notes 5.2)."""
    check_channel_name("a" * 200)


def test_a_name_is_a_string() -> None:
    """Another type is a TypeError (design.md 2)."""
    with pytest.raises(TypeError):
        check_channel_name(1)  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(TypeError):
        check_client_event_name(None)  # type: ignore[arg-type]  # the same


def test_names_of_client_events() -> None:
    """They start with client- and have at most 200 characters (design.md 2)."""
    check_client_event_name("client-typing")
    for name in ("typing", "client-" + "a" * 200):
        with pytest.raises(ValueError, match="event"):
            check_client_event_name(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("order", True),
        ("client-typing", True),
        ("", True),
        ("Pusher:order", True),
        ("pusher", True),
        ("pusher:gap", False),
        ("pusher:subscription_succeeded", False),
        ("pusher_internal:member_added", False),
    ],
)
def test_application_events_have_no_prefix_of_the_protocol(name: str, expected: object) -> None:
    """Every room uses this one rule for what its counts, streams and handlers treat as an application event (R5)."""
    assert is_application_event(name) is expected
