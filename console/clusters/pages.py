"""/clusters/{id}: is this one scam, and whom does it reach? And what a draft by hand starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect
from markupsafe import Markup

from console.clusters.evidence import by_town, growth, since
from console.clusters.related import candidates_of
from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page
from console.web.submission import is_id, new_id
from console.web.text_diff import marked
from console.web.words import Words
from fenghuo import clock
from fenghuo.desk.reports import ReportView
from fenghuo.domain.alert import ALLOWED_ROLES, Action, AlertId, Audience, Content, Origin
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.events import Cluster, Correction, Member, Person, derive_id

MEMBERS_SHOWN = 60
DRAFT_HOURS = 24

Outcome = tuple[str, str, str]
"""(tone, title key, todo key) of what came of a correction."""
FOLLOWED: Outcome = ("accent", "said.followed", "said.followed_todo")
GONE: Outcome = ("amber", "said.gone", "said.gone_todo")
UNDER_WAY: Outcome = ("amber", "outcome.under_way", "said.under_way_todo")
STALE: Outcome = ("amber", "outcome.refused", "said.stale")


@dataclass(frozen=True, slots=True)
class Shown:
    """One member with its text, the differences to the first exemplar marked."""

    member: Member
    report: ReportView | None
    text: Markup | None
    same: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person has filled in to correct a cluster, kept until it is done."""

    kind: Literal["merge", "split", ""] = ""
    reason: str = ""
    chosen: tuple[str, ...] = ()
    """Reports to split off, or the one cluster to merge."""
    decision_id: str = ""


def compared(cluster: Cluster, reports: Sequence[ReportView], shown: int) -> list[Shown]:
    """The latest members, newest first, against the first exemplar."""
    first = cluster.exemplars[0] if cluster.exemplars else ""
    by_id = {report.row.report_id: report for report in reports}
    return [_shown(m, by_id.get(m.report_id), first) for m in reversed(cluster.members[-shown:])]


def _shown(member: Member, report: ReportView | None, first: str) -> Shown:
    if report is None:
        return Shown(member, None, None, same=False)
    masked = report.row.masked
    return Shown(member, report, marked(first, masked) if first else None, same=masked == first)


def alert_of(cluster_id: str) -> AlertId:
    """The id of the alert that is drafted from a cluster; the consumers name it the same way."""
    return AlertId(derive_id("alert", cluster_id))


def may_correct(person: Person) -> bool:
    """Whether ``person`` may say that a cluster is one with another, or holds two."""
    return person.role in ALLOWED_ROLES[Action.DRAFT]


async def followed(house: Dependencies, cluster_id: str) -> Cluster | None:
    """The cluster, or the one that it was said to be one with; None when it is not kept."""
    cluster = await house.desk.clusters.get(cluster_id)
    while cluster is not None and cluster.merged_into is not None:
        cluster = await house.desk.clusters.get(cluster.merged_into)
    return cluster


async def standing(house: Dependencies, cluster_id: str) -> Cluster:
    """As ``followed``; NotFoundException when it is not kept."""
    cluster = await followed(house, cluster_id)
    if cluster is None:
        raise NotFoundException(cluster_id)
    return cluster


async def values_of(house: Dependencies, cluster: Cluster) -> dict[str, Any]:
    """What the live parts show of a cluster."""
    reports = await house.desk.reports.get_many([m.report_id for m in cluster.members[-MEMBERS_SHOWN:]])
    now = clock.now()
    return {
        "cluster": cluster,
        "members": compared(cluster, reports, MEMBERS_SHOWN),
        "left_out": max(0, cluster.reports - MEMBERS_SHOWN),
        "towns": by_town(cluster.members),
        "growth": growth(cluster.members, min(now, cluster.last_at + timedelta(hours=2))),
        "counts": [(minutes, since(cluster.members, now, minutes)) for minutes in (10, 30)],
        "others": await _others(house, cluster),
        "names": await house.names(),
    }


async def _others(house: Dependencies, cluster: Cluster) -> Mapping[str, Cluster]:
    """The clusters that it is held apart from, or had reports from or to, as far as they are kept."""
    wanted = {*cluster.cannot_link, *(note.other_id for note in cluster.corrections)}
    return {c.cluster_id: c for c in await house.desk.clusters.get_many(sorted(wanted))}


