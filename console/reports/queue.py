"""/queue: everything that waits for a decision, the most dangerous first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from litestar import Response, get

from console.alerts.halted_channels import all_halted
from console.clusters.evidence import count_recent
from console.clusters.lookup import current_cluster
from console.clusters.related import live_clusters
from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page
from console.web.words import Words
from fenghuo import clock
from fenghuo.desk.reports import ReportView
from fenghuo.domain.alert import RELEASED, Alert, State
from fenghuo.domain.events import ChannelChanged, Cluster, ScamStage, UrgentOutcome

REPORTS_SHOWN = 40
CLUSTERS_SHOWN = 30
URGENT_MINUTES = 60
WAITING_ORDER = {State.SUBMITTED: 0, State.RETURNED: 1, State.DRAFT: 2}
"""States in which an alert waits for a person, with their order on the page."""
RESUMABLE = RELEASED | {State.RECALLED}
"""States of an alert whose page lets a person resume a halted channel."""


@dataclass(frozen=True, slots=True)
class Board:
    """What waits, the most urgent first; ``handled``: urgent reports that somebody has handled."""

    urgent: Sequence[ReportView]
    handled: Sequence[ReportView]
    alerts: Sequence[Alert]
    clusters: Sequence[Cluster]
    reports: Sequence[ReportView]
    halted: Sequence[tuple[ChannelChanged, str]] = ()
    """Each halted channel with the id of an alert on whose page it can be resumed; "" if there is none."""

    @property
    def emergency(self) -> bool:
        """Whether an emergency is among the urgent."""
        return any(x.row.matter == "emergency" for x in self.urgent)

    def count(self, state: State) -> int:
        return sum(alert.state is state for alert in self.alerts)


def waiting_alerts(alerts: Sequence[Alert]) -> list[Alert]:
    """Alerts that wait for a person: exercises last, submitted ones first, then by waiting time."""
    found = [alert for alert in alerts if alert.state in WAITING_ORDER]
    return sorted(found, key=lambda a: (a.content.exercise, WAITING_ORDER[a.state], a.changed_at))


def by_urgency(reports: Sequence[ReportView]) -> list[ReportView]:
    """Urgent reports: emergencies and money that is moving before money that is gone, then the newest."""
    return sorted(reports, key=lambda x: (not _cannot_wait(x), -x.row.received_ms))


def _cannot_wait(report: ReportView) -> bool:
    return report.row.matter == "emergency" or report.row.stage is ScamStage.MONEY_MOVING


async def load_board(deps: Dependencies) -> Board:
    desk, from_ms = deps.desk, clock.to_ms(clock.now() - timedelta(minutes=URGENT_MINUTES))
    urgent = by_urgency(await desk.reports.urgent(from_ms))
    shown = {report.row.report_id for report in urgent}
    alerts = await desk.alerts.all()
    return Board(
        urgent=[x for x in urgent if not x.handled],
        handled=[x for x in urgent if x.handled],
        alerts=waiting_alerts(alerts),
        clusters=sorted(await live_clusters(deps), key=lambda c: (-c.danger, c.first_at))[:CLUSTERS_SHOWN],
        reports=[x for x in await desk.reports.latest(REPORTS_SHOWN) if x.row.report_id not in shown],
        halted=[(x, released_through(x.name, alerts)) for x in (await all_halted(deps)).values()],
    )


def released_through(name: str, alerts: Sequence[Alert]) -> str:
    """The id of the first of ``alerts`` that was released through the channel ``name``; "" if none was."""
    channel = name.partition("/")[0]
    ids = (x.alert_id for x in alerts if x.state in RESUMABLE and channel in x.content.channels)
    return next(ids, "")


async def current_board(deps: Dependencies) -> Board:
    return await deps.cache.get_or_load("board", lambda: load_board(deps))


async def choose(deps: Dependencies, board: Board, wanted: str) -> dict[str, Any]:
    """What the right side shows: the item asked for, else the first of the list."""
    kind, _, key = wanted.partition(":")
    if kind == "report" and (found := await deps.desk.reports.get_many([key])):
        return {"kind": "report", "item": found[0], "key": wanted}
    if kind == "cluster" and (cluster := await current_cluster(deps, key)):
        return {"kind": "cluster", "item": cluster, "key": wanted}
    if kind == "alert" and (alert := await deps.desk.alerts.get(key)):
        return {"kind": "alert", "item": alert, "key": wanted}
    return first_pick(board)


def first_pick(board: Board) -> dict[str, Any]:
    if board.urgent:
        return _report_pick(board.urgent[0])
    if board.alerts:
        return {"kind": "alert", "item": board.alerts[0], "key": f"alert:{board.alerts[0].alert_id}"}
    if board.clusters:
        return {
            "kind": "cluster",
            "item": board.clusters[0],
            "key": f"cluster:{board.clusters[0].cluster_id}",
        }
    if board.reports:
        return _report_pick(board.reports[0])
    return {"kind": "none", "item": None, "key": ""}


def _report_pick(report: ReportView) -> dict[str, Any]:
    return {"kind": "report", "item": report, "key": f"report:{report.row.report_id}"}


async def board_values(deps: Dependencies, board: Board, pick: dict[str, Any]) -> dict[str, Any]:
    return {
        "board": board,
        "pick": pick,
        "recent": partial(_count_recent, clock.now()),
        "groups": await deps.groups(),
        "names": await deps.names(),
        "outcomes": list(UrgentOutcome),
        "State": State,
    }


def _count_recent(now: datetime, cluster: Cluster, minutes: int = 30) -> int:
    return count_recent(cluster.members, now, minutes)


@get("/queue", guards=[permissions.page("queue")])
async def queue(request: AnyRequest, deps: Deps) -> Response[Any]:
    board = await current_board(deps)
    wanted = request.query_params.get("show", "")
    pick = await choose(deps, board, wanted)
    return render_page(
        request, "queue.html", was_chosen=bool(wanted), **await board_values(deps, board, pick)
    )


async def fragments(deps: Dependencies, t: Words, wanted: str) -> dict[str, str]:
    """The live part of the page: the list."""
    board = await current_board(deps)
    pick = {"key": wanted} if wanted else first_pick(board)
    return {"board": render_fragment("_board.html", t, **await board_values(deps, board, pick))}


HANDLERS = [queue]
