"""What is fuzzed: each target takes any bytes, and raises only when a promise is broken."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import httpx
import msgspec

from pusher_client.authorization.batch_authorizer import _read as read_batch
from pusher_client.authorization.origin import Origin
from pusher_client.authorization.response import read_answer
from pusher_client.exceptions import AuthorizationError
from pusher_client.protocol.encryption import read_envelope
from pusher_client.protocol.json_reading import UNREADABLE
from pusher_client.protocol.signatures import ChannelAuthorization, UserAuthentication
from tests.support.core.hostile_server import STATES, Besieged
from tests.support.core.scripted_core import CHANNEL

_T = TypeVar("_T")

BINARY, CLOSE, WAIT, LIMIT = b"!", b"#", b"~", 20
ORIGIN = Origin("https://example.com/pusher/auth", allow_insecure=False)
BATCH = ["orders", CHANNEL, "presence-room"]


def frames(data: bytes) -> None:
    """Let a server send lines to a connection in the state that the first byte names.

    A line is a text frame, but for these: ``!`` is a binary frame, ``#`` closes with a code and a reason, ``~`` lets as
    many seconds pass as the line has bytes.
    """
    core = Besieged(shortcut=data[:1].isdigit())
    STATES[data[0] % len(STATES) if data else 0](core)
    for line in data[1:].split(b"\n")[:LIMIT]:
        _send(core, line)
        core.check_accounts()
    core.check()


def _send(core: Besieged, line: bytes) -> None:
    first, rest = line[:1], line[1:]
    if first == BINARY:
        core.connection.receive_binary(core.now)
        core.drain()
    elif first == CLOSE:
        code = int.from_bytes(rest[:2]) if rest else None
        core.connection.websocket_closed(code, rest[2:].decode("utf-8", "replace"), core.now)
        core.drain()
    elif first == WAIT:
        core.wait(float(len(line)))
    else:
        core.receive(line.decode("utf-8", "replace"))


def envelopes(data: bytes) -> None:
    """Read an envelope as the library does and as simply as can be, and let it arrive on a channel."""
    text = data.decode("utf-8", "replace")
    read = read_envelope(text)
    expected = _read_simply(text)
    assert read == expected
    core = Besieged(shortcut=bool(data) and data[0] % 2 == 0)
    core.up()
    core.subscribed()
    arriving = [json.dumps({"event": "e", "channel": CHANNEL, "data": text})]
    if isinstance(_decoded(text), dict):
        arriving.append(f'{{"event":"e","channel":"{CHANNEL}","data":{text}}}')
    for frame in arriving:
        core.receive(frame)
        core.check_accounts()
    core.check()


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except UNREADABLE:
        return None


class _Strings(msgspec.Struct):
    nonce: str
    ciphertext: str


def _read_simply(text: str) -> tuple[bytes, bytes] | None:
    try:
        found = msgspec.json.decode(text, type=_Strings)
    except UNREADABLE:
        return None
    nonce, ciphertext = _from_base64(found.nonce), _from_base64(found.ciphertext)
    if nonce is None or ciphertext is None or len(nonce) != 24 or len(ciphertext) < 16:
        return None
    return nonce, ciphertext


def _from_base64(text: str) -> bytes | None:
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return value if base64.b64encode(value).decode() == text else None


def answers(data: bytes) -> None:
    """Let an endpoint answer with any status, ``Retry-After`` and body; the first line holds the former two."""
    head, _, body = data.partition(b"\n")
    kind, status, retry_after = head[:1], head[1:4], head[4:]
    headers = [(b"retry-after", retry_after)] if retry_after else []
    response = httpx.Response(
        int(status) if status.isdigit() and 100 <= int(status) <= 999 else 200, headers=headers, stream=_Body(body)
    )
    readers: dict[bytes, Callable[[Mapping[str, Any]], Any]] = {
        b"c": ChannelAuthorization.from_response,
        b"u": UserAuthentication.from_response,
    }
    try:
        answer = _finished(
            read_answer(response, ORIGIN, CHANNEL, readers.get(kind, partial(read_batch, str(ORIGIN), BATCH)))
        )
    except AuthorizationError as error:
        answer = error
    for one in answer.values() if isinstance(answer, dict) else [answer]:
        _take(one)


def _take(answer: object) -> None:
    """Let a core have what became of an answer."""
    core = Besieged()
    core.up()
    if isinstance(answer, UserAuthentication):
        core.sign_in()
        request = core.authentications()[-1].request_id
    else:
        core.subscribe()
        request = core.requests()[-1].request_id
    if isinstance(answer, AuthorizationError):
        core.connection.authorization_failed(
            request, answer, retryable=False, retry_after=answer.retry_after, now=core.now
        )
    else:
        assert isinstance(answer, ChannelAuthorization | UserAuthentication)
        core.connection.authorized(request, answer, core.now)
    core.drain()
    core.check()


class _Body(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


def _finished(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("_T", stop.value)
    raise AssertionError("it waits for something")


TARGETS: dict[str, Callable[[bytes], None]] = {target.__name__: target for target in (frames, envelopes, answers)}
