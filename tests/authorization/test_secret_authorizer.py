"""Signing with the application's secret."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import httpx
import pusher
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.authorization.authorizers import HTTPAuthorizer, HTTPUserAuthenticator
from pusher_client.authorization.secret_authorizer import SecretAuthorizer
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication
from tests.support.canaries import texts_of_error

KEY, SECRET = "app-key", "canary-secret-4711"
MASTER_KEY = b"canary-master-key-4712-canary-ma"
MASTER_KEY_BASE64 = base64.b64encode(MASTER_KEY).decode()
CANARIES = (SECRET, MASTER_KEY_BASE64, repr(MASTER_KEY)[1:])


@pytest.fixture
def authorize() -> SecretAuthorizer:
    return SecretAuthorizer(
        KEY, SECRET, encryption_master_key_base64=MASTER_KEY_BASE64, user_id="ann", user_info={"name": "Ännchen"}
    )


@pytest.fixture
def official() -> pusher.Pusher:
    """The official server library, which signs for the servers that our users have."""
    return pusher.Pusher("1001", KEY, SECRET, encryption_master_key_base64=MASTER_KEY_BASE64)


# -- signing with the secret --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "channel", ["private-x", "private-cache-x", "private-encrypted-x", "private-encrypted-cache-x"]
)
async def test_agrees_with_the_official_library(
    channel: str, authorize: SecretAuthorizer, official: pusher.Pusher
) -> None:
    """Signature and shared secret are those of the official server library (6.2, 7.2)."""
    expected = official.authenticate(channel, "12.34")
    authorization = await authorize(channel, "12.34")
    assert authorization.auth == expected["auth"]
    assert authorization.channel_data is None
    if "shared_secret" in expected:
        assert authorization.shared_secret == base64.b64decode(expected["shared_secret"])
        # On Python 3 the official library hands the secret out as bytes.
        assert ChannelAuthorization.from_response(expected) == authorization
    else:
        assert authorization.shared_secret is None


@pytest.mark.parametrize("channel", ["presence-x", "presence-cache-x"])
async def test_presence(channel: str, authorize: SecretAuthorizer, official: pusher.Pusher) -> None:
    """On a presence channel the member is signed too, byte for byte as it is sent (6.2)."""
    authorization = await authorize(channel, "12.34")
    assert authorization.channel_data is not None
    member = json.loads(authorization.channel_data)
    assert member == {"user_id": "ann", "user_info": {"name": "Ännchen"}}
    assert authorization.auth == official.authenticate(channel, "12.34", member)["auth"]
    assert authorization.shared_secret is None


async def test_a_member_without_info() -> None:
    """A member needs an id and nothing else (6.2)."""
    authorization = await SecretAuthorizer(KEY, SECRET, user_id="ann")("presence-x", "1.2")
    assert authorization.channel_data == '{"user_id": "ann"}'


async def test_users(authorize: SecretAuthorizer, official: pusher.Pusher) -> None:
    """A user is signed in as the official server library does it (6.4)."""
    user = {"id": "ann", "user_info": {"name": "Ännchen"}, "watchlist": ["bob"]}
    authentication = await authorize.authenticate_user("12.34", user)
    expected = official.authenticate_user("12.34", user)
    assert json.loads(authentication.user_data) == user
    assert (authentication.auth, authentication.user_data) == (expected["auth"], expected["user_data"])


@pytest.mark.parametrize(
    ("channel", "cure"), [("private-encrypted-x", "encryption_master_key_base64=…"), ("presence-x", "user_id=…")]
)
async def test_what_was_not_given_is_asked_for(channel: str, cure: str) -> None:
    """Without a master key or an id the error says what to give (7.2)."""
    with pytest.raises(AuthorizationError, match=cure) as caught:
        await SecretAuthorizer(KEY, SECRET)(channel, "1.2")
    assert caught.value.channel == channel
    assert SECRET not in texts_of_error(caught.value, __file__)


BAD_SOCKET_IDS: list[Any] = [
    "",
    "1",
    "1.",
    ".1",
    "1.1.1",
    "1.1\n",
    " 1.1",
    "1,1",
    "-1.1",
    "1.1::user::{}",
    "1.1:private-y",
    "\u0661.\u0661",
]


@pytest.mark.parametrize("socket_id", BAD_SOCKET_IDS)
async def test_nothing_is_signed_for_a_malformed_socket_id(socket_id: str, authorize: SecretAuthorizer) -> None:
    """Who chooses the socket id cannot have one kind of signature made as another (6.2)."""
    with pytest.raises(ValueError, match="digits, a dot, digits"):
        await authorize("private-x", socket_id)
    with pytest.raises(ValueError, match="digits, a dot, digits"):
        await authorize.authenticate_user(socket_id, {"id": "ann"})


@pytest.mark.parametrize(
    "channel", ["", ":user:", "private-x:{}", "private-x\n", "#server-to-user-ann", "private-" + "x" * 200]
)
async def test_nothing_is_signed_for_a_malformed_name(channel: str, authorize: SecretAuthorizer) -> None:
    """A name that no server accepts is not signed (5.2, 6.2)."""
    with pytest.raises(ValueError, match="channel name"):
        await authorize(channel, "1.2")


@pytest.mark.parametrize("length", [165, 200])
async def test_a_name_is_signed_for_whatever_limit_the_client_has(length: int, authorize: SecretAuthorizer) -> None:
    """Up to 200 characters, which some servers allow; how many this client may use is its own option (5.2)."""
    name = "private-".ljust(length, "x")
    assert (await authorize(name, "1.2")).auth
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"auth": "KEY:signature"}))
    asked = await HTTPAuthorizer("https://example.com/auth", transport=transport)(name, "1.2")
    assert asked.auth == "KEY:signature"


async def test_wrong_types_are_not_signed(authorize: SecretAuthorizer) -> None:
    """A value that is not a string is a TypeError."""
    with pytest.raises(TypeError, match="socket id is a string"):
        await authorize("private-x", 1.2)  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(TypeError, match="channel name is a string"):
        await authorize(None, "1.2")  # type: ignore[arg-type]  # the same


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
async def test_whatever_is_signed_is_what_it_seems(channel: str, socket_id: str) -> None:
    """No pair of texts that is signed can be read as another pair: neither has a colon (6.2)."""
    try:
        await SecretAuthorizer(KEY, SECRET, user_id="ann", encryption_master_key_base64=MASTER_KEY_BASE64)(
            channel, socket_id
        )
    except ValueError:
        return
    assert ":" not in channel + socket_id


@pytest.mark.parametrize(
    ("user", "error", "cure"),
    [
        ({}, ValueError, "needs an 'id'"),
        ({"id": None}, ValueError, "needs an 'id'"),
        ({"id": ""}, ValueError, "needs an 'id'"),
        ({"id": 5}, TypeError, "'id' is a string"),
        (["ann"], TypeError, "a mapping"),
        ({"id": "ann", "x": object()}, TypeError, "JSON"),
        ({"id": "ann", "x": float("nan")}, ValueError, "JSON"),
    ],
)
async def test_users_that_cannot_be_signed_in(
    user: Any, error: type[Exception], cure: str, authorize: SecretAuthorizer
) -> None:
    """A user has an id, a string that is not empty, and is nothing but JSON (6.4)."""
    with pytest.raises(error, match=cure):
        await authorize.authenticate_user("1.2", user)


# -- the master key, the vectors of pusher-http-python (V11) -------------------------------------------------------


@pytest.mark.parametrize(
    ("encoded", "raw"),
    [
        ("dGhpcyBpcyAzMiBieXRlcyAxMjM0NTY3ODkwMTIzNDU=", b"this is 32 bytes 123456789012345"),
        ("dGhpcyBrZXkgaGFzIG5vbnByaW50YWJsZSBjaGFyIAA=", b"this key has nonprintable char \x00"),
    ],
)
def test_master_keys(encoded: str, raw: bytes) -> None:
    """A master key is 32 bytes in canonical base64, whatever the bytes (7.2)."""
    assert SecretAuthorizer(KEY, SECRET, encryption_master_key_base64=encoded)._master_key == raw


@pytest.mark.parametrize(
    "encoded",
    [
        "dGhpcyBpcyAzMSBieXRlcyAxMjM0NTY3ODkwMTIzNA==",
        "dGhpcyBpcyAzMyBieXRlcyAxMjM0NTY3ODkwMTIzNDU2",
        "dGhpcyBpcyAzMSBieXRlcyAxMjM0NTY3ODkwMTIzNA=",
        "dGhpcyBpcyA!MiBieXRlcyAxMjM0NTY3OD#wMTIzNDU=",
        "dGhpcyBpcyAzMiBieXRlcyAxMjM0NTY3ODkwMTIzNDV=",
        "dGhpcyBpcyAzMiBieXRlcyAxMjM0NTY3ODkwMTIzNDU=\n",
        "this is 32 bytes 123456789012345",
        "",
    ],
)
def test_master_keys_that_are_none(encoded: str) -> None:
    """Anything else is a ValueError that says how to make one and repeats nothing (7.2, C3)."""
    with pytest.raises(ValueError, match="openssl rand -base64 32") as caught:
        SecretAuthorizer(KEY, SECRET, encryption_master_key_base64=encoded)
    shown = texts_of_error(caught.value, __file__)
    assert SECRET not in shown
    assert not encoded or encoded not in shown


# -- mistakes and secrets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "cure"),
    [
        ({"key": ""}, ValueError, "key is empty"),
        ({"key": b"app-key"}, TypeError, "key is a string"),
        ({"key": "app-key\n"}, ValueError, "key is empty, or has a control"),
        ({"secret": ""}, ValueError, "secret is empty"),
        ({"secret": f"{SECRET}\ud800"}, ValueError, "secret is empty, or has a control"),
        ({"secret": SECRET.encode()}, TypeError, "secret is a string"),
        ({"encryption_master_key_base64": MASTER_KEY}, TypeError, "string of base64"),
        ({"user_id": 5}, TypeError, "user_id is a string"),
        ({"user_id": ""}, ValueError, "user_id is empty"),
        ({"user_info": {}}, ValueError, "user_info without user_id"),
        ({"user_id": "ann", "user_info": object()}, TypeError, "JSON"),
        ({"user_id": "ann", "user_info": float("inf")}, ValueError, "JSON"),
    ],
)
def test_mistakes_are_found_at_construction(options: dict[str, Any], error: type[Exception], cure: str) -> None:
    """What cannot work is refused at once, with the cure and without any secret (C3)."""
    arguments = {"key": KEY, "secret": SECRET, "encryption_master_key_base64": MASTER_KEY_BASE64, **options}
    with pytest.raises(error, match=cure) as caught:
        SecretAuthorizer(arguments.pop("key"), arguments.pop("secret"), **arguments)
    shown = texts_of_error(caught.value, __file__)
    for canary in CANARIES:
        assert canary not in shown


async def test_repr_and_pickle(authorize: SecretAuthorizer) -> None:
    """Nothing that signs or was signed shows or pickles what it holds (C3)."""
    authorization = await authorize("private-encrypted-x", "1.2")
    authentication = await authorize.authenticate_user("1.2", {"id": "ann"})
    assert repr(authorize) == "SecretAuthorizer('app-key')"
    assert repr(authorization) == "ChannelAuthorization()"
    assert repr(authentication) == "UserAuthentication()"
    assert isinstance(authentication, UserAuthentication)
    for each in (authorize, authorization, authentication, HTTPUserAuthenticator("https://example.com/")):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(each)
