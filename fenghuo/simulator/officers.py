"""Officers who forward by hand: they use the console's to-do page over HTTP, as everybody does.

An officer reloads the page, shows the text in the groups that still wait for it, and reports the taps (GET
/api/todo, POST /api/taps). A report without a response is retried with the same press id. If the group has
the text already, the officer only reports it: officers cause no doubles. What was recalled between forwarding
and reporting is reported once more as already sent.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from fenghuo import clock
from fenghuo.domain.channels import RELAY
from fenghuo.simulator.officer_plan import OfficerPlan, TapKey, TextToForward, items, read
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.response_model import unit
from fenghuo.simulator.roster import OfficerAccount

log = logging.getLogger(__name__)

CONNECTIONS = 16
CONCURRENT_LOGINS = 4
"""Concurrent logins: checking a password is slow on purpose."""
RETRY_S = 1.0
LOGIN_RETRY_S = 10.0
"""Real seconds before the next try to log in."""
TAPS_A_REQUEST = 500
"""Taps in one request."""
ANSWERS = frozenset({202, 400, 403, 409, 410})
"""Statuses of the console that answer a request for good: it is not retried."""
HARMLESS = frozenset({"done", "not_yours"})
CSRF_COOKIE, CSRF_HEADER = "fenghuo_csrf", "x-csrftoken"
FAILURES = (
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    msgspec.ValidationError,
)


class LoggedOut(Exception):
    """The session at the console is missing or has expired."""


class Officers:
    """All officers of the roster. ``tally`` counts logins, polls, taps, refused, already_there, troubles."""

    def __init__(self, platform: SimulatedPlatform, console_url: str, poll_s: float) -> None:
        self.platform = platform
        self.console = URL(console_url)
        self.poll_s = poll_s
        self.tally: Counter[str] = Counter()
        self.login_slots = asyncio.Semaphore(CONCURRENT_LOGINS)

    async def work(self) -> None:
        """Simulate every officer of the roster until cancelled; a new roster replaces them."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        self.platform.officers = lambda: dict(self.tally)
        roster, tasks = None, list[asyncio.Task[None]]()
        try:
            while True:
                if roster is not self.platform.roster:
                    await _cancel_all(tasks)
                    roster = self.platform.roster
                    officers = [Officer(self, member, connector) for member in roster.officers]
                    tasks = [asyncio.create_task(officer.live()) for officer in officers]
                await asyncio.sleep(self.poll_s)
        finally:
            await _cancel_all(tasks)
            await connector.close()


