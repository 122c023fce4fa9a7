"""An urgent report is ticked off: by whom, and what came of it. Writes reports.handled.

The first word counts. The same word of the same person is one event however often it is pressed.
"""

from typing import Any

from litestar import Response, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from console.reports.report_form import ReportRequest, answer, values_of
from console.web import permissions
from console.web.dependencies import Dependencies, Deps
from console.web.submission import publish_and_wait, read_form
from fenghuo import clock
from fenghuo.desk.reports import ReportView
from fenghuo.domain.events import URGENT, UrgentHandled, UrgentOutcome, derive_id


@post("/report/{report_id:str}/handled", guards=[permissions.page("report")])
async def handled(request: ReportRequest, house: Deps, report_id: FromPath[str]) -> Response[Any]:
    """Note what came of it and show the report; 409 where somebody else was first."""
    form, _ = await read_form(request)
    report = await _report(house, report_id)
    if report.row.stage not in URGENT:
        return await answer(request, house, report_id, "not_urgent", 409)
    if form.get("outcome") not in list(UrgentOutcome):
        return await answer(request, house, report_id, "missing", 422)
    said = said_of(report_id, request.user.person.person_id, UrgentOutcome(form["outcome"]))
    stands = report.handled
    if stands is None and await publish_and_wait(house, said) is not None:
        stands = (await _report(house, report_id)).handled
    if stands is None:
        return await answer(request, house, report_id, "under_way", 202)
    if stands.event_id != said.event_id:
        return await answer(request, house, report_id, "before", 409)
    house.shared.forget("board")
    on_queue = request.user.person.role in permissions.PAGES["queue"]
    return Redirect(
        f"/queue?show=report:{report_id}" if on_queue else f"/report/{report_id}", status_code=303
    )


async def _report(house: Dependencies, report_id: str) -> ReportView:
    report: ReportView | None = (await values_of(house, report_id))["report"]
    if report is None:
        raise NotFoundException(report_id)
    return report


def said_of(report_id: str, person_id: str, outcome: UrgentOutcome) -> UrgentHandled:
    return UrgentHandled(
        event_id=derive_id("handled", report_id, person_id, outcome), at=clock.now(),
        report_id=report_id, person_id=person_id, outcome=outcome,
    )  # fmt: skip


HANDLERS = [handled]