async def outcome_of(
    house: Dependencies, cluster: Cluster, said: str
) -> tuple[Outcome, Correction | None] | None:
    """What came of the correction ``said``, and its note on the cluster; None if that is no id."""
    if not is_id(said):
        return None
    note = next((x for x in cluster.corrections if x.correction_id == said), None)
    if note is not None:
        return ("accent", f"said.ok_{note.kind}", f"said.ok_{note.kind}_todo"), note
    settled = await house.desk.order_outcomes.get(said)
    if settled is None:
        return UNDER_WAY, None
    return (("accent", "said.ok", "said.ok_todo") if settled[0] == "ok" else STALE), None


async def cluster_view(
    request: Request[Viewer, Any, Any],
    house: Dependencies,
    cluster: Cluster,
    *,
    typed: Typed = Typed(),
    outcome: tuple[Outcome, Correction | None] | None = None,
    said: str = "",
    status: int = 200,
) -> Response[Any]:
    """The page of a cluster, with what was typed into its forms and what came of it."""
    drafted = (await house.desk.alerts.drafted_from([cluster.cluster_id])).get(cluster.cluster_id)
    alert_id = drafted.alert_id if drafted else cluster.alert_id
    return render_page(
        request,
        "cluster.html",
        status=status,
        may=may_correct(request.user.person),
        typed=typed,
        ids={kind: (typed.kind == kind and typed.decision_id) or new_id() for kind in ("split", "merge")},
        outcome=outcome[0] if outcome else None,
        note=outcome[1] if outcome else None,
        said=said,
        alert=await house.desk.alerts.get(alert_id) if alert_id else None,
        candidates=await candidates_of(house, cluster),
        **await values_of(house, cluster),
    )


@get("/clusters/{cluster_id:str}", guards=[permissions.page("clusters")])
async def cluster_page(
    request: Request[Viewer, Any, Any], house: Deps, cluster_id: FromPath[str]
) -> Response[Any]:
    cluster = await standing(house, cluster_id)
    if cluster.cluster_id != cluster_id:
        return Redirect(f"/clusters/{cluster.cluster_id}?from={cluster_id}", status_code=303)
    said = request.query_params.get("said", "")
    outcome = await outcome_of(house, cluster, said)
    if gone := request.query_params.get("from", ""):
        outcome = FOLLOWED, next((x for x in cluster.corrections if x.other_id == gone), None)
    return await cluster_view(request, house, cluster, outcome=outcome, said=said)


@get("/clusters", guards=[permissions.page("clusters")])
async def clusters_page(request: AnyRequest) -> Response[Any]:
    """Clusters are listed with what waits."""
    return Response("", status_code=303, headers={"location": "/queue"})


async def fragments(house: Dependencies, t: Words, cluster_id: str, may: bool, said: str) -> dict[str, str]:
    """The live parts of the page; of a cluster merged meanwhile only the word of it."""
    values = await house.shared.get(f"cluster:{cluster_id}", lambda: _live(house, cluster_id))
    cluster: Cluster = values["cluster"]
    if cluster.merged_into is not None:
        note = cluster.corrections[-1] if cluster.corrections else None
        return {"outcome": render_fragment("_cluster_outcome.html", t, **values, outcome=GONE, note=note)}
    parts = {
        part: render_fragment(f"_cluster_{part}.html", t, may=may, typed=Typed(), **values)
        for part in ("evidence", "members", "corrections")
    }
    if told := await outcome_of(house, cluster, said):
        parts["outcome"] = render_fragment(
            "_cluster_outcome.html", t, **values, outcome=told[0], note=told[1]
        )
    return parts


async def _live(house: Dependencies, cluster_id: str) -> dict[str, Any]:
    cluster = await house.desk.clusters.get(cluster_id)
    if cluster is None:
        raise NotFoundException(cluster_id)
    return await values_of(house, cluster)


def blank(cluster: Cluster) -> Content:
    """The content that a draft by hand starts from."""
    return Content(
        title="",
        text="【反诈预警】",
        correction="【更正】",
        audience=Audience(district=cluster.district),
        channels=GROUP_CHANNELS,
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
