"""/report: an officer pastes what a resident received; /report/{id} shows the answer within seconds.

The console passes a report on to the HTTP interface of the intake.
"""

import logging
import re
from typing import Any
from urllib.parse import quote

import httpx
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from console.web import permissions
from console.web.authentication import Viewer, ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import render_fragment, render_page
from console.web.submission import new_id, read_form
from console.web.words import Words
from fenghuo.domain.events import ScamStage, UrgentOutcome

log = logging.getLogger(__name__)
LONGEST_TEXT = 10_000
LARGEST_FORM = 512 * 1024
"""Bytes. A text five times too long, at 9 bytes a character, can still be given back."""
_REPORT_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_KEY = re.compile(r"[0-9a-f]{32}")


class NotSent(Exception):
    """The report was not sent, or the intake refused it.

    ``word`` is the key of the message; ``of_text`` says that the problem is the text.
    """

    def __init__(self, status: int, word: str, why: str = "", *, of_text: bool = False) -> None:
        super().__init__(word)
        self.status = status
        self.word = word
        self.why = why
        self.of_text = of_text


@get("/report", guards=[permissions.page("report")])
async def report_page(request: ViewerRequest, deps: Deps) -> Response[Any]:
    return await render_form(request, deps, {"key": new_id(), "stage": ScamStage.RECEIVED})


async def render_form(
    request: ViewerRequest, deps: Dependencies, form: dict[str, str], wrong: NotSent | None = None
) -> Response[Any]:
    """The form, empty or with what was typed and why it was not sent."""
    district = _district(request, deps)
    groups = (await deps.groups()).values()
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


def _district(request: ViewerRequest, deps: Dependencies) -> str:
    return request.user.person.district or deps.settings.district


@post("/report", guards=[permissions.page("report")], request_max_body_size=LARGEST_FORM)
async def report(request: ViewerRequest, deps: Deps) -> Response[Any]:
    form = await read_form(request)
    form["text"] = form.get("text", "").replace("\r\n", "\n").strip()
    try:
        report_id = await send(deps, check_form(form), body_of(form, request.user, _district(request, deps)))
    except NotSent as error:
        return await render_form(request, deps, form, error)
    return Redirect(f"/report/{quote(report_id)}", status_code=303)


def check_form(form: dict[str, str]) -> str:
    """Return the form's idempotency key; raise NotSent if the text cannot be sent."""
    if not form["text"]:
        raise NotSent(422, "report.empty", of_text=True)
    if len(form["text"]) > LONGEST_TEXT:
        raise NotSent(422, "report.long", f"{len(form['text']):,}", of_text=True)
    if not _KEY.fullmatch(form.get("key", "")):
        form["key"] = new_id()
    return form["key"]


def body_of(form: dict[str, str], viewer: Viewer, district: str) -> dict[str, str]:
    """The request body for the intake."""
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


async def send(deps: Dependencies, key: str, body: dict[str, str]) -> str:
    """Send the report and return its id; NotSent on failure. Idempotent: the same key is the same report."""
    try:
        answer = await deps.intake.post("/api/v1/reports", json=body, headers={"idempotency-key": key})
    except httpx.HTTPError as error:
        log.warning("cannot reach the intake", extra={"why": f"{type(error).__name__}: {error}"})
        raise NotSent(503, "report.away") from error
    if answer.status_code in {200, 201, 202}:
        return str(answer.json()["report_id"])
    raise _refusal(answer)


def _refusal(answer: httpx.Response) -> NotSent:
    log.warning("the intake refused a report", extra={"status": answer.status_code})
    if answer.status_code == 429:
        return NotSent(429, "report.busy")
    if answer.status_code in {401, 403}:
        return NotSent(503, "report.door")
    if answer.status_code >= 500:
        return NotSent(503, "report.away")
    return NotSent(422, "report.refused", str(answer.status_code))


async def values_of(deps: Dependencies, report_id: str) -> dict[str, Any]:
    known = _REPORT_ID.fullmatch(report_id) is not None
    found = await deps.desk.reports.get_many([report_id]) if known else []
    return {
        "report": found[0] if found else None,
        "groups": await deps.groups(),
        "names": await deps.names(),
        "outcomes": list(UrgentOutcome),
    }


@get("/report/{report_id:str}", guards=[permissions.page("report")])
async def answer_page(request: ViewerRequest, deps: Deps, report_id: FromPath[str]) -> Response[Any]:
    return await render_answer(request, deps, report_id)


async def render_answer(
    request: ViewerRequest, deps: Dependencies, report_id: str, note: str = "", status: int = 200
) -> Response[Any]:
    """A report's page; ``note`` is the word key of the outcome of a submission (``handled.*``)."""
    values = await values_of(deps, report_id)
    return render_page(request, "answer.html", status=status, report_id=report_id, note=note, **values)


async def fragments(
    deps: Dependencies, t: Words, report_id: str, nav: list[str], csrf: str
) -> dict[str, str]:
    """The live part of the page: the answer."""
    return {
        "answer": render_fragment("_answer.html", t, nav=nav, csrf=csrf, **await values_of(deps, report_id))
    }


HANDLERS = [report_page, report, answer_page]
