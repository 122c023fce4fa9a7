"""One HTTP request at a time to whatever a group's entry names, on top of aiohttp.

One attempt each: no redirects, no cookies, nothing from the environment's proxy variables, 64 KB of an answer
at most. A URL is never logged or put into a reason, since it holds keys.
"""

import asyncio
import json
import math
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode
from weakref import WeakValueDictionary

import aiohttp
from yarl import URL

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.address_guard import Resolve, address_problem, resolve
from broadcast.channels.http.body import ACCEPTED_ENCODINGS, read_body
from broadcast.channels.http.connection import IdleConnections, RequestBody
from broadcast.channels.http.connector import open_session
from broadcast.channels.http.failures import never_left
from broadcast.channels.http.proxy import Proxy
from broadcast.channels.http.tls import default_trust
from fenghuo import clock

LONGEST_WAIT_S = 3600.0
TRY_AGAIN = frozenset({408, 425, 429, 503})
"""Statuses that say that the request was not processed."""
PROXY_AUTHENTICATION_REQUIRED = 407
JSON = {"content-type": "application/json; charset=utf-8"}
_FIXED_HEADERS = {"accept": "*/*", "accept-encoding": ACCEPTED_ENCODINGS, "user-agent": "fenghuo"}
_PARTS = re.compile(r"(https?://[^/?#]*)([^#]*)", re.IGNORECASE)
_PLAIN = re.compile(r"(?:[\w!$&'()*+,./:;=?@~-]|%[0-9a-f]{2})*", re.ASCII | re.IGNORECASE)
"""A path and query that need no quoting."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""Characters that no header may contain."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status, Retry-After in seconds when it was given, and the first 64 KB of the body, decompressed."""

    status: int
    retry_after_s: float | None
    raw: bytes

    def json_object(self) -> dict[str, object]:
        """The body's JSON object; empty when it has none."""
        try:
            body = json.loads(self.raw)
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


class HttpOrigin(NamedTuple):
    """The part of a URL that a connection belongs to."""

    scheme: str
    host: str
    port: int

    def url(self, path: str, query: str) -> URL:
        """The URL of an encoded path and query."""
        return URL.build(
            scheme=self.scheme, host=self.host, port=self.port, path=path, query_string=query, encoded=True
        )


