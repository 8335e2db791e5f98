"""One POST to one configured place, and to no other (protocol-notes 6.3, promises C3 and C4).

Requests go through a transport of httpx without its client around it: a transport knows no cookies, no redirects, no
environment and no log of what it fetched, so that nothing of this has to be switched off, or can be switched on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import CERT_REQUIRED, PROTOCOL_TLS_CLIENT, SSLContext, create_default_context
from typing import Any, Literal, NoReturn, TypeVar

import httpx

from pusher_client.authorization.origin import Origin, read_proxy
from pusher_client.authorization.request import Form, Request, Source
from pusher_client.authorization.response import BODY_LIMIT, read_answer
from pusher_client.exceptions import AuthorizationError, bare
from pusher_client.protocol.checks import seconds_problem

__all__ = ["REFUSALS", "Endpoint"]

_T = TypeVar("_T")

REFUSALS = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
"""The statuses that cast doubt on the credentials of a request."""


@dataclass(slots=True)
class _Pool:
    """Connections, and how many requests use them."""

    transport: httpx.AsyncBaseTransport
    running: int = 0


@dataclass(slots=True)
class _Session:
    """The connections that are open in one event loop for the next request, and how many want them open."""

    users: int = 0
    pool: _Pool | None = None


class Endpoint:
    """An endpoint that answers a form with JSON: what `HTTPAuthorizer` and `HTTPUserAuthenticator` have in common."""

    _answer_limit = BODY_LIMIT

    def __init__(
        self,
        url: str,
        *,
        headers: Source | None = None,
        params: Source | None = None,
        ssl: SSLContext | Literal[True] | None = None,
        proxy: str | bool | None = True,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = 10.0,
        allow_insecure: bool = False,
    ) -> None:
        try:
            self._origin = Origin(url, allow_insecure=allow_insecure)
            self._request = Request(self._origin.url, headers, params)
            self._use_environment = proxy is True
            self._proxy = _read_proxy(proxy)
            self._ssl = _read_ssl(ssl, plain=self._origin.plain)
            self._timeout = _read_timeout(timeout)
            self._transport = _read_transport(transport)
        except (TypeError, ValueError) as error:
            problem = bare(error)
        else:
            self._sessions: dict[asyncio.AbstractEventLoop, _Session] = {}
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
        for loop in tuple(self._sessions):
            if loop.is_closed():
                self._sessions.pop(loop, None)
        self._sessions.setdefault(asyncio.get_running_loop(), _Session()).users += 1

    async def detach(self) -> None:
        """Undo one `attach`; the last one closes the connections.

        Raises:
            RuntimeError: There was no `attach` in this event loop.
        """
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            raise RuntimeError("detach() without attach() in this event loop")
        session.users -= 1
        if not session.users:
            del self._sessions[loop]
            if session.pool is not None:
                await session.pool.transport.aclose()

    async def _ask(self, form: Form, channel: str | None, read: Callable[[Mapping[str, Any]], _T]) -> _T:
        """Send the form and read the answer.

        Raises:
            AuthorizationError: The endpoint refused, or answered something that cannot be used.
            ConnectionError: It could not be reached, or the connection broke.
            TimeoutError: It took too long, however lively it was.
        """
        timeout = asyncio.timeout(self._timeout)
        try:
            async with timeout:
                return await self._attempt(form, channel, read)
        except TimeoutError:
            if not timeout.expired():
                raise
        raise TimeoutError(f"{self._origin}: no complete answer within {self._timeout:g} s")

    async def _attempt(self, form: Form, channel: str | None, read: Callable[[Mapping[str, Any]], _T]) -> _T:
        request, refused = await self._request.build(form, self._timeout)
        try:
            answer = await self._exchange(request, channel, read)
        # Each of these lets go of the frames and of the errors of httpx in which secrets are (promise C3).
        except AuthorizationError as error:
            failure: BaseException = bare(error)
            if error.status in REFUSALS:
                refused()
        except asyncio.CancelledError as error:
            failure = bare(error)
        except (httpx.TimeoutException, TimeoutError):
            failure = TimeoutError(f"{self._origin}: the endpoint took too long")
        except httpx.ConnectError as error:
            failure = ConnectionError(f"{self._origin}: cannot connect: {error}")
        except (httpx.RequestError, OSError) as error:
            failure = ConnectionError(f"{self._origin}: the request failed ({type(error).__name__})")
        else:
            if self._is_refusal(answer):
                refused()
            return answer
        del request, refused
        raise failure

    def _is_refusal(self, answer: object) -> bool:
        """Return whether an answer that was read suggests that the credentials are invalid."""
        del answer
        return False

    async def _exchange(
        self, request: httpx.Request, channel: str | None, read: Callable[[Mapping[str, Any]], _T]
    ) -> _T:
        await self._origin.check(channel)
        async with self._connections() as transport:
            response = await transport.handle_async_request(request)
            try:
                return await read_answer(response, channel, read, self._answer_limit)
            finally:
                await response.aclose()

    @asynccontextmanager
    async def _connections(self) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
        """Use the connections of the running loop for one request; open them if it is the first."""
        if self._transport is not None:
            yield self._transport
            return
        self.attach()
        try:
            session = self._sessions[asyncio.get_running_loop()]
            if session.pool is None:
                session.pool = _Pool(self._open())
            async with _in_use(session, session.pool) as transport:
                yield transport
        finally:
            await self.detach()

    def _open(self) -> httpx.AsyncHTTPTransport:
        if self._origin.plain:
            # A proxy would see all of a plain request.
            return httpx.AsyncHTTPTransport(verify=self._ssl)
        proxy = self._origin.environment_proxy() if self._use_environment else self._proxy
        return httpx.AsyncHTTPTransport(verify=self._ssl, proxy=proxy)


@asynccontextmanager
async def _in_use(session: _Session, pool: _Pool) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
    """Use connections for one request, and no others after it if it is cancelled.

    A request that is cancelled may leave httpx with a connection that it counts as in use for ever; so many of them
    would leave none for anybody (promise R6). All are closed when the requests that use them are done.
    """
    pool.running += 1
    try:
        yield pool.transport
    except asyncio.CancelledError:
        if session.pool is pool:
            session.pool = None
        raise
    finally:
        pool.running -= 1
        if session.pool is not pool and not pool.running:
            await asyncio.shield(asyncio.ensure_future(pool.transport.aclose()))


def _read_proxy(proxy: object) -> httpx.Proxy | None:
    if proxy is None or isinstance(proxy, bool):
        return None
    if not isinstance(proxy, str):
        raise TypeError("proxy is True for the environment's, None for none, or an address as 'http://host:port'")
    return read_proxy(proxy)


def _read_ssl(ssl: object, *, plain: bool) -> SSLContext:
    if ssl is None or ssl is True:
        # Reading the system's authorities takes some 20 ms; without TLS there is nobody to trust.
        return SSLContext(PROTOCOL_TLS_CLIENT) if plain else create_default_context()
    if ssl is False:
        raise ValueError(
            "ssl=False would trust anybody; for a private authority give ssl.create_default_context(cafile=…)"
        )
    if not isinstance(ssl, SSLContext):
        raise TypeError(f"ssl is an ssl.SSLContext or None, not {type(ssl).__name__}")
    if ssl.verify_mode is not CERT_REQUIRED or not ssl.check_hostname:
        raise ValueError(
            "ssl must verify: verify_mode CERT_REQUIRED and check_hostname, as create_default_context() has"
        )
    return ssl


def _read_timeout(timeout: float) -> float:
    problem = seconds_problem("timeout", timeout)
    if problem is not None:
        raise problem
    return timeout


def _read_transport(transport: object) -> httpx.AsyncBaseTransport | None:
    if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
        raise TypeError(f"transport is an httpx.AsyncBaseTransport, not {type(transport).__name__}")
    return transport
