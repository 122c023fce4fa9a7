"""Server-sent events: HTML fragments, sent when they change, and a heartbeat every second."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from litestar import MediaType, Response, get
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage
from litestar.template.base import csrf_token

from console import sandbox_wall
from console.alerts import pages as alert_pages
from console.clusters import pages as cluster_pages
from console.reports import queue, report_form
from console.web import permissions
from console.web.authentication import Viewer, ViewerRequest
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import SAFE_HEADERS, words_of
from fenghuo import clock
from fenghuo.errors import Transient

EVERY_S = 1.0
LASTS_S = 900
"""A stream ends after this time and the browser opens a new one, for which roles are checked again."""
SESSION_CHECK_ROUNDS = 15
MAX_STREAMS = 400
"""Open streams of one process; beyond them a page offers to reload by hand."""

Fragments = Callable[[], Awaitable[dict[str, str]]]
_TIME_TEXT = re.compile(r"(<time[^>]*>)[^<]*")


def without_times(html: str) -> str:
    """A fragment without its relative times, which the browser updates by itself."""
    return _TIME_TEXT.sub(r"\1", html)


async def events(
    deps: Dependencies, viewer: Viewer, fragments: Fragments, every_s: float = EVERY_S
) -> AsyncIterator[ServerSentEventMessage]:
    """Heartbeats, and each fragment when it has changed; ``away`` without the desk, ``gone`` after logout."""
    sent: dict[str, str] = {}
    deps.streams += 1
    try:
        for round_ in range(int(LASTS_S / max(every_s, 0.01))):
            if not deps.started():
                return
            try:
                if (
                    round_ % SESSION_CHECK_ROUNDS == SESSION_CHECK_ROUNDS - 1
                    and await deps.sessions.find(viewer.token) is None
                ):
                    yield ServerSentEventMessage(data="", event="gone")
                    return
                for name, html in (await fragments()).items():
                    if sent.get(name) != without_times(html):
                        sent[name] = without_times(html)
                        yield ServerSentEventMessage(
                            data=json.dumps({"id": name, "html": html}), event="fragment"
                        )
                yield ServerSentEventMessage(data=str(clock.to_ms(clock.now())), event="beat")
            except Transient:
                yield ServerSentEventMessage(data="1", event="away")
            await asyncio.sleep(every_s)
    finally:
        deps.streams -= 1


def _stream(deps: Dependencies, request: ViewerRequest, fragments: Fragments) -> Response[Any]:
    if deps.streams >= MAX_STREAMS:
        return Response("", status_code=503, media_type=MediaType.TEXT, headers={"retry-after": "30"})
    headers = {"cache-control": "no-store", "x-accel-buffering": "no", **SAFE_HEADERS}
    return ServerSentEvent(events(deps, request.user, fragments), retry_duration=3000, headers=headers)


@get("/live/queue", guards=[permissions.page("queue")])
async def live_queue(request: ViewerRequest, deps: Deps) -> Response[Any]:
    t = words_of(request)
    wanted = request.query_params.get("show", "")
    return _stream(deps, request, lambda: queue.fragments(deps, t, wanted))


@get("/live/clusters/{cluster_id:str}", guards=[permissions.page("clusters")])
async def live_cluster(request: ViewerRequest, deps: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    may = cluster_pages.may_correct(request.user.person)
    correction_id = request.query_params.get("said", "")
    return _stream(deps, request, lambda: cluster_pages.fragments(deps, t, cluster_id, may, correction_id))


@get("/live/alerts/{alert_id:str}", guards=[permissions.page("alerts")])
async def live_alert(request: ViewerRequest, deps: Deps, alert_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    seen = request.query_params.get("seen", "")
    decision_id = request.query_params.get("decision", "")
    return _stream(deps, request, lambda: alert_pages.fragments(deps, t, alert_id, seen, decision_id))


@get("/live/wall", guards=[permissions.page("wall")])
async def live_wall(request: ViewerRequest, deps: Deps) -> Response[Any]:
    t = words_of(request)
    town = request.query_params.get("town", "")
    return _stream(deps, request, lambda: sandbox_wall.fragments(deps, t, town))


@get("/live/reports/{report_id:str}", guards=[permissions.page("report")])
async def live_report(request: ViewerRequest, deps: Deps, report_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    nav = permissions.pages_of(request.user.person.role)
    csrf = csrf_token({"request": request})
    return _stream(deps, request, lambda: report_form.fragments(deps, t, report_id, nav, csrf))


HANDLERS = [live_queue, live_cluster, live_alert, live_wall, live_report]
