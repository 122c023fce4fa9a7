"""Accepts one report: authenticates the sender, checks the fields, deduplicates, publishes.

Writes reports.received and alarms.received. A report is accepted once the broker has it. Of a report only a
mark is kept, for 24 hours: a hash of what was sent.
"""

import asyncio
import hashlib
import hmac
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain.events import derive_id
from fenghuo.errors import Unavailable
from fenghuo.security.passwords import Auth
from fenghuo.settings import Settings
from fenghuo.transport.stage import Transport
from producers import problems
from producers.problems import Problem
from producers.rate_limit import RateLimit
from producers.report_form import Report, check

log = logging.getLogger(__name__)

MARK_S = 86_400
"""How long a report's mark is kept, and so its Idempotency-Key is known."""
OURS = ":intake"
"""The sender's name with the token of the settings; `tokens issue` takes no name with a colon."""
LONGEST_KEY = 200
LONGEST_TOKEN = 200
_DONE = b"done:"


@dataclass(frozen=True, slots=True)
class ReportState:
    """The state of a report, and the reply to it if there is one."""

    report_id: str
    state: str
    answer: str | None


class Intake:
    """The intake of one process. Raises Problem for what the sender must correct, Unavailable, Crowded."""

    def __init__(
        self, settings: Settings, desk: Desk, transport: Transport, auth: Auth, rate: RateLimit
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._transport = transport
        self._auth = auth
        self._rate = rate

    async def sender(self, authorization: str) -> str:
        """The name of the token in the Authorization header."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= LONGEST_TOKEN:
            raise _unauthorized()
        ours = self._settings.intake_token.get_secret_value()
        if ours and hmac.compare_digest(ours.encode(), token.encode("utf-8", "replace")):
            return OURS
        async with self._redis_timeout():
            name = await self._auth.token_name(token)
        if name is None:
            raise _unauthorized()
        return name

    def admit(self, sender: str) -> None:
        """Count one report of ``sender``; raises Problem if it sends too many."""
        wait_s = self._rate.wait_s(sender)
        if wait_s:
            raise problems.retry_later(problems.TOO_MANY, wait_s, limit=self._rate.per_minute)

    async def accept(self, sender: str, fields: Mapping[str, object], key: str | None) -> str:
        """Publish the report; returns its id once the broker has it. Idempotent for the same ``key``."""
        report, flaws = check(
            fields, district=self._settings.district, reporter=sender,
            secret=self._settings.secret_key.get_secret_value(),
        )  # fmt: skip
        if report is None:
            raise Problem(problems.FIELDS_WRONG, flaws=flaws)
        mark = hashlib.sha256(msgspec.json.encode(report)).hexdigest().encode()
        report_id = uuid.uuid4().hex[:24] if key is None else derive_id("report", sender, checked_key(key))
        if key is None or not await self._is_repeat(report_id, mark):
            await self._publish(report, report_id, mark)
        return report_id

    async def answer(self, report_id: str) -> ReportState | None:
        """The state of a report; None if it is unknown or its mark has expired."""
        async with self._redis_timeout():
            views = await self._desk.reports.get_many([report_id])
            if views:
                return ReportState(report_id, views[0].row.state, views[0].answer)
            mark = await self._desk.client.get(self._desk.keys.idempotency(report_id))
        return ReportState(report_id, "accepted", None) if mark and mark.startswith(_DONE) else None

    async def _is_repeat(self, report_id: str, mark: bytes) -> bool:
        """Whether this report was accepted before; raises Problem if its key belongs to another."""
        try:
            found = await self._claim(report_id, mark)
        except Unavailable as error:
            if self._settings.broker == "redis":
                raise
            log.warning("accepted without a check for repeats", extra={"why": str(error)})
            return False
        if found.removeprefix(_DONE) != mark:
            raise Problem(problems.CONFLICT)
        return found.startswith(_DONE)

    async def _claim(self, report_id: str, mark: bytes) -> bytes:
        """The mark of ``report_id``: the existing one, else ``mark``, which is stored."""
        where = self._desk.keys.idempotency(report_id)
        async with self._redis_timeout():
            if await self._desk.client.set(where, mark, nx=True, ex=MARK_S):
                return mark
            found: bytes | None = await self._desk.client.get(where)
        return found or mark

    async def _publish(self, report: Report, report_id: str, mark: bytes) -> None:
        await self._transport.publish([report.received(report_id, clock.now(), "api")])
        try:
            async with self._redis_timeout():
                await self._desk.client.set(self._desk.keys.idempotency(report_id), _DONE + mark, ex=MARK_S)
        except Unavailable as error:  # the broker has the report, so it is accepted
            log.warning("accepted without a mark", extra={"report_id": report_id, "why": str(error)})

    @asynccontextmanager
    async def _redis_timeout(self) -> AsyncIterator[None]:
        """Raise Unavailable unless Redis answers within the publish timeout."""
        try:
            async with asyncio.timeout(self._settings.publish_timeout_s), reaching_redis():
                yield
        except TimeoutError as error:
            raise Unavailable("Redis did not answer in time") from error


def checked_key(key: str) -> str:
    """``key`` if it is a valid Idempotency-Key; raises Problem otherwise."""
    if not 0 < len(key) <= LONGEST_KEY or any(not "!" <= x <= "~" for x in key):
        raise Problem(problems.BAD_KEY)
    return key


def _unauthorized() -> Problem:
    return Problem(problems.UNAUTHORIZED, headers={"WWW-Authenticate": 'Bearer realm="fenghuo"'})
