"""What anyone may open without login: the feed, the CAP documents, /warnings and /warnings/{number}."""

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
    Published,
    codes_in,
    current,
    issuer_of,
    look_up,
    published,
    same_text,
)
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import AnyRequest, render_fragment, render_page, words_of
from console.web.words import Words
from fenghuo import clock
from fenghuo.domain import warning_text
from fenghuo.domain.calendar import CHINA

log = logging.getLogger(__name__)
MAX_AGE_S = 15
"""For how long a proxy may answer for us; with what is kept here, a recall is told within some 20 s."""
ASKED_LIMIT = 600
"""Characters of what is looked up: a whole warning may be pasted."""
LISTED = 50
_OPEN = {"exclude_from_csrf": True}
"""No cookie is set: the answer is the same for everybody, and proxies may keep it."""
SUFFIX = ".cap.xml"


@get(atom_feed.FEED_PATH, opt=_OPEN)
async def alerts_feed(request: AnyRequest, house: Deps) -> Response[Any]:
    body, changed_at = await house.shared.get("feed", lambda: _feed(house), FRESH_S)
    return answer(request, body, "application/atom+xml; charset=utf-8", changed_at)


async def _feed(house: Dependencies) -> tuple[bytes, datetime]:
    """The feed and when it changed last; one that never did, at the beginning of today."""
    now = clock.now()
    every = await published(house)
    midnight = now.astimezone(CHINA).replace(hour=0, minute=0, second=0)
    changed_at = max((x.last_change(now) for x in every), default=midnight).replace(microsecond=0)
    told = [x.newest for x in current(every, now) if _may_be_told(x.newest)]
    issuer = issuer_of(house.settings)
    return atom_feed.render(told, issuer, changed_at.astimezone(CHINA)), changed_at


def _may_be_told(document: cap.CapDocument) -> bool:
    """Whether the document is right; one that is not is withheld, and logged."""
    faults = cap.faults_of(document.message)
    if faults:
        told = {"document": document.message.identifier, "faults": faults}
        log.error("a CAP document is wrong and is withheld from the feed", extra=told)
    return not faults


@get("/feeds/alerts/{name:str}", opt=_OPEN)
async def alert_document(request: AnyRequest, house: Deps, name: FromPath[str]) -> Response[Any]:
    identifier = name.removesuffix(SUFFIX)
    every = (x for one in await published(house) for x in one.documents)
    document = next((x for x in every if x.message.identifier == identifier), None)
    if document is None or not name.endswith(SUFFIX):
        return _plain(404, "There is no such document; documents are kept for 30 days.")
    try:
        body = cap.render(document)
    except cap.WrongDocument:
        log.exception("a CAP document is wrong and is not served")
        return _plain(500, "This document is withheld: it would not be correct. The operator has been told.")
    return answer(request, body, f"{cap.MEDIA_TYPE}; charset=utf-8", document.sent_at)


def answer(request: AnyRequest, body: bytes, media_type: str, changed_at: datetime) -> Response[Any]:
    """``body`` with its validators, or 304 if the one who asks has it already."""
    etag = cap.etag_of(body)
    headers = {
        "etag": etag,
        "last-modified": format_datetime(changed_at.astimezone(UTC).replace(microsecond=0), usegmt=True),
        "cache-control": f"public, max-age={MAX_AGE_S}",
        "x-content-type-options": "nosniff",
    }
    if has_already(
        request.headers.get("if-none-match"), request.headers.get("if-modified-since"), etag, changed_at
    ):
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def has_already(none_match: str | None, modified_since: str | None, etag: str, changed_at: datetime) -> bool:
    """Whether the asker's copy is the latest (RFC 9110, 13.2.2: the tag counts before the time)."""
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
async def warnings_page(request: AnyRequest, house: Deps) -> Response[Any]:
    """What is going around, and whether the warning that one holds is genuine."""
    t = words_of(request)
    asked = request.query_params.get("code", "").strip()[:ASKED_LIMIT]
    codes = codes_in(asked)
    matches = look_up(await published(house), codes, clock.now())
    return render_page(
        request,
        "warnings.html",
        listed=await house.shared.get(f"warnings.{t.language}", lambda: _listed(house, t), FRESH_S),
        issuer=_issuer_name(house),
        asked=asked,
        codes=codes,
        matches=[(x, same_text(asked, x.document)) for x in matches],
    )


async def _listed(house: Dependencies, t: Words) -> Markup:
    entries = in_order(current(await published(house), clock.now()))[:LISTED]
    return Markup(render_fragment("_warnings.html", t, entries=entries))  # noqa: S704 - made by a template that escapes


@get("/warnings/{number:str}")
async def warning_page(request: AnyRequest, house: Deps, number: FromPath[str]) -> Response[Any]:
    matches = look_up(await published(house), codes_in(number[:20]), clock.now())
    found: list[Match] = [x for x in matches if not x.by_code]
    return render_page(
        request,
        "warning.html",
        status=200 if found else 404,
        matches=found,
        number=number[:20].upper(),
        issuer=_issuer_name(house),
    )


def _issuer_name(house: Dependencies) -> str:
    return house.settings.issuer_name or warning_text.issuer(house.settings.district)


def in_order(every: Sequence[Published]) -> list[Published]:
    """As residents need them: corrections first, then warnings, exercises last; the newest of each first."""
    return sorted(every, key=lambda x: (x.exercise, x.newest.kind != "recalled"))


HANDLERS = [alerts_feed, alert_document, warnings_page, warning_page]
