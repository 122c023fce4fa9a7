"""HTTP as the channels need it: one attempt, of which it is known whether the request can have left.

No redirects, no cookies, no proxy from the environment, answers of 64 KB at most. An address is never logged
or put into a reason: it holds keys.
"""

import asyncio
import json
import math
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from urllib.parse import urlencode

from aiohappyeyeballs import start_connection
from yarl import URL

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.address_guard import (
    Address,
    PrivateAddress,
    Resolve,
    address_problem,
    resolve,
    resolve_public,
)
from broadcast.channels.http.connection import Connection, Reply
from broadcast.channels.http.kept import Kept, Origin
from fenghuo import clock

LONGEST_WAIT_S = 3600.0
RESOLVED_S = 30
"""A name that was resolved is not asked for again for so long."""
NEXT_ADDRESS_S = 0.25
"""An address of a name that has not answered for so long gets the next one beside it."""
TRY_AGAIN = frozenset({408, 425, 429, 503})
"""Answers that say it was not taken."""
JSON = {"content-type": "application/json; charset=utf-8"}
_PARTS = re.compile(r"(https?://[^/?#]*)([^#]*)", re.IGNORECASE)
_PLAIN = re.compile(r"(?:[\w!$&'()*+,./:;=?@~-]|%[0-9a-f]{2})*", re.ASCII | re.IGNORECASE)
"""A path and query that go as they are."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back: the status, Retry-After in seconds when it was given, and the first 64 KB of the
    body."""

    status: int
    retry_after_s: float | None
    raw: bytes

    def said(self) -> dict[str, object]:
        """The body's JSON object; empty when it is none."""
        try:
            body = json.loads(self.raw)
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


class HttpClient:
    """Requests over connections of our own. ``reuse`` keeps them open: only for what ignores a repeat, since
    a kept connection that the other side has just closed looks like a request that left and was not
    answered. They open at the first request, and again after ``aclose``."""

    def __init__(
        self,
        timeout_s: float,
        *,
        at_once: int = 100,
        reuse: bool = False,
        allow_private: bool = True,
        resolve: Resolve = resolve,
    ) -> None:
        self._timeout_s = timeout_s
        self._at_once = at_once
        self._allow_private = allow_private
        self._resolve = resolve
        self._gate = asyncio.Semaphore(at_once)
        self._names: dict[tuple[str, int], tuple[float, asyncio.Task[Sequence[Address]]]] = {}
        self._under_way: set[Connection] = set()
        self._kept = Kept(at_once if reuse else 0)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = JSON,
    ) -> HttpResponse | SendResult:
        """POST once: the answer, or what is known without one (RETRY: never left; UNKNOWN: may have;
        REFUSED: no address to post to)."""
        return await self._ask("POST", url, body, params, headers)

    async def get(self, url: str, *, params: Mapping[str, str] | None = None) -> HttpResponse | SendResult:
        """GET once, as ``post``."""
        return await self._ask("GET", url, b"", params, {})

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in [*self._under_way]:
            connection.abort()
        self._kept.close()
        self._names = {}

    async def _ask(
        self, method: str, url: str, body: bytes, params: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> HttpResponse | SendResult:
        there = _taken_apart(url, allow_private=self._allow_private)
        if isinstance(there, str):
            return SendResult(SendStatus.REFUSED, there)
        origin, path = there
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params)
        try:
            request = _request(method, origin, path, headers, body)
        except ValueError:
            return SendResult(SendStatus.REFUSED, "the request cannot be written as HTTP")
        async with self._gate:
            ends = asyncio.get_running_loop().time() + self._timeout_s
            connection = self._kept.take(origin)
            if connection is None:
                try:
                    async with asyncio.timeout(self._timeout_s * 0.6):
                        connection = await self._connect(origin)
                except Exception as error:
                    return _never_left(error)
            self._under_way.add(connection)
            try:
                reply = await connection.ask(request, ends - asyncio.get_running_loop().time())
            except Exception as error:
                return SendResult(SendStatus.UNKNOWN, f"no answer: {type(error).__name__}")
            finally:
                self._under_way.discard(connection)
                self._kept.put(origin, connection)
        return _answer(reply)

    async def _connect(self, origin: Origin) -> Connection:
        try:
            addresses = await self._addresses(origin.host, origin.port)
        except PrivateAddress:
            raise
        except OSError as error:
            raise _NoSuchName from error
        there = await start_connection(list(addresses), happy_eyeballs_delay=NEXT_ADDRESS_S)
        connection = Connection()
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, sock=there, ssl=_trust() if origin.encrypted else None,
                server_hostname=origin.host.rstrip(".") if origin.encrypted else None,
            )  # fmt: skip
        except BaseException:
            connection.abort()  # before the socket: the loop would go on watching a number that is free
            there.close()
            raise
        if not connection.is_open:
            connection.abort()
            raise ConnectionResetError("closed before anything was asked")
        return connection

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        """Asked for once in RESOLVED_S, however many wait for it."""
        now = asyncio.get_running_loop().time()
        until, asking = self._names.get((host, port), (0.0, None))
        if asking is None or until < now or (asking.done() and (asking.cancelled() or asking.exception())):
            self._names.pop((host, port), None)
            while self._names and (oldest := next(iter(self._names.items())))[1][0] < now:
                del self._names[oldest[0]]
            asking = asyncio.create_task(
                resolve_public(self._resolve, host, port, allow_private=self._allow_private)
            )
            asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
            self._names[host, port] = now + RESOLVED_S, asking
        return await asyncio.shield(asking)


class _NoSuchName(OSError):
    """There is no address of that name."""


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


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


def _taken_apart(url: str, *, allow_private: bool) -> tuple[Origin, str] | str:
    """Where to post to, and the path there; or why not."""
    parts = _PARTS.match(url)
    if parts is None:
        return address_problem(url, allow_private=allow_private) or "the target is no http(s) address"
    origin = _origin(parts[1], allow_private=allow_private)
    if isinstance(origin, str):
        return origin
    path = parts[2]
    if "/." in path or not _PLAIN.fullmatch(path):
        try:
            path = URL(parts[0]).raw_path_qs
        except ValueError:
            return "the target is no address"
    return origin, path if path.startswith("/") else f"/{path}"


@lru_cache(maxsize=1024)
def _origin(url: str, *, allow_private: bool) -> Origin | str:
    """Many groups are behind one."""
    why = address_problem(url, allow_private=allow_private)
    if why:
        return why
    there = URL(url)
    assert there.raw_host is not None and there.port is not None
    return Origin(there.scheme == "https", there.raw_host, there.port, there.host_port_subcomponent or "")


def _request(method: str, origin: Origin, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1", f"host: {origin.named}", "accept: */*", "accept-encoding: identity",
        f"content-length: {len(body)}", *[f"{name}: {value}" for name, value in headers.items()],
    ]  # fmt: skip
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header has a line break in it")
    return f"{head}\r\n\r\n".encode() + body


def _answer(reply: Reply) -> HttpResponse:
    waits = retry_after_s(reply.retry_after, clock.now()) if reply.retry_after else None
    return HttpResponse(reply.status, waits, reply.body)


def _never_left(error: Exception) -> SendResult:
    if isinstance(error, PrivateAddress):
        return SendResult(SendStatus.REFUSED, "the target is a private address")
    if isinstance(error, _NoSuchName):
        return SendResult(SendStatus.RETRY, "the target's name was not found")
    return SendResult(SendStatus.RETRY, f"no connection: {type(error).__name__}")
