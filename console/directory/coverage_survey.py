"""Looks over the registry for the coverage page and command: every group's finding, and which owners never
answer, as the ledgers of the latest warnings, the notices and the taps can tell."""

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
"""Warnings that are looked at, the latest."""
TOO_MANY = 3
"""To-dos without an answer from which an owner counts as one who never answers."""

ReleasesOfPerson = dict[str, set[str]]
"""Of each person the warnings, as ``alert|version``."""


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """What the coverage page and command show: every group's finding, and the owners who never answer."""

    findings: list[CoverageFinding]
    silent: Mapping[str, int]
    unread: str
    """Why the credentials could not be read; then none is called missing."""


async def survey(desk: Desk, settings: Settings) -> CoverageReport:
    """Look at every group on the desk."""
    groups = await desk.directory.groups()
    silent = await unresponsive_owners(desk, groups, clock.to_ms(clock.now()))
    credentials: Credentials = None
    unread = ""
    try:
        credentials = await asyncio.to_thread(load_credentials, settings.credentials_file)
    except Refused as error:
        unread = str(error)
    tappers = Tappers(await desk.directory.people())
    findings = [finding_on(x, credentials, silent, tappers) for x in groups.values()]
    return CoverageReport(findings, silent, unread)


async def unresponsive_owners(desk: Desk, groups: Mapping[str, Group], now_ms: int) -> dict[str, int]:
    """Owners who were given three to-dos or more in 30 days and answered none of them, nor tapped anything
    since: person id to how many to-dos.

    A to-do: a group of theirs waited for a tap, or a notice of it went to them. An answer: one of their
    groups that waited has it, by their tap or by what the platform told; not by the tap of somebody else.
    """
    since_ms = now_ms - LOOK_BACK_MS
    asked: ReleasesOfPerson = {}
    answered: ReleasesOfPerson = {}
    alerts = [
        x for x in await desk.alerts.all() if x.approved_at and x.approved_at.timestamp() * 1000 >= since_ms
    ]
    for alert in alerts[:LATEST]:
        release = f"{alert.alert_id}|{alert.version}"
        ledger = await desk.deliveries.ledger(alert.alert_id, alert.version)
        notices = await desk.notices.sent(alert.alert_id, alert.version)
        told = [x.person_id for x in notices if x.level == "todo"]
        for who in {*waited_for(ledger, groups), *told}:
            asked.setdefault(who, set()).add(release)
        for who in answers(ledger, groups):
            answered.setdefault(who, set()).add(release)
    quiet = [who for who, releases in asked.items() if len(releases) >= TOO_MANY and who not in answered]
    taps = await desk.deliveries.recent_tap_times(quiet)
    return {who: len(asked[who]) for who in quiet if not any(x.at_ms >= since_ms for x in taps[who])}


def waited_for(ledger: Mapping[str, LedgerRow], groups: Mapping[str, Group]) -> set[str]:
    """The owners of the groups that wait, or once waited, for a tap."""
    waited = (x for x, row in ledger.items() if row.since_ms or row.state is DeliveryState.WAITING)
    return _owners(waited, groups)


def answers(ledger: Mapping[str, LedgerRow], groups: Mapping[str, Group]) -> set[str]:
    """The owners one of whose groups has it by their tap, or waited for one and has it by nobody else's."""
    shown = [x for x, row in ledger.items() if row.state is DeliveryState.SHOWN and x in groups]
    return _owners((x for x in shown if _is_answer(ledger[x], groups[x].owner)), groups)


def _is_answer(row: LedgerRow, owner: str) -> bool:
    return row.by == owner if row.by else row.since_ms > 0


def _owners(group_ids: Iterable[str], groups: Mapping[str, Group]) -> set[str]:
    return {groups[x].owner for x in group_ids if x in groups} - {""}
