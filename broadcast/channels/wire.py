"""HTTP as the channels need it: one attempt, of which it is known whether the request can have left.

No redirects, no cookies, no proxy from the environment, answers of 64 KB at most. An address is never logged
or put into a reason: it holds keys.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from broadcast.channels.base import Sent, Verdict
from broadcast.channels.guard import Guard, PrivateAddress, objection
from fenghuo import clock

LONGEST_ANSWER = 65_536
LONGEST_WAIT_S = 3600.0
RESOLVED_S = 30
"""A name that was resolved is not asked for again for so long."""
TRY_AGAIN = frozenset({408, 425, 429, 503})
"""Answers that say it was not taken."""
JSON = {"content-type": "application/json; charset=utf-8"}
_NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class Answer:
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


class Wire:
    """One session. ``reuse`` keeps connections open: only for what ignores a repeat, since a kept connection
    that the other side has just closed looks like a request that left and was not answered. It opens itself
    at the first request, and again after ``aclose``."""

    def __init__(
        self,
        timeout_s: float,
        *,
        at_once: int = 100,
        reuse: bool = False,
        allow_private: bool = True,
        resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s * 0.6)
        self._at_once = at_once
        self._reuse = reuse
        self._allow_private = allow_private
        self._resolver = resolver
        self._gate = asyncio.Semaphore(at_once)
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = JSON,
    ) -> Answer | Sent:
        """POST once: the answer, or what is known without one (RETRY: never left; UNKNOWN: may have;
        REFUSED: no address to post to)."""
        return await self._ask("POST", url, body, params, headers)

    async def get(self, url: str, *, params: Mapping[str, str] | None = None) -> Answer | Sent:
        """GET once, as ``post``."""
        return await self._ask("GET", url, None, params, {})

    async def aclose(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(
        self,
        method: str,
        url: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> Answer | Sent:
        address = _address(url, allow_private=self._allow_private)
        if isinstance(address, str):
            return Sent(Verdict.REFUSED, address)
        async with self._gate:
            try:
                async with self._open().request(
                    method, address, data=body, params=params, headers=headers, allow_redirects=False
                ) as response:
                    header = response.headers.get("retry-after")
                    waits = retry_after_s(header, clock.now()) if header else None
                    return Answer(response.status, waits, await _read(response))
            except _NEVER_LEFT as error:
                return _never_left(error)
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
                return Sent(Verdict.REFUSED, f"the target is no address: {type(error).__name__}")
            except Exception as error:
                return Sent(Verdict.UNKNOWN, f"no answer: {type(error).__name__}")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = Guard(self._resolver(), allow_private=self._allow_private)
            connector = aiohttp.TCPConnector(
                limit=self._at_once, resolver=resolver, ttl_dns_cache=RESOLVED_S, force_close=not self._reuse
            )
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False, headers={"accept-encoding": "identity"},
            )  # fmt: skip
        return self._session


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
        except ValueError:
            return None
        wait_s = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(LONGEST_WAIT_S, max(0.0, wait_s)) if math.isfinite(wait_s) else None


@lru_cache(maxsize=8192)
def _address(url: str, *, allow_private: bool) -> URL | str:
    """Where to post to, or why not there; a district's addresses come again with every warning."""
    return objection(url, allow_private=allow_private) or URL(url)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.content_length is not None and response.content_length <= LONGEST_ANSWER:
        return await response.read()
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > LONGEST_ANSWER:
            break
    return bytes(raw[: LONGEST_ANSWER + 1])


def _never_left(error: Exception) -> Sent:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddress):
        return Sent(Verdict.REFUSED, "the target is a private address")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Sent(Verdict.RETRY, "the target's name was not found")
    return Sent(Verdict.RETRY, f"no connection: {type(error).__name__}")
