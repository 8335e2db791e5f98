from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, astuple, fields, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.signatures import (
    ChannelAuthorization,
    UserAuthentication,
    check_socket_id,
    decode_base64,
    derive_shared_secret,
    retryable_status,
    sign_channel,
    sign_user,
)
from tests.support.canaries import texts_of_error
from tests.support.core.edited_texts import edits

CANARY = "canary-4711"
SHARED_SECRET = b"canary-4711-canary-4711-canary-4"
SHARED_SECRET_BASE64 = base64.b64encode(SHARED_SECRET).decode()


# -- signatures: the vectors of the official libraries and documentation -------------------------------------------


def test_channel_signature_of_pusher_http_python() -> None:
    """The signatures in pusher-http-python's tests of authenticate (V7; 6.2)."""
    assert sign_channel("foo", "bar", "345.23", "private-channel") == (
        "foo:89955e77e1b40e33df6d515a5ecbba86a01dc816a5b720da18a06fd26f7d92ff"
    )
    assert sign_channel("foo", "bar", "345.23", "private-encrypted-channel") == (
        "foo:fff0503dfe4929f5162efe4d1dacbce524b0d8e7e1331117a8651c0e74d369e3"
    )


def test_shared_secret_of_pusher_http_python() -> None:
    """The shared secret in pusher-http-python's test of authenticate (V7; 7.2)."""
    master_key = base64.b64decode("OHRXNUZRTG5pUTFzQlFGd3J3N3Q2VFZFc0paZDEweVk=")
    expected = "VmIsNZtCSteh8kazd2toc+ofhohBtUouQRSDtRvuyVI="
    assert derive_shared_secret("private-encrypted-channel", master_key) == base64.b64decode(expected)


def test_derivation_of_pusher_http_python() -> None:
    """The shared secret in pusher-http-python's test of generate_shared_secret (V5; 7.2)."""
    secret = derive_shared_secret("pvUPIk0YG6MnxCEMIUUVFrbDmQwbhICXUcy", b"OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5")
    assert secret.hex() == "709ef3090a24bfa98382cb5d025ca3622c82d31fa27f10b005c0dca27bae6516"


def test_signatures_of_the_documentation() -> None:
    """The user and channel signatures that pusher/docs works out (V9; 6.2, 6.4)."""
    key, secret = "278d425bdf160c739803", "7ad3773142a6692b25b8"
    assert sign_user(key, secret, "1234.1234", '{"id":"12345"}') == (
        f"{key}:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
    )
    assert sign_channel(key, secret, "1234.1234", "private-foobar") == (
        f"{key}:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    )


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("Mr. Channels", "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"),
        ("Mr. Pusher", "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"),
    ],
)
def test_presence_signature_of_the_documentation(name: str, digest: str) -> None:
    """The presence signature in pusher/docs, which prints the digest of one name beside another (V9; 6.2)."""
    channel_data = f'{{"user_id":10,"user_info":{{"name":"{name}"}}}}'
    signed = sign_channel("278d425bdf160c739803", "7ad3773142a6692b25b8", "1234.1234", "presence-foobar", channel_data)
    assert signed == f"278d425bdf160c739803:{digest}"


@pytest.mark.parametrize(
    ("secret", "message", "digest"),
    [
        ("mysecret", '{"user":"my user data"}', "7705bb9a7934fe4ceee2325e23750f35752899448c2fe5b064d93326c98fd5b3"),
        ("", '{"user":"my user data"}', "a31926f3c0e20c8fd6174ac08c0057708590b6a6bb081a04560ea60b4500738a"),
        ("mysecret", "", "9074a74de0f34ece3f046403ae88d2eea400281da0ed6ebfa76c949016fa672d"),
    ],
)
def test_hmac_of_pusher_websocket_swift(secret: str, message: str, digest: str) -> None:
    """The digests in pusher-websocket-swift's tests, checked on the digest under every signature here (V10; 6.2)."""
    from pusher_client.protocol import signatures  # noqa: PLC0415 - the private function is this test's alone

    assert signatures._hmac(secret, message) == digest


