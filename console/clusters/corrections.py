"""/clusters/{id}/split and /merge: a person corrects what the machine put into one cluster.

Writes reports.unmatched, so that the owner of the clusters reads a correction in its place among the reports.
"""

from dataclasses import dataclass
from typing import Any, Literal

from litestar import Response, post
from litestar.params import FromPath
from litestar.response import Redirect

from console.clusters.lookup import current_cluster, current_cluster_or_404
from console.clusters.pages import UNDER_WAY, CorrectionInput, OutcomeText, render_cluster
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.submission import (
    REASON_LIMIT,
    decision_id_of,
    keep_input,
    new_id,
    publish_and_wait,
    text_fields,
    values_of_field,
)
from fenghuo import clock
from fenghuo.domain.alert import Action
from fenghuo.domain.events import Cluster, ClusterCorrected


@dataclass(frozen=True, slots=True)
class InputProblem:
    """Why a correction cannot be done as it was filled in: the word key of ``said.*``, and the status.

    422: the person must fill it in otherwise; 409: the clusters have changed since the page was shown.
    """

    key: str
    status: int = 422
    chosen: tuple[str, ...] | None = None
    """The part of the choice that is still possible; None for all of it."""

    @property
    def outcome(self) -> OutcomeText:
        return "amber", "outcome.refused", f"said.{self.key}"


@post("/clusters/{cluster_id:str}/split", guards=[permissions.action(Action.DRAFT)])
async def split(request: ViewerRequest, deps: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    """Split the ticked reports off into a new cluster."""
    return await correct(request, deps, cluster_id, await read_input(request, "split", "report"))


@post("/clusters/{cluster_id:str}/merge", guards=[permissions.action(Action.DRAFT)])
async def merge(request: ViewerRequest, deps: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    """Merge the chosen cluster into this one, which keeps its id."""
    return await correct(request, deps, cluster_id, await read_input(request, "merge", "other"))


async def read_input(request: ViewerRequest, kind: Literal["merge", "split"], field: str) -> CorrectionInput:
    """The form; the reason is kept for an error page."""
    form = await request.form()
    fields = text_fields(form)
    reason = fields.get("reason", "").replace("\r\n", "\n").strip()
    keep_input(request, reason=reason)
    chosen = tuple(dict.fromkeys(x for x in values_of_field(form, field) if x))
    return CorrectionInput(kind, reason, chosen, decision_id_of(fields))


async def correct(
    request: ViewerRequest, deps: Dependencies, cluster_id: str, typed: CorrectionInput
) -> Response[Any]:
    """Publish the correction, wait for its outcome, and show the cluster with it.

    The cluster is read before the decision is looked up. Otherwise a second submission could find the effect
    of the first one and take it for a change by somebody else.
    """
    cluster = await current_cluster_or_404(deps, cluster_id)
    if await deps.desk.order_outcomes.get(typed.decision_id) is None:
        problem = await problem_with(deps, cluster_id, cluster, typed)
        if problem is not None:
            return await show_again(request, deps, cluster, typed, problem)
    code = await publish_and_wait(deps, _event(cluster, typed, request.user.person.person_id))
    if code == "ok":
        return Redirect(f"/clusters/{cluster_id}?said={typed.decision_id}", status_code=303)
    if code is None:
        return await render_cluster(
            request,
            deps,
            cluster,
            typed=typed,
            outcome=(UNDER_WAY, None),
            correction_id=typed.decision_id,
            status=202,
        )
    cluster = await current_cluster_or_404(deps, cluster_id)
    return await show_again(request, deps, cluster, typed, InputProblem("stale", 409))


def _event(cluster: Cluster, typed: CorrectionInput, actor: str) -> ClusterCorrected:
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


async def show_again(
    request: ViewerRequest,
    deps: Dependencies,
    cluster: Cluster,
    typed: CorrectionInput,
    problem: InputProblem,
) -> Response[Any]:
    """The page as it is now, with what was typed, the problem, and who changed the cluster last."""
    chosen = typed.chosen if problem.chosen is None else problem.chosen
    note = cluster.corrections[-1] if problem.status == 409 and cluster.corrections else None
    return await render_cluster(
        request, deps, cluster, typed=CorrectionInput(typed.kind, typed.reason, chosen, new_id()),
        outcome=(problem.outcome, note), status=problem.status,
    )  # fmt: skip


async def problem_with(
    deps: Dependencies, cluster_id: str, cluster: Cluster, typed: CorrectionInput
) -> InputProblem | None:
    """Why the correction is sure to be refused, found here so that nothing typed is lost; else None."""
    if typed.kind == "split":
        found = problem_with_split(cluster, typed)
    else:
        found = await problem_with_merge(deps, cluster, typed)
    if found is None and cluster.cluster_id != cluster_id:
        found = InputProblem("merged", 409)
    if found is not None and found.status == 409:
        return found
    return problem_with_reason(typed.reason) or found


def problem_with_reason(reason: str) -> InputProblem | None:
    if not reason:
        return InputProblem("reason_missing")
    return InputProblem("reason_long") if len(reason) > REASON_LIMIT else None


def problem_with_split(cluster: Cluster, typed: CorrectionInput) -> InputProblem | None:
    members = {m.report_id for m in cluster.members}
    still_members = tuple(x for x in typed.chosen if x in members)
    if len(still_members) < len(typed.chosen):
        return InputProblem("moved", 409, still_members)
    if not still_members:
        return InputProblem("none_ticked")
    return InputProblem("all_ticked") if len(still_members) == len(members) else None


async def problem_with_merge(
    deps: Dependencies, cluster: Cluster, typed: CorrectionInput
) -> InputProblem | None:
    if not typed.chosen:
        return InputProblem("none_chosen")
    other_id = typed.chosen[0]
    other = await current_cluster(deps, other_id)
    if other is None or other.district != cluster.district:
        return InputProblem("other_gone", 409, ())
    if other.cluster_id == cluster.cluster_id:
        return InputProblem("other_here", 409, ())
    if other.cluster_id != other_id:
        return InputProblem("other_merged", 409, (other.cluster_id,))
    return None


HANDLERS = [split, merge]