class HttpClient:
    """Sends requests and says whether each may have left.

    ``reuse`` keeps connections open. It is for channels with an idempotency key only: a kept connection that
    the server has just closed looks like a request that left and was not answered. At most ``at_once``
    requests are under way, ``per_host`` of them to one origin; waiting for that is not part of ``timeout_s``.
    With a ``proxy`` the proxy resolves names, so the guard looks at literal addresses only
    (see ``address_guard``). Sessions open at the first request, and again after ``aclose``.
    """

    def __init__(
        self,
        timeout_s: float,
        *,
        at_once: int = 100,
        per_host: int | None = None,
        reuse: bool = False,
        allow_private: bool = True,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._reuse = reuse
        self._allow_private = allow_private
        self._resolve = resolve
        self._trust = trust or default_trust()
        self._proxy = proxy
        self._total = asyncio.Semaphore(at_once)
        self._per_host = per_host or at_once
        self._hosts: WeakValueDictionary[HttpOrigin, asyncio.Semaphore] = WeakValueDictionary()
        self._idle = IdleConnections(at_once)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = JSON,
    ) -> HttpResponse | SendResult:
        """POST once: the response, or what is known without one (RETRY: never left; UNKNOWN: may have left;
        REFUSED: no URL to post to)."""
        return await self._request("POST", url, body, params, headers)

    async def get(self, url: str, *, params: Mapping[str, str] | None = None) -> HttpResponse | SendResult:
        """GET once, as ``post``."""
        return await self._request("GET", url, b"", params, {})

    async def aclose(self) -> None:
        """Close every connection. A request that is waiting for its answer ends as UNKNOWN."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _request(
        self, method: str, url: str, body: bytes, params: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> HttpResponse | SendResult:
        target = _target(url, params, allow_private=self._allow_private)
        if isinstance(target, str):
            return SendResult(SendStatus.REFUSED, target)
        if any(_CONTROL.search(value) for value in headers.values()):
            return SendResult(SendStatus.REFUSED, "the request cannot be written as HTTP")
        origin, full = target
        async with self._slots_of(origin), self._total:
            payload = RequestBody(body)
            outcome = await self._attempt(method, full, payload, headers)
            if payload.found_closed and self._reuse:
                # A kept connection had ended before anything was written; another one serves.
                outcome = await self._attempt(method, full, RequestBody(body), headers)
            return outcome

    async def _attempt(
        self, method: str, url: URL, body: RequestBody, headers: Mapping[str, str]
    ) -> HttpResponse | SendResult:
        proxy = self._proxy if self._proxy is not None and self._proxy.serves(url) else None
        session = self._session(proxied=proxy is not None)
        headers = {**_FIXED_HEADERS, **headers}
        options = {"headers": headers} if proxy is None else proxy.options(url, headers)
        try:
            response, raw = await _exchange(session, method, url, body, options)
        except Exception as error:
            return _failed(error, body, proxied=proxy is not None)
        except asyncio.CancelledError:
            if _is_cancelled() or not session.closed:
                raise
            # Closing the session cancels whoever waits for a name.
            return _failed(ConnectionAbortedError(), body, proxied=proxy is not None)
        if proxy is not None and response.status == PROXY_AUTHENTICATION_REQUIRED:
            return SendResult(SendStatus.RETRY, f"the proxy refused the request: HTTP {response.status}")
        waits = response.headers.get("retry-after")
        return HttpResponse(response.status, retry_after_s(waits, clock.now()) if waits else None, raw)

    def _slots_of(self, origin: HttpOrigin) -> asyncio.Semaphore:
        """The origin's own limit, kept while somebody uses it or waits for it."""
        slots = self._hosts.get(origin)
        if slots is None:
            slots = self._hosts[origin] = asyncio.Semaphore(self._per_host)
        return slots

    def _session(self, *, proxied: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(proxied)
        if session is None:
            session = self._sessions[proxied] = open_session(
                self._idle,
                timeout_s=self._timeout_s,
                reuse=self._reuse,
                resolve=self._resolve,
                allow_private=self._allow_private,
                proxied=proxied,
                trust=self._trust,
            )
        return session


async def _exchange(
    session: aiohttp.ClientSession, method: str, url: URL, body: RequestBody, options: Mapping[str, Any]
) -> tuple[aiohttp.ClientResponse, bytes]:
    """The response and its body; raises whatever kept it from coming whole."""
    async with session.request(method, url, data=body, allow_redirects=False, **options) as response:
        if response.status < 200 or not body.may_have_left:
            response.close()  # which also keeps the request from leaving
            raise ConnectionAbortedError("no answer to what was asked")
        raw = await read_body(response)
    if session.closed:
        raise ConnectionAbortedError("closed by us, which is no end of a body")
    return response, raw


def _failed(error: Exception, body: RequestBody, *, proxied: bool) -> SendResult:
    if body.may_have_left:
        return SendResult(SendStatus.UNKNOWN, f"no answer: {type(error).__name__}")
    return never_left(error, proxied=proxied)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, in seconds or as a date, within an hour; None if it says
    nothing."""
    if not header:
        return None
    try:
        wait_s = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except (ValueError, OverflowError):
            return None
        wait_s = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(LONGEST_WAIT_S, max(0.0, wait_s)) if math.isfinite(wait_s) else None


def _target(
    url: str, params: Mapping[str, str] | None, *, allow_private: bool
) -> tuple[HttpOrigin, URL] | str:
    """The URL to request and its origin; or why it cannot be requested."""
    parts = _PARTS.match(url)
    if parts is None:
        return address_problem(url, allow_private=allow_private) or "the target is no http(s) address"
    origin = _origin(parts[1], allow_private=allow_private)
    if isinstance(origin, str):
        return origin
    rest = parts[2]
    if "/." in rest or not _PLAIN.fullmatch(rest):
        try:
            rest = URL(parts[0]).raw_path_qs
        except ValueError:
            return "the target is no address"
    path, _, query = rest.partition("?")
    if params:
        query += ("&" if query else "") + urlencode(params)
    return origin, origin.url(path or "/", query)


@lru_cache(maxsize=1024)
def _origin(url: str, *, allow_private: bool) -> HttpOrigin | str:
    """Cached, since many groups are behind one origin."""
    problem = address_problem(url, allow_private=allow_private)
    if problem:
        return problem
    parsed = URL(url)
    assert parsed.raw_host is not None and parsed.port is not None
    return HttpOrigin(parsed.scheme, parsed.raw_host, parsed.port)
