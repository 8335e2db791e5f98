"""POST requests to one configured endpoint and to no other (protocol-notes 6.3, promises C3 and C4).

Requests use a transport of httpx without ``httpx.AsyncClient`` around it. A transport has no cookies, redirects,
environment or log, so none of these has to be switched off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from pusher_client.authorization.body_format import BodyFormat
from pusher_client.authorization.endpoint_connections import EndpointConnections
from pusher_client.authorization.endpoint_options import TrustedAuthorities, read_proxy_option, read_transport
from pusher_client.authorization.network_errors import (
    EndpointConnectionError,
    EndpointTimeoutError,
    describe_network_error,
)
from pusher_client.authorization.origin import Origin
from pusher_client.authorization.request import ChannelSource, Request, Source
from pusher_client.authorization.response import BODY_LIMIT, read_answer
from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.checks import seconds_problem

if TYPE_CHECKING:
    import httpx

__all__ = ["CREDENTIAL_REFUSALS", "Endpoint"]

_T = TypeVar("_T")

CREDENTIAL_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""The statuses after which the `Credentials` of a request are fetched again."""


class Endpoint:
    """The base of `HTTPAuthorizer`, `HTTPBatchAuthorizer` and `HTTPUserAuthenticator`: requests and connections."""

    _answer_limit = BODY_LIMIT
    _asks_for_channels = True

    def __init__(
        self,
        url: str,
        *,
        headers: Source | None = None,
        params: ChannelSource | None = None,
        json: bool = False,
        socket_id_field: str = "socket_id",
        channel_field: str | None = None,
        ssl: SSLContext | Literal[True] | None = None,
        proxy: str | bool | None = True,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = 10.0,
        allow_insecure: bool = False,
    ) -> None:
        try:
            self._origin = Origin(url, allow_insecure=allow_insecure)
            body_format = self._read_format(json=json, socket_id_field=socket_id_field, channel_field=channel_field)
            self._request = Request(self._origin.url, headers, params, body_format)
            self._check_params()
            self._use_environment = proxy is True
            self._proxy = read_proxy_option(proxy)
            self._authorities = TrustedAuthorities(ssl, plain=self._origin.plain)
            self._timeout = _read_timeout(timeout)
            self._transport = read_transport(transport)
        except (TypeError, ValueError) as error:
            problem = bare(error)
        else:
            self._proxy_host: str | None = None
            self._connections = EndpointConnections()
            return
        del self, url, headers, params, proxy  # a half-made self has no repr
        raise problem

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._origin)!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, which would write the values of headers and params out (promise C3)."""
        raise TypeError(f"an {type(self).__name__} may hold secrets and cannot be pickled")

    def attach(self) -> None:
        """Keep connections open in the running event loop, until `detach` was called as often.

        A client does this while it is connected. Without it, every request opens a connection of its own.
        """
        self._connections.attach()

    async def detach(self) -> None:
        """Undo one `attach`; the last one closes the connections.

        Raises:
            RuntimeError: There was no `attach` in this event loop.
        """
        await self._connections.detach()

    def _read_format(self, *, json: bool, socket_id_field: str, channel_field: str | None) -> BodyFormat:
        if self._asks_for_channels:
            channel_field = "channel_name" if channel_field is None else channel_field
        elif channel_field is not None:
            raise TypeError(f"an {type(self).__name__} sends no channel, so channel_field has no meaning")
        return BodyFormat(json=json, socket_id_field=socket_id_field, channel_field=channel_field)

    def _check_params(self) -> None:
        if self._request.params_take_channels and not self._asks_for_channels:
            raise TypeError(f"an {type(self).__name__} sends no channel, so a callable for params takes no argument")

    async def _ask(
        self, socket_id: str, channels: str | Sequence[str] | None, read: Callable[[Mapping[str, Any]], _T]
    ) -> _T:
        """Send a request and read the answer.

        Args:
            socket_id: The socket id.
            channels: One channel, several for a batch, or None for a user.
            read: Converts the answer's object, or raises `AuthorizationError`.

        Raises:
            AuthorizationError: The endpoint refused, or its answer cannot be used.
            ConnectionError: It could not be reached, or the connection broke.
            TimeoutError: The answer was not complete within the time limit.
        """
        timeout = asyncio.timeout(self._timeout)
        try:
            async with timeout:
                return await self._attempt(socket_id, channels, read)
        except TimeoutError:
            if not timeout.expired():
                raise
        raise self._timed_out()

    async def _attempt(
        self, socket_id: str, channels: str | Sequence[str] | None, read: Callable[[Mapping[str, Any]], _T]
    ) -> _T:
        import httpx  # noqa: PLC0415 - only those who make requests need to load it

        request, refused = await self._request.build(socket_id, channels, self._timeout)
        channel = channels if isinstance(channels, str) else None
        try:
            answer = await self._exchange(request, channel, read)
        # Each of these drops the frames, and the errors of httpx, that hold secrets (promise C3).
        except AuthorizationError as error:
            failure: BaseException = bare(error)
            if error.status in CREDENTIAL_REFUSALS:
                refused()
        except asyncio.CancelledError as error:
            failure = bare(error)
        except (httpx.TimeoutException, TimeoutError):
            failure = self._timed_out()
        except (httpx.RequestError, OSError) as error:
            failure = self._connection_error(error)
        else:
            if self._refuses_credentials(answer):
                refused()
            return answer
        del request, refused
        raise failure

    def _refuses_credentials(self, answer: object) -> bool:
        """Return whether an answer that was read means nevertheless that the credentials are outdated."""
        del answer
        return False

    def _timed_out(self) -> EndpointTimeoutError:
        return EndpointTimeoutError(f"the endpoint {self._origin} did not answer completely within {self._timeout:g} s")

    def _connection_error(self, error: BaseException) -> EndpointConnectionError:
        through = "" if self._proxy_host is None else " through the proxy"
        reason = describe_network_error(error, self._proxy_host or self._origin.url.host)
        return EndpointConnectionError(f"the request to the endpoint {self._origin} failed{through}: {reason}")

    async def _exchange(
        self, request: httpx.Request, channel: str | None, read: Callable[[Mapping[str, Any]], _T]
    ) -> _T:
        hosts = await self._origin.hosts(channel)
        if self._transport is not None:
            hosts = (self._origin.url.host,)  # a transport of the caller gets the url as it was given
            return await self._exchange_over(self._transport, request, hosts, channel, read)
        context = await self._authorities.context()
        async with self._connections.in_use(partial(self._open, context)) as transport:
            return await self._exchange_over(transport, request, hosts, channel, read)

    async def _exchange_over(
        self,
        transport: httpx.AsyncBaseTransport,
        request: httpx.Request,
        hosts: Sequence[str],
        channel: str | None,
        read: Callable[[Mapping[str, Any]], _T],
    ) -> _T:
        response = await self._send(transport, request, hosts)
        try:
            return await read_answer(response, self._origin, channel, read, self._answer_limit)
        finally:
            await response.aclose()

    async def _send(
        self, transport: httpx.AsyncBaseTransport, request: httpx.Request, hosts: Sequence[str]
    ) -> httpx.Response:
        """Send a request to the first host that can be reached. Its ``Host`` header is that of the url in any case."""
        import httpx  # noqa: PLC0415 - loaded already

        *others, last = hosts
        for host in others:
            with suppress(httpx.ConnectError):
                return await transport.handle_async_request(_directed(request, host))
        return await transport.handle_async_request(_directed(request, last))

    def _open(self, context: SSLContext) -> httpx.AsyncHTTPTransport:
        """Open a pool of connections."""
        import httpx  # noqa: PLC0415 - loaded already

        proxy = None
        if not self._origin.plain:  # a proxy would see all of a plain request
            proxy = self._origin.environment_proxy() if self._use_environment else self._proxy
        self._proxy_host = None if proxy is None else proxy.url.host
        return httpx.AsyncHTTPTransport(verify=context, proxy=proxy)


def _directed(request: httpx.Request, host: str) -> httpx.Request:
    request.url = request.url.copy_with(host=host)
    return request


def _read_timeout(timeout: float) -> float:
    problem = seconds_problem("timeout", timeout)
    if problem is not None:
        raise problem
    return timeout
