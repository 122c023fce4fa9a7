"""/clusters/{id}: is this one scam, and whom does it reach?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect
from markupsafe import Markup

from console.clusters.evidence import count_recent, growth_of, rows_by_town
from console.clusters.lookup import current_cluster_or_404
from console.clusters.related import candidates_of
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page
from console.web.submission import is_id, new_id
from console.web.text_diff import mark_differences
from console.web.words import Words
from fenghuo import clock
from fenghuo.desk.reports import ReportView
from fenghuo.domain.alert import ALLOWED_ROLES, Action
from fenghuo.domain.events import Cluster, Correction, Member, Person

MEMBERS_SHOWN = 60

OutcomeText = tuple[str, str, str]
"""(tone, title key, todo key) of a correction's outcome."""
FOLLOWED: OutcomeText = ("accent", "said.followed", "said.followed_todo")
GONE: OutcomeText = ("amber", "said.gone", "said.gone_todo")
UNDER_WAY: OutcomeText = ("amber", "outcome.under_way", "said.under_way_todo")
STALE: OutcomeText = ("amber", "outcome.refused", "said.stale")


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member with its text; the differences to the first exemplar are marked."""

    member: Member
    report: ReportView | None
    text: Markup | None
    same: bool


@dataclass(frozen=True, slots=True)
class CorrectionInput:
    """What a person has filled in to correct a cluster."""

    kind: Literal["merge", "split", ""] = ""
    reason: str = ""
    chosen: tuple[str, ...] = ()
    """Reports to split off, or the one cluster to merge."""
    decision_id: str = ""


def member_rows(cluster: Cluster, reports: Sequence[ReportView], limit: int) -> list[MemberRow]:
    """The latest members, newest first, compared with the first exemplar."""
    first = cluster.exemplars[0] if cluster.exemplars else ""
    by_id = {report.row.report_id: report for report in reports}
    return [_member_row(m, by_id.get(m.report_id), first) for m in reversed(cluster.members[-limit:])]


def _member_row(member: Member, report: ReportView | None, first: str) -> MemberRow:
    if report is None:
        return MemberRow(member, None, None, same=False)
    masked = report.row.masked
    text = mark_differences(first, masked) if first else None
    return MemberRow(member, report, text, same=masked == first)


def may_correct(person: Person) -> bool:
    """Whether ``person`` may merge and split clusters."""
    return person.role in ALLOWED_ROLES[Action.DRAFT]


async def values_of(deps: Dependencies, cluster: Cluster) -> dict[str, Any]:
    """The template variables of the live parts."""
    reports = await deps.desk.reports.get_many([m.report_id for m in cluster.members[-MEMBERS_SHOWN:]])
    now = clock.now()
    return {
        "cluster": cluster,
        "members": member_rows(cluster, reports, MEMBERS_SHOWN),
        "left_out": max(0, cluster.reports - MEMBERS_SHOWN),
        "towns": rows_by_town(cluster.members),
        "growth": growth_of(cluster.members, min(now, cluster.last_at + timedelta(hours=2))),
        "counts": [(minutes, count_recent(cluster.members, now, minutes)) for minutes in (10, 30)],
        "others": await _linked_clusters(deps, cluster),
        "names": await deps.names(),
    }


async def _linked_clusters(deps: Dependencies, cluster: Cluster) -> Mapping[str, Cluster]:
    """The clusters named by its corrections and its cannot-links, without those that have expired."""
    wanted = {*cluster.cannot_link, *(note.other_id for note in cluster.corrections)}
    return {c.cluster_id: c for c in await deps.desk.clusters.get_many(sorted(wanted))}


async def outcome_of(
    deps: Dependencies, cluster: Cluster, correction_id: str
) -> tuple[OutcomeText, Correction | None] | None:
    """The outcome of a correction and its note on the cluster; None if ``correction_id`` is no id."""
    if not is_id(correction_id):
        return None
    note = next((x for x in cluster.corrections if x.correction_id == correction_id), None)
    if note is not None:
        return ("accent", f"said.ok_{note.kind}", f"said.ok_{note.kind}_todo"), note
    settled = await deps.desk.order_outcomes.get(correction_id)
    if settled is None:
        return UNDER_WAY, None
    return (("accent", "said.ok", "said.ok_todo") if settled[0] == "ok" else STALE), None


async def render_cluster(
    request: ViewerRequest,
    deps: Dependencies,
    cluster: Cluster,
    *,
    typed: CorrectionInput = CorrectionInput(),
    outcome: tuple[OutcomeText, Correction | None] | None = None,
    correction_id: str = "",
    status: int = 200,
) -> Response[Any]:
    """The page of a cluster, with what was typed into its forms and the outcome of a correction."""
    drafted = (await deps.desk.alerts.drafted_from([cluster.cluster_id])).get(cluster.cluster_id)
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
        correction_id=correction_id,
        alert=await deps.desk.alerts.get(alert_id) if alert_id else None,
        candidates=await candidates_of(deps, cluster),
        **await values_of(deps, cluster),
    )


@get("/clusters/{cluster_id:str}", guards=[permissions.page("clusters")])
async def cluster_page(request: ViewerRequest, deps: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    cluster = await current_cluster_or_404(deps, cluster_id)
    if cluster.cluster_id != cluster_id:
        return Redirect(f"/clusters/{cluster.cluster_id}?from={cluster_id}", status_code=303)
    correction_id = request.query_params.get("said", "")
    outcome = await outcome_of(deps, cluster, correction_id)
    if merged_id := request.query_params.get("from", ""):
        outcome = FOLLOWED, next((x for x in cluster.corrections if x.other_id == merged_id), None)
    return await render_cluster(request, deps, cluster, outcome=outcome, correction_id=correction_id)


@get("/clusters", guards=[permissions.page("clusters")])
async def clusters_page(request: AnyRequest) -> Response[Any]:
    """Clusters are listed on the queue."""
    return Response("", status_code=303, headers={"location": "/queue"})


async def fragments(
    deps: Dependencies, t: Words, cluster_id: str, may: bool, correction_id: str
) -> dict[str, str]:
    """The live parts of the page; of a cluster that has been merged, only a message about that."""
    values = await deps.cache.get_or_load(f"cluster:{cluster_id}", lambda: _load(deps, cluster_id))
    cluster: Cluster = values["cluster"]
    if cluster.merged_into is not None:
        note = cluster.corrections[-1] if cluster.corrections else None
        return {"outcome": render_fragment("_cluster_outcome.html", t, **values, outcome=GONE, note=note)}
    parts = {
        part: render_fragment(f"_cluster_{part}.html", t, may=may, typed=CorrectionInput(), **values)
        for part in ("evidence", "members", "corrections")
    }
    if found := await outcome_of(deps, cluster, correction_id):
        outcome, note = found
        parts["outcome"] = render_fragment("_cluster_outcome.html", t, **values, outcome=outcome, note=note)
    return parts


async def _load(deps: Dependencies, cluster_id: str) -> dict[str, Any]:
    cluster = await deps.desk.clusters.get(cluster_id)
    if cluster is None:
        raise NotFoundException(cluster_id)
    return await values_of(deps, cluster)


HANDLERS = [cluster_page, clusters_page]
