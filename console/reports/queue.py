"""/queue 待处理: what is most dangerous now, and how long has it waited?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from litestar import Response, get

from console.alerts.halted_channels import all_halted
from console.clusters.evidence import since
from console.clusters.pages import followed
from console.clusters.related import dangerous
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
WAITING = {State.SUBMITTED: 0, State.RETURNED: 1, State.DRAFT: 2}
"""States in which an alert waits for a person, in the order in which they are shown."""
RESUMABLE = RELEASED | {State.RECALLED}
"""States of an alert on whose page a halted channel is resumed."""


@dataclass(frozen=True, slots=True)
class Board:
    """What waits, the most pressing first; ``handled``: the urgent ones that somebody has seen to."""

    urgent: Sequence[ReportView]
    handled: Sequence[ReportView]
    alerts: Sequence[Alert]
    clusters: Sequence[Cluster]
    reports: Sequence[ReportView]
    halted: Sequence[tuple[ChannelChanged, str]] = ()
    """Each channel that goes no further until a person resumes it, and the id of the alert where it can be
    resumed; "" where none is out."""

    def count(self, state: State) -> int:
        return sum(alert.state is state for alert in self.alerts)


def waiting(alerts: Sequence[Alert]) -> list[Alert]:
    """Alerts that wait for a person: live before exercises, submitted first, the longest wait first."""
    mine = [alert for alert in alerts if alert.state in WAITING]
    return sorted(mine, key=lambda a: (a.content.exercise, WAITING[a.state], a.changed_at))


def stoppable(reports: Sequence[ReportView]) -> list[ReportView]:
    """Urgent reports: money that is still moving before money that is gone, the newest first."""
    return sorted(reports, key=lambda x: (x.row.stage is not ScamStage.MONEY_MOVING, -x.row.received_ms))


async def load_board(house: Dependencies) -> Board:
    desk, from_ms = house.desk, clock.to_ms(clock.now() - timedelta(minutes=URGENT_MINUTES))
    urgent = stoppable(await desk.reports.urgent(from_ms))
    shown = {report.row.report_id for report in urgent}
    alerts = await desk.alerts.all()
    return Board(
        urgent=[x for x in urgent if not x.handled],
        handled=[x for x in urgent if x.handled],
        alerts=waiting(alerts),
        clusters=sorted(await dangerous(house), key=lambda c: (-c.danger, c.first_at))[:CLUSTERS_SHOWN],
        reports=[x for x in await desk.reports.latest(REPORTS_SHOWN) if x.row.report_id not in shown],
        halted=[(x, sent_through(x.name, alerts)) for x in (await all_halted(house)).values()],
    )


def sent_through(name: str, alerts: Sequence[Alert]) -> str:
    """The id of the first of ``alerts`` that went, or goes, through the channel called ``name``."""
    channel = name.partition("/")[0]
    out = (x.alert_id for x in alerts if x.state in RESUMABLE and channel in x.content.channels)
    return next(out, "")


async def board_of(house: Dependencies) -> Board:
    return await house.shared.get("board", lambda: load_board(house))


async def chosen(house: Dependencies, board: Board, what: str) -> dict[str, Any]:
    """What the right side shows: the item asked for, else the first on the list."""
    kind, _, key = what.partition(":")
    if kind == "report" and (found := await house.desk.reports.get_many([key])):
        return {"kind": "report", "item": found[0], "key": what}
    if kind == "cluster" and (cluster := await followed(house, key)):
        return {"kind": "cluster", "item": cluster, "key": what}
    if kind == "alert" and (alert := await house.desk.alerts.get(key)):
        return {"kind": "alert", "item": alert, "key": what}
    return first_of(board)


def first_of(board: Board) -> dict[str, Any]:
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


async def board_values(house: Dependencies, board: Board, pick: dict[str, Any]) -> dict[str, Any]:
    return {
        "board": board,
        "pick": pick,
        "recent": partial(_recent, clock.now()),
        "groups": await house.groups(),
        "names": await house.names(),
        "outcomes": list(UrgentOutcome),
        "State": State,
    }


def _recent(now: datetime, cluster: Cluster, minutes: int = 30) -> int:
    return since(cluster.members, now, minutes)


@get("/queue", guards=[permissions.page("queue")])
async def queue(request: AnyRequest, house: Deps) -> Response[Any]:
    board = await board_of(house)
    asked = request.query_params.get("show", "")
    pick = await chosen(house, board, asked)
    return render_page(
        request, "queue.html", was_chosen=bool(asked), **await board_values(house, board, pick)
    )


async def fragments(house: Dependencies, t: Words, shown: str) -> dict[str, str]:
    """The live part of the page: the list."""
    board = await board_of(house)
    pick = {"key": shown} if shown else first_of(board)
    return {"board": render_fragment("_board.html", t, **await board_values(house, board, pick))}


HANDLERS = [queue]
