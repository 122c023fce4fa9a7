"""The intake's contract as OpenAPI: bodies, headers and every response, problems included."""

from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)

from fenghuo.domain.events import ReporterKind, ScamStage
from producers import problems, report_form
from producers.problems import ProblemKind

BEARER = "bearer"
COMPONENTS = Components(security_schemes={BEARER: SecurityScheme(type="http", scheme="bearer")})


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The broker has the report; ``answer_url`` returns its state."""

    report_id: str
    status: str
    answer_url: str


class ReportOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: accepted, known, suggested or new; ``answer``, for the reporter, is null until then."""

    report_id: str
    state: str
    answer: str | None


def _string(description: str, **more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description, **more)


def _name(description: str) -> Schema:
    return _string(description, max_length=report_form.LONGEST_NAME)


_REPORT = Schema(
    type=OpenAPIType.OBJECT,
    title="Report",
    required=["text"],
    additional_properties=False,
    properties={
        "text": _string("The message as it was received.", min_length=1, max_length=report_form.LONGEST_TEXT),
        "district": _name("Default: the district of the settings."),
        "town": _name("Town or street office."),
        "group_id": _name("The residents' group it was seen in."),
        "reporter": _name("An opaque id, kept only as a keyed pseudonym. Default: the token's name."),
        "reporter_kind": _string("Who reports.", enum=list(ReporterKind), default=ReporterKind.RESIDENT),
        "stage": _string("How far the scam has come.", enum=list(ScamStage), default=ScamStage.RECEIVED),
    },
)
_PROBLEM = Schema(
    type=OpenAPIType.OBJECT,
    title="Problem",
    description="RFC 9457; title and detail in Chinese or English by Accept-Language.",
    required=["type", "title", "status", "detail"],
    properties={
        "type": _string("A URN that stays the same."),
        "title": _string("What happened."),
        "status": Schema(type=OpenAPIType.INTEGER),
        "detail": _string("What to do."),
        "errors": Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(
                type=OpenAPIType.OBJECT,
                properties={x: Schema(type=OpenAPIType.STRING) for x in ("field", "code", "detail")},
            ),
        ),
    },
)
_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    required=False,
    description="The same key and body are one report, for 24 hours; with another body it is refused.",
    schema=_string("Visible ASCII.", min_length=1, max_length=200),
)


def _answers(*kinds: ProblemKind) -> dict[str, OpenAPIResponse]:
    """One response for each status of ``kinds``, with an example for each kind."""
    found: dict[str, OpenAPIResponse] = {}
    for status in sorted({x.status for x in kinds}):
        same = [x for x in kinds if x.status == status]
        examples = {
            x.name: Example(
                value={"type": x.type, "title": x.title[1], "status": status, "detail": x.detail[1]}
            )
            for x in same
        }
        content = {problems.MEDIA_TYPE: OpenAPIMediaType(schema=_PROBLEM, examples=cast(Any, examples))}
        found[str(status)] = OpenAPIResponse(
            description=" / ".join(x.title[1] for x in same), content=content
        )
    return found


@dataclass
class PostReport(Operation):
    """POST /api/v1/reports: the handler reads the body itself (limits, unknown fields), so it is described
    here."""

    def __post_init__(self) -> None:
        self.summary = "Send a report"
        self.description = "Answers 202 only after the broker has the report."
        self.security = [{BEARER: []}]
        self.parameters = [*(self.parameters or []), _KEY]
        content = {"application/json": OpenAPIMediaType(schema=_REPORT)}
        self.request_body = RequestBody(content=content, required=True)
        not_here = (problems.NOT_FOUND, problems.NOT_ALLOWED)
        self.responses = {
            **_kept(self, "202"),
            **_answers(*(x for x in problems.KINDS if x not in not_here)),
        }


@dataclass
class GetReport(Operation):
    """GET /api/v1/reports/{report_id}."""

    def __post_init__(self) -> None:
        self.summary = "What became of a report"
        self.security = [{BEARER: []}]
        kinds = (problems.UNAUTHORIZED, problems.NOT_FOUND, problems.FAULT, problems.AWAY)
        self.responses = {**_kept(self, "200"), **_answers(*kinds)}


def _kept(operation: Operation, status: str) -> dict[str, Any]:
    """The response that Litestar derived from the handler's return type."""
    return {status: (operation.responses or {})[status]}