class Officer:
    """One officer with an account."""

    def __init__(self, officers: Officers, member: OfficerAccount, connector: aiohttp.BaseConnector) -> None:
        self._all = officers
        self._platform = officers.platform
        self._member = member
        self._connector = connector
        profile = self._platform.profiles[member.profile]
        self._plan = OfficerPlan(member.person_id, profile, self._platform.seed)
        self._notices_seen = self._platform.notices.get(member.person_id, 0)
        self._reported: set[TapKey] = set()

    async def live(self) -> None:
        """Log in and poll the page until cancelled; retry while the console is down."""
        await asyncio.sleep(self._all.poll_s * unit(self._member.person_id))
        while True:
            jar = aiohttp.CookieJar(unsafe=True)
            timeout = aiohttp.ClientTimeout(total=15)
            async with aiohttp.ClientSession(
                connector=self._connector, connector_owner=False, cookie_jar=jar, timeout=timeout
            ) as session:
                with contextlib.suppress(LoggedOut):
                    await self._retry(lambda: self._log_in(session))
                    while True:
                        await self._look_and_tap(session)
                        await asyncio.sleep(self._until_next_look())

    async def _log_in(self, session: aiohttp.ClientSession) -> None:
        async with self._all.login_slots:
            async with session.get(self._all.console / "login") as page:
                await page.read()
            form = {"person": self._member.person_id, "password": self._member.password}
            async with session.post(
                self._all.console / "login", data=form, headers=self._csrf(session), allow_redirects=False
            ) as answer:
                await answer.read()
        if answer.status != 303:
            self._all.tally["kept_out"] += 1
            await asyncio.sleep(LOGIN_RETRY_S)
            raise LoggedOut
        self._all.tally["logins"] += 1

    async def _look_and_tap(self, session: aiohttp.ClientSession) -> None:
        todos = await self._retry(lambda: self._todos(session))
        clock_ = self._platform.clock
        now_s = clock_.now_s()
        second = clock_.second_of_day(now_s)
        self._plan.see(todos, now_s, second)
        self._reported &= items(todos).keys()
        notices = self._platform.notices.get(self._member.person_id, 0)
        for _ in range(self._notices_seen, notices):
            self._plan.be_reminded(now_s, second)
        self._notices_seen = notices
        due = [item for item in self._plan.due(now_s) if item not in self._reported]
        if due:
            await self._tap(session, due)

    async def _tap(self, session: aiohttp.ClientSession, due: list[TapKey]) -> None:
        """Reload the page, forward what is still requested, and report it."""
        asked = items(await self._retry(lambda: self._todos(session)))
        now_ms = clock.to_ms(clock.now())
        taps = []
        for item in due:
            if item in asked:
                todo, group = asked[item]
                self._forward(todo, group.group_id)
                taps.append(
                    {"alert_id": item[0], "version": item[1], "kind": item[2], "group_id": item[3],
                     "tapped_at_ms": now_ms}
                )  # fmt: skip
        for start in range(0, len(taps), TAPS_A_REQUEST):
            await self._press(session, taps[start : start + TAPS_A_REQUEST])
        self._reported |= set(due)

    async def _press(self, session: aiohttp.ClientSession, taps: list[dict[str, Any]]) -> None:
        """Report ``taps``; those that are no longer requested are reported again as already sent."""
        whys = await self._refused(session, taps, already=False)
        late = [tap for tap in taps if whys.get(tap["group_id"], "done") not in HARMLESS]
        if late:
            self._all.tally["already_sent"] += len(late)
            await self._refused(session, late, already=True)

    async def _refused(
        self, session: aiohttp.ClientSession, taps: list[dict[str, Any]], *, already: bool
    ) -> dict[str, str]:
        """Send one request; returns why taps were refused, by group id."""
        press = {"press_id": secrets.token_hex(16), "taps": taps, "undo": False}
        press |= {"already": True} if already else {}
        answer = await self._retry(lambda: self._report(session, press))
        if "error" in answer:
            self._all.tally["troubles"] += 1
            return {}
        whys = {str(row["group_id"]): str(row["why"]) for row in answer.get("refused", ())}
        self._all.tally["taps"] += len(taps) - len(whys)
        self._all.tally["refused"] += len(whys)
        return whys

    def _forward(self, todo: TextToForward, group_id: str) -> None:
        if self._platform.delivered.has(group_id, todo.text):
            self._all.tally["already_there"] += 1
        else:
            self._platform.show(group_id, todo.text, RELAY.name)

    async def _todos(self, session: aiohttp.ClientSession) -> list[TextToForward]:
        self._all.tally["polls"] += 1
        headers = {"accept": "application/json"}
        async with session.get(
            self._all.console / "api/todo", headers=headers, allow_redirects=False
        ) as answer:
            await _check(answer)
            return read(await answer.json())

    async def _report(self, session: aiohttp.ClientSession, press: dict[str, Any]) -> dict[str, Any]:
        async with session.post(
            self._all.console / "api/taps", json=press, headers=self._csrf(session), allow_redirects=False
        ) as answer:
            if answer.status not in ANSWERS or answer.content_type != "application/json":
                await _check(answer)
            body: dict[str, Any] = await answer.json()
            return body

    def _csrf(self, session: aiohttp.ClientSession) -> dict[str, str]:
        cookies = session.cookie_jar.filter_cookies(self._all.console)
        return {CSRF_HEADER: cookies[CSRF_COOKIE].value, "accept": "application/json"}

    async def _retry(self, work: Any) -> Any:
        """The result of ``work``, retried until the console answers. Raises LoggedOut."""
        while True:
            try:
                return await work()
            except FAILURES as error:
                self._all.tally["troubles"] += 1
                log.info("console: %s", type(error).__name__)
                await asyncio.sleep(max(RETRY_S, self._all.poll_s))

    def _until_next_look(self) -> float:
        """Real seconds: the poll interval, or less when a tap comes before."""
        next_s, clock_ = self._plan.next_s(), self._platform.clock
        if next_s is None:
            return self._all.poll_s
        return min(self._all.poll_s, max(0.05, (next_s - clock_.now_s()) / clock_.speed))


async def _cancel_all(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _check(answer: aiohttp.ClientResponse) -> None:
    """Raise LoggedOut if the console demands a login, ClientError if it fails."""
    if answer.status in (301, 302, 303, 401, 403):
        await answer.read()
        raise LoggedOut
    answer.raise_for_status()
