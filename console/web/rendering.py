"""Rendering: templates and their helpers, the language of a request, the security headers of a page."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie
from litestar.template.base import csrf_token

from console.web.permissions import pages_of
from console.web.status_icons import BY_KIND
from console.web.words import LANGUAGES, Words
from fenghuo import clock
from fenghuo.domain.calendar import CHINA

LANGUAGE_COOKIE = "fenghuo_lang"
_HERE = Path(__file__).parents[1]
STATIC = _HERE / "static"

SAFE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
}

AnyRequest = Request[Any, Any, Any]


def words_of(request: AnyRequest) -> Words:
    """The language asked for by ``?lang=``, else by the cookie, else Chinese."""
    return Words(request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE, ""))


def local(moment: datetime) -> datetime:
    return moment.astimezone(CHINA)


def ago(t: Words, moment: datetime, now: datetime, past: str = "ago") -> str:
    """Time between ``moment`` and ``now``: 4 分钟前, 还有 3 小时; with ``past`` "for" only 4 分钟."""
    seconds = int((now - moment).total_seconds())
    suffix = past if seconds >= 0 else "ahead"
    n = abs(seconds)
    for unit, least, length in (("days", 172_800, 86_400), ("hours", 5400, 3600), ("minutes", 60, 60)):
        if n >= least:
            return t(f"time.{unit}_{suffix}", n=round(n / length))
    return t("time.just_now") if suffix == "ago" else t("time.soon")


def span(t: Words, seconds: float) -> str:
    """A duration in words: 38 秒, 4 分 12 秒, 2 小时 5 分."""
    n = round(seconds)
    if n < 60:
        return t("time.span_s", s=n)
    if n < 3600:
        return t("time.span_m", m=n // 60, s=n % 60)
    return t("time.span_h", h=n // 3600, m=n % 3600 // 60)


def elapsed(t: Words, moment: datetime, now: datetime) -> str:
    """Time since ``moment`` as a clock of constant width: 04:31, 1 小时 05 分, 3 天."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60:02}:{seconds % 60:02}"
    if seconds < 172_800:
        return t("time.clock_h", h=str(seconds // 3600), m=f"{seconds % 3600 // 60:02}")
    return t("time.days_for", n=seconds // 86_400)


def _asset_urls() -> dict[str, str]:
    """Each static file's URL with its hash, so that browsers may cache it for ever."""
    return {
        path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:10]}"
        for path in sorted(STATIC.iterdir())
    }


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["assets"] = _asset_urls()


def render_fragment(template: str, t: Words, **values: object) -> str:
    """The template in the language of ``t``; relative times are as of now."""
    now = clock.now()
    tools = {
        "t": t,
        "lang": t.language,
        "now": now,
        "status_icons": BY_KIND,
        "local": local,
        "from_ms": clock.from_ms,
        "ago": lambda moment, past="ago": ago(t, moment, now, past),
        "elapsed": lambda moment: elapsed(t, moment, now),
        "span": lambda seconds: span(t, seconds),
    }
    return _ENVIRONMENT.get_template(template).render(**tools, **values)


def render_page(request: AnyRequest, template: str, *, status: int = 200, **values: object) -> Response[str]:
    """A whole page, in the language and with the navigation of the viewer."""
    t = words_of(request)
    viewer = request.scope.get("user")
    body = render_fragment(
        template,
        t,
        viewer=viewer.person if viewer else None,
        path=request.url.path,
        nav=pages_of(viewer.person.role) if viewer else [],
        pending_count=request.scope.get("state", {}).get("pending_count", 0),
        other_language_url=_other_language_url(request, t),
        csrf=csrf_token({"request": request}),
        **values,
    )
    cookies = [_language_cookie(t.language)] if request.query_params.get("lang") in LANGUAGES else []
    headers = {"cache-control": "no-store", **SAFE_HEADERS}
    return Response(body, status_code=status, media_type=MediaType.HTML, headers=headers, cookies=cookies)


def _language_cookie(language: str) -> Cookie:
    return Cookie(
        key=LANGUAGE_COOKIE, value=language, path="/", max_age=31_536_000, httponly=True, samesite="lax"
    )


def _other_language_url(request: AnyRequest, t: Words) -> str:
    """This page's URL in the other language."""
    language = next(x for x in LANGUAGES if x != t.language)
    query = (
        [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
        if request.method == "GET"
        else []
    )
    path = request.url.path if request.method == "GET" else "/"
    return f"{path}?{urlencode([*query, ('lang', language)])}"
