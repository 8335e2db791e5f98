"""Builds the requests to one endpoint (protocol-notes 6.3)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pusher_client.authorization.body_format import BodyFormat
from pusher_client.authorization.credentials import Credentials
from pusher_client.exceptions import bare

if TYPE_CHECKING:
    import httpx

__all__ = ["ChannelSource", "Request", "Source"]

Source: TypeAlias = Mapping[str, str] | Callable[[], Mapping[str, str] | Awaitable[Mapping[str, str]]]
"""Headers or params: a mapping, or a plain or async callable that returns one for each request."""

ChannelSource: TypeAlias = Source | Callable[[Any], Mapping[str, str] | Awaitable[Mapping[str, str]]]
"""The same; a callable may take the channel's name, or in a batch the tuple of the channels' names."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OUR_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)


class Request:
    """What all requests to one endpoint have in common.

    Args:
        url: The endpoint's url.
        headers: Further headers.
        params: Further fields of the body.
        body_format: How the body is written.

    Raises:
        TypeError: Headers or params are neither a mapping nor callable, have values that are not strings, or are a
            callable with other arguments than they may have.
        ValueError: A name or value cannot be sent, or is reserved. The message does not repeat values.
    """

    __slots__ = ("_body_format", "_headers", "_params", "_url")

    def __init__(
        self, url: httpx.URL, headers: Source | None, params: ChannelSource | None, body_format: BodyFormat
    ) -> None:
        self._url = url
        self._body_format = body_format
        self._headers = _Pairs("headers", headers, _check_header)
        self._params = _Pairs("params", params, partial(_check_param, body_format))
        if self._headers.takes_channels:
            raise TypeError("a callable for headers takes no argument; one for params may take the channel's name")

    @property
    def params_take_channels(self) -> bool:
        """Whether ``params`` is a callable that is called with the channel's name."""
        return self._params.takes_channels

    async def build(
        self, socket_id: str, channels: str | Sequence[str] | None, seconds: float
    ) -> tuple[httpx.Request, Callable[[], None]]:
        """Evaluate headers and params, and return the request and a callable for the case that it is refused.

        That callable drops the `Credentials` which were used for the request, if they are still the current ones.

        Args:
            socket_id: The socket id.
            channels: One channel, several for a batch, or None for a user.
            seconds: Time limit for each step of sending it.

        Raises:
            TypeError: A callable did not return a mapping of strings.
            ValueError: A callable returned a name or value that cannot be sent.
            Exception: A callable raised it.
        """
        from pusher_client.authorization.httpcore_trace import PrivateRequest, Trace  # noqa: PLC0415 - loads httpx

        headers = await self._headers.evaluate(channels)
        params = await self._params.evaluate(channels)
        request = PrivateRequest(
            "POST",
            self._url,
            headers=[
                ("Accept", "application/json"),
                ("Accept-Encoding", "identity"),
                ("Content-Type", self._body_format.content_type),
                *headers.pairs,
            ],
            content=self._body_format.encode(socket_id, channels, params.pairs),
            extensions={
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds),
                "trace": Trace(),
            },
        )

        def refused() -> None:
            headers.refused()
            params.refused()

        return request, refused


class _Evaluated:
    """Names and values of one request. Its repr, which error reports print, does not show them (promise C3)."""

    __slots__ = ("pairs", "refused")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self.refused: Callable[[], None] = lambda: None


class _Pairs:
    """Headers or params as configured. They are evaluated and checked for every request.

    Attributes:
        takes_channels: Whether they are a callable that is called with the channel's name.
    """

    __slots__ = ("_check", "_credentials", "_get", "_what", "takes_channels")

    def __init__(self, what: str, source: ChannelSource | None, check: Callable[[str, str], None]) -> None:
        self._what = what
        self._check = check
        self._credentials = source if isinstance(source, Credentials) else None
        self._get: Callable[..., object]
        self.takes_channels = False
        if callable(source):
            self._get = source
            self.takes_channels = _takes_argument(what, source)
        else:
            values: Mapping[str, str] = {} if source is None else source
            self._checked(values)
            self._get = lambda: values

    async def evaluate(self, channels: str | Sequence[str] | None) -> _Evaluated:
        """Return the names and values for one request."""
        values = self._get(channels) if self.takes_channels else self._get()
        if inspect.isawaitable(values):
            values = await values
        try:
            evaluated = self._checked(values)
        except (TypeError, ValueError) as error:
            problem = bare(error)
        else:
            if self._credentials is not None:
                evaluated.refused = partial(self._credentials.invalidate, cast("Mapping[str, str]", values))
            return evaluated
        del values
        raise problem

    def _checked(self, values: object) -> _Evaluated:
        if not isinstance(values, Mapping):
            raise TypeError(
                f"{self._what} is a mapping of strings, or a callable that returns one for each request, "
                f"not {type(values).__name__}"
            )
        pairs: list[tuple[str, str]] = []
        for name, value in cast("Mapping[object, object]", values).items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise TypeError(f"names and values of {self._what} must be strings")
            self._check(name, value)
            pairs.append((name, value))
        return _Evaluated(pairs)


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("the name of a header has an invalid character; give headers as {name: value}")
    if name.lower() in _OUR_HEADERS:
        raise ValueError(f"the header {name} is set by the library and must not be in headers")
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise ValueError(
            f"the value of the header {name} has a line break, a space at its end or a character outside ASCII; "
            "strip() what was read from a file"
        )


def _takes_argument(what: str, function: Callable[..., object]) -> bool:
    """Return whether a callable needs one positional argument.

    Raises:
        TypeError: It needs more than one, or one by keyword.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return False
    for arguments in ((), (None,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return bool(arguments)
    raise TypeError(f"a callable for {what} takes no argument, or for params one: the channel's name")


def _check_param(body_format: BodyFormat, name: str, value: str) -> None:
    if body_format.is_reserved(name):
        raise ValueError(f"the field {name} is set for every request and must not be in params")
    try:
        (name + value).encode()
    except UnicodeEncodeError:
        problem = ValueError("params hold a lone surrogate, which cannot be sent")
    else:
        return
    raise problem
