"""Server-sent events: fragments rendered on the server, sent when they change, with a beat every second."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage
from litestar.template.base import csrf_token

from console import sandbox_wall
from console.alerts import pages as alert_pages
from console.clusters import pages as cluster_pages
from console.reports import queue, report_form
from console.web import permissions
from console.web.authentication import Viewer
from console.web.dependencies import Dependencies, Deps
from console.web.rendering import SAFE_HEADERS, words_of
from fenghuo import clock
from fenghuo.errors import Transient

EVERY_S = 1.0
LASTS_S = 900
"""A stream ends after this long and the browser opens it anew: then roles and sessions are checked again."""
CHECK_ROUNDS = 15
STREAMS = 400
"""Live connections of one process; beyond them a page is told to reload by hand."""

Fragments = Callable[[], Awaitable[dict[str, str]]]
LiveRequest = Request[Viewer, Any, Any]
_TIME_TEXT = re.compile(r"(<time[^>]*>)[^<]*")


def essence(html: str) -> str:
    """A fragment without its relative times, which the page keeps ticking by itself."""
    return _TIME_TEXT.sub(r"\1", html)


async def events(
    house: Dependencies, viewer: Viewer, fragments: Fragments, every_s: float = EVERY_S
) -> AsyncIterator[ServerSentEventMessage]:
    """Beats, and each fragment when it changed; ``away`` without the desk, ``gone`` at a log-out."""
    sent: dict[str, str] = {}
    house.streams += 1
    try:
        for turn in range(int(LASTS_S / max(every_s, 0.01))):
            if not house.started():
                return
            try:
                if (
                    turn % CHECK_ROUNDS == CHECK_ROUNDS - 1
                    and await house.sessions.find(viewer.token) is None
                ):
                    yield ServerSentEventMessage(data="", event="gone")
                    return
                for name, html in (await fragments()).items():
                    if sent.get(name) != essence(html):
                        sent[name] = essence(html)
                        yield ServerSentEventMessage(
                            data=json.dumps({"id": name, "html": html}), event="fragment"
                        )
                yield ServerSentEventMessage(data=str(clock.to_ms(clock.now())), event="beat")
            except Transient:
                yield ServerSentEventMessage(data="1", event="away")
            await asyncio.sleep(every_s)
    finally:
        house.streams -= 1


def _stream(house: Dependencies, request: LiveRequest, fragments: Fragments) -> Response[Any]:
    if house.streams >= STREAMS:
        return Response("", status_code=503, media_type=MediaType.TEXT, headers={"retry-after": "30"})
    headers = {"cache-control": "no-store", "x-accel-buffering": "no", **SAFE_HEADERS}
    return ServerSentEvent(events(house, request.user, fragments), retry_duration=3000, headers=headers)


@get("/live/queue", guards=[permissions.page("queue")])
async def live_queue(request: LiveRequest, house: Deps) -> Response[Any]:
    t = words_of(request)
    shown = request.query_params.get("show", "")
    return _stream(house, request, lambda: queue.fragments(house, t, shown))


@get("/live/clusters/{cluster_id:str}", guards=[permissions.page("clusters")])
async def live_cluster(request: LiveRequest, house: Deps, cluster_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    may = cluster_pages.may_correct(request.user.person)
    said = request.query_params.get("said", "")
    return _stream(house, request, lambda: cluster_pages.fragments(house, t, cluster_id, may, said))


@get("/live/alerts/{alert_id:str}", guards=[permissions.page("alerts")])
async def live_alert(request: LiveRequest, house: Deps, alert_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    seen = request.query_params.get("seen", "")
    decision_id = request.query_params.get("decision", "")
    return _stream(house, request, lambda: alert_pages.fragments(house, t, alert_id, seen, decision_id))


@get("/live/wall", guards=[permissions.page("wall")])
async def live_wall(request: LiveRequest, house: Deps) -> Response[Any]:
    t = words_of(request)
    town = request.query_params.get("town", "")
    return _stream(house, request, lambda: sandbox_wall.fragments(house, t, town))


@get("/live/reports/{report_id:str}", guards=[permissions.page("report")])
async def live_report(request: LiveRequest, house: Deps, report_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    nav = permissions.pages_of(request.user.person.role)
    csrf = csrf_token({"request": request})
    return _stream(house, request, lambda: report_form.fragments(house, t, report_id, nav, csrf))


HANDLERS = [live_queue, live_cluster, live_alert, live_wall, live_report]
