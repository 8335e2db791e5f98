"""The form that is posted to an endpoint, and the headers that go with it (protocol-notes 6.3)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, cast
from urllib.parse import quote, urlencode

import httpx

from pusher_client.authorization.credentials import Credentials
from pusher_client.authorization.httpcore_trace import Trace
from pusher_client.exceptions import bare

__all__ = ["Form", "Request", "Source"]

Source: TypeAlias = Mapping[str, str] | Callable[[], Mapping[str, str] | Awaitable[Mapping[str, str]]]
"""Headers or parameters: a mapping, or a plain or async callable that makes one for each request."""

Form: TypeAlias = Sequence[tuple[str, str]]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADERS = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),
    ("Content-Type", "application/x-www-form-urlencoded"),
)
_OUR_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)
_OUR_PARAMS = frozenset({"socket_id", "channel_name"})


class _Quiet(httpx.Request):
    """A request that no report of a frame's variables prints the address of, which may have a token in it (C3)."""

    def __repr__(self) -> str:
        return f"<Request {self.method!r}>"


class Request:
    """What every request to one endpoint has in common.

    Args:
        url: Where it goes.
        headers: Further headers.
        params: Further fields of the form.

    Raises:
        TypeError: Headers or params are neither mapping nor callable, or hold anything but strings.
        ValueError: A name or value cannot be sent, or is not the caller's to choose; no value is repeated.
    """

    __slots__ = ("_headers", "_params", "_url")

    def __init__(self, url: httpx.URL, headers: Source | None, params: Source | None) -> None:
        self._url = url
        self._headers = _Pairs("headers", headers, _check_header)
        self._params = _Pairs("params", params, _check_param)

    async def build(self, form: Form, seconds: float) -> tuple[httpx.Request, Callable[[], None]]:
        """Evaluate headers and params anew, and return the request, and what to call if it is refused.

        That forgets the `Credentials` which were used for it, if they are still the current ones.

        Args:
            form: The fields of the protocol, which come first.
            seconds: How long each step of sending it may take.

        Raises:
            TypeError: What a callable returned is not a mapping of strings.
            ValueError: What a callable returned cannot be sent.
            Exception: Whatever a callable raised.
        """
        headers = await self._headers.evaluate()
        params = await self._params.evaluate()
        request = _Quiet(
            "POST",
            self._url,
            headers=[*_HEADERS, *headers.pairs],
            content=urlencode([*form, *params.pairs], quote_via=quote, safe="").encode(),
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
    """Names and values of one request, which no report of a frame's variables prints."""

    __slots__ = ("pairs", "refused")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self.refused: Callable[[], None] = lambda: None


class _Pairs:
    """Headers or params as the caller gave them: to be evaluated, and checked, for every request."""

    __slots__ = ("_check", "_credentials", "_get", "_what")

    def __init__(self, what: str, source: Source | None, check: Callable[[str, str], None]) -> None:
        self._what = what
        self._check = check
        self._credentials = source if isinstance(source, Credentials) else None
        self._get: Callable[[], object]
        if callable(source):
            self._get = source
        else:
            values: Mapping[str, str] = {} if source is None else source
            self._checked(values)
            self._get = lambda: values

    async def evaluate(self) -> _Evaluated:
        values = self._get()
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
        raise ValueError("a header's name has a character that no name may have; names and values are given apart")
    if name.lower() in _OUR_HEADERS:
        raise ValueError(f"the header {name} is set here and not to be given")
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise ValueError(
            f"the value of the header {name} has a line break, a space at its end or a character outside ASCII; "
            "strip() what was read from a file"
        )


def _check_param(name: str, value: str) -> None:
    if name in _OUR_PARAMS or name.startswith("channel_name["):
        raise ValueError(f"the field {name} is set for every request and not to be given in params")
    try:
        (name + value).encode()
    except UnicodeEncodeError:
        problem = ValueError("params hold a lone surrogate, which cannot be sent")
    else:
        return
    raise problem
