"""/clusters/{id}: is this one scam, and whom does it reach? And the draft of an alert from it, by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from markupsafe import Markup

from console import access
from console.evidence import by_town, growth, marked
from console.house import AtHand, House
from console.pages import AnyRequest, render, show
from console.viewer import Viewer
from console.words import Words
from fenghuo import clock
from fenghuo.alerts import MAY, Action, AlertId, Audience, Content, Origin
from fenghuo.audience import CHANNELS
from fenghuo.events import Cluster, Member, derive_id
from fenghuo.stores.desk import ReportView

MEMBERS_SHOWN = 60
DRAFT_HOURS = 24


@dataclass(frozen=True, slots=True)
class Shown:
    """One member with its text, the differences to the first exemplar marked."""

    member: Member
    report: ReportView | None
    text: Markup | None
    same: bool


def compared(cluster: Cluster, reports: Sequence[ReportView]) -> list[Shown]:
    """The latest members, newest first, against the first exemplar."""
    first = cluster.exemplars[0] if cluster.exemplars else ""
    by_id = {report.row.report_id: report for report in reports}
    return [_shown(m, by_id.get(m.report_id), first) for m in reversed(cluster.members[-MEMBERS_SHOWN:])]


def _shown(member: Member, report: ReportView | None, first: str) -> Shown:
    if report is None:
        return Shown(member, None, None, same=False)
    masked = report.row.masked
    return Shown(member, report, marked(first, masked) if first else None, same=masked == first)


def alert_of(cluster_id: str) -> AlertId:
    """The id of the alert that is drafted from a cluster; the consumers name it the same way."""
    return AlertId(derive_id("alert", cluster_id))


async def found(house: House, cluster_id: str) -> Cluster:
    cluster = await house.desk.cluster(cluster_id)
    if cluster is None:
        raise NotFoundException(cluster_id)
    return cluster


async def values_of(house: House, cluster_id: str) -> dict[str, Any]:
    cluster = await found(house, cluster_id)
    reports = await house.desk.reports_by_id([m.report_id for m in cluster.members[-MEMBERS_SHOWN:]])
    now = clock.now()
    drafted = (await house.desk.drafted([cluster_id])).get(cluster_id)
    alert_id = drafted.alert_id if drafted else cluster.alert_id
    return {
        "cluster": cluster,
        "members": compared(cluster, reports),
        "left_out": max(0, cluster.reports - MEMBERS_SHOWN),
        "towns": by_town(cluster.members),
        "growth": growth(cluster.members, min(now, cluster.last_at + timedelta(hours=2))),
        "alert": await house.desk.alert(alert_id) if alert_id else None,
        "suspicious": cluster.suspicious,
    }


async def fragments(house: House, t: Words, cluster_id: str) -> dict[str, str]:
    """The live part of the page: the evidence."""
    values = await house.shared.get(f"cluster:{cluster_id}", lambda: values_of(house, cluster_id))
    return {"evidence": render("_cluster.html", t, **values)}


@get("/clusters/{cluster_id:str}", guards=[access.page("clusters")])
async def cluster_page(
    request: Request[Viewer, Any, Any], house: AtHand, cluster_id: FromPath[str]
) -> Response[Any]:
    may_draft = request.user.person.role in MAY[Action.DRAFT]
    return show(request, "cluster.html", may_draft=may_draft, **await values_of(house, cluster_id))


@get("/clusters", guards=[access.page("clusters")])
async def clusters_page(request: AnyRequest) -> Response[Any]:
    """Clusters are listed with what waits."""
    return Response("", status_code=303, headers={"location": "/queue"})


def blank(cluster: Cluster) -> Content:
    """The content that a draft by hand starts from."""
    return Content(
        title="",
        text="【反诈预警】",
        correction="【更正】",
        audience=Audience(district=cluster.district),
        channels=CHANNELS,
        severity="severe",
        expires_at=clock.now() + timedelta(hours=DRAFT_HOURS),
    )


def origin_of(cluster: Cluster) -> Origin:
    return Origin(
        first_report_at=cluster.first_at,
        fraud_type=cluster.fraud_type or "OTHER",
        cluster_id=cluster.cluster_id,
        reports=cluster.reports,
        towns=cluster.towns,
        examples=cluster.exemplars,
    )


HANDLERS = [cluster_page, clusters_page]
