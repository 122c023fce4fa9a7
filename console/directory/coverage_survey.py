"""Collects the coverage from the desk: every group's problems, and the owners who never tap.

Owners are judged by the ledgers of the latest warnings, the notices and the taps.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from console.directory.coverage import CoverageFinding, Credentials, finding_on
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState, Group
from fenghuo.domain.taps import Tappers
from fenghuo.errors import Refused
from fenghuo.security.credentials import load_credentials
from fenghuo.settings import Settings

LOOK_BACK_MS = 30 * 86_400_000
LATEST = 20
"""Number of latest warnings that are examined."""
MIN_TODOS = 3
"""Unanswered to-dos from which an owner counts as unresponsive."""

ReleasesOfPerson = dict[str, set[str]]
"""The releases of each person, as ``alert|version``."""


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """What the coverage page and command show."""

    findings: list[CoverageFinding]
    unresponsive: Mapping[str, int]
    """Owners who never tap, with their number of to-dos."""
    credentials_error: str
    """Why the credentials could not be read, in which case none counts as missing; else ""."""


async def collect_coverage(desk: Desk, settings: Settings) -> CoverageReport:
    """The coverage of every group on the desk."""
    groups = await desk.directory.groups()
    unresponsive = await unresponsive_owners(desk, groups, clock.to_ms(clock.now()))
    credentials: Credentials = None
    credentials_error = ""
    try:
        credentials = await asyncio.to_thread(load_credentials, settings.credentials_file)
    except Refused as error:
        credentials_error = str(error)
    tappers = Tappers(await desk.directory.people())
    findings = [finding_on(x, credentials, unresponsive, tappers) for x in groups.values()]
    return CoverageReport(findings, unresponsive, credentials_error)


async def unresponsive_owners(desk: Desk, groups: Mapping[str, Group], now_ms: int) -> dict[str, int]:
    """Owners with MIN_TODOS to-dos or more in 30 days who answered none: number of to-dos by person id.

    A to-do: a group of theirs waited for a tap, or a notice about it was sent to them. An answer: any tap of
    theirs, or one of these groups got the warning by the report of the platform and not by the tap of
    somebody else.
    """
    since_ms = now_ms - LOOK_BACK_MS
    todos: ReleasesOfPerson = {}
    answered: ReleasesOfPerson = {}
    alerts = [
        x for x in await desk.alerts.all() if x.approved_at and x.approved_at.timestamp() * 1000 >= since_ms
    ]
    for alert in alerts[:LATEST]:
        release = f"{alert.alert_id}|{alert.version}"
        ledger = await desk.deliveries.ledger(alert.alert_id, alert.version)
        notices = await desk.notices.sent(alert.alert_id, alert.version)
        notified = [x.person_id for x in notices if x.level == "todo"]
        for who in {*owners_with_todo(ledger, groups), *notified}:
            todos.setdefault(who, set()).add(release)
        for who in owners_who_answered(ledger, groups):
            answered.setdefault(who, set()).add(release)
    candidates = [
        who for who, releases in todos.items() if len(releases) >= MIN_TODOS and who not in answered
    ]
    taps = await desk.deliveries.recent_tap_times(candidates)
    return {who: len(todos[who]) for who in candidates if not any(x.at_ms >= since_ms for x in taps[who])}


def owners_with_todo(ledger: Mapping[str, LedgerRow], groups: Mapping[str, Group]) -> set[str]:
    """The owners of groups that wait for a tap, or waited for one."""
    waited = (x for x, row in ledger.items() if row.since_ms or row.state is DeliveryState.WAITING)
    return _owners(waited, groups)


def owners_who_answered(ledger: Mapping[str, LedgerRow], groups: Mapping[str, Group]) -> set[str]:
    """The owners with a group that got the warning by their tap, or without any tap after it had waited."""
    shown = [x for x, row in ledger.items() if row.state is DeliveryState.SHOWN and x in groups]
    return _owners((x for x in shown if _is_answer(ledger[x], groups[x].owner)), groups)


def _is_answer(row: LedgerRow, owner: str) -> bool:
    return row.by == owner if row.by else row.since_ms > 0


def _owners(group_ids: Iterable[str], groups: Mapping[str, Group]) -> set[str]:
    return {groups[x].owner for x in group_ids if x in groups} - {""}
