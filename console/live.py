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

from console import access, alerts, clusters, queue, report, wall
from console.house import AtHand, House
from console.pages import SAFE_HEADERS, words_of
from console.viewer import Viewer
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
    house: House, viewer: Viewer, fragments: Fragments, every_s: float = EVERY_S
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


def _stream(house: House, request: LiveRequest, fragments: Fragments) -> Response[Any]:
    if house.streams >= STREAMS:
        return Response("", status_code=503, media_type=MediaType.TEXT, headers={"retry-after": "30"})
    headers = {"cache-control": "no-store", "x-accel-buffering": "no", **SAFE_HEADERS}
    return ServerSentEvent(events(house, request.user, fragments), retry_duration=3000, headers=headers)


@get("/live/queue", guards=[access.page("queue")])
async def live_queue(request: LiveRequest, house: AtHand) -> Response[Any]:
    t = words_of(request)
    shown = request.query_params.get("show", "")
    return _stream(house, request, lambda: queue.fragments(house, t, shown))


@get("/live/clusters/{cluster_id:str}", guards=[access.page("clusters")])
async def live_cluster(request: LiveRequest, house: AtHand, cluster_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    may = clusters.may_correct(request.user.person)
    said = request.query_params.get("said", "")
    return _stream(house, request, lambda: clusters.fragments(house, t, cluster_id, may, said))


@get("/live/alerts/{alert_id:str}", guards=[access.page("alerts")])
async def live_alert(request: LiveRequest, house: AtHand, alert_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    seen = request.query_params.get("seen", "")
    decision_id = request.query_params.get("decision", "")
    return _stream(house, request, lambda: alerts.fragments(house, t, alert_id, seen, decision_id))


@get("/live/wall", guards=[access.page("wall")])
async def live_wall(request: LiveRequest, house: AtHand) -> Response[Any]:
    t = words_of(request)
    town = request.query_params.get("town", "")
    return _stream(house, request, lambda: wall.fragments(house, t, town))


@get("/live/reports/{report_id:str}", guards=[access.page("report")])
async def live_report(request: LiveRequest, house: AtHand, report_id: FromPath[str]) -> Response[Any]:
    t = words_of(request)
    nav = access.pages_of(request.user.person.role)
    csrf = csrf_token({"request": request})
    return _stream(house, request, lambda: report.fragments(house, t, report_id, nav, csrf))


HANDLERS = [live_queue, live_cluster, live_alert, live_wall, live_report]
