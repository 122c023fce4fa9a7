"""/report/{id}/handled: a person marks an urgent report as handled, with the outcome. Writes reports.handled.

The first one counts. The event id is derived from report, person and outcome, so a second submission is
the same event.
"""

from typing import Any

from litestar import Response, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from console.reports.report_form import render_answer, values_of
from console.web import permissions
from console.web.authentication import ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.submission import publish_and_wait, read_form
from fenghuo import clock
from fenghuo.desk.reports import ReportView
from fenghuo.domain.events import UrgentHandled, UrgentOutcome, derive_id


@post("/report/{report_id:str}/handled", guards=[permissions.page("report")])
async def handled(request: ViewerRequest, deps: Deps, report_id: FromPath[str]) -> Response[Any]:
    """Record the outcome and show the report; 409 if somebody else was first."""
    form = await read_form(request)
    report = await _report(deps, report_id)
    if not report.row.urgent:
        return await render_answer(request, deps, report_id, "not_urgent", 409)
    if form.get("outcome") not in list(UrgentOutcome):
        return await render_answer(request, deps, report_id, "missing", 422)
    event = event_of(report_id, request.user.person.person_id, UrgentOutcome(form["outcome"]))
    handled_by = report.handled
    if handled_by is None and await publish_and_wait(deps, event) is not None:
        handled_by = (await _report(deps, report_id)).handled
    if handled_by is None:
        return await render_answer(request, deps, report_id, "under_way", 202)
    if handled_by.event_id != event.event_id:
        return await render_answer(request, deps, report_id, "before", 409)
    deps.cache.invalidate("board")
    sees_queue = request.user.person.role in permissions.PAGES["queue"]
    return Redirect(
        f"/queue?show=report:{report_id}" if sees_queue else f"/report/{report_id}", status_code=303
    )


async def _report(deps: Dependencies, report_id: str) -> ReportView:
    report: ReportView | None = (await values_of(deps, report_id))["report"]
    if report is None:
        raise NotFoundException(report_id)
    return report


def event_of(report_id: str, person_id: str, outcome: UrgentOutcome) -> UrgentHandled:
    return UrgentHandled(
        event_id=derive_id("handled", report_id, person_id, outcome), at=clock.now(),
        report_id=report_id, person_id=person_id, outcome=outcome,
    )  # fmt: skip


HANDLERS = [handled]
