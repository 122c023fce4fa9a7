"""Public pages without login: the Atom feed, the CAP documents, /warnings and /warnings/{number}."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from litestar import MediaType, Response, get
from litestar.params import FromPath
from markupsafe import Markup

from console.public import atom_feed, cap
from console.public.warnings import (
    FRESH_S,
    Match,
    PublishedAlert,
    codes_in,
    current_alerts,
    is_same_text,
    issuer_of,
    look_up,
    published_alerts,
)
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page, words_of
from console.web.words import Words
from fenghuo import clock
from fenghuo.domain import warning_text
from fenghuo.domain.calendar import CHINA

log = logging.getLogger(__name__)
MAX_AGE_S = 15
"""How long a proxy may cache an answer; with the cache of this room, a recall is public within some 20 s."""
ASKED_LIMIT = 600
"""Characters of the input that are looked up; a whole warning may be pasted."""
LISTED = 50
_OPEN = {"exclude_from_csrf": True}
"""No cookie is set: the answer is the same for everybody, so that proxies may cache it."""
SUFFIX = ".cap.xml"


@get(atom_feed.FEED_PATH, opt=_OPEN)
async def alerts_feed(request: AnyRequest, deps: Deps) -> Response[Any]:
    body, changed_at = await deps.cache.get_or_load("feed", lambda: _feed(deps), FRESH_S)
    return cacheable(request, body, "application/atom+xml; charset=utf-8", changed_at)


async def _feed(deps: Dependencies) -> tuple[bytes, datetime]:
    """The feed and when it changed last; at midnight if it never did."""
    now = clock.now()
    published = await published_alerts(deps)
    midnight = now.astimezone(CHINA).replace(hour=0, minute=0, second=0)
    changed_at = max((x.last_change(now) for x in published), default=midnight).replace(microsecond=0)
    documents = [x.newest for x in current_alerts(published, now) if _is_correct(x.newest)]
    issuer = issuer_of(deps.settings)
    return atom_feed.render(documents, issuer, changed_at.astimezone(CHINA)), changed_at


def _is_correct(document: cap.CapDocument) -> bool:
    """Whether the document has no fault; a faulty one is withheld and logged."""
    faults = cap.faults_of(document.message)
    if faults:
        details = {"document": document.message.identifier, "faults": faults}
        log.error("a CAP document is wrong and is withheld from the feed", extra=details)
    return not faults


@get("/feeds/alerts/{name:str}", opt=_OPEN)
async def alert_document(request: AnyRequest, deps: Deps, name: FromPath[str]) -> Response[Any]:
    identifier = name.removesuffix(SUFFIX)
    documents = (x for alert in await published_alerts(deps) for x in alert.documents)
    document = next((x for x in documents if x.message.identifier == identifier), None)
    if document is None or not name.endswith(SUFFIX):
        return _plain(404, "There is no such document; documents are kept for 30 days.")
    try:
        body = cap.render(document)
    except cap.WrongDocument:
        log.exception("a CAP document is wrong and is not served")
        return _plain(500, "This document is withheld: it would not be correct. The operator has been told.")
    return cacheable(request, body, f"{cap.MEDIA_TYPE}; charset=utf-8", document.sent_at)


def cacheable(request: AnyRequest, body: bytes, media_type: str, changed_at: datetime) -> Response[Any]:
    """``body`` with ETag and Last-Modified, or 304 if the client has it already."""
    etag = cap.etag_of(body)
    headers = {
        "etag": etag,
        "last-modified": format_datetime(changed_at.astimezone(UTC).replace(microsecond=0), usegmt=True),
        "cache-control": f"public, max-age={MAX_AGE_S}",
        "x-content-type-options": "nosniff",
    }
    if is_not_modified(
        request.headers.get("if-none-match"), request.headers.get("if-modified-since"), etag, changed_at
    ):
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def is_not_modified(
    none_match: str | None, modified_since: str | None, etag: str, changed_at: datetime
) -> bool:
    """Whether the client's copy is current (RFC 9110, 13.2.2: the ETag takes precedence over the time)."""
    if none_match is not None:
        tags = [x.strip().removeprefix("W/") for x in none_match.split(",")]
        return etag in tags or "*" in tags
    try:
        since = parsedate_to_datetime(modified_since or "")
    except ValueError:
        return False
    return since.tzinfo is not None and changed_at.replace(microsecond=0) <= since


def _plain(status: int, text: str) -> Response[Any]:
    headers = {"cache-control": "no-store"}
    return Response(text, status_code=status, media_type=MediaType.TEXT, headers=headers)


@get("/warnings")
async def warnings_page(request: AnyRequest, deps: Deps) -> Response[Any]:
    """The current warnings, and a check whether a warning is genuine."""
    t = words_of(request)
    asked = request.query_params.get("code", "").strip()[:ASKED_LIMIT]
    codes = codes_in(asked)
    matches = look_up(await published_alerts(deps), codes, clock.now())
    return render_page(
        request,
        "warnings.html",
        current_html=await deps.cache.get_or_load(
            f"warnings.{t.language}", lambda: _render_current(deps, t), FRESH_S
        ),
        issuer=_issuer_name(deps),
        asked=asked,
        codes=codes,
        matches=[(x, is_same_text(asked, x.document)) for x in matches],
    )


async def _render_current(deps: Dependencies, t: Words) -> Markup:
    entries = by_importance(current_alerts(await published_alerts(deps), clock.now()))[:LISTED]
    return Markup(render_fragment("_warnings.html", t, entries=entries))  # noqa: S704 - made by a template that escapes


@get("/warnings/{number:str}")
async def warning_page(request: AnyRequest, deps: Deps, number: FromPath[str]) -> Response[Any]:
    matches = look_up(await published_alerts(deps), codes_in(number[:20]), clock.now())
    found: list[Match] = [x for x in matches if not x.by_code]
    return render_page(
        request,
        "warning.html",
        status=200 if found else 404,
        matches=found,
        number=number[:20].upper(),
        issuer=_issuer_name(deps),
    )


def _issuer_name(deps: Dependencies) -> str:
    return deps.settings.issuer_name or warning_text.issuer(deps.settings.district)


def by_importance(alerts: Sequence[PublishedAlert]) -> list[PublishedAlert]:
    """Corrections first, then warnings, exercises last; otherwise the order stays."""
    return sorted(alerts, key=lambda x: (x.exercise, x.newest.kind != "recalled"))


HANDLERS = [alerts_feed, alert_document, warnings_page, warning_page]
