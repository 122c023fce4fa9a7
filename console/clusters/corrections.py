"""What people say of clusters: these reports are another thing (split), that cluster is the same (merge).

Writes reports.unmatched, where the clusters' owner reads it in its place among the reports.
"""

from dataclasses import dataclass
from typing import Any, Literal

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Redirect

from console.clusters.pages import UNDER_WAY, Outcome, Typed, cluster_view, followed, standing
from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.error_pages import keep_input
from console.web.submission import REASON_LIMIT, BadForm, id_of, new_id, publish_and_wait
from fenghuo import clock
from fenghuo.domain.alert import Action
from fenghuo.domain.events import Cluster, ClusterCorrected

SayRequest = Request[Viewer, Any, Any]


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a correction cannot be done as it was filled in: the word key of ``said.*``, and the status.

    422: to be filled in otherwise; 409: the clusters are others than those the page showed.
    """

    key: str
    status: int = 422
    chosen: tuple[str, ...] | None = None
    """What is still there to choose, of what was chosen."""

    @property
    def outcome(self) -> Outcome:
        return "amber", "outcome.refused", f"said.{self.key}"


@post("/clusters/{cluster_id:str}/split", guards=[permissions.action(Action.DRAFT)])
async def split(request: SayRequest, house: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    """The ticked reports are a cluster of their own."""
    return await correct(request, house, cluster_id, await read_typed(request, "split", "report"))


@post("/clusters/{cluster_id:str}/merge", guards=[permissions.action(Action.DRAFT)])
async def merge(request: SayRequest, house: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    """The chosen cluster is one with this one, which keeps its id."""
    return await correct(request, house, cluster_id, await read_typed(request, "merge", "other"))


async def read_typed(request: SayRequest, kind: Literal["merge", "split"], field: str) -> Typed:
    """The form; what was typed is kept for an error's page."""
    form = await request.form()
    fields = {k: v for k, v in form.items() if isinstance(v, str)}
    reason = fields.get("reason", "").replace("\r\n", "\n").strip()
    keep_input(request, reason=reason)
    try:
        decision_id = id_of(fields)
    except BadForm as error:
        raise HTTPException(status_code=400, detail=str(error)) from error
    chosen = tuple(dict.fromkeys(x for x in form.getall(field, []) if isinstance(x, str) and x))
    return Typed(kind, reason, chosen, decision_id)


async def correct(request: SayRequest, house: Dependencies, cluster_id: str, typed: Typed) -> Response[Any]:
    """Publish it, wait, and show the cluster with what came of it.

    The cluster is read before the decision is looked for: so a second press never takes the first one's
    effect for somebody else's.
    """
    cluster = await standing(house, cluster_id)
    if await house.desk.order_outcomes.get(typed.decision_id) is None:
        wrong = await wrong_with(house, cluster_id, cluster, typed)
        if wrong is not None:
            return await ask_again(request, house, cluster, typed, wrong)
    code = await publish_and_wait(house, _said(cluster, typed, request.user.person.person_id))
    if code == "ok":
        return Redirect(f"/clusters/{cluster_id}?said={typed.decision_id}", status_code=303)
    if code is None:
        return await cluster_view(
            request,
            house,
            cluster,
            typed=typed,
            outcome=(UNDER_WAY, None),
            said=typed.decision_id,
            status=202,
        )
    now = await standing(house, cluster_id)
    return await ask_again(request, house, now, typed, Wrong("stale", 409))


def _said(cluster: Cluster, typed: Typed, actor: str) -> ClusterCorrected:
    merging = typed.kind == "merge"
    return ClusterCorrected(
        event_id=typed.decision_id,
        at=clock.now(),
        district=cluster.district,
        kind="merge" if merging else "split",
        cluster_id=cluster.cluster_id,
        actor=actor,
        reason=typed.reason,
        other_id="".join(typed.chosen[:1]) if merging else "",
        report_ids=() if merging else typed.chosen,
    )


async def ask_again(
    request: SayRequest, house: Dependencies, cluster: Cluster, typed: Typed, wrong: Wrong
) -> Response[Any]:
    """The page as it is now, with what was typed, what is wrong, and who changed it last."""
    chosen = typed.chosen if wrong.chosen is None else wrong.chosen
    note = cluster.corrections[-1] if wrong.status == 409 and cluster.corrections else None
    return await cluster_view(
        request, house, cluster, typed=Typed(typed.kind, typed.reason, chosen, new_id()),
        outcome=(wrong.outcome, note), status=wrong.status,
    )  # fmt: skip


async def wrong_with(house: Dependencies, cluster_id: str, cluster: Cluster, typed: Typed) -> Wrong | None:
    """What hinders the correction, judged here so that nothing typed is lost; None if nothing does."""
    found = wrong_split(cluster, typed) if typed.kind == "split" else await wrong_merge(house, cluster, typed)
    if found is None and cluster.cluster_id != cluster_id:
        found = Wrong("merged", 409)
    if found is not None and found.status == 409:
        return found
    return wrong_reason(typed.reason) or found


def wrong_reason(reason: str) -> Wrong | None:
    if not reason:
        return Wrong("reason_missing")
    return Wrong("reason_long") if len(reason) > REASON_LIMIT else None


def wrong_split(cluster: Cluster, typed: Typed) -> Wrong | None:
    members = {m.report_id for m in cluster.members}
    there = tuple(x for x in typed.chosen if x in members)
    if len(there) < len(typed.chosen):
        return Wrong("moved", 409, there)
    if not there:
        return Wrong("none_ticked")
    return Wrong("all_ticked") if len(there) == len(members) else None


async def wrong_merge(house: Dependencies, cluster: Cluster, typed: Typed) -> Wrong | None:
    if not typed.chosen:
        return Wrong("none_chosen")
    other_id = typed.chosen[0]
    other = await followed(house, other_id)
    if other is None or other.district != cluster.district:
        return Wrong("other_gone", 409, ())
    if other.cluster_id == cluster.cluster_id:
        return Wrong("other_here", 409, ())
    return None if other.cluster_id == other_id else Wrong("other_merged", 409, (other.cluster_id,))


HANDLERS = [split, merge]
