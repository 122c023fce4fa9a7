"""/report: an officer pastes what a resident received; the answer stands on /report/{id} within seconds.

The intake takes reports, not the console: they are sent on to its HTTP interface.
"""

import logging
import re
from typing import Any
from urllib.parse import quote

import httpx
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import render_fragment, render_page
from console.web.submission import new_id, read_form
from console.web.words import Words
from fenghuo.domain.events import ScamStage, UrgentOutcome

log = logging.getLogger(__name__)
LONGEST_TEXT = 10_000
LARGEST_FORM = 512 * 1024
"""Bytes of a form that is read: a text five times too long, at 9 bytes a character, is still given back."""
_REPORT_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_KEY = re.compile(r"[0-9a-f]{32}")
ReportRequest = Request[Viewer, Any, Any]


class NotTaken(Exception):
    """The report was not sent, or the intake did not take it; ``word`` is the sentence to show, beside the
    text if that is what is wrong."""

    def __init__(self, status: int, word: str, why: str = "", *, of_text: bool = False) -> None:
        super().__init__(word)
        self.status = status
        self.word = word
        self.why = why
        self.of_text = of_text


@get("/report", guards=[permissions.page("report")])
async def report_page(request: ReportRequest, house: Deps) -> Response[Any]:
    return await report_form(request, house, {"key": new_id(), "stage": ScamStage.RECEIVED})


async def report_form(
    request: ReportRequest, house: Dependencies, form: dict[str, str], wrong: NotTaken | None = None
) -> Response[Any]:
    """The form, empty or with what was typed and why it was not sent."""
    district = _district(request, house)
    groups = (await house.groups()).values()
    towns = sorted({g.place.town for g in groups if g.place.town and g.place.district == district})
    return render_page(
        request,
        "report.html",
        status=wrong.status if wrong else 200,
        form=form,
        towns=towns,
        wrong=wrong,
        stages=list(ScamStage),
    )


def _district(request: ReportRequest, house: Dependencies) -> str:
    return request.user.person.district or house.settings.district


@post("/report", guards=[permissions.page("report")], request_max_body_size=LARGEST_FORM)
async def report(request: ReportRequest, house: Deps) -> Response[Any]:
    form, _ = await read_form(request)
    form["text"] = form.get("text", "").replace("\r\n", "\n").strip()
    try:
        report_id = await send(house, checked(form), body_of(form, request.user, _district(request, house)))
    except NotTaken as error:
        return await report_form(request, house, form, error)
    return Redirect(f"/report/{quote(report_id)}", status_code=303)


def checked(form: dict[str, str]) -> str:
    """The form's key, when what was typed can be sent; else NotTaken."""
    if not form["text"]:
        raise NotTaken(422, "report.empty", of_text=True)
    if len(form["text"]) > LONGEST_TEXT:
        raise NotTaken(422, "report.long", f"{len(form['text']):,}", of_text=True)
    if not _KEY.fullmatch(form.get("key", "")):
        form["key"] = new_id()
    return form["key"]


def body_of(form: dict[str, str], viewer: Viewer, district: str) -> dict[str, str]:
    """The report as the intake takes it."""
    stage = form.get("stage", "")
    body = {
        "text": form["text"],
        "district": district,
        "town": form.get("town", "").strip()[:100],
        "group_id": form.get("group_id", "").strip()[:100],
        "reporter": viewer.person.person_id,
        "reporter_kind": "officer",
        "stage": stage if stage in list(ScamStage) else ScamStage.RECEIVED.value,
    }
    return {name: value for name, value in body.items() if value}


async def send(house: Dependencies, key: str, body: dict[str, str]) -> str:
    """The report's id, once the intake has it; NotTaken otherwise. The same key is the same report."""
    try:
        answer = await house.intake.post("/api/v1/reports", json=body, headers={"idempotency-key": key})
    except httpx.HTTPError as error:
        log.warning("the intake is away", extra={"why": f"{type(error).__name__}: {error}"})
        raise NotTaken(503, "report.away") from error
    if answer.status_code in {200, 201, 202}:
        return str(answer.json()["report_id"])
    raise _refusal(answer)


def _refusal(answer: httpx.Response) -> NotTaken:
    log.warning("the intake refused a report", extra={"status": answer.status_code})
    if answer.status_code == 429:
        return NotTaken(429, "report.busy")
    if answer.status_code in {401, 403}:
        return NotTaken(503, "report.door")
    if answer.status_code >= 500:
        return NotTaken(503, "report.away")
    return NotTaken(422, "report.refused", str(answer.status_code))


async def values_of(house: Dependencies, report_id: str) -> dict[str, Any]:
    known = _REPORT_ID.fullmatch(report_id) is not None
    found = await house.desk.reports.get_many([report_id]) if known else []
    return {
        "report": found[0] if found else None,
        "groups": await house.groups(),
        "names": await house.names(),
        "outcomes": list(UrgentOutcome),
    }


@get("/report/{report_id:str}", guards=[permissions.page("report")])
async def answer_page(request: ReportRequest, house: Deps, report_id: FromPath[str]) -> Response[Any]:
    return await answer(request, house, report_id)


async def answer(
    request: ReportRequest, house: Dependencies, report_id: str, note: str = "", status: int = 200
) -> Response[Any]:
    """A report's page; ``note`` is the word key of what became of a press (``handled.*``)."""
    values = await values_of(house, report_id)
    return render_page(request, "answer.html", status=status, report_id=report_id, note=note, **values)


async def fragments(
    house: Dependencies, t: Words, report_id: str, nav: list[str], csrf: str
) -> dict[str, str]:
    """The live part of the page: the answer."""
    return {
        "answer": render_fragment("_answer.html", t, nav=nav, csrf=csrf, **await values_of(house, report_id))
    }


HANDLERS = [report_page, report, answer_page]
