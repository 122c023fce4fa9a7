"""The intake's HTTP routes: reads a request within limits, calls the intake, responds in JSON."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath

from fenghuo.errors import Crowded, Transient, Unavailable
from producers import problems
from producers.intake import Intake
from producers.openapi import COMPONENTS, Accepted, GetReport, PostReport, ReportOutcome
from producers.problems import Problem, ProblemKind

log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]
PATH = "/api/v1/reports"
LARGEST_BODY = 64 * 1024
BODY_S = 10
"""Timeout for the body of a request."""
RETRY_S = 5
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_REPORT_ID = re.compile(r"[0-9a-f]{24}")
_FIELDS = msgspec.json.Decoder(dict[str, Any])
_KINDS: dict[int, ProblemKind] = {
    400: problems.MALFORMED,
    404: problems.NOT_FOUND,
    405: problems.NOT_ALLOWED,
    413: problems.TOO_LARGE,
}
_BEFORE_THE_BODY = (
    problems.UNAUTHORIZED, problems.NOT_FOUND, problems.NOT_ALLOWED, problems.TOO_LARGE, problems.NOT_JSON,
    problems.TOO_MANY,
)  # fmt: skip
"""Problems that are answered before the body has been read."""


@post(PATH, status_code=202, request_max_body_size=LARGEST_BODY, operation_class=PostReport)
async def post_report(request: AnyRequest, intake: NamedDependency[Intake]) -> Response[Accepted]:
    """Accept one report: 202 once the broker has it."""
    sender = await intake.sender(request.headers.get("authorization", ""))
    intake.admit(sender)
    _check_media_type(request)
    fields = _decode(await _body(request))
    report_id = await intake.accept(sender, fields, request.headers.get("idempotency-key"))
    accepted = Accepted(report_id=report_id, status="accepted", answer_url=f"{PATH}/{report_id}")
    return Response(accepted, status_code=202, headers=_HEADERS)


@get(PATH + "/{report_id:str}", operation_class=GetReport)
async def get_report(
    request: AnyRequest, report_id: FromPath[str], intake: NamedDependency[Intake]
) -> Response[ReportOutcome]:
    """Return the state of a report."""
    await intake.sender(request.headers.get("authorization", ""))
    found = await intake.answer(report_id) if _REPORT_ID.fullmatch(report_id) else None
    if found is None:
        raise Problem(problems.NOT_FOUND)
    outcome = ReportOutcome(report_id=found.report_id, state=found.state, answer=found.answer)
    return Response(outcome, headers=_HEADERS)


def web(intake: Intake, is_started: Callable[[], bool]) -> Litestar:
    """The application; it responds 503 until ``is_started``. No lifespan hooks: the runtime runs it."""

    async def refuse_early(_request: AnyRequest) -> None:
        if not is_started():
            raise Unavailable("the room is starting")

    return Litestar(
        [post_report, get_report],
        dependencies={"intake": Provide(lambda: intake, sync_to_thread=False)},
        before_request=refuse_early,
        exception_handlers={
            Problem: _on_problem, HTTPException: _on_http, Transient: _on_transient, Exception: _on_fault,
        },
        openapi_config=OpenAPIConfig(
            title="Fenghuo intake 烽火举报接口", version="1", path="/api/v1/schema", components=COMPONENTS,
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        logging_config=None,
        debug=False,
    )  # fmt: skip


def _check_media_type(request: AnyRequest) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        kind != "application/json"
        or request.headers.get("content-encoding", "identity").lower() != "identity"
    ):
        raise Problem(problems.NOT_JSON, headers={"Accept": "application/json"})


async def _body(request: AnyRequest) -> bytes:
    """The body: at most LARGEST_BODY bytes, within BODY_S; more is not read."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.body()
    except TimeoutError:
        raise Problem(problems.TOO_SLOW, headers={"Connection": "close"}, seconds=BODY_S) from None


def _decode(body: bytes) -> dict[str, Any]:
    """The body's JSON object; an error names a position in the body and quotes nothing of it."""
    try:
        return _FIELDS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        where = re.search(r"\(byte \d+\)", str(error))
        raise Problem(problems.MALFORMED, where=where[0] if where else "") from None
    except RecursionError:
        raise Problem(problems.MALFORMED, where="(nested too deep)") from None


def _on_problem(request: AnyRequest, problem: Problem) -> Response[bytes]:
    language = problems.language_of(request.headers.get("accept-language", ""))
    headers = _HEADERS | problem.headers | {"Content-Language": language, "Vary": "Accept-Language"}
    if problem.kind in _BEFORE_THE_BODY and _announces_more(request):
        headers["Connection"] = "close"  # else the server would read the rest of the body, however long
    return Response(
        problem.body(language),
        status_code=problem.kind.status,
        headers=headers,
        media_type=problems.MEDIA_TYPE,
    )


def _announces_more(request: AnyRequest) -> bool:
    """Whether the body is longer than allowed, or of unknown length."""
    length = request.headers.get("content-length", "0")
    return "transfer-encoding" in request.headers or (length.isdigit() and int(length) > LARGEST_BODY)


def _on_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Convert an error of Litestar."""
    kind = _KINDS.get(error.status_code, problems.FAULT)
    return _on_problem(request, Problem(kind, headers=error.headers, limit=LARGEST_BODY, where=""))


def _on_transient(request: AnyRequest, error: Transient) -> Response[bytes]:
    log.warning("not accepted", extra={"why": str(error)})
    kind = problems.CROWDED if isinstance(error, Crowded) else problems.AWAY
    return _on_problem(request, problems.retry_later(kind, RETRY_S))


def _on_fault(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Our own fault: log its type and place, not its message, which may quote the report."""
    log.error("fault", extra={"kind": type(error).__name__, "where": _place(error)})
    return _on_problem(request, Problem(problems.FAULT))


def _place(error: Exception) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