def test_presence_data_is_signed_even_when_empty() -> None:
    """No channel data and empty channel data are two things (6.2)."""
    assert sign_channel("k", "s", "1.2", "presence-x") != sign_channel("k", "s", "1.2", "presence-x", "")


# -- socket ids ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("socket_id", ["1.1", "1234.5678", "9204291423.269973288", "0.0"])
def test_socket_ids(socket_id: str) -> None:
    """Digits, a dot, digits (1.2)."""
    check_socket_id(socket_id)


@pytest.mark.parametrize(
    "socket_id",
    ["", "1", ".1", "1.", ".", "1:1", "1.1.1", "1.1\n", "a.b", "1.1::user::{}", "٣.٣", "1.1:private-x", "1::user::1"],
)
def test_socket_ids_that_are_none(socket_id: str) -> None:
    """Anything else must not be signed for (6.2)."""
    with pytest.raises(ValueError, match="digits, a dot, digits"):
        check_socket_id(socket_id)


def test_socket_ids_are_strings() -> None:
    """A number with a point is not a socket id."""
    with pytest.raises(TypeError, match="not float"):
        check_socket_id(1.5)


# -- base64 -------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100))
def test_canonical_base64(raw: bytes) -> None:
    """Whatever was encoded canonically is decoded, as text or as ASCII bytes (C2)."""
    encoded = base64.b64encode(raw)
    assert decode_base64(encoded.decode()) == decode_base64(encoded) == raw


@given(st.text("ABCDQgwxyz0189+/=-_ \n", max_size=12) | st.text(max_size=8))
def test_only_canonical_base64(text: str) -> None:
    """A text is decoded only if it is the one canonical encoding of the result (C2)."""
    decoded = decode_base64(text)
    assert decoded is None or base64.b64encode(decoded).decode() == text


@given(st.binary(min_size=1, max_size=64), st.data())
def test_any_change_of_base64_changes_the_bytes_or_is_refused(raw: bytes, data: st.DataObject) -> None:
    """No two texts decode to the same bytes (C2)."""
    text = base64.b64encode(raw).decode()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != text[place]))
    assert decode_base64(text[:place] + other + text[place + 1 :]) != raw


@pytest.mark.parametrize(
    "text", ["=", "==", "====", "A===", "A", "AB", "QQ", "QR==", "QUJ=", "QQ==QQ==", "QQ==\n", "QQ-_", "é"]
)
def test_base64_that_is_none(text: str) -> None:
    """Missing or misplaced padding, stray bits, other alphabets and white space are refused (C2)."""
    assert decode_base64(text) is None


# -- channel authorizations ---------------------------------------------------------------------------------------


def test_from_response() -> None:
    """The endpoint's three fields are read; what else it says is not looked at (6.1)."""
    authorization = ChannelAuthorization.from_response(
        {"auth": "k:s", "channel_data": "{}", "shared_secret": SHARED_SECRET_BASE64, "other": object()}
    )
    assert authorization == ChannelAuthorization("k:s", channel_data="{}", shared_secret=SHARED_SECRET)


def test_from_response_without_the_rest() -> None:
    """A private channel's answer has auth only; null counts as absent (6.1)."""
    expected = ChannelAuthorization("k:s")
    assert ChannelAuthorization.from_response({"auth": "k:s"}) == expected
    assert ChannelAuthorization.from_response({"auth": "k:s", "channel_data": None, "shared_secret": None}) == expected


def test_from_response_with_bytes() -> None:
    """The official Python library hands out the encoded secret as bytes, which are read too (6.1)."""
    authorization = ChannelAuthorization.from_response({"auth": "k:s", "shared_secret": SHARED_SECRET_BASE64.encode()})
    assert authorization.shared_secret == SHARED_SECRET


GOOD = {"auth": f"k:{CANARY}", "shared_secret": SHARED_SECRET_BASE64}


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (None, "not a JSON object"),
        ([GOOD], "not a JSON object"),
        (CANARY, "not a JSON object"),
        ({}, "no string 'auth'"),
        ({"auth": ""}, "no string 'auth'"),
        ({"auth": [CANARY]}, "no string 'auth'"),
        ({"auth": CANARY.encode()}, "no string 'auth'"),
        ({"auth": f"{CANARY}\ud800"}, "no string 'auth'"),
        ({**GOOD, "channel_data": {"user_id": CANARY}}, "'channel_data' is not a string"),
        ({**GOOD, "channel_data": f"{CANARY}\udfff"}, "'channel_data' is not a string"),
        ({**GOOD, "shared_secret": 5}, "'shared_secret' is not a string"),
        ({**GOOD, "shared_secret": [SHARED_SECRET_BASE64]}, "'shared_secret' is not a string"),
        ({**GOOD, "shared_secret": ""}, "has 0 bytes, not 32"),
        ({**GOOD, "shared_secret": SHARED_SECRET_BASE64 + "\n"}, "not canonical base64"),
        ({**GOOD, "shared_secret": SHARED_SECRET_BASE64[:-1]}, "not canonical base64"),
        ({**GOOD, "shared_secret": SHARED_SECRET_BASE64[:-2] + "B="}, "not canonical base64"),
        ({**GOOD, "shared_secret": f"b'{SHARED_SECRET_BASE64}'"}, "not canonical base64"),
        ({**GOOD, "shared_secret": SHARED_SECRET}, "not canonical base64"),
        ({**GOOD, "shared_secret": base64.b64encode(SHARED_SECRET[:31]).decode()}, "has 31 bytes, not 32"),
        ({**GOOD, "shared_secret": base64.b64encode(SHARED_SECRET + b"!").decode()}, "has 33 bytes, not 32"),
    ],
)
def test_answers_that_cannot_be_used(response: Any, words: str) -> None:
    """The fault is named, its value never, nor does any frame of ours keep it (6.1, 7.2, C3)."""
    with pytest.raises(AuthorizationError, match=words) as caught:
        ChannelAuthorization.from_response(response)
    assert (caught.value.channel, caught.value.status) == (None, None)
    shown = texts_of_error(caught.value, __file__)
    assert "canary" not in shown
    assert SHARED_SECRET_BASE64[:-4] not in shown


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"auth": None}, TypeError, "auth must be a string"),
        ({"auth": CANARY.encode()}, TypeError, "auth must be a string"),
        ({"auth": ""}, ValueError, "auth is empty"),
        ({"auth": f"{CANARY}\ud800"}, ValueError, "lone surrogate"),
        ({"channel_data": {"user_id": CANARY}}, TypeError, "channel_data"),
        ({"channel_data": f"{CANARY}\ud800"}, ValueError, "lone surrogate"),
        ({"shared_secret": SHARED_SECRET_BASE64}, TypeError, "from_response"),
        ({"shared_secret": SHARED_SECRET[:31]}, ValueError, "32 bytes long, not 31"),
        ({"shared_secret": b""}, ValueError, "32 bytes long, not 0"),
    ],
)
def test_mistakes_in_making_one(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    """A wrong argument is the caller's mistake, and its value is not shown (6.1, C3)."""
    arguments = {"auth": f"k:{CANARY}", **arguments}
    with pytest.raises(error, match=words) as caught:
        ChannelAuthorization(arguments.pop("auth"), **arguments)
    shown = texts_of_error(caught.value, __file__)
    assert "canary" not in shown
    assert SHARED_SECRET_BASE64 not in shown


def test_text_of_every_kind_is_signed_data() -> None:
    """Text beyond ASCII is fine, lone surrogates are not (6.1)."""
    assert ChannelAuthorization("k:s", channel_data='{"user_id":"ä😀"}').channel_data == '{"user_id":"ä😀"}'


def test_an_authorization_is_frozen_and_hidden() -> None:
    """It cannot be changed, shown, copied to a pickle, and equals what is equal (6.1, C3)."""
    authorization = ChannelAuthorization("k:s", channel_data="{}", shared_secret=SHARED_SECRET)
    with pytest.raises(FrozenInstanceError):
        authorization.auth = "other"  # type: ignore[misc]  # the mistake that is tested
    assert f"{authorization} {authorization!r}" == "ChannelAuthorization() ChannelAuthorization()"
    equal = ChannelAuthorization("k:s", channel_data="{}", shared_secret=SHARED_SECRET)
    assert len({authorization, equal, ChannelAuthorization("k:t")}) == 2
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            make(authorization)


@pytest.mark.parametrize("hidden", [ChannelAuthorization("k:s"), UserAuthentication("k:s", "{}")])
@pytest.mark.parametrize(
    "convert", [asdict, astuple, fields, replace, vars, json.dumps, msgspec.json.encode, msgspec.to_builtins]
)
def test_an_authorization_is_not_written_out_by_others(convert: Callable[[Any], object], hidden: object) -> None:
    """What logs and caches use to write values out finds no fields in it (C3)."""
    with pytest.raises(TypeError):
        convert(hidden)


def test_every_other_spelling_of_a_key_is_another_or_none() -> None:
    """No character of shared_secret can be changed, added, left out or swapped with the next, unnoticed (C2)."""
    assert ChannelAuthorization.from_response(GOOD).shared_secret == SHARED_SECRET
    for text in edits(SHARED_SECRET_BASE64):
        try:
            authorization = ChannelAuthorization.from_response({**GOOD, "shared_secret": text})
        except AuthorizationError:
            continue
        assert authorization.shared_secret != SHARED_SECRET


# -- users --------------------------------------------------------------------------------------------------------


def test_user_from_response() -> None:
    """Both auth and user_data are read, the latter kept to the byte (6.4)."""
    assert UserAuthentication.from_response({"auth": "k:s", "user_data": '{ "id":"1"}', "x": 1}) == UserAuthentication(
        "k:s", '{ "id":"1"}'
    )


@pytest.mark.parametrize(
    "response",
    [None, [], CANARY, {}, {"auth": CANARY}, {"user_data": CANARY}, {"auth": "", "user_data": CANARY},
     {"auth": CANARY, "user_data": {"id": CANARY}}, {"auth": 5, "user_data": CANARY},
     {"auth": CANARY, "user_data": "\ud800"}],
)  # fmt: skip
def test_user_answers_that_cannot_be_used(response: Any) -> None:
    """What lacks either is an AuthorizationError without any value (6.4, C3)."""
    with pytest.raises(AuthorizationError, match="authentication answer") as caught:
        UserAuthentication.from_response(response)
    assert CANARY not in texts_of_error(caught.value, __file__)


@pytest.mark.parametrize(
    ("auth", "user_data", "error"),
    [
        (None, CANARY, TypeError),
        (CANARY, {"id": CANARY}, TypeError),
        ("", CANARY, ValueError),
        (f"{CANARY}\ud800", "{}", ValueError),
        (CANARY, "\ud800", ValueError),
    ],
)
def test_mistakes_in_making_a_user(auth: Any, user_data: Any, error: type[Exception]) -> None:
    """A wrong argument is the caller's mistake, and its value is not shown (6.4, C3)."""
    with pytest.raises(error, match="auth") as caught:
        UserAuthentication(auth, user_data)
    assert CANARY not in texts_of_error(caught.value, __file__)


def test_a_user_is_hidden() -> None:
    """A sign-in shows and pickles nothing (C3)."""
    authentication = UserAuthentication(f"k:{CANARY}", CANARY)
    assert repr(authentication) == "UserAuthentication()"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(authentication)


# -- which refusals are tried again -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_statuses_that_may_mend(status: int) -> None:
    """A time-out, a limit and a failing server are passing troubles (6.5, R3)."""
    assert retryable_status(status)


@pytest.mark.parametrize("status", [None, 200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 410, 422, 499])
def test_statuses_that_stay(status: int | None) -> None:
    """A refusal, a redirect and an answer that cannot be used stay as they are (6.5, R3)."""
    assert not retryable_status(status)


@pytest.mark.parametrize("text", ["AAAA=", "AAAA==", "AAAA===", "AAAA====", "====", "QUI==", "QR==", "Q Q=", "é"])
def test_base64_has_one_spelling(text: str) -> None:
    """Excess padding, stray bits and foreign characters are refused as base64, with the usual error (C2, R8)."""
    assert decode_base64(text) is None
    with pytest.raises(AuthorizationError, match="base64"):
        ChannelAuthorization.from_response({"auth": "k:s", "shared_secret": text})
